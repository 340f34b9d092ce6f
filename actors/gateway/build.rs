//! Puts the page's files into the program, plain and compressed, so that it is complete in itself.

use flate2::Compression;
use flate2::write::GzEncoder;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

/// What is served, in `web/`, and under which path. What the built files are built from stays here.
const SERVED: &[(&str, &str)] =
    &[("manifest.webmanifest", "/manifest.webmanifest"), ("icons", "/icons"), ("built", "")];

#[allow(clippy::disallowed_methods, reason = "a build script is told by its environment")]
fn main() {
    let web = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../web");
    let mut table = String::from("&[\n");
    let out = std::env::var("OUT_DIR").expect("cargo names a folder");
    let out = Path::new(&out);
    for (name, path) in SERVED {
        let place = web.join(name);
        println!("cargo:rerun-if-changed={}", place.display());
        visit(&place, path, out, &mut table);
    }
    table.push(']');
    std::fs::write(out.join("pages.in"), table).expect("the folder can be written");
}

fn visit(place: &Path, path: &str, out: &Path, table: &mut String) {
    if !place.is_dir() {
        return lay_down(place, path, out, table);
    }
    let mut entries: Vec<_> = std::fs::read_dir(place).expect("the folder is there").flatten().collect();
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let name = entry.file_name().into_string().expect("a plain name");
        visit(&entry.path(), &format!("{path}/{name}"), out, table);
    }
}

fn lay_down(file: &Path, path: &str, out: &Path, table: &mut String) {
    let plain = std::fs::read(file).expect("the file is there");
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(&plain).expect("memory takes it");
    let gzip = gzip.finish().expect("memory takes it");
    let mut sum = flate2::Crc::new();
    sum.update(&plain);
    let tag = format!("\"{:08x}-{:x}\"", sum.sum(), plain.len());
    let name = path.trim_start_matches('/').replace('/', "--");
    let (plain_at, gzip_at) = (out.join(&name), out.join(format!("{name}.gz")));
    std::fs::write(&plain_at, plain).expect("the folder can be written");
    std::fs::write(&gzip_at, gzip).expect("the folder can be written");
    let _ = writeln!(
        table,
        "File {{ path: {path:?}, tag: {tag:?}, plain: include_bytes!({plain_at:?}), gzip: include_bytes!({gzip_at:?}) }},"
    );
}
