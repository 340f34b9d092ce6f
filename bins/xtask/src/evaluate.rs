//! The checks whose answers are known elsewhere: ours beside the published or the rival's, in one table.
//! `docs/evaluation.md` says what they are and what they gave.

mod again;
mod bandit;
mod cold_start;
mod coverage;
mod digits;
mod heart_steps;
mod keel;
mod numpy;
mod open_bandit;
mod people;
mod prototype;
mod step_count;
mod taste;
mod trial;

use crate::setup;
use anyhow::bail;
use indicatif::{ProgressBar, ProgressStyle};
use std::path::Path;

/// A check by the name that chooses it.
struct Check {
    name: &'static str,
    run: fn(&Path, &mut dyn FnMut(Row)) -> anyhow::Result<()>,
}

/// In the order in which they are run without a name: the quick ones first.
const CHECKS: [Check; 13] = [
    Check { name: "heart-steps", run: heart_steps::check },
    Check { name: "open-bandit", run: open_bandit::check },
    Check { name: "coverage", run: coverage::check },
    Check { name: "taste", run: taste::check },
    Check { name: "prototype", run: prototype::check },
    Check { name: "cold-start", run: cold_start::check },
    Check { name: "trial", run: trial::check },
    Check { name: "again", run: again::check },
    Check { name: "step-count", run: step_count::check },
    Check { name: "digits", run: digits::check },
    Check { name: "post", run: people::post },
    Check { name: "bandit", run: bandit::check },
    Check { name: "people", run: people::check },
];

/// One figure beside another.
pub(crate) struct Row {
    figure: String,
    ours: f64,
    /// Whose the other is, and the other; none where there is nothing to compare with.
    theirs: Option<(&'static str, f64)>,
    decimals: usize,
    note: String,
}

impl Row {
    fn new(figure: impl Into<String>, ours: f64, decimals: usize) -> Self {
        Self { figure: figure.into(), ours, theirs: None, decimals, note: String::new() }
    }

    fn beside(self, whose: &'static str, theirs: f64) -> Self {
        Self { theirs: Some((whose, theirs)), ..self }
    }

    fn note(self, note: impl Into<String>) -> Self {
        Self { note: note.into(), ..self }
    }

    fn line(&self, check: &str) -> String {
        let Self { figure, ours, decimals, note, .. } = self;
        let (theirs, ratio) = match self.theirs {
            Some((whose, theirs)) => (format!("{theirs:.decimals$} ({whose})"), format!("{:.3}", ours / theirs)),
            None => ("–".into(), "–".into()),
        };
        format!("| {check} | {figure} | {ours:.decimals$} | {theirs} | {ratio} | {note} |")
    }
}

/// Runs those of the checks that are named, all of them without a name, and prints a table.
#[allow(clippy::print_stdout, reason = "a command line")]
pub fn run(root: &Path, names: &[String]) -> anyhow::Result<()> {
    if let Some(unknown) = names.iter().find(|name| CHECKS.iter().all(|check| check.name != name.as_str())) {
        let known: Vec<&str> = CHECKS.iter().map(|check| check.name).collect();
        bail!("there is no check {unknown:?}; there are: {}", known.join(", "));
    }
    setup::rivals(root)?;
    println!("| check | figure | ours | theirs | ratio | |\n|---|---|---|---|---|---|");
    for check in CHECKS.iter().filter(|check| names.is_empty() || names.iter().any(|name| name == check.name)) {
        // Each row at once: some take long.
        (check.run)(root, &mut |row| println!("{}", row.line(check.name)))?;
    }
    Ok(())
}

/// A bar for work of so many steps, on the error stream: the table stays clean.
fn progress(what: &str, steps: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg} {wide_bar} {percent} % {eta}");
    let bar = ProgressBar::new(steps).with_message(what.to_owned());
    style.map_or_else(|_| bar.clone(), |style| bar.clone().with_style(style))
}

fn mean(values: impl IntoIterator<Item = f64>) -> f64 {
    let (sum, count) = values.into_iter().fold((0.0, 0_u32), |(sum, count), value| (sum + value, count + 1));
    sum / f64::from(count.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_shows_both_figures_with_the_same_digits_and_their_ratio() {
        let row = Row::new("value", 0.5, 3).beside("R", 0.25).note("n = 4");
        assert_eq!(row.line("x"), "| x | value | 0.500 | 0.250 (R) | 2.000 | n = 4 |");
        assert_eq!(Row::new("value", 1.0, 1).line("x"), "| x | value | 1.0 | – | – |  |");
    }

    #[test]
    fn a_check_that_is_not_there_is_told_with_those_that_are() {
        let error = run(&crate::root(), &["no-such".into()]).unwrap_err().to_string();
        assert!(error.contains("no-such") && error.contains("open-bandit"), "{error}");
    }
}
