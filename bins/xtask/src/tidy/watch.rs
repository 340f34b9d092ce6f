//! The rule about compose/watch: dashboards, alerts and scaling name only metrics that there are, each metric is looked at
//! somewhere, and each alert has its line in docs/operations.md.

use super::{File, Repository};
use oo_runtime::Metric;
use std::collections::BTreeSet;

const PAGE: &str = "docs/operations.md";
const ALERTS: &str = "compose/watch/prometheus/alerts.yaml";
const SCALING: &str = "compose/k8s/cluster/scaling.yaml";
const DASHBOARDS: &str = "compose/watch/grafana/dashboards/";

pub(super) fn is_measured(repository: &Repository) -> anyhow::Result<Vec<String>> {
    let watching = |file: &&File| file.path.starts_with(DASHBOARDS) || [ALERTS, SCALING].contains(&file.path.as_str());
    let files: Vec<&File> = repository.files.iter().filter(watching).collect();
    let mut broken = broken_names(&files);
    broken.extend(broken_lines(repository.text(ALERTS)?, repository.text(PAGE)?));
    Ok(broken)
}

/// Names that no metric has, labels that it has not, and metrics that nobody looks at.
fn broken_names(files: &[&File]) -> Vec<String> {
    let mut broken = Vec::new();
    let mut seen = BTreeSet::new();
    for file in files {
        for (at, _) in file.text.match_indices("oo_").filter(|(at, _)| !file.text[..*at].ends_with(is_of_a_name)) {
            let rest = &file.text[at..];
            let (name, after) = rest.split_at(rest.find(|c: char| !is_of_a_name(c)).unwrap_or(rest.len()));
            let Some(metric) = Metric::ALL.iter().find(|metric| metric.series().iter().any(|series| series == name))
            else {
                broken.push(format!("{}: there is no metric {name}: see actors/runtime/src/metrics.rs", file.path));
                continue;
            };
            seen.insert(*metric);
            let asked = after.strip_prefix('{').and_then(|labels| labels.split(['=', '!']).next());
            if let Some(label) = asked.filter(|label| metric.label() != Some(label)) {
                broken.push(format!("{}: {name} has no label {label}", file.path));
            }
        }
    }
    let unseen = Metric::ALL.iter().filter(|metric| !seen.contains(metric));
    broken.extend(unseen.map(|metric| format!("{DASHBOARDS}: nobody looks at {}", metric.series()[0])));
    broken
}

fn is_of_a_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// Alerts without a line, and lines without an alert.
fn broken_lines(alerts: &str, page: &str) -> Vec<String> {
    let alerts: BTreeSet<&str> = alerts.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    let section = page.split("\n## ").find(|section| section.starts_with("Alerts\n")).unwrap_or_default();
    let lines: BTreeSet<&str> =
        section.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` | ").map(|(name, _)| name)).collect();
    let missing = alerts.difference(&lines).map(|name| format!("{PAGE}: say under Alerts what to do about `{name}`"));
    let stray = lines.difference(&alerts).map(|name| format!("{PAGE}: {ALERTS} has no alert `{name}`"));
    missing.chain(stray).collect()
}

#[cfg(test)]
mod tests {
    use super::super::file;
    use super::*;

    fn all() -> String {
        Metric::ALL.iter().map(|metric| format!("{}\n", metric.series()[0])).collect()
    }

    #[test]
    fn a_metric_that_there_is_not_or_that_nobody_looks_at_is_found() {
        let names = |text: String| broken_names(&[&file(ALERTS, &text)]).join("\n");
        assert_eq!(names(all()), "");
        assert_eq!(names(all() + "rate(oo_profile_silences_total{reason!=\"busy\"}[1m]) > foo_bar"), "");
        assert!(names(all() + "oo_profile_silences").contains("no metric oo_profile_silences:"));
        assert!(names(all() + "oo_profile_silences_total{outcome=\"x\"}").contains("no label outcome"));
        assert!(names(all().replace("oo_profile_tips_total\n", "")).contains("nobody looks at oo_profile_tips_total"));
    }

    #[test]
    fn an_alert_without_a_line_and_a_line_without_an_alert_are_found() {
        let alerts = "  - alert: A\n    expr: x\n  - alert: B\n";
        let page = "# Operations\n\n## Alerts\n\n| `A` | do |\n| `B` | do |\n\n## Keys\n\n| `C` | key |\n";
        assert_eq!(broken_lines(alerts, page), Vec::<String>::new());
        assert_eq!(broken_lines(alerts, &page.replace("| `A` | do |\n", "")).len(), 1);
        assert_eq!(broken_lines(&alerts.replace("B", "D"), page).len(), 2);
    }
}
