//! The base images: those that are there, else pulled, else made on this machine under the same names, from Debian's
//! packages, this machine's Rust and the nats-server that the other tests use.

use crate::run::{Command, says};
use crate::setup::{self, Sign};
use anyhow::{Context, bail, ensure};
use oo_runtime::engines;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// What compose.yaml and the Dockerfile build upon.
const IMAGES: &[Image] = &[
    Image { name: "debian:bookworm-slim", make: debian },
    Image { name: "rust:1-bookworm", make: rust },
    Image { name: "nats:2.15.1-alpine", make: nats },
    Image { name: "redis:7", make: redis },
];

/// The Debian release in them.
const SUITE: &str = "bookworm";

/// A pull that takes longer hangs: the largest image has half a gigabyte. One that reaches nobody fails by itself soon.
const PULL_WITHIN: &str = "600";

/// What a C compiler and a vendored OpenSSL need, and whom https trusts.
const FOR_RUST: &[&str] = &["gcc", "libc6-dev", "make", "perl", "ca-certificates"];

/// Whom https trusts on this machine: behind a proxy of its own it may be somebody more.
const TRUSTED: &str = "etc/ssl/certs/ca-certificates.crt";

/// What an image needs not hold: devices are the engine's, packages and their lists can be had again.
const LEFT_OUT: &[&str] = &[
    "--exclude=./dev/*",
    "--exclude=./var/cache/apt/*",
    "--exclude=./var/lib/apt/lists/*",
    "--exclude=./usr/share/doc/*",
];

struct Image {
    name: &'static str,
    make: fn(&Workshop, &str) -> anyhow::Result<()>,
}

