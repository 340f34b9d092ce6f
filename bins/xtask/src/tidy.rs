//! The rules of the house that neither the compiler nor clippy can hold. Each is a function over the repository's
//! files, so that its own test can plant a violation.

mod files;
mod imports;
mod security;
mod services;
mod source;
mod watch;

use anyhow::Context;
use std::path::Path;

/// A rule by its name, and what holds it.
pub struct Rule {
    pub name: &'static str,
    holds: fn(&Repository) -> anyhow::Result<Vec<String>>,
}

/// Every rule.
pub const RULES: &[Rule] = &[
    Rule { name: "imports follow the table in docs/architecture.md", holds: imports::follow_the_table },
    Rule { name: "the domain is pure", holds: imports::domain_is_pure },
    Rule { name: "every file says what it is in its first line", holds: |r| Ok(files::first_lines(&r.files)) },
    Rule { name: "no stray top-level entry", holds: |r| Ok(files::top_level(&r.top_level)) },
    Rule { name: "modules are x.rs beside x/", holds: |r| Ok(files::no_mod_rs(&r.files)) },
    Rule { name: "contracts do not flatten", holds: |r| Ok(files::no_flatten(&r.files)) },
    Rule { name: "each security check names what proves it", holds: security::rows_are_proven },
    Rule { name: "what is watched is measured, and each alert says what to do", holds: watch::is_measured },
    Rule { name: "every service is a crate, a program and a container", holds: |r| Ok(services::complete(&r.files)) },
];

impl Rule {
    /// What breaks the rule: one line each, saying where and what to do.
    pub fn broken_by(&self, repository: &Repository) -> anyhow::Result<Vec<String>> {
        (self.holds)(repository)
    }
}

/// What the rules look at.
pub struct Repository {
    /// Names at the top, dotfiles left out.
    pub top_level: Vec<String>,
    /// Every text file, dotfiles and what is built or installed left out.
    pub files: Vec<File>,
    /// The workspace's crates.
    pub crates: Vec<Crate>,
}

/// A text file.
pub struct File {
    /// From the root, with `/`.
    pub path: String,
    pub text: String,
}

/// A crate of the workspace.
pub struct Crate {
    /// Its folder from the root, for example `actors/profile`.
    pub folder: String,
    pub dependencies: Vec<Dependency>,
}

/// One dependency of a crate.
pub struct Dependency {
    pub name: String,
    /// The folder, if it is a crate of ours.
    pub folder: Option<String>,
    /// Only for its tests.
    pub dev: bool,
}

/// Folders that hold nothing of ours.
const NOT_OURS: &[&str] = &["target", "node_modules"];

/// What has a text that a rule reads.
const TEXTS: &[&str] = &["rs", "js", "mjs", "c", "css", "md", "toml", "yaml", "ts", "html", "json"];

impl Repository {
    /// Reads the repository at `root`.
    pub fn read(root: &Path) -> anyhow::Result<Self> {
        let mut files = Vec::new();
        walk(root, root, &mut files)?;
        files.sort_by(|a, b| a.path.cmp(&b.path));
        let mut top_level = Vec::new();
        for entry in std::fs::read_dir(root)? {
            top_level.push(entry?.file_name().to_string_lossy().into_owned());
        }
        top_level.retain(|name| !name.starts_with('.') && !NOT_OURS.contains(&name.as_str()));
        top_level.sort();
        Ok(Self { top_level, files, crates: imports::crates(root)? })
    }

    /// The text of a file, or what is missing.
    fn text(&self, path: &str) -> anyhow::Result<&str> {
        self.files
            .iter()
            .find(|file| file.path == path)
            .map(|file| file.text.as_str())
            .context(format!("{path} is missing"))
    }
}

fn walk(root: &Path, folder: &Path, files: &mut Vec<File>) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = entry.path();
        if name.starts_with('.') || NOT_OURS.contains(&name.as_str()) {
            continue;
        }
        if entry.file_type()?.is_dir() {
            walk(root, &path, files)?;
        } else if path.extension().is_some_and(|end| TEXTS.iter().any(|text| end == *text)) {
            let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
            let path = path.strip_prefix(root)?.to_string_lossy().replace('\\', "/");
            files.push(File { path, text });
        }
    }
    Ok(())
}

/// Everything that breaks a rule, as `rule: what`.
pub fn check(root: &Path) -> anyhow::Result<Vec<String>> {
    let repository = Repository::read(root)?;
    let mut broken = Vec::new();
    for rule in RULES {
        let found = rule.broken_by(&repository).unwrap_or_else(|error| vec![format!("{error:#}")]);
        broken.extend(found.into_iter().map(|what| format!("{}: {what}", rule.name)));
    }
    Ok(broken)
}

#[cfg(test)]
fn file(path: &str, text: &str) -> File {
    File { path: path.into(), text: text.into() }
}
