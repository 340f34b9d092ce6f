//! The streams: what is kept, and their idempotent set-up.

use crate::bus::AppendError;
use crate::shard::Shard;
use async_nats::jetstream::context::ConsumerInfoErrorKind;
use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy, Source, StorageType, Stream};
use async_nats::jetstream::{self, consumer};
use std::time::Duration;

/// Tips to deliver, sourced by the engine from all shards.
pub const TIPS: &str = "OO_TIPS";
/// Every decision.
pub const DECISIONS: &str = "OO_DECISIONS";
/// What older entries of a log came to, in their place.
pub const CHECKPOINTS: &str = "OO_CHECKPOINTS";
/// Claims on pushes.
pub const PUSHES: &str = "OO_PUSHES";
/// Advisories about entries that could not be handled.
pub const DEAD: &str = "OO_DEAD";
/// Who has which log, and its key, wrapped. A key-value bucket.
pub const PEOPLE: &str = "OO_PEOPLE";
/// Models and line-ups. A key-value bucket.
pub const MODELS: &str = "OO_MODELS";

/// The durable consumer of a shard, and the group whose one pinned member pulls it.
pub const PROFILE: &str = "profile";

/// How often an entry is tried before it is dead.
pub const MAX_DELIVER: i64 = 5;
/// Short, since a takeover waits for it; long work reports progress.
pub const ACK_WAIT: Duration = Duration::from_secs(3);
/// How long a node may stop pulling before another takes its shard over.
pub const PIN_TIMEOUT: Duration = Duration::from_secs(2);
/// Entries of one shard in flight to its node: the only bound on actors' mailboxes.
pub const MAX_IN_FLIGHT: i64 = 512;
/// A claim outlives every tip by far.
const CLAIM_AGE: Duration = Duration::from_secs(7 * 24 * 3600);
/// A copied tip is delivered or expired long before; the log keeps the original.
const TIP_AGE: Duration = Duration::from_secs(2 * 24 * 3600);
/// Dead letters wait a month for somebody to look.
const DEAD_AGE: Duration = Duration::from_secs(30 * 24 * 3600);
/// The metadata key under which a stream remembers the number of shards it was made for.
const SHARDS_KEY: &str = "oo-shards";
/// The one under which it says that they move.
const MOVING_KEY: &str = "oo-moving";
/// The one under which a new shard says that it has all that the old one had.
const FILLED_KEY: &str = "oo-filled";

/// Why the streams are not as they should be.
#[derive(Debug, thiserror::Error)]
pub enum SetUpError {
    #[error("the log was laid out for {found} shards and this service is set to {wanted}: set OO_LOG__SHARDS={found}")]
    ShardsDiffer { found: String, wanted: u16 },
    #[error(
        "the log moves from {from} to {to} shards: let `oo reshard {to}` come to its end, and set OO_LOG__SHARDS={to}"
    )]
    Moving { from: u16, to: u16 },
    #[error("the bucket {0} is an older oO's and could never erase anybody: begin with another data folder")]
    KeepsForGood(String),
    #[error("stream {name} cannot be set up: {cause}")]
    Stream { name: String, cause: String },
    #[error("what waits in stream {name} cannot be counted: {cause}")]
    Uncounted { name: String, cause: String },
}

/// Makes what is missing and refuses what another shard count made. Safe to repeat, and for several at once.
pub async fn set_up(js: &jetstream::Context, shards: u16, replicas: usize) -> Result<(), SetUpError> {
    check(js, shards).await?;
    // The first: it says for how many shards all others were made, also to those who may not look at a log.
    let advisories = ["MAX_DELIVERIES", "MSG_TERMINATED"].map(|what| format!("$JS.EVENT.ADVISORY.CONSUMER.{what}.>"));
    make(js, shards, Config { max_age: DEAD_AGE, no_ack: true, ..kept(DEAD, advisories.into(), replicas) }).await?;
    for n in 0..shards {
        make(js, shards, log(Shard(n), replicas)).await?;
    }
    let tips = Config {
        sources: Some((0..shards).map(|n| tips_of(Shard(n))).collect()),
        max_age: TIP_AGE,
        ..kept(TIPS, vec![], replicas)
    };
    make(js, shards, tips).await?;
    make(js, shards, kept(DECISIONS, vec!["oo.v1.decision.>".into()], replicas)).await?;
    // The last one that is sure stays until a newer one is.
    let checkpoints = kept(CHECKPOINTS, vec!["oo.v1.checkpoint.*".into()], replicas);
    make(js, shards, Config { max_messages_per_subject: 1, ..checkpoints }).await?;
    make(js, shards, Config { max_age: CLAIM_AGE, ..kept(PUSHES, vec!["oo.v1.push.claim.>".into()], replicas) })
        .await?;
    for name in [PEOPLE, MODELS] {
        bucket(js, name, replicas).await?;
    }
    Ok(())
}

