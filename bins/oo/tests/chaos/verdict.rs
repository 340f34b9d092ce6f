//! What must hold after all of it: nothing acknowledged is lost, nothing is given twice, and what was given up says why.

use crate::life::Life;
use crate::stage::Stage;
use jiff::SignedDuration;
use oo_contracts::Timestamp;
use oo_contracts::entry::Body;
use oo_contracts::signal::{Answer, Fact};
use oo_domain::local;
use oo_domain::profile::Profile;
use oo_domain::tip_life::State;
use oo_profile::verify::{Snapshot, Verifier};
use oo_runtime::Context;
use oo_runtime::logbook::{Numbered, open_entry};
use oo_subjects::Place;
use oo_subjects::streams::{self, MAX_DELIVER};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;
use tokio::time::Instant;

/// How long what waits may take to be settled when nothing fails any more: the longest pause before something is tried
/// again, and room.
const SETTLED_WITHIN: Duration = Duration::from_secs(60);

/// A reaction that is lost is begun again with each delivery, and by two nodes when a shard changes hands.
const WAKE_UPS_OF_ONE: usize = 2 * MAX_DELIVER as usize;

/// Two clocks of one machine are closer together than this, on the clock of somebody who lives fast.
const AHEAD: SignedDuration = SignedDuration::from_mins(10);

/// What was seen, and what of it must not be.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    told: usize,
    acknowledged: usize,
    entries: usize,
    tips: usize,
    pushed: usize,
    pushes: usize,
    dead: usize,
    /// Entries and tips dated by a clock that was ahead.
    ahead: (usize, usize),
    pub(crate) broken: Vec<String>,
}

/// Waits until all is settled, lets the profiles leave their snapshots, and compares everything with the logs.
pub(crate) async fn reach(stage: &mut Stage, lives: &[Life]) -> Verdict {
    let mut verdict = Verdict::default();
    let ctx = stage.house.context("verdict").await;
    verdict.settles(&ctx).await;
    for name in stage.names().into_iter().filter(|name| name.starts_with("profile")) {
        stage.stop(&name).await;
    }
    let verifier = Verifier::new(&ctx).unwrap();
    let people = ctx.people().await.unwrap();
    let mut compared = 0;
    for life in lives {
        let user = &life.user;
        let person = people.find(user).await.unwrap().unwrap();
        let read = ctx.logbook().read(&person, 0).await.unwrap();
        verdict.entries += read.entries.len();
        verdict.holds(read.unreadable.is_empty(), || format!("{user} has entries that cannot be read"));
        verdict.lost_nothing(life, &read.entries);
        let given = verdict.given_rightly(life, &read.entries);
        verdict.wakes_once(life, &read.entries);
        verdict.counts_ahead(stage, &ctx, &person.place, &read.entries).await;
        verdict.pushed_once(stage, life, &given);
        match verifier.verify(&person).await.unwrap().snapshot {
            Snapshot::Same(_) => compared += 1,
            // Redis was away when they left, or forgot: their log is replayed.
            Snapshot::None => {}
            other => verdict.broken.push(format!("the profile of {user} and its log: {other:?}")),
        }
    }
    verdict.holds(compared > 0, || "nobody left a snapshot to be compared with the log".into());
    verdict.gave_up_for_a_reason(&ctx).await;
    verdict
}

impl Verdict {
    fn holds(&mut self, so: bool, otherwise: impl FnOnce() -> String) {
        if !so {
            self.broken.push(otherwise());
        }
    }

