//! Installs what the tests need: system packages, nats-server, and the JavaScript tools, the CalDAV servers, the identity
//! provider, the remote policy, the schemas and the rivals with their pinned versions.

use crate::run::{Command, says};
use anyhow::{Context, bail};
use oo_runtime::{Source, engines};
use std::path::{Path, PathBuf};

/// What shows that something is there, and the Debian or Ubuntu package that brings it.
const PACKAGES: &[(Sign, &str)] = &[
    (Sign::Program("redis-server"), "redis-server"),
    (Sign::Program("chromium"), "chromium"),
    (Sign::Program("chromedriver"), "chromium-driver"),
    (Sign::Program("firefox-esr"), "firefox-esr"),
    // Without any font a browser shows boxes.
    (Sign::File("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"), "fonts-dejavu-core"),
    (Sign::Program("node"), "nodejs"),
    (Sign::Program("npm"), "npm"),
    PYTHON[0],
];

const PYTHON: &[(Sign, &str)] = &[(Sign::Python("ensurepip"), "python3-venv")];

/// What shows that a package is there.
#[derive(Clone, Copy)]
pub(crate) enum Sign {
    /// On the PATH.
    Program(&'static str),
    File(&'static str),
    /// A module that Debian has in a package of its own.
    Python(&'static str),
}

/// Where what we fetch goes. Git knows nothing of it.
pub(crate) const FETCHED: &str = ".oo";

/// The CalDAV servers of the tests, by versions.
const SERVERS: PythonPackages = PythonPackages {
    what: "the CalDAV servers of the tests",
    file: "bins/xtask/python/requirements.txt",
    place: "python",
};

/// What the remote policy of the documentation stands on, by versions.
const REMOTE_POLICY: PythonPackages = PythonPackages {
    what: "the remote policy's libraries",
    file: "docs/examples/remote-policy/requirements.txt",
    place: "remote-policy",
};

/// What the evaluation compares with, by versions and hashes.
const RIVALS: PythonPackages = PythonPackages {
    what: "the rivals and data of the evaluation",
    file: "bins/xtask/python/evaluation.txt",
    place: "evaluation",
};

/// What the tests of compose/ stand on, by versions.
const OPERATIONS: PythonPackages = PythonPackages {
    what: "schemas and parsers for what is in compose/",
    file: "bins/xtask/python/operations.txt",
    place: "operations",
};

/// What pip installs, in an environment of its own.
struct PythonPackages {
    what: &'static str,
    /// Lists them all, those that others need included. From the root.
    file: &'static str,
    /// The environment's folder.
    place: &'static str,
}

impl PythonPackages {
    /// The interpreter that has them.
    fn python(&self, root: &Path) -> PathBuf {
        root.join(FETCHED).join(self.place).join("bin/python")
    }
}

/// TypeScript, the page's bundler, the accessibility rules and the providers' peers.
const TOOLS: NodePackages = NodePackages { what: "the JavaScript tools", folder: "bins/xtask/node", place: "node" };

/// What measures the page.
const LIGHTHOUSE: NodePackages =
    NodePackages { what: "Lighthouse", folder: "bins/xtask/lighthouse", place: "lighthouse" };

/// What npm installs.
struct NodePackages {
    what: &'static str,
    /// Lists them, by versions and hashes. From the root.
    folder: &'static str,
    /// Where they go.
    place: &'static str,
}

/// In a folder that lists packages.
const NODE_FILES: &[&str] = &["package.json", "package-lock.json"];

/// Installs everything that is missing, and says what it does.
pub fn run(root: &Path) -> anyhow::Result<()> {
    system_packages(PACKAGES)?;
    nats(&root.join(FETCHED).join("bin"))?;
    tools(root)?;
    python_packages(root, &SERVERS)?;
    python_packages(root, &REMOTE_POLICY)?;
    python_packages(root, &OPERATIONS)?;
    rivals(root)
}

/// Installs only what the evaluation compares with.
pub fn rivals(root: &Path) -> anyhow::Result<()> {
    system_packages(PYTHON)?;
    python_packages(root, &RIVALS)
}

/// The interpreter that has the rivals.
pub(crate) fn rivals_python(root: &Path) -> PathBuf {
    RIVALS.python(root)
}

/// The interpreter that has what the remote policy stands on.
pub(crate) fn remote_policy_python(root: &Path) -> PathBuf {
    REMOTE_POLICY.python(root)
}

/// The interpreter that has the schemas and parsers for what is in compose/.
pub(crate) fn operations_python(root: &Path) -> PathBuf {
    OPERATIONS.python(root)
}

/// Where the rivals' packages keep their data.
///
/// # Errors
/// Where they are not installed.
pub fn rivals_packages(root: &Path) -> anyhow::Result<PathBuf> {
    let libraries = root.join(FETCHED).join(RIVALS.place).join("lib");
    let mut versions = std::fs::read_dir(&libraries).into_iter().flatten().flatten().map(|entry| entry.path());
    let packages = versions.find_map(|version| Some(version.join("site-packages")).filter(|place| place.is_dir()));
    packages.context("the data of the evaluation is not there: run `cargo xtask setup`")
}

/// Installs only the servers.
pub fn servers(root: &Path) -> anyhow::Result<()> {
    system_packages(&PACKAGES[..1])?;
    nats(&root.join(FETCHED).join("bin"))
}

/// The folder that holds the installed JavaScript packages.
pub fn node_modules(root: &Path) -> PathBuf {
    root.join(FETCHED).join(TOOLS.place).join("node_modules")
}

/// Installs those of the packages whose sign is missing.
pub(crate) fn system_packages(packages: &[(Sign, &str)]) -> anyhow::Result<()> {
    let missing: Vec<&str> = packages.iter().filter(|(sign, _)| !is_there(sign)).map(|&(_, package)| package).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let by_hand = format!("sudo apt-get install --no-install-recommends {}", missing.join(" "));
    if on_path("apt-get").is_none() {
        bail!("install what these Debian packages hold, and put it on the PATH: {}", missing.join(", "));
    }
    if !is_root()? {
        bail!("only root may install what is missing: run `{by_hand}`");
    }
    says(&format!("installing {}", missing.join(", ")));
    let apt = |arguments: &[&str]| {
        Command::new("apt-get")
            .args(arguments)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .run()
            .with_context(|| by_hand.clone())
    };
    apt(&["update", "-qq"])?;
    apt(&[&["install", "-y", "-qq", "--no-install-recommends"], missing.as_slice()].concat())?;
    for (sign, package) in packages {
        if !is_there(sign) {
            bail!(
                "the package {package} is installed, but brought no {}: on Ubuntu it may be a snap's shell",
                sign.name()
            );
        }
    }
    Ok(())
}

impl Sign {
    fn name(&self) -> &'static str {
        match self {
            Self::Program(name) | Self::File(name) | Self::Python(name) => name,
        }
    }
}

fn is_there(sign: &Sign) -> bool {
    match sign {
        Sign::Program(name) => on_path(name).is_some(),
        Sign::File(path) => Path::new(path).exists(),
        Sign::Python(module) => {
            let asked = std::process::Command::new("python3").args(["-c", &format!("import {module}")]).output();
            asked.is_ok_and(|asked| asked.status.success())
        }
    }
}

/// A program on the PATH.
pub(crate) fn on_path(name: &str) -> Option<PathBuf> {
    #[allow(clippy::disallowed_methods, reason = "the shell's own list of programs, it is no setting")]
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

pub(crate) fn is_root() -> anyhow::Result<bool> {
    let id = std::process::Command::new("id").arg("-u").output().context("cannot run `id -u`")?;
    Ok(id.stdout.trim_ascii() == b"0")
}

/// nats-server in the newest version that the tests were written against, unless one is there that is new enough.
fn nats(bin: &Path) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        if engines::find_nats(&Source::from_env(), bin).await?.is_none() {
            says("fetching nats-server");
            engines::fetch_nats(bin).await?;
        }
        anyhow::Ok(())
    })
}

