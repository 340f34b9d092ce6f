//! x
fn main() { if let Err(e) = xtask::generate::write(&xtask::root()) { eprintln!("{e:#}"); } }
