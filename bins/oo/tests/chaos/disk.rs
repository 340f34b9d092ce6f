//! A disk of its own for what a server keeps: full to the last page, and with room again. A file system in memory, whose
//! size is all that changes.

use crate::stage::send;
use oo_runtime::engines::Server;
use oo_testkit::House;
use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// More than a run ever writes; what is not written takes no memory.
const ROOM: &str = "4g";
/// A file is written while its disk is made full, and then there was too little room for it: so often it is tried again.
const TRIES: usize = 20;

/// One for each server.
pub(crate) struct Disks {
    nats: Vec<Disk>,
    redis: Disk,
    /// How often Redis ended by itself: it does not go on without its append-only file.
    gave_up: usize,
}

struct Disk {
    at: PathBuf,
    is_full: bool,
}

/// Becomes this program once more, with an argument, where it may mount disks that nobody else sees and that go with it.
/// Comes back where the system allows that to nobody like us.
pub(crate) fn with_mounts_of_our_own(argument: &str) {
    let here = std::env::temp_dir();
    for rights in [&["--mount"][..], &["--user", "--map-root-user", "--mount"]] {
        let unshare = |program: OsString| {
            let mut command = Command::new("unshare");
            command.args(rights).arg("--").arg(program);
            command
        };
        let tried = unshare("mount".into()).args(["-t", "tmpfs", "tmpfs"]).arg(&here).output();
        if tried.is_ok_and(|tried| tried.status.success()) {
            let program = std::env::current_exe().unwrap();
            let failed = unshare(program.into()).args(std::env::args_os().skip(1)).arg(argument).exec();
            panic!("unshare ran a moment ago: {failed}");
        }
    }
}

/// Puts one below an empty folder.
pub(crate) fn mount(at: &Path) {
    let options = format!("size={ROOM},mode=700");
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(at).output().unwrap();
    assert!(mounted.status.success(), "{}", String::from_utf8_lossy(&mounted.stderr));
}

impl Disks {
    /// Those below the folders that servers will keep data in; Redis' is the last.
    pub(crate) fn below(folders: impl IntoIterator<Item = PathBuf>) -> Self {
        let mut nats: Vec<Disk> = folders.into_iter().map(|at| Disk { at, is_full: false }).collect();
        let redis = nats.pop().unwrap();
        Self { nats, redis, gave_up: 0 }
    }

    pub(crate) fn fill_nats(&mut self, n: usize) {
        self.nats[n].fill();
    }

    pub(crate) fn fill_redis(&mut self) {
        self.redis.fill();
    }

    /// As an operator does: nats-server takes nothing into a stream that it once could not write, until it is started again.
    pub(crate) async fn free_nats(&mut self, house: &mut House, n: usize) {
        if !self.nats[n].is_full {
            return;
        }
        self.nats[n].free();
        let server = &mut house.nats[n];
        if let Some(pid) = server.pid() {
            send("-CONT", pid).await;
        }
        server.stop().await;
        server.start().await.unwrap();
    }

    /// As an operator does: Redis is started again where it has ended.
    pub(crate) async fn free_redis(&mut self, house: &mut House) {
        if !self.redis.is_full {
            return;
        }
        let was_started = house.redis.pid().is_some();
        let answers = house.ask_redis(&["PING"]).await.is_some();
        self.redis.free();
        if !answers {
            self.gave_up += usize::from(was_started);
            house.redis.kill().await;
            house.redis.start().await.unwrap();
        }
    }

    pub(crate) async fn free_all(&mut self, house: &mut House) {
        for n in 0..self.nats.len() {
            self.free_nats(house, n).await;
        }
        self.free_redis(house).await;
    }

    /// Starts a server that may have its disk full: what does not come up then is started by whoever frees it.
    pub(crate) async fn start_nats(&self, house: &mut House, n: usize) {
        start(&mut house.nats[n], self.nats[n].is_full).await;
    }

    pub(crate) async fn start_redis(&self, house: &mut House) {
        start(&mut house.redis, self.redis.is_full).await;
    }

    /// What the servers said of it.
    pub(crate) fn told(&self, house: &House) -> String {
        let refused = (0..self.nats.len()).map(|n| {
            let log = std::fs::read_to_string(house.dir().join(format!("nats-{n}/nats.log"))).unwrap();
            log.matches("no space left on device").count()
        });
        let refused: usize = refused.sum();
        format!("disks: {refused} times nats-server had no space, {} times Redis gave up", self.gave_up)
    }
}

async fn start(server: &mut Server, is_full: bool) {
    if let Err(error) = server.start().await {
        assert!(is_full, "{error:#}");
        println!("  {error:#}");
        server.kill().await;
    }
}

impl Disk {
    /// Nothing more can be written.
    fn fill(&mut self) {
        self.is_full = (0..TRIES).any(|_| self.resize(&format!("{}", used(&self.at))));
        assert!(self.is_full, "{} cannot be made full", self.at.display());
    }

    /// As somebody does who frees space.
    fn free(&mut self) {
        assert!(self.resize(ROOM), "{} cannot be given room", self.at.display());
        self.is_full = false;
    }

    fn resize(&self, size: &str) -> bool {
        let options = format!("remount,size={size}");
        Command::new("mount").args(["-o", &options]).arg(&self.at).output().unwrap().status.success()
    }
}

impl Drop for Disk {
    /// Before the folder is removed that it is below.
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.at).status();
    }
}

fn used(at: &Path) -> u64 {
    let told = Command::new("df").args(["--block-size=1", "--output=used"]).arg(at).output().unwrap();
    let told = String::from_utf8(told.stdout).unwrap();
    told.lines().nth(1).unwrap().trim().parse().unwrap()
}
