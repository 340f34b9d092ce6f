//! Who may do what on the wires: one table, from which nats-server's permissions are written.
//!
//! Every service is a user of its own. What it may say and hear follows from [`WIRES`]; what it may do with streams and
//! buckets is in `KEPT`. Whatever is not named is forbidden. Answers come to an inbox that only the asker hears, and who was
//! asked may answer once. docs/adr/0014 says why, and what this does not hold off.

use crate::shard::Shard;
use crate::streams::{CHECKPOINTS, DEAD, DECISIONS, MODELS, PEOPLE, PUSHES, TIPS};
use crate::{WIRES, Wire};
use std::fmt::Write as _;

/// The services.
pub const SERVICES: [&str; 8] =
    ["gateway", "auth", "integrations", "events", "profile", "recommender", "notifier", "trainer"];

/// The user of `oo` and its tools, for whoever owns the machine. It may do everything.
pub const OPERATOR: &str = "operator";

/// How long an answer may take: longer than anybody waits for one.
const ANSWER_WITHIN: &str = "2m";

/// Stands for the streams of all shards.
const LOGS: &str = "the logs";

/// What may be done with a stream, or with a bucket and its keys.
enum May {
    /// Make it, where it is missing.
    Make,
    /// See how it is made, and what it holds of which subject.
    Look,
    /// Read the last message of an exact subject.
    Get,
    /// Read whatever is in it.
    Read,
    /// Pull the durable consumer that bears the service's name, and settle what came.
    Pull,
    /// Let go of that consumer, so that another of the service is given what comes.
    Release,
    /// See how far the durable consumer of another service is.
    Count(&'static str),
    /// Hear of all changes of these keys.
    Follow(&'static str),
    /// Write these keys.
    Put(&'static [&'static str]),
    /// Remove all messages of a subject.
    Purge,
    /// Remove one message and overwrite its bytes.
    Erase,
}
use May::{Count, Erase, Follow, Get, Look, Make, Pull, Purge, Put, Read, Release};

/// Who leaves for good is heard by everybody who knows people.
const LEAVING: May = Follow("leaving.*");

/// What each service may do with what is kept. To append to a stream is a wire.
const KEPT: &[(&str, &str, &[May])] = &[
    ("events", LOGS, &[Make, Look, Read, Purge, Count("profile")]),
    ("events", TIPS, &[Make, Look, Read, Purge]),
    ("events", DECISIONS, &[Make, Look, Read, Purge]),
    ("events", CHECKPOINTS, &[Make, Look, Get, Purge]),
    ("events", PUSHES, &[Make, Look, Purge]),
    ("events", DEAD, &[Make, Look, Read, Erase]),
    ("events", PEOPLE, &[Make, Look, Get, LEAVING, Put(&["leaving.*", "gone.*"]), Erase]),
    ("events", MODELS, &[Make, Look]),
    ("profile", LOGS, &[Look, Read, Pull, Release, Purge]),
    ("profile", DECISIONS, &[Look, Read, Purge]),
    ("profile", CHECKPOINTS, &[Look, Get]),
    ("profile", PEOPLE, &[Look, Get, LEAVING]),
    ("auth", PEOPLE, &[Look, Get, LEAVING, Put(&["names", "log.*", "user.*"]), Erase]),
    ("integrations", PEOPLE, &[Look, Get, LEAVING]),
    ("notifier", PEOPLE, &[Look, Get, LEAVING]),
    ("notifier", TIPS, &[Look, Pull]),
    ("notifier", PUSHES, &[Get]),
    ("trainer", PEOPLE, &[Look, Get, LEAVING]),
    ("trainer", DECISIONS, &[Look, Pull]),
    ("trainer", MODELS, &[Look, Get, Put(&[">"])]),
    ("recommender", MODELS, &[Look, Get, Follow("*.lineup")]),
    // It says for how many shards the logs were made.
    ("profile", DEAD, &[Look]),
    ("auth", DEAD, &[Look]),
    ("integrations", DEAD, &[Look]),
    ("notifier", DEAD, &[Look]),
    ("trainer", DEAD, &[Look]),
];

/// The subjects that a user may publish and subscribe to. A subscription to `subject queue` is one in that queue group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rights {
    pub publish: Vec<String>,
    pub subscribe: Vec<String>,
}

/// What a user may do, with so many shards.
pub fn rights(user: &str, shards: u16) -> Rights {
    if user == OPERATOR {
        return Rights { publish: vec![">".into()], subscribe: vec![">".into()] };
    }
    // The account is asked whether the server answers.
    let mut publish = vec!["$JS.API.INFO".to_owned()];
    publish.extend(WIRES.iter().filter(|wire| wire.publishers.contains(&user)).map(|wire| pattern(wire.address)));
    let mut subscribe = vec![format!("{}.>", inbox(user))];
    subscribe.extend(WIRES.iter().filter(|wire| wire.subscribers.contains(&user)).filter_map(heard));
    for (_, kept, may) in KEPT.iter().filter(|(service, ..)| *service == user) {
        for stream in streams(kept, shards) {
            publish.extend(may.iter().flat_map(|may| may.subjects(user, &stream)));
        }
    }
    Rights { publish, subscribe }
}

/// Where the answers to a user come.
pub fn inbox(user: &str) -> String {
    format!("_INBOX_{user}")
}

/// The users, for nats-server's configuration: each by the public key that `key_of` says.
pub fn authorization(shards: u16, key_of: impl Fn(&str) -> String) -> String {
    let mut text = "authorization {\n  users: [\n".to_owned();
    for user in SERVICES.into_iter().chain([OPERATOR]) {
        let Rights { publish, subscribe } = rights(user, shards);
        let _ = write!(
            text,
            "    # {user}\n    {{\n      nkey: {key}\n      permissions: {{\n        publish: {{ allow: {publish:?} }}\n        \
             subscribe: {{ allow: {subscribe:?} }}\n        allow_responses: {{ max: 1, expires: {ANSWER_WITHIN:?} }}\n      \
             }}\n    }}\n",
            key = key_of(user),
        );
    }
    text + "  ]\n}\n"
}

