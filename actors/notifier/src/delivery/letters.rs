//! A tip by e-mail: where no device was reached for two days, and the person gave an address and proved that it is theirs.
//!
//! Nobody can take a letter back or put another in its place, so each try is claimed by itself right before the mail server
//! gets it: one whose outcome is not known is not tried again. The person may answer the tip, end letters, or open a device
//! at any moment, so all of that is looked at before each.

use super::{Cut, Delivery, Parcel, chance, json};
use crate::behavior;
use crate::email::stop_token;
use crate::email_store::Mailbox;
use crate::letter::{self, Cover};
use crate::post::{self, Post, Posted};
use jiff::tz::TimeZone;
use lettre::message::Message;
use oo_contracts::DeviceId;
use oo_contracts::push::Claim;
use oo_contracts::signal::{Channel, Delivery as Outcome};
use oo_contracts::tip::Tip;
use oo_contracts::wire::Look;
use oo_runtime::{Metric, Person, crash, random};
use oo_subjects::LOOK;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};

/// What a claim on a letter is called, where one on a push has its device. No device can be called so.
const CLAIM: &str = "@email";
/// What a letter is called in the log, where a push has its device.
const DEVICE: &str = "email";
/// How long pushes are given before a letter is thought of.
const PATIENCE: Duration = Duration::from_secs(60);
/// After longer than this, what was asked is asked once more.
const AT_ONCE: Duration = Duration::from_secs(1);
/// Tries of one letter: a mail server that is asked this often wants none.
const TRIES: usize = 8;
/// Between them: those who look twice at strangers take a letter after some minutes ("greylisting").
const FIRST_PAUSE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
/// The outcome of a try that was claimed and then not made (SMTP's own "not now").
const NOT_GIVEN: u16 = 450;

/// How the pushes of one tip stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pushed {
    UnderWay,
    /// A push service took one.
    Accepted,
    /// None took any.
    InVain,
}

/// How the letter of one tip stands.
enum SoFar {
    /// Nothing is to be tried any more.
    Known(Outcome),
    /// This try is the next.
    Next(usize),
}

impl Delivery {
    /// Whether a letter may be written about this tip at all. Where there are devices, they do not wait for the answer.
    pub(super) async fn may_write(&self, parcel: (&Person, &Tip, Instant), devices: bool) -> Result<bool, Cut> {
        let (person, tip, over) = parcel;
        if self.email.post.is_none() || !Channel::Email.is_in(tip.channels.as_deref()) {
            return Ok(false);
        }
        let find = || self.email.store.find(&person.place.log);
        let found = match devices {
            true => find().await.inspect_err(|error| tracing::warn!(%error, "a tip goes out without a letter")).ok(),
            false => Some(self.persist("an address", over, find).await?),
        };
        Ok(found.flatten().is_some())
    }

    /// Writes, unless a device can be reached after all.
    pub(super) async fn write_unless(
        &self,
        parcel: &Parcel<'_>,
        mut pushed: watch::Receiver<Pushed>,
    ) -> Result<(), Cut> {
        let Some(post) = &self.email.post else { return Ok(()) };
        let claims = format!("{}.{}.{CLAIM}", parcel.person.place.claims(), parcel.tip.id);
        let outcome = match self.so_far(parcel, &claims).await? {
            // It was written before, and only its receipt may be missing.
            SoFar::Known(outcome) => Some(outcome),
            SoFar::Next(tried) => {
                tokio::select! {
                    _ = pushed.wait_for(|pushed| *pushed != Pushed::UnderWay) => {}
                    () = sleep(PATIENCE) => {}
                    () = self.ctx.shutdown.cancelled() => return Err(Cut::Stopping),
                }
                self.write(parcel, post, (&claims, tried), &pushed).await?
            }
        };
        match outcome {
            Some(outcome) => self.receipt(parcel.person, parcel.tip, (&device(), CLAIM), outcome).await,
            None => Ok(()),
        }
    }

