//! The wall's clock of each process, which can jump and be set right: `clock.c`, loaded before everything else.

use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

const SOURCE: &str = include_str!("clock.c");

pub(crate) struct Clocks {
    library: PathBuf,
    dir: PathBuf,
}

impl Clocks {
    /// Builds them, with the compiler that links Rust's programs.
    pub(crate) fn build(dir: &Path) -> Self {
        let (source, library) = (dir.join("clock.c"), dir.join("clock.so"));
        std::fs::write(&source, SOURCE).unwrap();
        let built =
            Command::new("cc").args(["-shared", "-fPIC", "-O2", "-o"]).args([&library, &source]).output().unwrap();
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        Self { library, dir: dir.to_owned() }
    }

    /// What makes a process go by its own, of this name.
    pub(crate) fn environment(&self, name: &str) -> [(&'static str, PathBuf); 2] {
        let file = self.file(name);
        if !file.exists() {
            std::fs::write(&file, 0_i64.to_ne_bytes()).unwrap();
        }
        [("LD_PRELOAD", self.library.clone()), ("CHAOS_CLOCK", file)]
    }

    /// From now on it is so many seconds ahead, or behind. The process reads them in memory: the file stays as long as it is.
    pub(crate) fn set(&self, name: &str, seconds: i64) {
        let file = std::fs::File::options().write(true).open(self.file(name)).unwrap();
        file.write_all_at(&seconds.to_ne_bytes(), 0).unwrap();
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.join(format!("{name}.clock"))
    }
}
