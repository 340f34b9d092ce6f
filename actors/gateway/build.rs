//! Puts the page's files into the program, so that it is complete in itself.

use std::fmt::Write as _;
use std::path::Path;

#[allow(clippy::disallowed_methods, reason = "a build script is told by its environment")]
fn main() {
    let web = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../web");
    println!("cargo:rerun-if-changed={}", web.display());
    let mut table = String::from("&[\n");
    visit(&web, "", &mut table);
    table.push(']');
    let out = std::env::var("OUT_DIR").expect("cargo names a folder");
    std::fs::write(Path::new(&out).join("pages.in"), table).expect("the folder can be written");
}

fn visit(dir: &Path, under: &str, table: &mut String) {
    let mut entries: Vec<_> = std::fs::read_dir(dir).expect("web/ is there").flatten().collect();
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let name = entry.file_name().into_string().expect("a plain name");
        let path = format!("{under}/{name}");
        if entry.path().is_dir() {
            if !matches!(name.as_str(), "tests" | "node_modules") {
                visit(&entry.path(), &path, table);
            }
        } else if !matches!(name.as_str(), "package.json" | "package-lock.json" | "jsconfig.json")
            && !name.ends_with(".md")
        {
            let file = entry.path().canonicalize().expect("the file is there");
            let _ = writeln!(table, "({path:?}, include_bytes!({file:?}) as &[u8]),");
        }
    }
}