impl May {
    /// What has to be published for it.
    fn subjects(&self, service: &str, stream: &str) -> Vec<String> {
        let api = |what: &str| format!("$JS.API.{what}.{stream}");
        let bucket = stream.strip_prefix("KV_").unwrap_or(stream);
        match self {
            Make => vec![api("STREAM.CREATE")],
            Look => vec![api("STREAM.INFO")],
            Get => vec![api("DIRECT.GET") + ".>"],
            Read => vec![api("DIRECT.GET"), api("DIRECT.GET") + ".>"],
            Pull => {
                let consumer = |what: &str| format!("$JS.API.CONSUMER.{what}.{stream}.{service}");
                let create = consumer("CREATE");
                let settle = [format!("$JS.ACK.{stream}.{service}.>"), format!("$JS.ACK.*.*.{stream}.{service}.>")];
                [vec![consumer("INFO"), format!("{create}.>"), create, consumer("MSG.NEXT")], settle.into()].concat()
            }
            Release => vec![format!("$JS.API.CONSUMER.UNPIN.{stream}.{service}")],
            Count(whose) => vec![format!("$JS.API.CONSUMER.INFO.{stream}.{whose}")],
            Follow(keys) => vec![
                format!("$JS.API.CONSUMER.CREATE.{stream}.*.$KV.{bucket}.{keys}"),
                format!("$JS.API.CONSUMER.DELETE.{stream}.*"),
                format!("$JS.FC.{stream}.>"),
                format!("$JS.FC.*.*.{stream}.>"),
            ],
            Put(keys) => keys.iter().map(|key| format!("$KV.{bucket}.{key}")).collect(),
            Purge => vec![api("STREAM.PURGE")],
            Erase => vec![api("STREAM.MSG.DELETE")],
        }
    }
}

/// The streams behind a row: of all shards, of a bucket, or just the one.
fn streams(kept: &str, shards: u16) -> Vec<String> {
    match kept {
        LOGS => (0..shards).map(|n| Shard(n).stream()).collect(),
        PEOPLE | MODELS => vec![format!("KV_{kept}")],
        stream => vec![stream.to_owned()],
    }
}

/// What a listener subscribes to; nothing where it reads from a stream.
fn heard(wire: &Wire) -> Option<String> {
    match (wire.kind, wire.stream) {
        ("request", _) => wire.subscribers.first().map(|queue| format!("{} {queue}", wire.address)),
        (_, None) => Some(pattern(wire.address)),
        _ => None,
    }
}

/// An address with a wildcard for each token that varies.
fn pattern(address: &str) -> String {
    let tokens = address.split('.').map(|token| if token.starts_with('{') { "*" } else { token });
    tokens.collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn publishes(subject: &str) -> Vec<&'static str> {
        let may = |user: &&str| rights(user, 2).publish.iter().any(|pattern| matches(pattern, subject));
        SERVICES.into_iter().filter(may).collect()
    }

    /// As the server does it.
    fn matches(pattern: &str, subject: &str) -> bool {
        let (mut pattern, mut subject) = (pattern.split('.'), subject.split('.'));
        loop {
            match (pattern.next(), subject.next()) {
                (Some(">"), Some(_)) | (None, None) => return true,
                (Some(wanted), Some(token)) if wanted == "*" || wanted == token => {}
                _ => return false,
            }
        }
    }

    #[test]
    fn only_events_and_profile_get_near_a_log() {
        assert_eq!(publishes("oo.v1.log.0.l.signal"), ["events"]);
        assert_eq!(publishes("oo.v1.log.0.l.tip"), ["profile"]);
        assert_eq!(publishes("oo.v1.agenda.0.l"), ["profile"]);
        assert_eq!(publishes("oo.v1.log.0.l.moment"), [""; 0], "the server alone");
        assert_eq!(publishes("$JS.API.DIRECT.GET.OO_LOG_1"), ["events", "profile"]);
        assert_eq!(publishes("$JS.API.STREAM.PURGE.OO_LOG_1"), ["events", "profile"]);
        assert_eq!(publishes("oo.v1.checkpoint.l"), ["profile"]);
        assert_eq!(publishes("$JS.API.CONSUMER.MSG.NEXT.OO_LOG_1.profile"), ["profile"]);
        for what in ["STREAM.DELETE", "STREAM.UPDATE", "STREAM.MSG.GET", "STREAM.SNAPSHOT", "CONSUMER.CREATE"] {
            assert_eq!(publishes(&format!("$JS.API.{what}.OO_LOG_1")), [""; 0], "{what}");
        }
    }

    #[test]
    fn every_wire_names_services_that_are_there() {
        for wire in WIRES {
            for service in wire.publishers.iter().chain(wire.subscribers) {
                let known = SERVICES.contains(service) || *service == OPERATOR;
                assert!(known, "{}: {service}", wire.name);
            }
        }
    }

    #[test]
    fn a_question_is_heard_only_in_the_queue_of_who_answers_it() {
        assert!(rights("auth", 1).subscribe.contains(&"oo.v1.session.check auth".into()));
        assert_eq!(rights("recommender", 1).subscribe, ["_INBOX_recommender.>", "oo.v1.recommend recommender"]);
        assert_eq!(rights("gateway", 1).subscribe, ["_INBOX_gateway.>", "oo.v1.live.*"]);
    }
}
