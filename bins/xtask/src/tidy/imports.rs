//! Who may import whom: the table of docs/architecture.md, held against Cargo's dependencies and the sources.
//!
//! In the table a crate is named by its folder's name, programs as `bins/x`; `bins/X` stands for each service's program,
//! `actors/X` for the service of the same name, `any service` for all of them. What an outside crate may be named in is
//! written as ``redis (in `*_store.rs`)``; any other words in parentheses are prose.

use super::{Crate, Dependency, File, Repository, services, source};
use anyhow::{Context, bail};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Where the table is.
const DOCUMENT: &str = "docs/architecture.md";

/// How it begins.
const HEADER: &str = "| crate | may import | of the outside world, it alone names |";

/// What a pure crate cannot have: a runtime, a network, a store, chance.
const IMPURE: &[&str] = &["async-nats", "getrandom", "rand", "redis", "reqwest", "tokio", "warp"];

/// What one crate may do, by its folder.
#[derive(Debug, Default)]
struct Rights {
    /// Folders of crates of ours.
    imports: BTreeSet<String>,
    /// Outside crates, each with the files that may name it: a name, or `*` and how it ends.
    names: Vec<(String, Vec<String>)>,
}

type Table = BTreeMap<String, Rights>;

/// The rule.
pub(super) fn follow_the_table(repository: &Repository) -> anyhow::Result<Vec<String>> {
    let table = table(repository.text(DOCUMENT)?, &repository.crates)?;
    let mut broken = dependencies(&table, &repository.crates);
    broken.extend(sources(&table, &repository.files));
    Ok(broken)
}

/// The domain depends on nothing that knows a clock, chance or the network, and clippy holds it to that in its code.
pub(super) fn domain_is_pure(repository: &Repository) -> anyhow::Result<Vec<String>> {
    let domain = repository.crates.iter().find(|package| package.folder == "actors/domain");
    let domain = domain.context("actors/domain is missing")?;
    let impure =
        domain.dependencies.iter().filter(|dependency| !dependency.dev && IMPURE.contains(&dependency.name.as_str()));
    let mut broken: Vec<String> = impure
        .map(|dependency| format!("actors/domain depends on {}: pass what it needs as an argument", dependency.name))
        .collect();
    match repository.text("actors/domain/clippy.toml") {
        Ok(text) if text.contains("disallowed-methods") => {}
        _ => broken.push("actors/domain/clippy.toml disallows no methods: clock, environment, files".to_owned()),
    }
    Ok(broken)
}

/// The crates of the workspace, from Cargo.
pub(super) fn crates(root: &Path) -> anyhow::Result<Vec<Crate>> {
    let output = std::process::Command::new(crate::cargo())
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(root)
        .output()
        .context("cannot run cargo metadata")?;
    if !output.status.success() {
        bail!("cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    let folder = |path: &str| -> Option<String> {
        let root = metadata["workspace_root"].as_str()?;
        Some(path.strip_prefix(root)?.trim_start_matches(['/', '\\']).replace('\\', "/"))
    };
    let mut crates = Vec::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let manifest = package["manifest_path"].as_str().and_then(folder).context("a crate outside the repository")?;
        let dependencies = package["dependencies"].as_array().into_iter().flatten().map(|dependency| Dependency {
            name: dependency["name"].as_str().unwrap_or_default().to_owned(),
            folder: dependency["path"].as_str().and_then(folder),
            dev: dependency["kind"] == "dev",
        });
        let folder = manifest.trim_end_matches("Cargo.toml").trim_end_matches('/').to_owned();
        crates.push(Crate { folder, dependencies: dependencies.collect() });
    }
    Ok(crates)
}

