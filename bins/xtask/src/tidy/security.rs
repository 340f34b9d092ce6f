//! The rule about docs/security.md: each row of the security checks is there, and what it says proves it exists.

use super::{File, Repository};

/// Where the rows are.
const PAGE: &str = "docs/security.md";
/// The rows are S1 to this one.
const LAST: u8 = 34;

/// Each row stands there once, in order, with tests that exist or a reason why it does not apply.
pub(super) fn rows_are_proven(repository: &Repository) -> anyhow::Result<Vec<String>> {
    Ok(broken_rows(repository.text(PAGE)?, &repository.files))
}

fn broken_rows(page: &str, files: &[File]) -> Vec<String> {
    let rows: Vec<Vec<&str>> = page
        .lines()
        .filter(|line| line.starts_with("| S"))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    let mut broken = Vec::new();
    let names: Vec<String> = rows.iter().map(|row| row[0].to_owned()).collect();
    let wanted: Vec<String> = (1..=LAST).map(|n| format!("S{n}")).collect();
    if names != wanted {
        broken
            .push(format!("{PAGE}: wants one row for each of S1 to S{LAST}, in order; there are {}", names.join(" ")));
    }
    for row in rows {
        let [name, property, proof] = row[..] else {
            broken.push(format!("{PAGE}: {} wants three columns", row[0]));
            continue;
        };
        if property.is_empty() {
            broken.push(format!("{PAGE}: {name} does not say what holds"));
        }
        let proofs: Vec<&str> = proof.split('`').skip(1).step_by(2).collect();
        if proofs.is_empty() && !proof.starts_with("Does not apply: ") {
            broken.push(format!("{PAGE}: {name} names no test, nor begins with \"Does not apply: \""));
        }
        broken.extend(proofs.iter().filter(|proof| !exists(proof, files)).map(|proof| {
            format!("{PAGE}: {name} names `{proof}`, and there is no such test; write `path/to/file.rs: name_of_it`")
        }));
    }
    broken
}

/// Whether a file has a test of this name: a function right under a test's attribute, or a JavaScript test.
fn exists(proof: &str, files: &[File]) -> bool {
    let Some((path, name)) = proof.split_once(": ") else { return false };
    let Some(file) = files.iter().find(|file| file.path == path) else { return false };
    if path.ends_with(".js") {
        return file.text.contains(&format!("test('{name}'"));
    }
    let lines: Vec<&str> = file.text.lines().map(str::trim_start).collect();
    let says = |line: &str| line.split_once("fn ").is_some_and(|(_, rest)| rest.split('(').next() == Some(name));
    let Some(at) = lines.iter().position(|line| says(line)) else { return false };
    // Between a test's attribute and its name stand only other attributes and comments.
    let above = lines[..at].iter().rev().take_while(|line| line.starts_with('#') || line.starts_with("//"));
    above.into_iter().any(|line| line.starts_with("#[test]") || line.starts_with("#[tokio::test"))
}

#[cfg(test)]
mod tests {
    use super::super::file;
    use super::*;

    fn page(change: &str, to: &str) -> String {
        let rows = (1..=LAST).map(|n| format!("| S{n} | It holds. | `a/src/x.rs: it_holds` |\n"));
        rows.collect::<String>().replace(change, to)
    }

    fn files() -> [File; 2] {
        let text =
            "//! X.\n#[tokio::test(flavor = \"multi_thread\")]\n/// Why.\nasync fn it_holds() {}\nfn helper() {}\n";
        [file("a/src/x.rs", text), file("web/tests/x.test.js", "// X.\ntest('a sentence', () => {});\n")]
    }

    #[test]
    fn a_row_that_nothing_proves_is_found() {
        let good = page("", "");
        assert_eq!(broken_rows(&good, &files()), Vec::<String>::new());
        for (change, to) in [
            ("| S7 |", "| S8 |"),
            ("| S34 | It holds. | `a/src/x.rs: it_holds` |\n", ""),
            ("| S2 | It holds. |", "| S2 | |"),
            ("| S2 | It holds. | `a/src/x.rs: it_holds` |", "| S2 | It holds. | |"),
            ("| S2 | It holds. | `a/src/x.rs: it_holds` |", "| S2 | It holds. | `a/src/x.rs: helper` |"),
            ("| S2 | It holds. | `a/src/x.rs: it_holds` |", "| S2 | It holds. | `a/src/x.rs: gone` |"),
            ("| S2 | It holds. | `a/src/x.rs: it_holds` |", "| S2 | It holds. | `a/src/y.rs: it_holds` |"),
            ("| S2 | It holds. | `a/src/x.rs: it_holds` |", "| S2 | It holds. | `it_holds` |"),
            ("| S2 | It holds. | `a/src/x.rs: it_holds` |", "| S2 | It holds. | `web/tests/x.test.js: another` |"),
        ] {
            assert_eq!(broken_rows(&page(change, to), &files()).len(), 1, "{to}");
        }
        for (change, to) in [
            ("| S2 | It holds. | `a/src/x.rs: it_holds` |", "| S2 | It holds. | Does not apply: there is none. |"),
            ("| S2 | It holds. | `a/src/x.rs: it_holds` |", "| S2 | It holds. | `web/tests/x.test.js: a sentence` |"),
        ] {
            assert_eq!(broken_rows(&page(change, to), &files()), Vec::<String>::new(), "{to}");
        }
    }
}