/// Installs only the JavaScript tools.
pub(crate) fn tools(root: &Path) -> anyhow::Result<()> {
    node_packages(root, &TOOLS)
}

/// Installs only what measures the page.
pub(crate) fn lighthouse(root: &Path) -> anyhow::Result<()> {
    system_packages(PACKAGES)?;
    node_packages(root, &LIGHTHOUSE)
}

/// Installs them just as their lock file says.
fn node_packages(root: &Path, packages: &NodePackages) -> anyhow::Result<()> {
    let NodePackages { what, folder, place } = packages;
    let (wanted, installed) = (root.join(folder), root.join(FETCHED).join(place));
    let same = |name: &&&str| std::fs::read(wanted.join(name)).ok() == std::fs::read(installed.join(name)).ok();
    // npm writes its own record only when it has finished.
    let record = installed.join("node_modules/.package-lock.json");
    if record.exists() && NODE_FILES.iter().filter(same).count() == NODE_FILES.len() {
        return Ok(());
    }
    says(&format!("installing {what}"));
    std::fs::create_dir_all(&installed)?;
    // An earlier one's record would say that this is finished, though it was broken off.
    if record.exists() {
        std::fs::remove_file(&record)?;
    }
    for name in NODE_FILES {
        std::fs::copy(wanted.join(name), installed.join(name)).with_context(|| format!("cannot copy {name}"))?;
    }
    Command::new("npm").args(&["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).within(&installed).run()
}

/// Installs them just as their file says.
fn python_packages(root: &Path, packages: &PythonPackages) -> anyhow::Result<()> {
    let PythonPackages { what, file, place } = packages;
    let (wanted, installed) = (root.join(file), root.join(FETCHED).join(place));
    let record = installed.join(wanted.file_name().unwrap_or_default());
    // Written last: it says that all before it was finished.
    if record.exists() && std::fs::read(&wanted).ok() == std::fs::read(&record).ok() {
        return Ok(());
    }
    says(&format!("installing {what}"));
    let place = installed.to_string_lossy();
    Command::new("python3").args(&["-m", "venv", "--clear", &place]).run()?;
    let pip = installed.join("bin/pip");
    let options = ["install", "--quiet", "--disable-pip-version-check", "--no-deps", "--requirement"];
    Command::new(&pip.to_string_lossy()).args(&options).args(&[&wanted.to_string_lossy()]).run()?;
    std::fs::copy(&wanted, &record).with_context(|| format!("cannot write {}", record.display()))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_found_on_the_path_and_a_missing_one_is_not() {
        assert!(on_path("sh").is_some());
        assert!(on_path("no-such-program-anywhere").is_none());
    }

    #[test]
    fn every_python_package_has_one_version() {
        for (listed, names) in [
            (SERVERS, ["Radicale==", "Canaille=="]),
            (REMOTE_POLICY, ["fastapi==", "scikit-learn=="]),
            (OPERATIONS, ["kubernetes-validate==", "python-hcl2=="]),
        ] {
            let text = std::fs::read_to_string(crate::root().join(listed.file)).unwrap();
            let packages: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
            for name in names {
                assert!(packages.iter().any(|line| line.starts_with(name)), "{name} {packages:?}");
            }
            for line in packages {
                assert_eq!(line.split("==").count(), 2, "{line}: pin it");
            }
        }
    }

    #[test]
    fn every_rival_has_one_version_and_its_hashes() {
        let text = std::fs::read_to_string(crate::root().join(RIVALS.file)).unwrap();
        let (text, mut packages) = (text.replace("\\\n", ""), 0);
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            assert!(line.matches("==").count() == 1 && line.contains("--hash=sha256:"), "{line}: pin it");
            packages += 1;
        }
        assert_eq!(packages, 3);
    }

    #[test]
    fn the_lock_file_pins_what_the_package_file_asks_for() {
        let read = |folder: &str, name: &str| -> serde_json::Value {
            let text = std::fs::read_to_string(crate::root().join(folder).join(name)).unwrap();
            serde_json::from_str(&text).unwrap()
        };
        for NodePackages { folder, .. } in [TOOLS, LIGHTHOUSE] {
            let (asked, locked) = (read(folder, "package.json"), read(folder, "package-lock.json"));
            for (name, version) in asked["dependencies"].as_object().unwrap() {
                let entry = &locked["packages"][format!("node_modules/{name}")];
                assert_eq!(&entry["version"], version, "{name}: run npm install in {folder}");
                assert!(entry["integrity"].is_string(), "{name} has no hash");
            }
        }
        let asked = read(TOOLS.folder, "package.json");
        let asked = asked["dependencies"].as_object().unwrap();
        assert!(["typescript", "axe-core", "rollup", "esbuild"].iter().all(|name| asked.contains_key(*name)));
    }
}