/// Reads the table. A name in it that means nothing is an error: it would hold nothing.
fn table(document: &str, crates: &[Crate]) -> anyhow::Result<Table> {
    let folders: BTreeSet<&str> = crates.iter().map(|package| package.folder.as_str()).collect();
    let outside: BTreeSet<&str> = crates
        .iter()
        .flat_map(|package| package.dependencies.iter())
        .filter(|dependency| dependency.folder.is_none())
        .map(|dependency| dependency.name.as_str())
        .collect();

    let mut lines = document.lines().skip_while(|line| line.trim() != HEADER);
    if lines.next().is_none() {
        bail!("{DOCUMENT} has no table that begins with `{HEADER}`");
    }
    let mut table = Table::new();
    for line in lines.skip(1).take_while(|line| line.starts_with('|')) {
        let cells: Vec<&str> = line.trim().trim_matches('|').split('|').map(str::trim).collect();
        let [who, imports, names] = cells[..] else { bail!("{DOCUMENT}: a row with other than three cells: {line}") };
        let of_row = |error: anyhow::Error| error.context(format!("{DOCUMENT}, row `{who}`"));
        for (who, _) in items(who) {
            for folder in folders_of(&who, None, &folders).map_err(of_row)? {
                let mut rights = Rights::default();
                for (name, _) in items(imports) {
                    rights.imports.extend(folders_of(&name, Some(&folder), &folders).map_err(of_row)?);
                }
                for (name, places) in items(names) {
                    // A crate is as well known by its name in code.
                    let name = name.replace('_', "-");
                    if !outside.contains(name.as_str()) {
                        return Err(of_row(anyhow::anyhow!(
                            "no crate depends on `{name}`: take it out, or put prose in parentheses"
                        )));
                    }
                    rights.names.push((name, places));
                }
                let merged = table.entry(folder).or_default();
                merged.imports.append(&mut rights.imports);
                merged.names.append(&mut rights.names);
            }
        }
    }
    Ok(table)
}

/// The names in a cell, each with the files of its parentheses.
fn items(cell: &str) -> Vec<(String, Vec<String>)> {
    let mut items: Vec<(String, Vec<String>)> = Vec::new();
    let mut rest = cell;
    loop {
        let end = rest.find([',', ';', '(']).unwrap_or(rest.len());
        let name = rest[..end].replace('`', "").trim().to_owned();
        if !name.is_empty() && name != "–" && name != "-" {
            items.push((name, Vec::new()));
        }
        rest = &rest[end..];
        if let Some(aside) = rest.strip_prefix('(') {
            let close = aside.find(')').unwrap_or(aside.len());
            if let (Some(places), Some((_, files))) = (aside[..close].strip_prefix("in "), items.last_mut()) {
                files.extend(
                    places.replace('`', "").split([',', ' ']).filter(|file| !file.is_empty()).map(String::from),
                );
            }
            rest = aside.get(close + 1..).unwrap_or_default();
        } else if rest.is_empty() {
            return items;
        } else {
            rest = &rest[1..];
        }
    }
}

/// The folders that a name in the table means, for the crate in `of` where that matters.
fn folders_of(name: &str, of: Option<&str>, folders: &BTreeSet<&str>) -> anyhow::Result<Vec<String>> {
    let service = |folder: &str| {
        let name = folder.strip_prefix("actors/").or_else(|| folder.strip_prefix("bins/"));
        name.is_some_and(|name| {
            folders.contains(format!("actors/{name}").as_str()) && !services::LIBRARIES.contains(&name)
        })
    };
    let all =
        |room: &str| folders.iter().filter(|f| f.starts_with(room) && service(f)).map(|f| f.to_string()).collect();
    Ok(match (name, of) {
        ("any service", _) => all("actors/"),
        ("bins/X", _) => all("bins/"),
        ("actors/X", Some(of)) => vec![of.replace("bins/", "actors/")],
        _ => {
            let candidates = [name.to_owned(), format!("actors/{name}"), format!("bins/{name}")];
            let found = candidates.into_iter().find(|folder| folders.contains(folder.as_str()));
            vec![found.with_context(|| format!("there is no crate `{name}`"))?]
        }
    })
}

