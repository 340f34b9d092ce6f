//! The repository as it is: generated files are fresh, and every rule of the house holds.

use std::collections::BTreeMap;

#[test]
fn generated_contracts_are_fresh() {
    xtask::generate::check(&xtask::root()).expect("stale");
}

#[test]
fn the_house_is_tidy() {
    let broken = xtask::tidy::check(&xtask::root()).expect("cannot look");
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

#[test]
fn the_rules_have_different_names() {
    let mut names = BTreeMap::new();
    for rule in xtask::tidy::RULES {
        *names.entry(rule.name).or_insert(0) += 1;
    }
    assert!(names.values().all(|&count| count == 1), "{names:?}");
}
