//! One tip on its way to a person's devices: put into words, claimed, sent, and its receipt given to the log.
//!
//! A delivery waits inside: for a service that is away, for a push service that asked for patience. Only the tip's end
//! ends it, or the service's. So what is tried again by the stream is what was cut off, and nothing else.

mod letters;

use crate::answer_store::AnswerStore;
use crate::behavior::{self, Verdict};
use crate::email::Email;
use crate::message;
use crate::push::Sender;
use crate::subscription_store::SubscriptionStore;
use async_nats::jetstream::stream::DirectGetErrorKind;
use async_nats::jetstream::{AckKind, Message};
use bytes::Bytes;
use futures_util::future::{join, join_all};
use letters::Pushed;
use oo_contracts::entry::Body;
use oo_contracts::push::{AnswerTokens, Claim, Subscription};
use oo_contracts::signal::{Channel, Delivery as Outcome, Fact, Signal};
use oo_contracts::tip::{Card, Tip};
use oo_contracts::wire::{Fetch, Ingest, Words};
use oo_contracts::{DeviceId, SignalId};
use oo_domain::words;
use oo_runtime::logbook::{DecodeError, open_entry};
use oo_runtime::{Context, Metric, People, Person, crash, random};
use oo_subjects::{AskError, FETCH, INGEST, Place, streams};
use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use url::Url;

/// A sign of life to the stream while a delivery waits: three of them fit into [`crate::ACK_WAIT`].
const BEAT: Duration = Duration::from_secs(3);
/// How long a person's record may be out of reach before the stream is to try again.
const RECORD_WITHIN: Duration = Duration::from_secs(600);
/// How long the log may be out of reach before a receipt is given up: the push itself is done.
const RECEIPT_WITHIN: Duration = Duration::from_secs(600);
/// How long integrations may ask a provider for words.
const WORDS_WITHIN: Duration = Duration::from_secs(15);
/// What a stopping service gives a request that is under way.
const GRACE: Duration = Duration::from_secs(5);
/// An entry of a newer version waits for a notifier that can read it.
const NEWER_AGAIN: Duration = Duration::from_secs(30);

/// Delivers tips.
pub(crate) struct Delivery {
    ctx: Context,
    people: People,
    store: SubscriptionStore,
    answers: AnswerStore,
    sender: Arc<Sender>,
    email: Email,
}

/// Why something ended before it was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cut {
    /// The service stops: somebody else goes on.
    Stopping,
    /// Its time is over.
    Over,
}

/// What a tip says to a person's devices, and where they are.
struct Parcel<'a> {
    person: &'a Person,
    tip: &'a Tip,
    card: Card,
    over: Instant,
}

impl Delivery {
    pub(crate) fn new(
        ctx: Context,
        people: People,
        (store, answers): (SubscriptionStore, AnswerStore),
        sender: Arc<Sender>,
        email: Email,
    ) -> Self {
        Self { ctx, people, store, answers, sender, email }
    }

    /// Delivers one tip, and settles it when every device has an outcome or the tip is over.
    pub(crate) async fn deliver(&self, tip: Message) {
        let work = self.work(&tip);
        let mut work = std::pin::pin!(work);
        let verdict = loop {
            tokio::select! {
                verdict = &mut work => break verdict,
                () = sleep(BEAT) => { let _ = tip.ack_with(AckKind::Progress).await; }
            }
        };
        // A verdict that does not arrive is none: the tip comes again, and finds its claims and outcomes.
        let _ = tip.ack_with(verdict).await;
    }

    async fn work(&self, message: &Message) -> AckKind {
        let Some((place, kind)) = Place::parse(&message.subject) else { return self.poisoned("no subject of a log") };
        let person =
            self.persist("a person's record", Instant::now() + RECORD_WITHIN, || self.people.of_log(&place.log)).await;
        let person = match person {
            Ok(Some(person)) => person,
            // Erased: nothing of theirs is delivered any more.
            Ok(None) => return AckKind::Ack,
            Err(_) => return AckKind::Nak(None),
        };
        let tip = match open_entry(&person, kind, &message.payload) {
            Ok(entry) => match entry.body {
                Body::Tip { tip } => tip,
                Body::Signal { .. } | Body::Moment { .. } => return self.poisoned("no tip"),
            },
            Err(DecodeError::Newer(version)) => {
                tracing::warn!(user = %person.user, version, "a tip is newer than this notifier: upgrade it");
                return AckKind::Nak(Some(NEWER_AGAIN));
            }
            Err(error) => return self.poisoned(&error.to_string()),
        };
        match self.to_all_devices(&person, &tip).await {
            Ok(()) => AckKind::Ack,
            Err(Cut::Over) => {
                tracing::warn!(user = %person.user, tip = %tip.id, "a tip was over before it was delivered");
                self.ctx.metrics.count(Metric::NotifierPushes, "expired");
                AckKind::Ack
            }
            Err(Cut::Stopping) => AckKind::Nak(None),
        }
    }

