//! Runs other programs, telling what is run, with their output let through.

use anyhow::{Context, bail};
use std::path::Path;

/// Says what happens now.
#[allow(clippy::print_stdout, reason = "a command line")]
pub(crate) fn says(line: &str) {
    println!("xtask: {line}");
}

/// A program to run to its end.
pub(crate) struct Command {
    shown: String,
    inner: std::process::Command,
}

impl Command {
    /// A program by its name. It gets no input: nobody may be there to type.
    pub(crate) fn new(program: &str) -> Self {
        let mut inner = std::process::Command::new(program);
        inner.stdin(std::process::Stdio::null());
        Self { shown: program.to_owned(), inner }
    }

    /// Cargo, free of what cargo told us about ourselves: crates would be built again for it.
    pub(crate) fn cargo() -> Self {
        let mut command = Self::new("cargo");
        command.inner = std::process::Command::new(crate::cargo());
        command.inner.stdin(std::process::Stdio::null());
        for (name, _) in std::env::vars_os() {
            let told = name.to_string_lossy();
            if told.starts_with("CARGO_PKG_") || told.starts_with("CARGO_MANIFEST_") || told.starts_with("CARGO_BIN_") {
                command.inner.env_remove(&name);
            }
        }
        command
    }

    pub(crate) fn args(mut self, arguments: &[&str]) -> Self {
        for argument in arguments {
            self.shown.push(' ');
            self.shown.push_str(argument);
        }
        self.inner.args(arguments);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.inner.env(name, value);
        self
    }

    pub(crate) fn within(mut self, folder: &Path) -> Self {
        self.inner.current_dir(folder);
        self
    }

    /// Waits for its end; an error unless it succeeded.
    pub(crate) fn run(mut self) -> anyhow::Result<()> {
        let status = self.inner.status().with_context(|| format!("`{}` cannot be started", self.shown))?;
        if !status.success() {
            bail!("`{}` failed ({status})", self.shown);
        }
        Ok(())
    }

    /// The same, and gives what it printed. What it complained of is in the error.
    pub(crate) fn output(mut self) -> anyhow::Result<String> {
        let output = self.inner.output().with_context(|| format!("`{}` cannot be started", self.shown))?;
        if !output.status.success() {
            let complaint = String::from_utf8_lossy(&output.stderr);
            bail!("`{}` failed ({}): {}", self.shown, output.status, complaint.trim());
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }
}
