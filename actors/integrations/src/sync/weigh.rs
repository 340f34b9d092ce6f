//! What of a batch is news to the log. Pure: the same batch against the same knowledge gives the same signals with the
//! same ids, so that a sync that breaks off can simply be done again.

use crate::connector::{Batch, Change, Keeps, News};
use crate::sync_store::KnownChange;
use crate::vault::Linked;
use oo_contracts::signal::{Fact, Signal};
use oo_contracts::{Ref, SignalId, Timestamp};
use oo_runtime::random;
use sha2::{Digest as _, Sha256};
use std::collections::{HashMap, HashSet};

/// Signals to say, and what is known once they are said.
#[derive(Debug)]
pub(super) struct Weighed {
    pub(super) signals: Vec<Signal>,
    pub(super) known: KnownChange,
    pub(super) cursor: String,
}

/// Weighs a batch against what the log knows: by object, a digest of its facts.
pub(super) fn weigh(
    linked: &Linked,
    keeps: Keeps,
    batch: Batch,
    known: &HashMap<String, String>,
    from: Option<&str>,
    now: Timestamp,
) -> Weighed {
    let Batch { changes, whole, cursor } = batch;
    let mut signals = Vec::new();
    let mut after: HashMap<String, Option<String>> = HashMap::new();
    let mut seen = HashSet::new();
    let mut tell = |reference: &Ref, version: &str, digest: &str, fact: Fact| {
        // Where the provider gives no version, the place in its history stands in.
        let version = if version.is_empty() { from.unwrap_or_default() } else { version };
        let parts = [linked.provider.slug(), linked.id.as_str(), reference.item.as_str(), version, digest];
        signals.push(Signal { id: signal_id(&parts), user: linked.user.clone(), at: now, fact });
    };
    for Change { reference, version, news } in changes {
        let item = reference.item.as_str().to_owned();
        let before = after.get(&item).cloned().unwrap_or_else(|| known.get(&item).cloned());
        let (digest, fact) = match news {
            News::Task(task) => {
                let digest = digest(&task);
                let is_new = before.is_none();
                (Some(digest), if is_new { Fact::TaskAdded { task } } else { Fact::TaskChanged { task } })
            }
            News::Event(event) => (Some(digest(&event)), Fact::EventUpserted { event }),
            News::Done => (None, Fact::TaskCompleted { task: reference.clone() }),
            News::Gone => (None, gone(keeps, reference.clone())),
        };
        seen.insert(item.clone());
        if before == digest {
            // Only its words changed, or it was never known: nothing that a decision needs.
            continue;
        }
        tell(&reference, &version, digest.as_deref().unwrap_or("over"), fact);
        after.insert(item, digest);
    }
    if whole {
        let mut missing: Vec<_> = known.keys().filter(|item| !seen.contains(*item)).collect();
        missing.sort_unstable();
        for item in missing {
            let Ok(id) = item.parse() else { continue };
            let reference = Ref { account: linked.id.clone(), item: id };
            tell(&reference, "", "missing", gone(keeps, reference.clone()));
            after.insert(item.clone(), None);
        }
    }
    let mut change = KnownChange::default();
    for (item, digest) in after {
        match digest {
            Some(digest) => change.now.push((item, digest)),
            None => change.gone.push(item),
        }
    }
    Weighed { signals, known: change, cursor }
}