/// Sees to it that all are there.
pub(super) fn ready(root: &Path) -> anyhow::Result<()> {
    let missing: Vec<&Image> = IMAGES.iter().filter(|image| !is_there(image.name) && !pulled(image.name)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    if !setup::is_root()? {
        let names: Vec<&str> = missing.iter().map(|image| image.name).collect();
        bail!("{} can be neither found nor pulled, and only root can make stand-ins", names.join(", "));
    }
    setup::system_packages(&[(Sign::Program("debootstrap"), "debootstrap")])?;
    let workshop = Workshop::open(root)?;
    for image in missing {
        says(&format!("making {}; once it can be pulled, `docker rmi {0}` makes room for the real one", image.name));
        (image.make)(&workshop, image.name).with_context(|| format!("cannot make the image {}", image.name))?;
    }
    Ok(())
}

fn is_there(image: &str) -> bool {
    Command::new("docker").args(&["image", "inspect", image]).output().is_ok()
}

fn pulled(image: &str) -> bool {
    says(&format!("pulling {image}"));
    match Command::new("timeout").args(&[PULL_WITHIN, "docker", "pull", "--quiet", image]).output() {
        Ok(_) => true,
        Err(error) => {
            says(&format!("{error:#}"));
            false
        }
    }
}

/// Where root file systems are put together.
struct Workshop {
    root: PathBuf,
    folder: tempfile::TempDir,
    /// A Debian with nothing but what is essential.
    debian: PathBuf,
}

impl Workshop {
    /// Beside what else we fetch, since a temporary folder may be small, or hold no devices.
    fn open(root: &Path) -> anyhow::Result<Self> {
        let fetched = root.join(setup::FETCHED);
        std::fs::create_dir_all(&fetched)?;
        let folder = tempfile::Builder::new().prefix("images-").tempdir_in(fetched)?;
        let debian = folder.path().join("debian");
        says(&format!("making a minimal Debian {SUITE}"));
        let made = Command::new("debootstrap").args(&["--variant=minbase", SUITE, &text(&debian)]).output();
        made.context("debootstrap fetches Debian's packages")?;
        // No package shall start its service: from in here it would be this machine's.
        let policy = debian.join("usr/sbin/policy-rc.d");
        std::fs::write(&policy, "#!/bin/sh\nexit 101\n")?;
        std::fs::set_permissions(&policy, std::fs::Permissions::from_mode(0o755))?;
        Ok(Self { root: root.to_path_buf(), folder, debian })
    }

    /// A copy of the Debian with more packages in it.
    fn with(&self, name: &str, packages: &[&str]) -> anyhow::Result<PathBuf> {
        let room = self.folder.path().join(name);
        Command::new("cp").args(&["--archive", &text(&self.debian), &text(&room)]).run()?;
        let apt = [&text(&room), "apt-get", "install", "-y", "-qq", "--no-install-recommends"];
        Command::new("chroot").args(&apt).args(packages).env("DEBIAN_FRONTEND", "noninteractive").output()?;
        Ok(room)
    }

    /// Makes an image of a root file system, with what a Dockerfile would say of it, and clears it away.
    fn import(&self, room: &Path, image: &str, changes: &[&str]) -> anyhow::Result<()> {
        let archive = text(&self.folder.path().join("image.tar"));
        let create = ["--create", "--file", &archive, "--directory", &text(room), "."];
        Command::new("tar").args(LEFT_OUT).args(&create).run()?;
        let mut import = vec!["import"];
        changes.iter().for_each(|change| import.extend(["--change", *change]));
        import.extend([archive.as_str(), image]);
        Command::new("docker").args(&import).output()?;
        std::fs::remove_file(archive)?;
        if room != self.debian {
            std::fs::remove_dir_all(room)?;
        }
        Ok(())
    }
}

fn debian(workshop: &Workshop, image: &str) -> anyhow::Result<()> {
    workshop.import(&workshop.debian, image, &["CMD [\"bash\"]"])
}

/// This machine's Rust, with all crates that the lock file names, so that building needs no network.
fn rust(workshop: &Workshop, image: &str) -> anyhow::Result<()> {
    let rustc = |what: &str| Command::new("rustc").args(&["--print", what]).within(&workshop.root).output();
    let (toolchain, host) = (PathBuf::from(rustc("sysroot")?), rustc("host-tuple")?);
    ensure!(toolchain != Path::new("/usr"), "this Rust cannot be copied alone: install Rust with rustup");

    let room = workshop.with("rust", FOR_RUST)?;
    let local = room.join("usr/local");
    for program in ["cargo", "rustc"] {
        std::fs::copy(toolchain.join("bin").join(program), local.join("bin").join(program))?;
    }
    Command::new("cp").args(&["--archive", &text(&toolchain.join("lib/.")), &text(&local.join("lib"))]).run()?;
    let fetch = Command::cargo().args(&["fetch", "--quiet", "--locked", "--target", &host]).within(&workshop.root);
    fetch.env("CARGO_HOME", &text(&local.join("cargo"))).run()?;
    std::fs::copy(Path::new("/").join(TRUSTED), room.join(TRUSTED)).context("install ca-certificates")?;
    workshop.import(&room, image, &["ENV CARGO_HOME=/usr/local/cargo"])
}

/// As the real one: the program, and `wget` for the health check.
fn nats(workshop: &Workshop, image: &str) -> anyhow::Result<()> {
    let bin = workshop.root.join(setup::FETCHED).join("bin");
    let program = bin.join("nats-server");
    if !program.exists() {
        tokio::runtime::Runtime::new()?.block_on(engines::fetch_nats(&bin))?;
    }
    let room = workshop.with("nats", &["wget"])?;
    std::fs::copy(program, room.join("usr/local/bin/nats-server"))?;
    workshop.import(&room, image, &["CMD [\"nats-server\"]"])
}

/// As the real one: a user `redis`, to whom /data belongs.
fn redis(workshop: &Workshop, image: &str) -> anyhow::Result<()> {
    let room = workshop.with("redis", &["redis-server"])?;
    let folder = [&text(&room), "install", "--directory", "--owner=redis", "--group=redis", "/data"];
    Command::new("chroot").args(&folder).run()?;
    workshop.import(&room, image, &["VOLUME /data", "WORKDIR /data", "CMD [\"redis-server\"]"])
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn we_can_make_just_what_the_stack_builds_upon() {
        let read = |name: &str| std::fs::read_to_string(crate::root().join("compose").join(name)).unwrap();
        let (compose, dockerfile) = (read("compose.yaml"), read("Dockerfile"));
        let lines: Vec<&str> = compose.lines().map(str::trim).collect();
        // What only a profile starts, the test does not.
        let always = lines.windows(2).filter(|pair| !pair[1].starts_with("profiles: ")).map(|pair| pair[0]);
        let composed = always.filter_map(|line| line.strip_prefix("image: "));
        let built_upon =
            dockerfile.lines().filter_map(|line| line.strip_prefix("ARG ")?.split_once('=')).map(|(_, name)| name);
        let wanted: BTreeSet<&str> = composed.chain(built_upon).filter(|name| *name != "oo:local").collect();
        assert_eq!(wanted, IMAGES.iter().map(|image| image.name).collect());
    }
}