    /// What nobody can read goes to the dead letters at once; the server tells them of it.
    fn poisoned(&self, why: &str) -> AckKind {
        tracing::error!(why, "a tip cannot be read: look at it with the dead letters");
        self.ctx.metrics.count(Metric::NotifierPushes, "unreadable");
        AckKind::Term
    }

    async fn to_all_devices(&self, person: &Person, tip: &Tip) -> Result<(), Cut> {
        let left = self.ctx.clock.wait_until(tip.not_after);
        if left.is_zero() {
            return Ok(());
        }
        let over = Instant::now() + left;
        let subscriptions = match Channel::Push.is_in(tip.channels.as_deref()) {
            true => self.persist("subscriptions", over, || self.store.all(&person.place.log)).await?,
            false => vec![],
        };
        let may_write = self.may_write((person, tip, over), !subscriptions.is_empty()).await?;
        // The person is told on the page alone.
        if subscriptions.is_empty() && !may_write {
            return Ok(());
        }
        let words = match tip.subject.reference() {
            None => None,
            Some(reference) => {
                let fetch = Fetch { user: person.user.clone(), reference: reference.clone() };
                match self.persist("words", over, || self.words(&fetch)).await? {
                    // Done, gone or cancelled meanwhile: nothing is said.
                    None => return Ok(()),
                    words => words,
                }
            }
        };
        let (title, source) =
            words.as_ref().map_or((None, None), |words| (Some(words.title.as_str()), Some(words.source.as_str())));
        let parcel = Parcel { person, tip, card: words::card(tip, title, source), over };
        let pushed = watch::Sender::new(Pushed::UnderWay);
        let pushes = async {
            let all = join_all(subscriptions.iter().map(|to| self.to_device(&parcel, to, &pushed))).await;
            // One that was cut off is somebody else's to end.
            if *pushed.borrow() == Pushed::UnderWay && all.iter().all(Result::is_ok) {
                pushed.send_replace(Pushed::InVain);
            }
            all.into_iter().collect::<Result<(), Cut>>()
        };
        if !may_write {
            return pushes.await;
        }
        let (pushes, letter) = join(pushes, self.write_unless(&parcel, pushed.subscribe())).await;
        pushes.and(letter)
    }

