//! What cannot be undone wants a second "yes", made for it a moment ago; and when somebody is erased, all their doors go.

use crate::begun_store::SECONDS;
use crate::{Auth, away};
use oo_contracts::LogId;
use oo_contracts::http::Problem;
use oo_contracts::rights::{Clear, Cleared, ConfirmAsk, Confirmation, Confirmed};
use oo_contracts::wire::Done;
use oo_runtime::random;

impl Auth {
    /// A confirmation for what cannot be undone: for this person alone, for some minutes.
    pub(crate) async fn confirm(&self, ConfirmAsk { user }: ConfirmAsk) -> Result<Confirmation, Problem> {
        let text = random::hex(&random::bytes::<32>());
        self.begun.keep("confirm", &text, &self.person(&user).await?.place.log).await.map_err(away)?;
        let confirmation = text.parse().expect("64 hexadecimal digits fit");
        Ok(Confirmation { confirmation, seconds: SECONDS })
    }

    /// Takes it, once; what does not hold is told in one way.
    pub(crate) async fn confirmed(&self, Confirmed { user, confirmation }: Confirmed) -> Result<Done, Problem> {
        let log: Option<LogId> = self.begun.take("confirm", confirmation.as_str()).await.map_err(away)?;
        let person = self.people.find(&user).await.map_err(away)?;
        if log.is_some() && log.as_ref() == person.as_ref().map(|person| &person.place.log) {
            return Ok(Done {});
        }
        Err(Problem::new(403, "not confirmed", "ask for a confirmation, and send it back within minutes, once"))
    }

    /// Removes sessions, passkeys and identities of somebody who was erased.
    pub(crate) async fn clear_doors(&self, Clear { log }: Clear) -> Result<Cleared, Problem> {
        let mut removed = self.sessions.clear(&log).await.map_err(away)?;
        removed += self.identities.clear(&log).await.map_err(away)?;
        if let Some(passkeys) = &self.passkeys {
            removed += passkeys.clear(&log).await.map_err(away)?;
        }
        Ok(Cleared { removed, left: 0 })
    }
}