    /// What became of the tries that were claimed, here or elsewhere.
    async fn so_far(&self, parcel: &Parcel<'_>, claims: &str) -> Result<SoFar, Cut> {
        for tried in 0..TRIES {
            let claim = format!("{claims}-{tried}");
            match self.persist("an outcome", parcel.over, || self.known_outcome(&claim)).await? {
                Some(Outcome::Failed { status: Some(400..500) }) => {}
                Some(known) => return Ok(SoFar::Known(known)),
                None if self.persist("a claim", parcel.over, || self.kept(claim.clone())).await?.is_none() => {
                    return Ok(SoFar::Next(tried));
                }
                None => {
                    self.ctx.metrics.count(Metric::NotifierAmbiguous, "");
                    return Ok(SoFar::Known(Outcome::Failed { status: None }));
                }
            }
        }
        Ok(SoFar::Known(Outcome::Failed { status: None }))
    }

    /// Tries until the letter is taken, refused, over, or not wanted any more: then there is nothing to tell of.
    async fn write(
        &self,
        parcel: &Parcel<'_>,
        post: &Post,
        (claims, first): (&str, usize),
        pushed: &watch::Receiver<Pushed>,
    ) -> Result<Option<Outcome>, Cut> {
        let mut status = None;
        let mut tried = first;
        for pauses in 0.. {
            let is_over = tried == TRIES || Instant::now() >= parcel.over;
            if is_over || (pauses > 0 && self.rest(parcel, pauses - 1).await?.is_none()) {
                break;
            }
            if self.is_reached(parcel, pushed).await? || self.is_answered(parcel).await {
                return Ok(None);
            }
            let Some((mailbox, letter)) = self.letter(parcel, post).await? else { return Ok(None) };
            let asked = Instant::now();
            let way = tokio::select! {
                way = post.open() => way,
                () = sleep_until(parcel.over) => break,
                () = self.ctx.shutdown.cancelled() => return Err(Cut::Stopping),
            };
            let way = match way {
                Ok(way) => way,
                Err(closed) => {
                    tracing::warn!(%closed, "a letter waits");
                    continue;
                }
            };
            // It was waited for.
            if asked.elapsed() > AT_ONCE && (self.is_reached(parcel, pushed).await? || self.is_answered(parcel).await) {
                return Ok(None);
            }
            let claim = format!("{claims}-{tried}");
            if !self.claim(parcel, &claim).await? {
                // Another notifier has it.
                return Ok(None);
            }
            tried += 1;
            crash::point("9-letter-claimed");
            let outcome = if Instant::now() >= parcel.over || *pushed.borrow() == Pushed::Accepted {
                Outcome::Failed { status: None }
            } else if !self.still_wants(parcel, &mailbox).await {
                // Not now; whether ever is asked before the next try.
                Outcome::Failed { status: Some(NOT_GIVEN) }
            } else {
                match way.send(&letter).await {
                    Posted::Taken => Outcome::Accepted,
                    Posted::Refused(code) => Outcome::Failed { status: Some(code) },
                    Posted::Unknown => {
                        self.ctx.metrics.count(Metric::NotifierAmbiguous, "");
                        Outcome::Failed { status: None }
                    }
                }
            };
            crash::point("9-letter-sent");
            self.note_letter(parcel, &claim, &outcome).await?;
            match outcome {
                Outcome::Failed { status: again @ Some(400..500) } => status = again,
                known => return Ok(Some(known)),
            }
        }
        Ok(Some(Outcome::Failed { status }))
    }

    /// Whether a device was reached by this tip, or lately by another.
    async fn is_reached(&self, parcel: &Parcel<'_>, pushed: &watch::Receiver<Pushed>) -> Result<bool, Cut> {
        if *pushed.borrow() == Pushed::Accepted {
            return Ok(true);
        }
        // Who wants no pushes is not reached by them.
        if !Channel::Push.is_in(parcel.tip.channels.as_deref()) {
            return Ok(false);
        }
        let log = &parcel.person.place.log;
        let there = self.persist("subscriptions", parcel.over, || self.store.there(log)).await?;
        Ok(behavior::was_reached(there, self.ctx.clock.wall()))
    }

