//! Rules about files and folders.

use super::File;

/// What stands at the top. Dotfiles hold the rest.
const TOP_LEVEL: &[&str] =
    &["Cargo.lock", "Cargo.toml", "README.md", "actors", "bins", "compose", "contracts", "docs", "subjects", "web"];

/// How a first line begins that says what its file is, by the file's ending.
const OPENINGS: &[(&str, &str)] =
    &[(".rs", "//! "), (".js", "// "), (".mjs", "// "), (".ts", "// "), (".c", "// "), (".css", "/* ")];

/// Every source file says in its first line what it is for.
pub(super) fn first_lines(files: &[File]) -> Vec<String> {
    let mut broken = Vec::new();
    for file in files {
        let Some((_, opening)) = OPENINGS.iter().find(|(ending, _)| file.path.ends_with(ending)) else { continue };
        // A program's first line belongs to the system.
        let first = file.text.lines().find(|line| !line.starts_with("#!/")).unwrap_or_default();
        let says = first.strip_prefix(opening).unwrap_or_default();
        if !says.chars().any(char::is_alphabetic) || says.starts_with("@ts-") {
            broken.push(format!("{}: begin it with `{opening}` and what it is for", file.path));
        }
    }
    broken
}

/// Nothing stands at the top that the layout does not name.
pub(super) fn top_level(names: &[String]) -> Vec<String> {
    let stray = names.iter().filter(|name| !TOP_LEVEL.contains(&name.as_str()));
    stray.map(|name| format!("{name}: no such entry in the layout; give it a room below or a leading dot")).collect()
}

/// Modules are `x.rs` beside `x/`.
pub(super) fn no_mod_rs(files: &[File]) -> Vec<String> {
    let found = files.iter().filter(|file| file.path.ends_with("/mod.rs"));
    found.map(|file| format!("{}: name it after its folder, beside it", file.path)).collect()
}

/// A flattened field has no shape of its own in the schema, and swallows the unknown ones.
pub(super) fn no_flatten(files: &[File]) -> Vec<String> {
    let mut broken = Vec::new();
    for file in files.iter().filter(|file| file.path.starts_with("contracts/src/")) {
        for (number, line) in file.text.lines().enumerate() {
            let line = line.trim_start();
            if line.starts_with("#[serde(") && line.contains("flatten") {
                broken.push(format!("{}:{}: nest the struct instead of flattening it", file.path, number + 1));
            }
        }
    }
    broken
}

#[cfg(test)]
mod tests {
    use super::super::file;
    use super::*;

    #[test]
    fn a_file_that_does_not_say_what_it_is_is_found() {
        let good = [
            file("a/src/lib.rs", "//! What it is.\n"),
            file("web/app/main.js", "// What it is.\n"),
            file("web/tokens.css", "/* What it is. */\n"),
            file("web/tool.mjs", "#!/usr/bin/env node\n// What it is.\n"),
            file("README.md", "no rule for me\n"),
        ];
        assert_eq!(first_lines(&good), Vec::<String>::new());
        for bad in [
            file("a/src/lib.rs", "use std::fs;\n//! Too late.\n"),
            file("a/src/lib.rs", "// Not for the documentation.\n"),
            file("a/src/lib.rs", "//! \n"),
            file("a/src/lib.rs", ""),
            file("web/main.js", "// @ts-check\n"),
            file("web/main.js", "import x from 'y';\n"),
            file("web/tokens.css", ":root {}\n"),
        ] {
            assert_eq!(first_lines(std::slice::from_ref(&bad)).len(), 1, "{:?}", bad.text);
        }
    }

    #[test]
    fn a_stray_entry_at_the_top_is_found() {
        let names = TOP_LEVEL.iter().map(|name| name.to_string()).collect::<Vec<_>>();
        assert_eq!(top_level(&names), Vec::<String>::new());
        let broken = top_level(&[names, vec!["utils".into()]].concat());
        assert_eq!(broken.len(), 1);
        assert!(broken[0].starts_with("utils:"), "{broken:?}");
    }

    #[test]
    fn a_mod_rs_is_found() {
        let files = [file("actors/x/src/policy/mod.rs", ""), file("actors/x/src/policy.rs", "")];
        assert_eq!(no_mod_rs(&files).len(), 1);
        assert_eq!(no_mod_rs(&files[1..]), Vec::<String>::new());
    }

    #[test]
    fn a_flattened_field_in_the_contracts_is_found_and_one_elsewhere_is_not() {
        let text = "//! X.\nstruct A {\n    #[serde(default, flatten)]\n    b: B,\n}\n";
        assert_eq!(no_flatten(&[file("contracts/src/x.rs", text)]).len(), 1);
        assert_eq!(no_flatten(&[file("actors/x/src/x.rs", text)]), Vec::<String>::new());
    }
}