/// A signal's id from what it is about: the same thing is the same signal, whoever brings it and however often.
pub(super) fn signal_id(parts: &[&str]) -> SignalId {
    let mut hash = Sha256::new();
    for part in parts {
        // With its length, so that no two lists of parts run together.
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    #[allow(clippy::expect_used, reason = "64 hexadecimal digits are within the limits of an id")]
    random::hex(&hash.finalize()).parse().expect("64 hexadecimal digits are an id")
}

fn gone(keeps: Keeps, reference: Ref) -> Fact {
    if keeps.is_task(&reference.item) {
        Fact::TaskRemoved { task: reference }
    } else {
        Fact::EventRemoved { event: reference }
    }
}

fn digest(facts: &impl serde::Serialize) -> String {
    random::hex(&Sha256::digest(serde_json::to_vec(facts).unwrap_or_default())[..12])
}

#[cfg(test)]
mod tests {
    use super::*;
    use oo_contracts::Provider;
    use oo_contracts::signal::{Priority, Task};
    use oo_contracts::wire::AccountStatus;

    fn linked() -> Linked {
        let (id, user) = ("a1".parse().unwrap(), "ada".parse().unwrap());
        let log = "abcdefghijklmnop".parse().unwrap();
        Linked { id, log, user, provider: Provider::Todoist, status: AccountStatus::Active }
    }

    fn reference(item: &str) -> Ref {
        Ref { account: "a1".parse().unwrap(), item: item.parse().unwrap() }
    }

    fn task(item: &str, priority: i64, version: &str) -> Change {
        let task = Task {
            reference: reference(item),
            due: None,
            priority: Priority::saturating(priority),
            minutes: None,
            recurring: false,
            added_at: None,
        };
        Change { reference: reference(item), version: version.into(), news: News::Task(task) }
    }

    fn over(item: &str, news: News, version: &str) -> Change {
        Change { reference: reference(item), version: version.into(), news }
    }

    /// What the log knows, and a way to weigh against it.
    #[derive(Default)]
    struct Log(HashMap<String, String>);

    impl Log {
        fn weigh(&self, changes: Vec<Change>, whole: bool) -> Weighed {
            let batch = Batch { changes, whole, cursor: "next".into() };
            weigh(&linked(), Keeps::Tasks, batch, &self.0, Some("now"), Timestamp::UNIX_EPOCH)
        }

        /// Weighs, and keeps what is known then; the kinds of the signals.
        fn take(&mut self, changes: Vec<Change>, whole: bool) -> Vec<&'static str> {
            let weighed = self.weigh(changes, whole);
            self.0.extend(weighed.known.now);
            for item in weighed.known.gone {
                self.0.remove(&item);
            }
            weighed.signals.iter().map(|signal| kind(&signal.fact)).collect()
        }
    }

    fn kind(fact: &Fact) -> &'static str {
        match fact {
            Fact::TaskAdded { .. } => "added",
            Fact::TaskChanged { .. } => "changed",
            Fact::TaskCompleted { .. } => "completed",
            Fact::TaskRemoved { .. } => "removed",
            _ => "other",
        }
    }

    #[test]
    fn a_tasks_life_is_told_step_by_step() {
        let mut log = Log::default();
        assert_eq!(log.take(vec![task("t", 1, "v1")], true), ["added"]);
        assert_eq!(log.take(vec![task("t", 4, "v2")], false), ["changed"]);
        assert_eq!(log.take(vec![task("t", 4, "v3")], false), [""; 0], "only its words changed");
        assert_eq!(log.take(vec![over("t", News::Done, "v4")], false), ["completed"]);
        assert_eq!(log.take(vec![over("t", News::Done, "v4")], false), [""; 0]);
        assert_eq!(log.take(vec![task("t", 4, "v5")], false), ["added"], "it was opened again");
        assert_eq!(log.take(vec![over("t", News::Gone, "v6")], false), ["removed"]);
    }

    #[test]
    fn a_whole_batch_tells_what_is_missing_and_repeats_nothing() {
        let mut log = Log::default();
        assert_eq!(log.take(vec![task("a", 1, "v1"), task("b", 1, "v1")], true), ["added", "added"]);
        assert_eq!(log.take(vec![task("a", 1, "v1"), task("b", 1, "v1")], true), [""; 0]);
        assert_eq!(log.take(vec![task("b", 2, "v2")], true), ["changed", "removed"]);
        assert_eq!(log.take(vec![], false), [""; 0]);
    }

    #[test]
    fn of_an_account_with_both_what_is_missing_is_told_by_its_name() {
        let known = HashMap::from([("t.1".to_owned(), "d".to_owned()), ("e.1".to_owned(), "d".to_owned())]);
        let batch = Batch { changes: vec![over("e.1", News::Gone, "v")], whole: true, cursor: String::new() };
        let signals = weigh(&linked(), Keeps::Both, batch, &known, None, Timestamp::UNIX_EPOCH).signals;
        assert!(matches!(&signals[0].fact, Fact::EventRemoved { event } if event.item.as_str() == "e.1"));
        assert!(matches!(&signals[1].fact, Fact::TaskRemoved { task } if task.item.as_str() == "t.1"));
    }

    #[test]
    fn done_again_it_has_the_same_ids() {
        let mut log = Log::default();
        log.take(vec![task("gone", 1, "v1")], true);
        let ids = || -> Vec<SignalId> {
            let weighed = log.weigh(vec![task("a", 1, "v1"), task("b", 3, "")], true);
            weighed.signals.into_iter().map(|signal| signal.id).collect()
        };
        assert_eq!(ids(), ids());
        assert_eq!(ids().len(), 3);
    }

    #[test]
    fn there_and_back_are_two_signals() {
        let log = Log(HashMap::from([("t".into(), "other".into())]));
        let first = log.weigh(vec![task("t", 1, "v1")], false).signals;
        let again = log.weigh(vec![task("t", 1, "v3")], false).signals;
        assert_ne!(first[0].id, again[0].id);
    }

    #[test]
    fn an_object_twice_in_a_batch_is_told_once() {
        let mut log = Log::default();
        assert_eq!(log.take(vec![task("t", 1, "v1"), task("t", 1, "v1")], true), ["added"]);
        assert_eq!(log.take(vec![task("t", 2, "v2"), over("t", News::Gone, "v3")], false), ["changed", "removed"]);
        assert!(log.0.is_empty());
    }

    /// What a provider's object is at a moment.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    enum Is {
        Open(i64),
        Done,
        Gone,
    }

    /// A provider that keeps its history: from any cursor it tells of each object as it stands now.
    #[derive(Default)]
    struct Scripted(Vec<(usize, Is)>);

    impl Scripted {
        fn since(&self, cursor: Option<usize>) -> Batch {
            let mut latest: std::collections::BTreeMap<usize, (usize, Is)> = std::collections::BTreeMap::new();
            latest.extend(self.0.iter().enumerate().map(|(at, &(item, is))| (item, (at, is))));
            let news = latest.into_iter().filter(|(_, (at, _))| cursor.is_none_or(|cursor| *at >= cursor));
            let change = |(item, (at, is)): (usize, (usize, Is))| {
                let (name, version) = (format!("t{item}"), at.to_string());
                match is {
                    Is::Open(priority) => Some(task(&name, priority, &version)),
                    // A listing of everything has only what is there.
                    _ if cursor.is_none() => None,
                    Is::Done => Some(over(&name, News::Done, &version)),
                    Is::Gone => Some(over(&name, News::Gone, &version)),
                }
            };
            let changes = news.filter_map(change).collect();
            Batch { changes, whole: cursor.is_none(), cursor: self.0.len().to_string() }
        }
    }

    /// One of ours that keeps up: what it knows, where it stands, and what the log took.
    #[derive(Default)]
    struct Keeper {
        cursor: Option<String>,
        known: HashMap<String, String>,
        log: Vec<Signal>,
    }

    impl Keeper {
        /// Reads on. A reader that breaks off has said all, and not kept where it was.
        fn read(&mut self, from: &Scripted, breaks_off: bool) {
            let batch = from.since(self.cursor.as_ref().map(|cursor| cursor.parse().unwrap()));
            let cursor = self.cursor.as_deref();
            let weighed = weigh(&linked(), Keeps::Tasks, batch, &self.known, cursor, Timestamp::UNIX_EPOCH);
            for signal in weighed.signals {
                // As `events` does: each id once.
                if self.log.iter().all(|known| known.id != signal.id) {
                    self.log.push(signal);
                }
            }
            if !breaks_off {
                self.known.extend(weighed.known.now);
                weighed.known.gone.iter().for_each(|item| drop(self.known.remove(item)));
                self.cursor = Some(weighed.cursor);
            }
        }

        /// What a fold of the log comes to: what is open, by what was last said of it.
        fn folded(&self) -> std::collections::BTreeMap<String, Option<Task>> {
            let mut all = std::collections::BTreeMap::new();
            for signal in &self.log {
                match &signal.fact {
                    Fact::TaskAdded { task } | Fact::TaskChanged { task } => {
                        all.insert(task.reference.item.to_string(), Some(task.clone()));
                    }
                    Fact::TaskCompleted { task } | Fact::TaskRemoved { task } => {
                        all.insert(task.item.to_string(), None);
                    }
                    _ => {}
                }
            }
            all.retain(|_, task| task.is_some());
            all
        }
    }

    proptest::proptest! {
        /// S20: told of each change twice, late or by a reader that broke off, the log is the very same; told of some not at
        /// all until the next poll, it comes to the same.
        #[test]
        fn a_missed_a_doubled_and_a_late_notification_yield_the_same_log(
            script in proptest::collection::vec((0..4_usize, 0..6_i64, 0..4_usize, proptest::bool::ANY), 1..40),
        ) {
            let mut provider = Scripted::default();
            let (mut each, mut odd, mut rare) = (Keeper::default(), Keeper::default(), Keeper::default());
            for (item, is, doubled, missed) in script {
                let is = match is {
                    0 => Is::Done,
                    1 => Is::Gone,
                    priority => Is::Open(priority - 1),
                };
                provider.0.push((item, is));
                each.read(&provider, false);
                // Doubled and late notifications are nothing but more looks, of which some break off.
                for look in 0..doubled {
                    odd.read(&provider, look % 2 == 0);
                }
                odd.read(&provider, false);
                if !missed {
                    rare.read(&provider, false);
                }
            }
            // The poll that comes anyway.
            rare.read(&provider, false);
            proptest::prop_assert_eq!(&odd.log, &each.log);
            proptest::prop_assert_eq!(rare.folded(), each.folded());
        }
    }

    #[test]
    fn parts_of_an_id_do_not_run_together() {
        assert_ne!(signal_id(&["ab", "c"]), signal_id(&["a", "bc"]));
    }
}
