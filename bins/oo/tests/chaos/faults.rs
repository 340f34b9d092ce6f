//! What goes wrong, and when: a schedule from a seed, and how each fault is made.

use crate::chance::Chance;
use crate::stage::{Stage, send};
use oo_sandbox::{Fault, FaultKind};
use oo_testkit::wire::State;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// Between two faults.
const APART_MILLIS: (u64, u64) = (300, 1_500);

/// How far a clock jumps.
const JUMP_SECONDS: (u64, u64) = (20 * 60, 4 * 60 * 60);

/// Something that goes wrong.
#[derive(Debug, Clone)]
pub(crate) enum Trouble {
    Kill(String),
    /// Told to end, as for an update.
    Stop(String),
    /// Not scheduled for a while, and then it goes on as if nothing had been.
    Pause(String),
    Resume(String),
    Restart(String),
    /// Its way to one nats-server, or to all, as the following. Who is cut off from one of several goes to another.
    Cut(String, Option<usize>),
    Hold(String, Option<usize>),
    Mend(String, Option<usize>),
    /// One of the servers, as the following.
    KillNats(usize),
    StartNats(usize),
    PauseNats(usize),
    ResumeNats(usize),
    KillRedis,
    StartRedis,
    /// The disk of one of the servers is full.
    FillNats(usize),
    FreeNats(usize),
    FillRedis,
    FreeRedis,
    /// A service's wall clock is so many seconds off.
    Jump(String, i64),
    SetRight(String),
    /// Redis forgets all snapshots.
    ForgetSnapshots,
    Push(FaultKind),
    Provider(FaultKind),
}

impl Trouble {
    fn is_of_a_disk(&self) -> bool {
        matches!(self, Self::FillNats(_) | Self::FreeNats(_) | Self::FillRedis | Self::FreeRedis)
    }
}

/// When what goes wrong, in order. What is taken away comes back.
pub(crate) fn schedule(mut chance: Chance, during: Duration, stage: &Stage) -> Vec<(Duration, Trouble)> {
    let (names, servers) = (stage.names(), stage.house.nats.len() as u64);
    let mut all = Vec::new();
    let mut at = Duration::from_secs(2);
    while at < during {
        let name = chance.one_of(&names).clone();
        let profile = format!("profile-{}", chance.between(1, 4));
        let server = chance.between(0, servers) as usize;
        let later = |chance: &mut Chance, from, to| at + Duration::from_millis(chance.between(from, to));
        let way = (chance.between(0, 3) == 0).then_some(server);
        match chance.between(0, 29) {
            0..6 => {
                all.push((at, Trouble::Kill(name.clone())));
                all.push((later(&mut chance, 100, 4_000), Trouble::Restart(name)));
            }
            6..8 => {
                all.push((at, Trouble::Stop(name.clone())));
                all.push((later(&mut chance, 100, 2_000), Trouble::Restart(name)));
            }
            // Longer than a pin holds: another takes over, and then there are two.
            8..11 => {
                all.push((at, Trouble::Pause(profile.clone())));
                all.push((later(&mut chance, 1_000, 9_000), Trouble::Resume(profile)));
            }
            11..13 => {
                all.push((at, Trouble::Pause(name.clone())));
                all.push((later(&mut chance, 500, 6_000), Trouble::Resume(name)));
            }
            13 => {
                all.push((at, Trouble::KillNats(server)));
                all.push((later(&mut chance, 100, 3_000), Trouble::StartNats(server)));
            }
            14 => {
                all.push((at, Trouble::PauseNats(server)));
                all.push((later(&mut chance, 200, 4_000), Trouble::ResumeNats(server)));
            }
            15 => {
                all.push((at, Trouble::KillRedis));
                all.push((later(&mut chance, 100, 3_000), Trouble::StartRedis));
            }
            16 => all.push((at, Trouble::ForgetSnapshots)),
            17..19 => all.push((at, Trouble::Push(fault(&mut chance)))),
            19 => all.push((at, Trouble::Provider(fault(&mut chance)))),
            20..22 => {
                all.push((at, Trouble::Cut(name.clone(), way)));
                all.push((later(&mut chance, 500, 6_000), Trouble::Mend(name, way)));
            }
            // Longer than a pin holds: who goes on knowing nothing of it must not harm the one who took over.
            22..24 => {
                all.push((at, Trouble::Hold(name.clone(), way)));
                all.push((later(&mut chance, 500, 9_000), Trouble::Mend(name, way)));
            }
            24 => {
                all.push((at, Trouble::FillNats(server)));
                all.push((later(&mut chance, 500, 4_000), Trouble::FreeNats(server)));
            }
            25 => {
                all.push((at, Trouble::FillRedis));
                all.push((later(&mut chance, 500, 4_000), Trouble::FreeRedis));
            }
            _ => {
                // Those that decide by it, as often as all others.
                let name = if chance.between(0, 2) == 0 { profile } else { name };
                let off = jump(&mut chance, &name, stage.clock.speed());
                all.push((at, Trouble::Jump(name.clone(), off)));
                all.push((later(&mut chance, 1_000, 9_000), Trouble::SetRight(name)));
            }
        }
        at = later(&mut chance, APART_MILLIS.0, APART_MILLIS.1);
    }
    // Left out, they change nothing else: a seed makes the same everywhere.
    all.retain(|(_, trouble)| stage.disks.is_some() || !trouble.is_of_a_disk());
    all.sort_by_key(|(at, _)| *at);
    all
}