/// Makes a key-value bucket, where messages may be deleted: to erase somebody is to overwrite their key where it lies, which
/// buckets that the client makes do not allow.
async fn bucket(js: &jetstream::Context, name: &str, replicas: usize) -> Result<(), SetUpError> {
    if let Ok(bucket) = js.get_key_value(name).await {
        // Nothing can allow it to a stream that was made without.
        return if bucket.stream.cached_info().config.deny_delete {
            Err(SetUpError::KeepsForGood(name.into()))
        } else {
            Ok(())
        };
    }
    let config = Config {
        max_messages_per_subject: 1,
        deny_delete: false,
        discard: DiscardPolicy::New,
        ..kept(&format!("KV_{name}"), vec![format!("$KV.{name}.>")], replicas)
    };
    let made = js.create_stream(config).await;
    made.map(drop).map_err(|cause| SetUpError::Stream { name: name.into(), cause: cause.to_string() })
}

/// Refuses a log that another shard count made, or that moves; a log that is not there yet is fine.
pub async fn check(js: &jetstream::Context, shards: u16) -> Result<(), SetUpError> {
    let Ok(stream) = js.get_stream(DEAD).await else { return Ok(()) };
    let made = Made::of(&stream);
    match &made.moving {
        Some(moving) => Err(SetUpError::Moving { from: moving.from(), to: moving.to }),
        None if made.shards == Some(shards) => Ok(()),
        None => Err(SetUpError::ShardsDiffer { found: made.words(), wanted: shards }),
    }
}

/// What the logs were made for.
#[derive(Debug, Clone)]
pub(crate) struct Made {
    pub(crate) shards: Option<u16>,
    /// Until they have moved.
    pub(crate) moving: Option<Moving>,
    pub(crate) replicas: usize,
    /// Dead letters.
    pub(crate) dead: u64,
}

/// Logs on their way to more shards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Moving {
    pub(crate) to: u16,
    /// Up to where each old shard's profile had settled all; none where there never was one.
    pub(crate) floors: Vec<Option<u64>>,
}

impl Moving {
    /// How many shards there were.
    pub(crate) fn from(&self) -> u16 {
        u16::try_from(self.floors.len()).unwrap_or(u16::MAX)
    }

    /// As it stands in the metadata: the new number, then the floors.
    fn words(&self) -> String {
        let floors = self.floors.iter().map(|floor| floor.map_or_else(|| "-".into(), |floor| floor.to_string()));
        std::iter::once(self.to.to_string()).chain(floors).collect::<Vec<String>>().join(" ")
    }

    fn read(words: &str) -> Option<Self> {
        let mut words = words.split(' ');
        let to = words.next()?.parse().ok()?;
        let floor = |word: &str| if word == "-" { Some(None) } else { word.parse().ok().map(Some) };
        Some(Self { to, floors: words.map(floor).collect::<Option<_>>()? })
    }
}

impl Made {
    fn of(dead: &Stream) -> Self {
        let info = dead.cached_info();
        let told = |key: &str| info.config.metadata.get(key);
        Self {
            shards: told(SHARDS_KEY).and_then(|told| told.parse().ok()),
            moving: told(MOVING_KEY).and_then(|told| Moving::read(told)),
            replicas: info.config.num_replicas,
            dead: info.state.messages,
        }
    }

    pub(crate) fn words(&self) -> String {
        self.shards.map_or_else(|| "an unknown number of".into(), |shards| shards.to_string())
    }
}

/// What the logs that are there were made for.
pub(crate) async fn made_for(js: &jetstream::Context) -> Result<Made, AppendError> {
    Ok(Made::of(&js.get_stream(DEAD).await.map_err(|error| AppendError::away(&error))?))
}

/// Notes for how many shards the logs are made now, and whether they move.
pub(crate) async fn mark(js: &jetstream::Context, shards: u16, moving: Option<&Moving>) -> Result<(), AppendError> {
    note(js, DEAD, [(SHARDS_KEY, Some(shards.to_string())), (MOVING_KEY, moving.map(Moving::words))]).await
}

/// Up to which sequence of an old shard a new one has all, once it has.
pub(crate) fn filled(stream: &Stream) -> Option<u64> {
    stream.cached_info().config.metadata.get(FILLED_KEY)?.parse().ok()
}

/// Notes that.
pub(crate) async fn mark_filled(js: &jetstream::Context, stream: &str, until: u64) -> Result<(), AppendError> {
    note(js, stream, [(FILLED_KEY, Some(until.to_string()))]).await
}

