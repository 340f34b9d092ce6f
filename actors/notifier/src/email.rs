//! E-mail between a person and us: an address is asked for, proves to be theirs by a code, and is ended, by the person or by
//! whoever has a letter. What is written to it is `letters.rs`'s.

use crate::email_store::{self, AskError, Asked, Brought, EmailStore, Mailbox};
use crate::letter::{self, Cover};
use crate::post::{self, Post, Posted};
use crate::{ANSWERS, away, log_of, nobody};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use oo_contracts::LogId;
use oo_contracts::email::{EmailAsk, EmailConfirm, EmailEnd, EmailStart, EmailStop, HeldEmail, StopToken};
use oo_contracts::http::Problem;
use oo_contracts::wire::Done;
use oo_runtime::{Context, People, Person, random};
use oo_subjects::{EMAIL_CONFIRM, EMAIL_END, EMAIL_START, EMAIL_STOP};
use std::sync::Arc;
use std::time::Duration;
use subtle::ConstantTimeEq as _;
use tokio::time::timeout;

/// Before the token of a letter that brought a code: it ends what goes to an address, not what goes to a person.
const NEVER: &str = "never.";
/// How long a letter with a code may take: a person waits for it.
const CODE_WITHIN: Duration = Duration::from_secs(25);
/// How much of that the way to the mail server may take.
const WAY_WITHIN: Duration = Duration::from_secs(10);

/// What is needed to write letters.
#[derive(Clone)]
pub(crate) struct Email {
    pub(crate) store: EmailStore,
    /// `None` where the settings name no mail server: then nothing is written, and what was asked for before can be ended.
    pub(crate) post: Option<Arc<Post>>,
}

impl Email {
    /// Answers all that people and pages ask.
    pub(crate) async fn answer(&self, ctx: &Context, people: &People) -> anyhow::Result<()> {
        let (own, of_people, asking) = (self.clone(), people.clone(), ctx.clone());
        ctx.answer(EMAIL_START, ANSWERS, move |start| {
            let (email, people, ctx) = (own.clone(), of_people.clone(), asking.clone());
            async move { email.start(&ctx, &people, start).await }
        })
        .await?;
        let (own, of_people, asking) = (self.clone(), people.clone(), ctx.clone());
        ctx.answer(EMAIL_CONFIRM, ANSWERS, move |EmailConfirm { user, code }| {
            let (email, people, ctx) = (own.clone(), of_people.clone(), asking.clone());
            async move {
                let log = log_of(&people, &user).await?;
                match email.store.confirm(&log, &code, ctx.clock.wall()).await.map_err(away)? {
                    Brought::Right => {
                        ctx.bus.changed(&user, 0).await;
                        Ok(Done {})
                    }
                    Brought::Wrong => Err(Problem::new(422, "not the code", "look at the letter once more")),
                    Brought::Late => Err(Problem::new(410, "no code is awaited", "ask for a new one")),
                }
            }
        })
        .await?;
        let (own, of_people, bus) = (self.clone(), people.clone(), ctx.bus.clone());
        ctx.answer(EMAIL_END, ANSWERS, move |EmailEnd { user }| {
            let (email, people, bus) = (own.clone(), of_people.clone(), bus.clone());
            async move {
                email.store.forget(&log_of(&people, &user).await?).await.map_err(away)?;
                bus.changed(&user, 0).await;
                Ok(Done {})
            }
        })
        .await?;
        let (own, of_people, bus) = (self.clone(), people.clone(), ctx.bus.clone());
        ctx.answer(EMAIL_STOP, ANSWERS, move |EmailStop { token }| {
            let (email, people, bus) = (own.clone(), of_people.clone(), bus.clone());
            async move {
                if let Some(person) = email.stop(&people, &token).await? {
                    bus.changed(&person.user, 0).await;
                }
                Ok(Done {})
            }
        })
        .await
    }

    /// Writes a letter with a code.
    async fn start(
        &self,
        ctx: &Context,
        people: &People,
        EmailStart { user, ask }: EmailStart,
    ) -> Result<Done, Problem> {
        let post = self
            .post
            .as_ref()
            .ok_or_else(|| Problem::new(404, "this oO writes no letters", "its operator has named no mail server"))?;
        let to = post::address(&ask.address)
            .ok_or_else(|| Problem::new(422, "no address that can be written to", "write it like name@example.org"))?;
        let log = log_of(people, &user).await?;
        let found = self.store.find(&log).await.map_err(away)?;
        if found.is_some() {
            return Err(Problem::new(409, "letters go to an address already", "end those first"));
        }
        // Cut off, it may be taken after all: then the code is good.
        let sent = timeout(CODE_WITHIN, self.send_code(ctx, (people, post), (&log, &to), &ask)).await;
        ctx.bus.changed(&user, 0).await;
        sent.unwrap_or_else(|late| Err(no_way(&late)))
    }

