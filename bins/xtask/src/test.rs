//! Everything that must hold, in order: each step is told with its time, and a failed one stops none that follows.

use crate::run::{Command, says};
use crate::{chaos, containers, generate, page, setup, tidy};
use anyhow::bail;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// One step of the tests.
pub struct Step {
    pub name: &'static str,
    run: fn(&Path) -> anyhow::Result<()>,
}

/// What needs nothing but this machine.
pub const STEPS: &[Step] = &[
    Step { name: "setup", run: setup::run },
    Step { name: "format", run: |root| cargo(root, &["fmt", "--all", "--check"]) },
    Step { name: "generated", run: |root| generate::check(root).and_then(|()| page::check(root)) },
    Step { name: "tidy", run: in_order },
    Step { name: "javascript types", run: javascript_types },
    Step { name: "javascript", run: javascript },
    Step { name: "python", run: python },
    Step { name: "operations", run: operations },
    Step {
        name: "clippy",
        run: |root| cargo(root, &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]),
    },
    Step { name: "rust", run: rust },
    Step { name: "chaos", run: |root| chaos::run(root, None, &[]) },
    Step { name: "chaos in a cluster", run: |root| chaos::run(root, None, &["--cluster".into()]) },
];

/// What needs a container engine.
pub const CONTAINERS: &[Step] = &[Step { name: "containers", run: containers::test }];

/// How the steps ended.
#[derive(Debug, PartialEq, Eq)]
pub struct Summary {
    pub passed: usize,
    pub failed: usize,
}

impl Summary {
    /// The closing line.
    pub fn line(&self) -> String {
        format!("{} passed, {} failed", self.passed, self.failed)
    }
}

/// Runs those of the steps whose name contains `filter`, all of them without one.
pub fn run(root: &Path, steps: &[Step], filter: Option<&str>) -> anyhow::Result<Summary> {
    let chosen: Vec<&Step> =
        steps.iter().filter(|step| filter.is_none_or(|filter| step.name.contains(filter))).collect();
    if chosen.is_empty() {
        let names: Vec<&str> = steps.iter().map(|step| step.name).collect();
        bail!("no step is called like that; there are: {}", names.join(", "));
    }
    let mut ended = Vec::new();
    for step in chosen {
        says(&format!("== {} ==", step.name));
        let began = Instant::now();
        let outcome = (step.run)(root);
        let took = seconds(began.elapsed());
        match &outcome {
            Ok(()) => says(&format!("{} passed in {took}", step.name)),
            Err(error) => says(&format!("{} FAILED after {took}: {error:#}", step.name)),
        }
        ended.push((step.name, took, outcome));
    }

    says("== summary ==");
    for (name, took, outcome) in &ended {
        match outcome {
            Ok(()) => says(&format!("ok     {took:>7}  {name}")),
            // The whole of it stands above.
            Err(error) => {
                says(&format!("FAILED {took:>7}  {name}: {}", format!("{error:#}").lines().next().unwrap_or_default()))
            }
        }
    }
    let failed = ended.iter().filter(|(_, _, outcome)| outcome.is_err()).count();
    Ok(Summary { passed: ended.len() - failed, failed })
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

fn cargo(root: &Path, arguments: &[&str]) -> anyhow::Result<()> {
    Command::cargo().args(arguments).within(root).run()
}

fn in_order(root: &Path) -> anyhow::Result<()> {
    let broken = tidy::check(root)?;
    if broken.is_empty() {
        return Ok(());
    }
    bail!("the house is not in order:\n  {}", broken.join("\n  "))
}

/// All of Rust's tests: with nextest, which stops a test that hangs, where it is installed.
fn rust(root: &Path) -> anyhow::Result<()> {
    if setup::on_path("cargo-nextest").is_none() {
        return cargo(root, &["test", "--workspace", "--no-fail-fast"]);
    }
    let tests = cargo(root, &["nextest", "run", "--workspace", "--no-fail-fast"]);
    let documentation = cargo(root, &["test", "--workspace", "--doc", "--no-fail-fast", "--quiet"]);
    tests.and(documentation)
}

fn javascript(root: &Path) -> anyhow::Result<()> {
    let mut files = Vec::new();
    find_tests(&root.join("web/tests"), &mut files);
    files.sort();
    if files.is_empty() {
        bail!("web/tests holds no *.test.js");
    }
    let files: Vec<&str> = files.iter().filter_map(|file| file.to_str()).collect();
    let modules = setup::node_modules(root);
    let command = Command::new("node").args(&["--test"]).args(&files).within(root);
    command.env("NODE_PATH", &modules.to_string_lossy()).run()
}

fn find_tests(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            find_tests(&path, files);
        } else if path.to_string_lossy().ends_with(".test.js") {
            files.push(path);
        }
    }
}

/// The remote policy of the documentation, against the contract's examples.
fn python(root: &Path) -> anyhow::Result<()> {
    let python = setup::remote_policy_python(root);
    Command::new(&python.to_string_lossy())
        .args(&["-B", "-m", "unittest"])
        .within(&root.join("docs/examples/remote-policy"))
        .run()
}

/// What is in compose/ is what Compose, Kubernetes, Terraform, Prometheus and Grafana understand.
fn operations(root: &Path) -> anyhow::Result<()> {
    let python = setup::operations_python(root);
    Command::new(&python.to_string_lossy())
        .args(&["-B", "-m", "unittest", "operations"])
        .within(&root.join("bins/xtask/python"))
        .run()
}

/// The page and its tests hold to the contracts. Apart, since the page knows nothing of Node.
fn javascript_types(root: &Path) -> anyhow::Result<()> {
    let compiler = setup::node_modules(root).join("typescript/bin/tsc");
    for project in ["page", "tests"] {
        let project = root.join(format!("bins/xtask/node/{project}.json"));
        let command =
            Command::new("node").args(&[&compiler.to_string_lossy(), "--project", &project.to_string_lossy()]);
        command.within(root).run()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIXED: &[Step] = &[
        Step { name: "first", run: |_| Ok(()) },
        Step { name: "second", run: |_| bail!("as planned") },
        Step { name: "third", run: |root| Ok(std::fs::write(root.join("third"), "ran")?) },
    ];

    #[test]
    fn a_failed_step_stops_none_that_follows_and_is_counted() {
        let root = tempfile::tempdir().unwrap();
        let summary = run(root.path(), MIXED, None).unwrap();
        assert_eq!(summary, Summary { passed: 2, failed: 1 });
        assert_eq!(summary.line(), "2 passed, 1 failed");
        assert!(root.path().join("third").exists());
    }

    #[test]
    fn a_filter_chooses_by_name_and_a_wrong_one_is_told() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(run(root.path(), MIXED, Some("fir")).unwrap(), Summary { passed: 1, failed: 0 });
        let error = run(root.path(), MIXED, Some("fourth")).unwrap_err().to_string();
        assert!(error.contains("first, second, third"), "{error}");
    }

    #[test]
    fn a_folder_without_tests_fails() {
        let root = tempfile::tempdir().unwrap();
        assert!(javascript(root.path()).unwrap_err().to_string().contains("holds no"));
    }
}
