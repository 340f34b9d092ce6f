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
        Linked { id, user, provider: Provider::Todoist, status: AccountStatus::Active }
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

    #[test]
    fn parts_of_an_id_do_not_run_together() {
        assert_ne!(signal_id(&["ab", "c"]), signal_id(&["a", "bc"]));
    }
}
