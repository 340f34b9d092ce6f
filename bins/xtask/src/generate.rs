//! What is written from the contracts and the map of the wires: JSON Schema, OpenAPI, AsyncAPI and TypeScript.

mod asyncapi;
mod json;
mod openapi;
mod typescript;

use anyhow::{Context, bail};
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};

/// Where the files go, from the repository's root.
const FOLDER: &str = "contracts/generated";

/// The command that mends a stale file.
const REMEDY: &str = "cargo xtask generate";

/// Every generated file: its path from the repository's root, and what must be in it.
pub fn generated() -> anyhow::Result<Vec<(PathBuf, String)>> {
    let definitions = definitions();
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "oO contracts",
        "description": format!("Everything that crosses a process boundary. Written by `{REMEDY}`."),
        "$defs": definitions,
    });
    let files = [
        ("contracts.schema.json", json::pretty(&schema)),
        ("openapi.json", json::pretty(&openapi::document(&definitions)?)),
        ("asyncapi.json", json::pretty(&asyncapi::document(&definitions)?)),
        ("contracts.d.ts", typescript::module(&definitions)?),
    ];
    Ok(files.into_iter().map(|(name, text)| (Path::new(FOLDER).join(name), text)).collect())
}

/// Writes every generated file under `root`, and says which of them changed.
pub fn write(root: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut changed = Vec::new();
    std::fs::create_dir_all(root.join(FOLDER)).with_context(|| format!("cannot make {FOLDER}"))?;
    for (path, text) in generated()? {
        let file = root.join(&path);
        if std::fs::read_to_string(&file).is_ok_and(|old| old == text) {
            continue;
        }
        std::fs::write(&file, text).with_context(|| format!("cannot write {}", path.display()))?;
        changed.push(path);
    }
    Ok(changed)
}

/// Fails where a generated file under `root` is not what [`write`] would make it.
pub fn check(root: &Path) -> anyhow::Result<()> {
    let stale: Vec<String> = generated()?
        .into_iter()
        .filter(|(path, text)| std::fs::read_to_string(root.join(path)).ok().as_ref() != Some(text))
        .map(|(path, _)| path.display().to_string())
        .collect();
    if stale.is_empty() {
        return Ok(());
    }
    bail!("{} no longer follow from the contracts: run `{REMEDY}` and commit what it writes", stale.join(", "))
}

/// The contracts' definitions, with the notation of Rust's documentation taken out of their prose.
fn definitions() -> Map<String, Value> {
    let mut definitions = Value::Object(oo_contracts::schema::definitions());
    json::plain_prose(&mut definitions);
    match definitions {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// A reference to a definition where a document keeps them; an error where a table names a type that is not one.
fn reference(definitions: &Map<String, Value>, name: &str) -> anyhow::Result<Value> {
    if !definitions.contains_key(name) {
        bail!("a table names the type `{name}`: list it in contracts/src/schema.rs");
    }
    Ok(json!({ "$ref": format!("#/components/schemas/{name}") }))
}

/// The definitions as `components.schemas` of an OpenAPI or AsyncAPI document.
fn components(definitions: &Map<String, Value>) -> Value {
    let mut schemas = Value::Object(definitions.clone());
    json::point_refs_at(&mut schemas, "#/components/schemas/");
    schemas
}

/// The `{names}` in an address or a path.
fn parameters(pattern: &str) -> impl Iterator<Item = &str> {
    pattern.split('{').skip(1).filter_map(|rest| rest.split_once('}').map(|(name, _)| name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_that_names_no_type_is_told_where_to_list_it() {
        let error = reference(&definitions(), "NoSuchType").unwrap_err().to_string();
        assert!(error.contains("NoSuchType") && error.contains("contracts/src/schema.rs"), "{error}");
    }

    #[test]
    fn every_reference_in_the_documents_leads_somewhere() {
        for (path, text) in generated().unwrap() {
            if path.extension().is_some_and(|extension| extension == "json") {
                let document: Value = serde_json::from_str(&text).unwrap();
                let mut seen = 0;
                for target in json::refs(&document) {
                    let pointer = target.strip_prefix('#').unwrap();
                    assert!(document.pointer(pointer).is_some(), "{}: {target} leads nowhere", path.display());
                    seen += 1;
                }
                assert!(seen > 50, "{} has only {seen} references", path.display());
            }
        }
    }

    #[test]
    fn a_stale_file_is_found_and_the_remedy_named() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(write(root.path()).unwrap().len(), 4);
        check(root.path()).unwrap();
        assert_eq!(write(root.path()).unwrap(), Vec::<PathBuf>::new());

        std::fs::write(root.path().join("contracts/generated/openapi.json"), "{}").unwrap();
        let error = check(root.path()).unwrap_err().to_string();
        assert!(error.contains("openapi.json") && error.contains(REMEDY), "{error}");
        assert!(!error.contains("asyncapi.json"), "{error}");
    }
}