    async fn send_code(
        &self,
        ctx: &Context,
        (people, post): (&People, &Post),
        (log, to): (&LogId, &lettre::Address),
        ask: &EmailAsk,
    ) -> Result<Done, Problem> {
        // A way first: an ask counts once there is one.
        let way = timeout(WAY_WITHIN, post.open()).await.map_err(|late| no_way(&late))?;
        let way = way.map_err(|closed| no_way(&closed))?;
        let asked = self.store.ask(log, &ask.address, ctx.clock.wall()).await.map_err(|error| match error {
            AskError::NotNow => {
                Problem::new(429, "no code goes there now", "try again tomorrow, or give another address")
            }
            AskError::Away(error) => away(error),
        })?;
        if people.has_left(log) {
            // Erased while it was kept: nothing of theirs stays.
            self.store.clear(log).await.map_err(away)?;
            return Err(nobody());
        }
        let Asked { code, way_out, .. } = &asked;
        let cover = Cover { post, to, id: random::token() };
        let letter = letter::code(&cover, ask.language, code, &format!("{NEVER}{way_out}")).map_err(|error| {
            tracing::error!(%error, "a letter cannot be written: check OO_NOTIFIER__SMTP_FROM");
            Problem::new(500, "a letter cannot be written", "this is not your fault")
        })?;
        let posted = way.send(&letter).await;
        if posted != Posted::Taken {
            tracing::warn!(?posted, "a code is not taken");
        }
        let refused = match posted {
            // If it was not taken, no code arrives, and another is asked for.
            Posted::Taken | Posted::Unknown => return Ok(Done {}),
            Posted::Refused(500..600) => {
                Problem::new(422, "the mail server refuses this address", "check it, or give another")
            }
            Posted::Refused(_) => Problem::new(503, "the mail server wants us to wait", "try again in some minutes"),
        };
        self.store.take_back(log, &asked).await.map_err(away)?;
        Err(refused)
    }

    /// Ends what a token stands for; whose letters it ended, if somebody's.
    async fn stop(&self, people: &People, token: &StopToken) -> Result<Option<Arc<Person>>, Problem> {
        if let Some((to, secret)) = token.as_str().strip_prefix(NEVER).and_then(|rest| rest.split_once('.')) {
            return match self.store.leave_alone((to, secret)).await.map_err(away)? {
                true => Ok(None),
                false => Err(ended()),
            };
        }
        let (log, proof) = token.as_str().split_once('.').ok_or_else(ended)?;
        let log: LogId = log.parse().map_err(|_| ended())?;
        let person = people.of_log(&log).await.map_err(away)?.ok_or_else(ended)?;
        // Said before: whoever says it twice is told the same.
        let Some(mailbox) = self.store.find(&log).await.map_err(away)? else { return Ok(None) };
        if !bool::from(proof_for(&person, &mailbox).as_bytes().ct_eq(proof.as_bytes())) {
            return Err(ended());
        }
        self.store.forget(&log).await.map_err(away)?;
        Ok(Some(person))
    }

    /// Where a person's letters go, or a code is on its way to: never both.
    pub(crate) async fn held(&self, log: &LogId) -> Result<Option<HeldEmail>, Problem> {
        if let Some(address) = self.store.awaited(log).await.map_err(away)? {
            return Ok(Some(HeldEmail { address, confirmed: None }));
        }
        let found = self.store.find(log).await.map_err(away)?;
        Ok(found.map(|Mailbox { address, at }| HeldEmail { address, confirmed: Some(at) }))
    }
}

/// What ends the letters to this person at this address. Every letter has the same, also where the address was given anew:
/// whoever says no by an old one is heard.
pub(crate) fn stop_token(person: &Person, mailbox: &Mailbox) -> String {
    format!("{}.{}", person.place.log, proof_for(person, mailbox))
}

fn proof_for(person: &Person, mailbox: &Mailbox) -> String {
    BASE64.encode(person.key.derive(&format!("email-stop|{}", email_store::same(&mailbox.address))))
}

fn no_way(why: &impl std::fmt::Display) -> Problem {
    tracing::warn!(%why, "a code is not sent, or not known to be");
    Problem::new(502, "the mail server does not answer", "try again in a moment")
}

fn ended() -> Problem {
    Problem::new(410, "there is nothing to end", "no letters go there by this token")
}