/// Changes what stands in a stream's metadata.
async fn note(
    js: &jetstream::Context,
    stream: &str,
    notes: impl IntoIterator<Item = (&str, Option<String>)>,
) -> Result<(), AppendError> {
    let mut config =
        js.get_stream(stream).await.map_err(|error| AppendError::away(&error))?.cached_info().config.clone();
    for (key, value) in notes {
        match value {
            Some(value) => config.metadata.insert(key.to_owned(), value),
            None => config.metadata.remove(key),
        };
    }
    js.update_stream(config).await.map(drop).map_err(|error| AppendError::away(&error))
}

/// Makes the stream of one shard, if it is missing.
pub(crate) async fn make_log(
    js: &jetstream::Context,
    shards: u16,
    shard: Shard,
    replicas: usize,
) -> Result<(), AppendError> {
    make(js, shards, log(shard, replicas)).await.map_err(|error| AppendError::away(&error))
}

/// What waits in the streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    /// Entries that no profile has settled yet.
    pub entries: u64,
    /// Dead letters.
    pub dead: u64,
}

/// Counts what waits.
///
/// # Errors
/// Says what the server said.
pub async fn waiting(js: &jetstream::Context, shards: u16) -> Result<Waiting, SetUpError> {
    let failed = |name: String| move |cause: String| SetUpError::Uncounted { name, cause };
    let dead = js.get_stream(DEAD).await.map_err(|error| failed(DEAD.into())(error.to_string()))?;
    let mut waiting = Waiting { entries: 0, dead: dead.cached_info().state.messages };
    for name in (0..shards).map(|n| Shard(n).stream()) {
        let stream = js.get_stream_no_info(&name).await.map_err(|error| failed(name.clone())(error.to_string()))?;
        match stream.consumer_info(PROFILE).await {
            Ok(info) => waiting.entries += info.num_pending + info.num_ack_pending as u64,
            // No profile service was ever here.
            Err(error) if error.kind() == ConsumerInfoErrorKind::NotFound => {}
            Err(error) => return Err(failed(name)(error.to_string())),
        }
    }
    Ok(waiting)
}

/// The consumer by which the node that owns a shard gets its entries.
pub fn shard_consumer() -> consumer::pull::Config {
    consumer::pull::Config {
        durable_name: Some(PROFILE.into()),
        ack_policy: consumer::AckPolicy::Explicit,
        ack_wait: ACK_WAIT,
        max_deliver: MAX_DELIVER,
        max_ack_pending: MAX_IN_FLIGHT,
        filter_subject: "oo.v1.log.>".into(),
        priority_policy: consumer::PriorityPolicy::PinnedClient,
        priority_groups: vec![PROFILE.into()],
        priority_timeout: PIN_TIMEOUT,
        ..Default::default()
    }
}

/// A durable consumer that all members of a service share.
pub fn shared_consumer(service: &str, max_in_flight: i64, ack_wait: Duration) -> consumer::pull::Config {
    consumer::pull::Config {
        durable_name: Some(service.into()),
        ack_policy: consumer::AckPolicy::Explicit,
        ack_wait,
        max_deliver: MAX_DELIVER,
        max_ack_pending: max_in_flight,
        ..Default::default()
    }
}

fn log(shard: Shard, replicas: usize) -> Config {
    let n = shard.0;
    Config {
        allow_message_schedules: true,
        allow_rollup: true,
        ..kept(&shard.stream(), vec![format!("oo.v1.log.{n}.>"), format!("oo.v1.agenda.{n}.>")], replicas)
    }
}

fn tips_of(shard: Shard) -> Source {
    Source { name: shard.stream(), filter_subject: Some(format!("oo.v1.log.{}.*.tip", shard.0)), ..Default::default() }
}

/// The same, of tips after a sequence alone.
pub(crate) fn tips_after(shard: Shard, last: u64) -> Source {
    Source { start_sequence: Some(last + 1), ..tips_of(shard) }
}

fn kept(name: &str, subjects: Vec<String>, replicas: usize) -> Config {
    Config {
        name: name.into(),
        subjects,
        retention: RetentionPolicy::Limits,
        storage: StorageType::File,
        num_replicas: replicas,
        allow_direct: true,
        ..Default::default()
    }
}

async fn make(js: &jetstream::Context, shards: u16, mut config: Config) -> Result<(), SetUpError> {
    config.metadata.insert(SHARDS_KEY.into(), shards.to_string());
    let name = config.name.clone();
    match js.get_stream(&name).await {
        Ok(_) => Ok(()),
        Err(_) => match js.create_stream(config).await {
            Ok(_) => Ok(()),
            Err(cause) => Err(SetUpError::Stream { name, cause: cause.to_string() }),
        },
    }
}