    /// Claims a try. Asked twice, since an answer got lost, it is still ours.
    async fn claim(&self, parcel: &Parcel<'_>, claim: &str) -> Result<bool, Cut> {
        let ours = json(&Claim { by: random::token().parse().ok() });
        let first = || self.ctx.bus.claim(claim.to_owned(), ours.clone());
        if self.persist("a claim", parcel.over, first).await? {
            return Ok(true);
        }
        let theirs = self.persist("a claim", parcel.over, || self.kept(claim.to_owned())).await?;
        Ok(theirs.is_some_and(|theirs| theirs == ours))
    }

    /// Waits before the next try; `None` where the tip would be over by then.
    async fn rest(&self, parcel: &Parcel<'_>, pauses: u32) -> Result<Option<()>, Cut> {
        let left = parcel.over.saturating_duration_since(Instant::now());
        let patience = FIRST_PAUSE.saturating_mul(1 << pauses.min(16)).min(LONGEST_PAUSE);
        let Some(pause) = behavior::pause(pauses, Some(patience), left, chance()) else { return Ok(None) };
        self.wait(pause).await.map(Some)
    }

    /// The letter and where it goes, if the person still wants one: what was ended meanwhile stays unsaid.
    async fn letter(&self, parcel: &Parcel<'_>, post: &Post) -> Result<Option<(Mailbox, Message)>, Cut> {
        let Parcel { person, tip, card, .. } = parcel;
        let log = &person.place.log;
        let mailbox = self.persist("an address", parcel.over, || self.email.store.find(log)).await?;
        let Some(mailbox) = mailbox.filter(|_| !self.people.has_left(log)) else { return Ok(None) };
        let Some(to) = post::address(&mailbox.address) else { return Ok(None) };
        let stop = stop_token(person, &mailbox);
        let cover = Cover { post, to: &to, id: tip.id.to_string() };
        let zone = TimeZone::get(tip.zone.as_str()).unwrap_or(TimeZone::UTC);
        let letter = match tip.discreet {
            true => letter::discreet(&cover, card, &zone, &stop),
            false => letter::tip(&cover, card, self.tokens(parcel, &device()).await.as_ref(), &zone, &stop),
        };
        let letter = letter
            .inspect_err(|error| tracing::error!(%error, "a letter cannot be written: check OO_NOTIFIER__SMTP_FROM"));
        Ok(letter.ok().map(|letter| (mailbox, letter)))
    }

    /// The last look before a letter goes: one that cannot be had is no yes.
    async fn still_wants(&self, Parcel { person, .. }: &Parcel<'_>, mailbox: &Mailbox) -> bool {
        let log = &person.place.log;
        let now = self.email.store.find(log).await;
        now.is_ok_and(|now| now.as_ref() == Some(mailbox)) && !self.people.has_left(log)
    }

    /// Whether the person's profile knows of another tip by now, or of none. Who cannot be asked does not say so.
    async fn is_answered(&self, Parcel { person, tip, .. }: &Parcel<'_>) -> bool {
        let view = self.ctx.bus.ask(LOOK, &Look { user: person.user.clone() }).await;
        view.is_ok_and(|view| view.tip.is_none_or(|live| live.id != tip.id))
    }

    async fn note_letter(&self, parcel: &Parcel<'_>, claim: &str, outcome: &Outcome) -> Result<(), Cut> {
        let (label, status) = match outcome {
            Outcome::Accepted => ("letter_accepted", None),
            Outcome::Failed { status: again @ Some(400..500) } => ("letter_later", *again),
            Outcome::Failed { status } => ("letter_failed", *status),
            Outcome::Gone => ("letter_failed", None),
        };
        self.ctx.metrics.count(Metric::NotifierPushes, label);
        tracing::info!(user = %parcel.person.user, tip = %parcel.tip.id, outcome = label, status, "letter");
        self.keep_outcome(claim, outcome).await
    }
}

/// What a letter is called in the log.
fn device() -> DeviceId {
    DEVICE.parse().unwrap_or_else(|_| unreachable!("it is a name"))
}
