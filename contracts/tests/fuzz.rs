//! Whatever bytes come, a decoder refuses them or reads a value that encodes back, and it never panics.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use oo_contracts::schema::reread;
use proptest::prelude::*;
use proptest::sample::Index;
use std::path::Path;
use std::sync::LazyLock;

/// All example files, the rejected too: by type and bytes.
static EXAMPLES: LazyLock<Vec<(String, Vec<u8>)>> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let all = ["accepted", "rejected"].iter().flat_map(|verdict| std::fs::read_dir(folder.join(verdict)).unwrap());
    let mut all: Vec<_> = all.map(|entry| entry.unwrap().path()).collect();
    all.sort();
    let kind = |path: &Path| path.file_name().unwrap().to_str().unwrap().split('.').next().unwrap().to_owned();
    all.iter().map(|path| (kind(path), std::fs::read(path).unwrap())).collect()
});

/// What a fault on the way, or somebody bad, makes of a message.
#[derive(Debug, Clone)]
enum Change {
    Flip(Index, u8),
    Cut(Index),
    Double(Index, Index),
    Put(Index, &'static str),
}

fn change() -> impl Strategy<Value = Change> {
    let odd = [
        "null",
        "-1",
        "1e400",
        "99999999999999999999",
        "\"\"",
        "[]",
        "{}",
        "[[",
        "\u{0}",
        "\\ud800",
        "\u{202e}",
        ",",
        "\"",
        "\"2026-02-30T25:61:61Z\"",
        "\"9999-12-31T23:59:60Z\"",
        "true",
        "{\"kind\":",
        "NaN",
    ];
    prop_oneof![
        (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Change::Flip(at, byte)),
        any::<Index>().prop_map(Change::Cut),
        (any::<Index>(), any::<Index>()).prop_map(|(from, to)| Change::Double(from, to)),
        (any::<Index>(), prop::sample::select(odd.to_vec())).prop_map(|(at, odd)| Change::Put(at, odd)),
    ]
}

fn changed(mut bytes: Vec<u8>, changes: &[Change]) -> Vec<u8> {
    for change in changes {
        if bytes.is_empty() {
            break;
        }
        match change {
            Change::Flip(at, byte) => *at.get_mut(&mut bytes) = *byte,
            Change::Cut(at) => bytes.truncate(at.index(bytes.len())),
            Change::Double(from, to) => {
                let (from, to) = (from.index(bytes.len()), to.index(bytes.len()));
                let part = bytes[from.min(to)..from.max(to)].to_vec();
                bytes.splice(to..to, part);
            }
            Change::Put(at, odd) => {
                // In place of a value, so that what comes out is still JSON now and then.
                let starts: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at] == b':').collect();
                let at = if starts.is_empty() { at.index(bytes.len()) } else { starts[at.index(starts.len())] + 1 };
                let ends =
                    bytes[at..].iter().position(|byte| b",}]\n".contains(byte)).map_or(bytes.len(), |end| at + end);
                bytes.splice(at..ends, odd.bytes());
            }
        }
    }
    bytes
}

/// Refused, or a value that is the same when it is written and read again.
fn holds(kind: &str, bytes: &[u8]) -> Result<(), TestCaseError> {
    let Ok(text) = std::str::from_utf8(bytes) else { return Ok(()) };
    let Some(Ok(read)) = reread(kind, text) else { return Ok(()) };
    let again = reread(kind, &read.to_string());
    prop_assert!(matches!(&again, Some(Ok(again)) if *again == read), "{}: {} becomes {:?}", kind, read, again);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4096, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_changed_example_is_refused_or_encodes_back(at: Index, changes in prop::collection::vec(change(), 0..6)) {
        let (kind, bytes) = at.get(&EXAMPLES);
        holds(kind, &changed(bytes.clone(), &changes))?;
    }

    #[test]
    fn arbitrary_text_is_refused_or_encodes_back(at: Index, text in r#"[\[\]{}":,0-9a-zA-Z\\ \PC]{0,200}"#) {
        holds(&at.get(&EXAMPLES).0, text.as_bytes())?;
    }
}

#[test]
fn what_is_nested_without_end_is_refused() {
    for (kind, _) in EXAMPLES.iter() {
        for deep in ["[", "{\"a\":", "{\"kind\":{\"kind\":"] {
            assert!(reread(kind, &deep.repeat(100_000)).unwrap().is_err(), "{kind}");
        }
    }
}