/// Minutes to hours, ahead or behind: of the person's time where the service dates what happens to people, of the wall's
/// where it looks after sessions, tokens and signatures.
fn jump(chance: &mut Chance, name: &str, speed: f64) -> i64 {
    let of_people = ["events", "profile", "recommender"].iter().any(|service| name.starts_with(service));
    let seconds = chance.between(JUMP_SECONDS.0, JUMP_SECONDS.1) as f64 / if of_people { speed } else { 1.0 };
    let seconds = seconds.ceil() as i64;
    if chance.between(0, 2) == 0 { seconds } else { -seconds }
}

fn fault(chance: &mut Chance) -> FaultKind {
    let kinds = [
        FaultKind::Error500,
        FaultKind::TooMany429 { retry_after_secs: 1 },
        FaultKind::CloseMidway,
        FaultKind::LoseAnswer,
        FaultKind::Hang,
        FaultKind::Slow(Duration::from_secs(2)),
    ];
    chance.one_of(&kinds).clone()
}

/// Lets it all happen, each at its time or as soon after as the one before allows. Gives how often each kind did.
pub(crate) async fn happen(stage: &mut Stage, schedule: Vec<(Duration, Trouble)>) -> BTreeMap<String, usize> {
    let began = Instant::now();
    let mut made = BTreeMap::new();
    for (at, trouble) in schedule {
        tokio::time::sleep_until(began + at).await;
        println!("  {:6.1} s  {trouble:?}", at.as_secs_f64());
        let kind = format!("{trouble:?}").chars().take_while(char::is_ascii_alphanumeric).collect();
        *made.entry(kind).or_default() += 1;
        make(stage, trouble).await;
    }
    made
}

async fn make(stage: &mut Stage, trouble: Trouble) {
    match trouble {
        Trouble::Kill(name) => stage.kill(&name).await,
        Trouble::Stop(name) => {
            // One that is paused hears nothing.
            stage.signal(&name, "-CONT").await;
            stage.stop(&name).await;
        }
        Trouble::Pause(name) => stage.signal(&name, "-STOP").await,
        Trouble::Resume(name) => stage.signal(&name, "-CONT").await,
        Trouble::Restart(name) => stage.restart(&name),
        Trouble::Cut(name, server) => stage.wire(&name, server, State::Cut),
        Trouble::Hold(name, server) => stage.wire(&name, server, State::Held),
        Trouble::Mend(name, server) => stage.wire(&name, server, State::Open),
        Trouble::KillNats(n) => stage.house.nats[n].kill().await,
        Trouble::StartNats(n) => stage.start_nats(n).await,
        Trouble::KillRedis => stage.house.redis.kill().await,
        Trouble::StartRedis => stage.start_redis().await,
        Trouble::FillNats(_) | Trouble::FreeNats(_) | Trouble::FillRedis | Trouble::FreeRedis => {
            let Some(disks) = &mut stage.disks else { return };
            match trouble {
                Trouble::FillNats(n) => disks.fill_nats(n),
                Trouble::FreeNats(n) => disks.free_nats(&mut stage.house, n).await,
                Trouble::FillRedis => disks.fill_redis(),
                _ => disks.free_redis(&mut stage.house).await,
            }
        }
        Trouble::Jump(name, seconds) => stage.clocks.set(&name, seconds),
        Trouble::SetRight(name) => stage.clocks.set(&name, 0),
        Trouble::PauseNats(n) | Trouble::ResumeNats(n) => {
            let signal = if matches!(trouble, Trouble::PauseNats(_)) { "-STOP" } else { "-CONT" };
            if let Some(pid) = stage.house.nats[n].pid() {
                send(signal, pid).await;
            }
        }
        Trouble::ForgetSnapshots => {
            let script = "for _, k in ipairs(redis.call('KEYS', 'oo:snapshot:*')) do redis.call('DEL', k) end";
            let _ = stage.house.ask_redis(&["EVAL", script, "0"]).await;
        }
        Trouble::Push(kind) => stage.sandbox.push().fault(Fault::next(2, "", kind)),
        Trouble::Provider(kind) => stage.sandbox.todoist().fault(Fault::next(2, "/api/v1", kind)),
    }
}