    async fn settles(&mut self, ctx: &Context) {
        let until = Instant::now() + SETTLED_WITHIN;
        loop {
            // A stream that has no leader yet does not answer.
            let waiting = streams::waiting(ctx.bus.jetstream(), ctx.settings.log.shards).await;
            match &waiting {
                Ok(waiting) if waiting.entries == 0 => return,
                _ if Instant::now() < until => {}
                other => return self.broken.push(format!("not all is settled: {other:?}")),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Every acknowledged signal stands in the log, and none stands there twice.
    fn lost_nothing(&mut self, life: &Life, log: &[Numbered]) {
        let mut seen = BTreeMap::new();
        for numbered in log {
            if let Body::Signal { signal } = &numbered.entry.body {
                *seen.entry(&signal.id).or_insert(0) += 1;
            }
        }
        self.told += life.told.len();
        self.acknowledged += life.acknowledged.len();
        for id in life.acknowledged.iter().filter(|id| !seen.contains_key(id)) {
            self.broken.push(format!("{}: {id} was acknowledged and is not in the log", life.user));
        }
        for (id, _) in seen.iter().filter(|(_, times)| **times > 1) {
            self.broken.push(format!("{}: {id} is in the log twice", life.user));
        }
    }

    /// No tip came while another was live, and no day had more than the person wants.
    ///
    /// By the clock of whoever gave it, which the tip and its entry tell: a service whose clock is hours ahead believes
    /// that what it sees is over and that a new day has come, and nothing in the log could tell it otherwise. What was
    /// dated in a day counts for that day, whatever was dated before or after it.
    fn given_rightly(&mut self, life: &Life, log: &[Numbered]) -> BTreeSet<String> {
        let mut given = BTreeSet::new();
        let mut of_day = BTreeMap::new();
        let mut profile = Profile::new();
        for Numbered { seq, entry } in log {
            let Body::Tip { tip } = &entry.body else {
                profile.fold(*seq, entry);
                continue;
            };
            // The clock may be set right between the decision and the entry.
            let at = tip.decided_at.max(entry.at);
            let last = profile.lives().last();
            let is_second = last.is_some_and(|last| last.state == State::Live && at < last.not_after);
            self.holds(!is_second, || format!("{}: {} came while another tip was live", life.user, tip.id));
            let is_new = given.insert(tip.id.to_string());
            self.holds(is_new, || format!("{}: {} is in the log twice", life.user, tip.id));
            let (day, most) = (local::day(profile.zone(), at), profile.preferences().budget.get());
            let count = of_day.entry(day).or_insert(0);
            *count += 1;
            self.holds(*count <= most, || format!("{}: {} is tip {count} of {day}, of {most}", life.user, tip.id));
            profile.fold(*seq, entry);
        }
        self.tips += given.len();
        given
    }

    /// A wake-up that came is not asked for once more, and once more, as by a node that believes it is still to come.
    fn wakes_once(&mut self, life: &Life, log: &[Numbered]) {
        let mut came = BTreeMap::new();
        for numbered in log {
            if let Body::Moment { moment } = &numbered.entry.body {
                *came.entry(moment.due).or_insert(0) += 1;
            }
        }
        for (due, times) in came.iter().filter(|(_, times)| **times > WAKE_UPS_OF_ONE) {
            self.broken.push(format!("{}: the wake-up of {due} came {times} times", life.user));
        }
    }

    /// How much was dated later than nats-server took it: only a clock that is ahead does that.
    async fn counts_ahead(&mut self, stage: &Stage, ctx: &Context, place: &Place, log: &[Numbered]) {
        let stream = ctx.bus.jetstream().get_stream(place.shard.stream()).await.unwrap();
        for Numbered { seq, entry } in log {
            let taken = stream.get_raw_message(*seq).await.unwrap().time.unix_timestamp_nanos();
            let taken = stage.clock.person_at(Timestamp::from_nanosecond(taken).unwrap());
            if entry.at > taken + AHEAD {
                self.ahead.0 += 1;
                self.ahead.1 += usize::from(matches!(entry.body, Body::Tip { .. }));
            }
        }
    }

    /// Each push is about a tip of the log. A second one of the same tip replaces the first on the screen: they have one tag.
    fn pushed_once(&mut self, stage: &Stage, life: &Life, given: &BTreeSet<String>) {
        let mut tags = BTreeSet::new();
        for push in stage.sandbox.push().received(&life.subscription) {
            self.pushes += 1;
            let message: serde_json::Value = serde_json::from_slice(&push.plaintext).unwrap();
            let tag = message["notification"]["tag"].as_str().unwrap_or_default().to_owned();
            self.holds(given.contains(&tag), || format!("{}: a push about {tag}, which is no tip", life.user));
            tags.insert(tag);
        }
        self.pushed += tags.len();
    }

    /// What was given up was tried as often as anything is, or is an answer that its provider never took.
    async fn gave_up_for_a_reason(&mut self, ctx: &Context) {
        let people = ctx.people().await.unwrap();
        for letter in ctx.bus.dead_letters().await.unwrap() {
            self.dead += 1;
            let given = ctx.bus.given(&letter.stream, letter.stream_seq).await.unwrap();
            let entry = match given.as_ref().and_then(|given| Some((given, Place::parse(&given.subject)?))) {
                Some((given, (place, kind))) => {
                    let person = people.of_log(&place.log).await.unwrap().unwrap();
                    open_entry(&person, kind, &given.payload).ok()
                }
                None => None,
            };
            let is_answer = entry.is_some_and(|entry| {
                matches!(&entry.body, Body::Signal { signal }
                    if matches!(&signal.fact, Fact::Feedback { answer: Answer::Done | Answer::Undo, .. }))
            });
            let reason =
                if is_answer { "its provider did not take it" } else { "its node or the log was away each time" };
            println!(
                "  dead: {} {} of {}, {} deliveries: {reason}",
                letter.stream, letter.stream_seq, letter.consumer, letter.deliveries
            );
            let is_tried = is_answer || letter.deliveries >= MAX_DELIVER as u64;
            self.holds(is_tried, || format!("{} of {} was given up for no reason", letter.stream_seq, letter.stream));
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} of {} signals acknowledged, {} entries, {} tips, {} of them on a screen by {} pushes, {} dead letters; \
             clocks that were ahead dated {} entries, {} of them tips",
            self.acknowledged,
            self.told,
            self.entries,
            self.tips,
            self.pushed,
            self.pushes,
            self.dead,
            self.ahead.0,
            self.ahead.1
        )
    }
}