/// Every dependency on a crate of ours, and on an outside crate that the table keeps for somebody, is allowed.
fn dependencies(table: &Table, crates: &[Crate]) -> Vec<String> {
    let mut broken = Vec::new();
    for package in crates {
        let folder = &package.folder;
        let Some(rights) = table.get(folder) else {
            broken.push(format!("{folder} has no row in {DOCUMENT}"));
            continue;
        };
        for dependency in &package.dependencies {
            match &dependency.folder {
                Some(ours) => {
                    // A test may bring the real neighbours along instead of mocks.
                    if !rights.imports.contains(ours) && !dependency.dev {
                        broken.push(format!(
                            "{folder} imports {ours}: meet on a subject instead, or say so in {DOCUMENT}"
                        ));
                    }
                }
                None if dependency.dev => {}
                None => {
                    let owners = owners(table, &dependency.name);
                    if !owners.is_empty() && !owners.contains(&folder.as_str()) {
                        let (name, owners) = (&dependency.name, owners.join(", "));
                        broken.push(format!("{folder} depends on {name}, which {owners} alone may name"));
                    }
                }
            }
        }
    }
    broken
}

/// The crates that alone may name an outside crate; none where anybody may.
fn owners<'a>(table: &'a Table, name: &str) -> Vec<&'a str> {
    let owning = table.iter().filter(|(_, rights)| rights.names.iter().any(|(owned, _)| owned == name));
    owning.map(|(folder, _)| folder.as_str()).collect()
}

/// Every outside crate that the table keeps for somebody is named only there, re-exports included.
fn sources(table: &Table, files: &[File]) -> Vec<String> {
    let kept: BTreeSet<&str> =
        table.values().flat_map(|rights| rights.names.iter()).map(|(name, _)| name.as_str()).collect();
    let mut broken = Vec::new();
    for file in files.iter().filter(|file| file.path.ends_with(".rs")) {
        let Some((folder, _)) = file.path.split_once("/src/") else { continue };
        let Some(rights) = table.get(folder) else { continue };
        let base = file.path.rsplit('/').next().unwrap_or_default();
        let code = source::code(&file.text);
        for name in &kept {
            let mut grants = rights.names.iter().filter(|(owned, _)| owned == name).peekable();
            if !source::names(&code, &name.replace('-', "_")) {
                continue;
            }
            let Some(_) = grants.peek() else {
                broken.push(format!("{} names {name}, which {} alone may", file.path, owners(table, name).join(", ")));
                continue;
            };
            if !grants.any(|(_, places)| places.is_empty() || places.iter().any(|place| matches(place, base))) {
                broken.push(format!(
                    "{} names {name}, which only certain files of {folder} may: see {DOCUMENT}",
                    file.path
                ));
            }
        }
    }
    broken
}

fn matches(place: &str, file: &str) -> bool {
    match place.strip_prefix('*') {
        Some(ending) => file.ends_with(ending),
        None => file == place,
    }
}

#[cfg(test)]
mod tests {
    use super::super::file;
    use super::*;

    const DOCUMENT: &str = "# Architecture\n
| crate | may import | of the outside world, it alone names |
|---|---|---|
| contracts | – | – |
| runtime | contracts | `warp` (gives every service its server) |
| gateway | contracts, runtime | warp |
| profile | contracts, runtime | – |
| any service | – | redis (in `*_store.rs`) |
| bins/X | runtime, actors/X | – |

| other | table |
";

    fn package(folder: &str, dependencies: &[(&str, bool)]) -> Crate {
        let dependencies = dependencies.iter().map(|&(name, dev)| Dependency {
            name: name.rsplit('/').next().unwrap().to_owned(),
            folder: (name.contains('/') || name == "contracts").then(|| name.to_owned()),
            dev,
        });
        Crate { folder: folder.into(), dependencies: dependencies.collect() }
    }

