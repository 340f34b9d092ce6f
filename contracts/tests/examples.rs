//! The example files say what is accepted and what is not. Rust and the generated schema must agree on each.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use oo_contracts::schema::{definitions, reread};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// One file: `<Type>.<what>.json`.
struct Example {
    file: String,
    kind: String,
    text: String,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf()
}

fn examples(verdict: &str) -> Vec<Example> {
    let mut examples: Vec<Example> = std::fs::read_dir(folder().join("examples").join(verdict))
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let file = path.file_name().unwrap().to_str().unwrap().to_owned();
            let parts: Vec<&str> = file.split('.').collect();
            assert!(matches!(parts[..], [_, _, "json"]), "{file}: name it <Type>.<what>.json");
            Example { kind: parts[0].to_owned(), text: std::fs::read_to_string(&path).unwrap(), file }
        })
        .collect();
    examples.sort_by(|a, b| a.file.cmp(&b.file));
    examples
}

/// The schema of one type, out of the generated file: what everybody else checks against.
fn validator(kind: &str) -> jsonschema::Validator {
    let file = folder().join("generated/contracts.schema.json");
    let mut schema: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    assert!(schema["$defs"].get(kind).is_some(), "no type {kind} in the schema: run `cargo xtask generate`");
    schema["$ref"] = format!("#/$defs/{kind}").into();
    jsonschema::options().should_validate_formats(true).build(&schema).unwrap()
}

fn read(example: &Example) -> serde_json::Result<Value> {
    reread(&example.kind, &example.text)
        .unwrap_or_else(|| panic!("{}: list {} in contracts/src/schema.rs", example.file, example.kind))
}

/// What is left out and what is `null` are the same to us.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(object) => object
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(key, value)| (key, without_nulls(value)))
            .collect(),
        Value::Array(items) => items.into_iter().map(without_nulls).collect(),
        plain => plain,
    }
}

#[test]
fn every_accepted_example_is_accepted_by_rust_and_by_the_schema() {
    for example in examples("accepted") {
        let value: Value = serde_json::from_str(&example.text).unwrap();
        if let Err(error) = read(&example) {
            panic!("{}: Rust refuses it: {error}", example.file);
        }
        if let Err(error) = validator(&example.kind).validate(&value) {
            panic!("{}: the schema refuses it: {error} at {}", example.file, error.instance_path());
        }
    }
}

#[test]
fn every_rejected_example_is_rejected_by_rust_and_by_the_schema() {
    for example in examples("rejected") {
        let value: Value = serde_json::from_str(&example.text).unwrap();
        assert!(read(&example).is_err(), "{}: Rust accepts it", example.file);
        assert!(!validator(&example.kind).is_valid(&value), "{}: the schema accepts it", example.file);
    }
}

#[test]
fn accepted_examples_survive_being_read_and_written() {
    for example in examples("accepted") {
        let original: Value = serde_json::from_str(&example.text).unwrap();
        let written = read(&example).unwrap();
        let again = reread(&example.kind, &written.to_string()).unwrap().unwrap();
        assert_eq!(again, written, "{}: a second writing differs", example.file);
        assert!(validator(&example.kind).is_valid(&written), "{}: the schema refuses what we write", example.file);
        // A reader drops what it does not know; everything else must come through.
        if !example.file.contains(".with-unknown-fields.") {
            assert_eq!(without_nulls(written), without_nulls(original), "{}", example.file);
        }
    }
}

#[test]
fn a_field_from_a_newer_version_is_no_error_and_is_dropped() {
    let example = examples("accepted").into_iter().find(|e| e.file == "Signal.with-unknown-fields.json").unwrap();
    assert!(example.text.contains("so-so"));
    assert!(!read(&example).unwrap().to_string().contains("so-so"));
}

/// Every value that a tag or a plain enum may have, as `Type: value`.
fn variants(schemas: &serde_json::Map<String, Value>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (name, schema) in schemas {
        let arms = schema["oneOf"].as_array().cloned().unwrap_or_else(|| vec![schema.clone()]);
        for arm in arms {
            let plain = arm["enum"].as_array().cloned().unwrap_or_default();
            let tag = arm["properties"]["kind"]["const"].clone();
            for value in plain.into_iter().chain([tag, arm["const"].clone()]).filter(|value| value.is_string()) {
                found.insert(format!("{name}: {value}"));
            }
        }
    }
    found
}

/// Marks what a value uses: its type, and the variants of every enum in it.
fn mark(
    schemas: &serde_json::Map<String, Value>,
    schema: &Value,
    value: &Value,
    name: &str,
    used: &mut BTreeSet<String>,
) {
    if let Some(target) = schema["$ref"].as_str() {
        let name = target.trim_start_matches("#/$defs/");
        used.insert(name.to_owned());
        return mark(schemas, &schemas[name], value, name, used);
    }
    for variant in [value, &value["kind"]].into_iter().filter(|value| value.is_string()) {
        used.insert(format!("{name}: {variant}"));
    }
    for arm in ["oneOf", "anyOf"].iter().filter_map(|key| schema[*key].as_array()).flatten() {
        let tag = &arm["properties"]["kind"]["const"];
        if !value.is_null() && (tag.is_null() || *tag == value["kind"]) {
            mark(schemas, arm, value, name, used);
        }
    }
    for (key, inner) in schema["properties"].as_object().into_iter().flatten() {
        if let Some(value) = value.get(key).filter(|value| !value.is_null()) {
            mark(schemas, inner, value, name, used);
        }
    }
    for item in value.as_array().into_iter().flatten() {
        mark(schemas, &schema["items"], item, name, used);
    }
}

#[test]
fn every_type_and_every_variant_has_an_accepted_example() {
    let schemas = definitions();
    let mut used = BTreeSet::new();
    for example in examples("accepted") {
        let value = serde_json::from_str(&example.text).unwrap();
        used.insert(example.kind.clone());
        mark(&schemas, &schemas[&example.kind], &value, &example.kind, &mut used);
    }
    let mut wanted = variants(&schemas);
    assert!(wanted.contains("Fact: \"task_added\"") && wanted.contains("Provider: \"todoist\""), "{wanted:?}");
    wanted.extend(schemas.keys().cloned());
    let missing: Vec<&String> = wanted.difference(&used).collect();
    assert!(missing.is_empty(), "add to contracts/examples/accepted an example with: {missing:#?}");
}
