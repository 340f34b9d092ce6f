//! Everything that is held of a person, gathered from those who hold it; the log and the decisions page by page, so that no
//! message is large and nobody holds all of it in memory.

use crate::Events;
use oo_contracts::UserId;
use oo_contracts::entry;
use oo_contracts::http::Problem;
use oo_contracts::rights::{ExportAsk, ExportPage, ExportPageAsk, ExportPart, Held, HeldDecision, HeldEntry};
use oo_contracts::session::DoorsAsk;
use oo_contracts::wire::{LinkList, Look, PushLook};
use oo_runtime::Person;
use oo_runtime::logbook::{open_checkpoint, open_decision, open_entry};
use oo_subjects::{AskError, DEVICES, DOORS, LINK_LIST, LOOK};
use std::sync::Arc;

/// The most bytes of one page as JSON: well below the megabyte that a message may have.
const MOST_BYTES: usize = 512 * 1024;

impl Events {
    /// All but the log and the decisions. All of it or nothing: half an answer would look like a whole one.
    pub(crate) async fn export(&self, ExportAsk { user }: ExportAsk) -> Result<Held, Problem> {
        let bus = &self.ctx.bus;
        let (look, list) = (Look { user: user.clone() }, LinkList { user: user.clone() });
        let (doors, push) = (DoorsAsk { user: user.clone(), secret: String::new() }, PushLook { user: user.clone() });
        let (profile, links, doors, devices) = futures_util::try_join!(
            bus.ask(LOOK, &look),
            bus.ask(LINK_LIST, &list),
            bus.ask(DOORS, &doors),
            bus.ask(DEVICES, &push)
        )
        .map_err(not_now)?;
        Ok(Held {
            preferences: profile.preferences.clone().unwrap_or_default(),
            consents: profile.consents.clone().unwrap_or_default(),
            user,
            profile,
            accounts: links.accounts,
            ended: links.ended,
            doors,
            devices: devices.devices,
            email: devices.email,
        })
    }

    /// A page of the log or of the decisions.
    pub(crate) async fn export_page(&self, ask: ExportPageAsk) -> Result<ExportPage, Problem> {
        let ExportPageAsk { user, part, after } = ask;
        let person = self.person(&user).await?;
        let (stored, next) = match part {
            ExportPart::Entries => self.ctx.bus.read_some(&person.place, after).await,
            ExportPart::Decisions => self.ctx.bus.some_decisions(&person.place, after).await,
        }
        .map_err(not_now)?;
        let checkpoint = match part {
            ExportPart::Entries if after == 0 => self.checkpoint(&person).await?,
            _ => None,
        };
        let mut page = ExportPage { checkpoint, entries: vec![], decisions: vec![], next };
        let (mut bytes, mut last) = (0, after);
        for one in stored {
            bytes += one.payload.len();
            if bytes > MOST_BYTES && last > after {
                page.next = Some(last);
                return Ok(page);
            }
            last = one.seq;
            match part {
                ExportPart::Entries => page
                    .entries
                    .push(HeldEntry { seq: one.seq, entry: open_entry(&person, &one.kind, &one.payload).ok() }),
                ExportPart::Decisions => page
                    .decisions
                    .push(HeldDecision { seq: one.seq, decision: open_decision(&person, &one.payload).ok() }),
            }
        }
        Ok(page)
    }

    /// What a log begins with, where its older entries are no more.
    async fn checkpoint(&self, person: &Person) -> Result<Option<entry::Checkpoint>, Problem> {
        let Some(checkpoint) = self.ctx.bus.checkpoint(&person.place).await.map_err(not_now)? else { return Ok(None) };
        let opened = open_checkpoint(person, &checkpoint).map_err(not_now)?;
        serde_json::from_slice(&opened.profile).map(Some).map_err(|error| {
            tracing::error!(user = %person.user, %error, "a checkpoint is none: restore it from a backup");
            Problem::new(500, "not everything can be read", "an export would not be whole")
        })
    }

    pub(crate) async fn person(&self, user: &UserId) -> Result<Arc<Person>, Problem> {
        self.people
            .find(user)
            .await
            .map_err(not_now)?
            .ok_or_else(|| Problem::new(404, "nobody by that name", "this person is not here"))
    }
}

/// Somebody does not answer; their own problem is passed on.
pub(crate) fn not_now(error: impl Into<NotNow>) -> Problem {
    match error.into() {
        NotNow::Problem(problem) => problem,
        NotNow::Other(error) => {
            tracing::warn!(error, "a right cannot be exercised now");
            Problem::new(503, "not now", "try again in a moment").retry_after(1)
        }
    }
}

/// Why something cannot be done now.
pub(crate) enum NotNow {
    Problem(Problem),
    Other(String),
}

impl From<AskError> for NotNow {
    fn from(error: AskError) -> Self {
        match error {
            AskError::Problem(problem) => Self::Problem(problem),
            other => Self::Other(other.to_string()),
        }
    }
}

impl From<oo_subjects::AppendError> for NotNow {
    fn from(error: oo_subjects::AppendError) -> Self {
        Self::Other(error.to_string())
    }
}

impl From<oo_runtime::logbook::ReadError> for NotNow {
    fn from(error: oo_runtime::logbook::ReadError) -> Self {
        Self::Other(error.to_string())
    }
}

impl From<oo_runtime::people::PeopleError> for NotNow {
    fn from(error: oo_runtime::people::PeopleError) -> Self {
        Self::Other(error.to_string())
    }
}