    fn house() -> Vec<Crate> {
        vec![
            package("contracts", &[]),
            package("actors/runtime", &[("contracts", false), ("warp", false)]),
            package(
                "actors/gateway",
                &[("actors/runtime", false), ("warp", false), ("redis", false), ("actors/testkit", true)],
            ),
            package("actors/profile", &[("contracts", false), ("warp", true)]),
            package("bins/profile", &[("actors/runtime", false), ("actors/profile", false)]),
            package("bins/gateway", &[("actors/runtime", false)]),
        ]
    }

    fn broken_with(change: impl FnOnce(&mut Vec<Crate>)) -> Vec<String> {
        let mut crates = house();
        let table = table(DOCUMENT, &crates).unwrap();
        change(&mut crates);
        dependencies(&table, &crates)
    }

    #[test]
    fn a_house_in_order_breaks_nothing() {
        assert_eq!(broken_with(|_| {}), Vec::<String>::new());
    }

    #[test]
    fn an_import_that_the_table_does_not_allow_is_found() {
        let planted = |folder: &'static str, dependency: &'static str, dev: bool| {
            broken_with(move |crates| crates.push(package(folder, &[(dependency, dev)]))).join("\n")
        };
        assert!(planted("actors/profile", "actors/gateway", false).contains("actors/profile imports actors/gateway"));
        assert_eq!(planted("actors/profile", "actors/gateway", true), "");
        assert!(planted("actors/profile", "actors/testkit", false).contains("imports actors/testkit"));
        assert!(planted("bins/profile", "actors/gateway", false).contains("bins/profile imports actors/gateway"));
        assert!(planted("actors/profile", "warp", false).contains("actors/profile depends on warp"));
        assert!(planted("actors/newcomer", "contracts", false).contains("actors/newcomer has no row"));
    }

    #[test]
    fn a_name_in_the_wrong_file_is_found() {
        let table = table(DOCUMENT, &house()).unwrap();
        let found = |path: &str, text: &str| sources(&table, &[file(path, text)]);
        assert_eq!(found("actors/gateway/src/session_store.rs", "use redis::Client;"), Vec::<String>::new());
        assert_eq!(found("actors/gateway/src/session.rs", "// redis::Client"), Vec::<String>::new());
        assert_eq!(found("actors/gateway/src/session.rs", "use redis::Client;").len(), 1);
        assert_eq!(found("actors/profile/src/actor.rs", "oo_runtime::warp::serve()").len(), 1);
        assert_eq!(found("actors/runtime/src/web.rs", "warp::serve()"), Vec::<String>::new());
    }

    #[test]
    fn a_table_that_would_hold_nothing_is_an_error() {
        let error = |document: &str| format!("{:#}", table(document, &house()).unwrap_err());
        assert!(error("# No table").contains("has no table"));
        assert!(error(&DOCUMENT.replace("| redis (in", "| the redis crate (in")).contains("no crate depends on"));
        assert!(error(&DOCUMENT.replace("| profile |", "| profil |")).contains("no crate `profil`"));
    }

    #[test]
    fn cells_hold_names_and_prose() {
        let cell = "ractor; web-push (in `push.rs`, `send.rs`), `redis` (but never in tests), –";
        let names: Vec<(String, Vec<String>)> = items(cell);
        assert_eq!(names[0], ("ractor".into(), vec![]));
        assert_eq!(names[1], ("web-push".into(), vec!["push.rs".into(), "send.rs".into()]));
        assert_eq!(names[2], ("redis".into(), vec![]));
        assert_eq!(names.len(), 3);
    }

    #[test]
    fn an_impure_domain_is_found() {
        let repository = |dependency: &str, clippy: &str| Repository {
            top_level: vec![],
            files: vec![file("actors/domain/clippy.toml", clippy)],
            crates: vec![package("actors/domain", &[(dependency, false)])],
        };
        let broken = |dependency, clippy| domain_is_pure(&repository(dependency, clippy)).unwrap();
        assert_eq!(broken("jiff", "disallowed-methods = []"), Vec::<String>::new());
        assert_eq!(broken("tokio", "disallowed-methods = []").len(), 1);
        assert_eq!(broken("jiff", "").len(), 1);
    }
}