    /// The words, or `None` where there is nothing to say any more.
    async fn words(&self, fetch: &Fetch) -> Result<Option<Words>, AskError> {
        match self.ctx.bus.ask_within(FETCH, fetch, WORDS_WITHIN).await {
            Ok(words) => Ok(Some(words).filter(|words| !words.over)),
            // The account is not linked any more, or the provider does not know the object.
            Err(AskError::Problem(problem)) if is_final(problem.status) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn to_device(
        &self,
        parcel: &Parcel<'_>,
        subscription: &Subscription,
        pushed: &watch::Sender<Pushed>,
    ) -> Result<(), Cut> {
        let Parcel { person, tip, .. } = parcel;
        let device = &subscription.device;
        let claim = format!("{}.{}.{device}", person.place.claims(), tip.id);
        let is_mine =
            self.persist("a claim", parcel.over, || self.ctx.bus.claim(claim.clone(), json(&Claim::default()))).await?;
        let known = match is_mine {
            true => None,
            false => self.persist("an outcome", parcel.over, || self.known_outcome(&claim)).await?,
        };
        let outcome = match known {
            // Sent before; only its receipt may be missing.
            Some(outcome) => outcome,
            None => {
                if !is_mine {
                    // Claimed before, and then something was cut off: it may be on the screen. Topic and tag make a
                    // second one replace the first, so it is sent again; how often that happens is counted.
                    self.ctx.metrics.count(Metric::NotifierAmbiguous, "");
                }
                crash::point("9-claimed");
                let outcome = self.send_until_over(parcel, subscription).await?;
                crash::point("9-sent");
                self.note(parcel, subscription, &claim, &outcome).await?;
                outcome
            }
        };
        if outcome == Outcome::Accepted {
            pushed.send_replace(Pushed::Accepted);
        }
        self.receipt(person, tip, (device, device.as_str()), outcome).await
    }

    /// What became of a claimed push, if that is known. One that cannot be read is as good as none.
    async fn known_outcome(&self, claim: &str) -> Result<Option<Outcome>, String> {
        Ok(self.kept(outcome_of(claim)).await?.and_then(|known| serde_json::from_slice(&known).ok()))
    }

    /// A claim or an outcome, as it was kept.
    async fn kept(&self, subject: String) -> Result<Option<Bytes>, String> {
        let stream = self.ctx.bus.jetstream().get_stream_no_info(streams::PUSHES).await;
        match stream.map_err(|error| error.to_string())?.direct_get_last_for_subject(subject).await {
            Ok(found) => Ok(Some(found.payload)),
            Err(error) if error.kind() == DirectGetErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Keeps an outcome beside its claim, ends what is gone, and tells.
    async fn note(
        &self,
        parcel: &Parcel<'_>,
        subscription: &Subscription,
        claim: &str,
        outcome: &Outcome,
    ) -> Result<(), Cut> {
        let Parcel { person, tip, .. } = parcel;
        let label = label(outcome);
        self.ctx.metrics.count(Metric::NotifierPushes, label);
        tracing::info!(user = %person.user, tip = %tip.id, device = %subscription.device, outcome = label, "push");
        if *outcome == Outcome::Gone {
            let until = Instant::now() + RECEIPT_WITHIN;
            self.persist("subscriptions", until, || self.store.end(&person.place.log, subscription)).await?;
            self.ctx.bus.changed(&person.user, 0).await;
        }
        self.keep_outcome(claim, outcome).await
    }

    /// Keeps an outcome beside its claim.
    async fn keep_outcome(&self, claim: &str, outcome: &Outcome) -> Result<(), Cut> {
        let until = Instant::now() + RECEIPT_WITHIN;
        self.persist("an outcome", until, || self.ctx.bus.claim(outcome_of(claim), json(outcome))).await.map(|_| ())
    }

    /// Gives the log a receipt: the same push, the same id.
    async fn receipt(
        &self,
        person: &Person,
        tip: &Tip,
        (device, claimed): (&DeviceId, &str),
        outcome: Outcome,
    ) -> Result<(), Cut> {
        let about = random::hex(&person.key.derive(&format!("push|{}|{claimed}", tip.id))[..12]);
        let Ok(id) = format!("push-{about}-{}", label(&outcome)).parse::<SignalId>() else { return Ok(()) };
        let fact = Fact::Delivered { tip: tip.id.clone(), device: device.clone(), outcome };
        let receipt =
            Ingest { signals: vec![Signal { id, user: person.user.clone(), at: self.ctx.clock.now(), fact }] };
        let given = self
            .persist("the log", Instant::now() + RECEIPT_WITHIN, || async {
                match self.ctx.bus.ask(INGEST, &receipt).await {
                    Err(AskError::Problem(problem)) if is_final(problem.status) => {
                        tracing::error!(user = %person.user, tip = %tip.id, %problem, "a receipt is refused: this is a bug");
                        Ok(())
                    }
                    answer => answer.map(|_| ()),
                }
            })
            .await;
        match given {
            Err(Cut::Over) => {
                tracing::error!(user = %person.user, tip = %tip.id, %device, "a receipt is lost: is the events service running?");
                Ok(())
            }
            given => given,
        }
    }

    /// Tries until it is taken, gone, refused, or over.
    async fn send_until_over(&self, parcel: &Parcel<'_>, subscription: &Subscription) -> Result<Outcome, Cut> {
        let message = match parcel.tip.discreet {
            true => message::discreet(&parcel.card),
            false => message::message(&parcel.card, self.tokens(parcel, &subscription.device).await),
        };
        let mut tries = 0;
        let mut status = None;
        loop {
            let place = tokio::select! {
                place = self.sender.place(subscription) => place,
                () = tokio::time::sleep_until(parcel.over) => return Ok(Outcome::Failed { status }),
                () = self.ctx.shutdown.cancelled() => return Err(Cut::Stopping),
            };
            let life = parcel.over.saturating_duration_since(Instant::now());
            // Its address may not be called any more, or its time ran out on the way here.
            let Some(place) = place.filter(|_| !life.is_zero()) else { return Ok(Outcome::Failed { status }) };
            let sent = tokio::select! {
                sent = self.sender.send(subscription, &message, life) => sent,
                () = self.stopped_for(GRACE) => return Err(Cut::Stopping),
            };
            drop(place);
            status = sent.status;
            let asked = match sent.verdict {
                Verdict::Accepted => {
                    self.accepted(parcel, subscription).await;
                    return Ok(Outcome::Accepted);
                }
                Verdict::Gone => return Ok(Outcome::Gone),
                Verdict::KeyAlarm if self.is_dead(parcel.person, subscription, status).await => {
                    return Ok(Outcome::Gone);
                }
                Verdict::KeyAlarm | Verdict::TooLarge | Verdict::Refused => return Ok(Outcome::Failed { status }),
                Verdict::Retry { after } => after,
            };
            let left = parcel.over.saturating_duration_since(Instant::now());
            let Some(pause) = behavior::pause(tries, asked, left, chance()) else {
                return Ok(Outcome::Failed { status });
            };
            tries += 1;
            self.wait(pause).await?;
        }
    }

    /// What the buttons on this device answer with. Without them they need a session, and the tip is said all the same.
    async fn tokens(&self, parcel: &Parcel<'_>, device: &DeviceId) -> Option<AnswerTokens> {
        let clock = &self.ctx.clock;
        let tip = parcel.tip;
        let times = (clock.wall(), clock.wall_at(tip.not_after));
        let made = self.answers.make(&parcel.person.place.log, (&tip.id, device), times).await;
        made.inspect_err(|error| tracing::warn!(%error, "a tip's buttons have no tokens")).ok()
    }

    async fn accepted(&self, parcel: &Parcel<'_>, subscription: &Subscription) {
        let clock = &self.ctx.clock;
        let wall = clock.wall();
        self.ctx.metrics.took(
            Metric::NotifierDelay,
            wall.duration_since(clock.wall_at(parcel.tip.decided_at)).as_secs_f64().max(0.0),
        );
        let taken = self.store.taken(&parcel.person.place.log, &subscription.device, &host(subscription), wall).await;
        if let Err(error) = taken {
            tracing::debug!(%error, "not noted that a push service took a message");
        }
    }

    /// Whether a push service that refuses us means that this subscription is dead (Apple says 403 for that).
    async fn is_dead(&self, person: &Person, subscription: &Subscription, status: Option<u16>) -> bool {
        if status != Some(403) {
            return false;
        }
        let refused = self
            .store
            .refused(&person.place.log, &subscription.device, &host(subscription), self.ctx.clock.wall())
            .await;
        refused.unwrap_or_else(|error| {
            tracing::debug!(%error, "not noted that a push service refused a message");
            false
        })
    }

    /// Tries again and again until it works, its time is over, or the service stops.
    async fn persist<T, E, F, Fut>(&self, what: &'static str, until: Instant, attempt: F) -> Result<T, Cut>
    where
        E: Display,
        F: Fn() -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        let mut tries = 0;
        loop {
            let error = match attempt().await {
                Ok(done) => return Ok(done),
                Err(error) => error,
            };
            if tries == 0 {
                tracing::warn!(what, %error, "a tip waits");
            }
            let left = until.saturating_duration_since(Instant::now());
            let pause = behavior::pause(tries, None, left, chance()).ok_or(Cut::Over)?;
            tries += 1;
            self.wait(pause).await?;
        }
    }

    async fn wait(&self, pause: Duration) -> Result<(), Cut> {
        tokio::select! {
            () = sleep(pause) => Ok(()),
            () = self.ctx.shutdown.cancelled() => Err(Cut::Stopping),
        }
    }

    /// Ends so long after the service was told to stop.
    async fn stopped_for(&self, grace: Duration) {
        self.ctx.shutdown.cancelled().await;
        sleep(grace).await;
    }
}

/// Where the outcome of a claimed push is kept.
fn outcome_of(claim: &str) -> String {
    format!("{claim}.outcome")
}

/// Numbers and names only: there is nothing in them that JSON could refuse.
fn json(value: &impl serde::Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}

/// Whether asking again would not help.
fn is_final(status: u16) -> bool {
    (400..500).contains(&status) && !matches!(status, 408 | 429)
}

fn label(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Accepted => "accepted",
        Outcome::Gone => "gone",
        Outcome::Failed { .. } => "failed",
    }
}

/// The push service of a subscription: a name that many share.
pub(crate) fn host(subscription: &Subscription) -> String {
    let url = Url::parse(subscription.endpoint.as_str()).ok();
    url.and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default()
}

fn chance() -> u64 {
    u64::from_le_bytes(random::bytes())
}
