//! E-mail, the way that is taken where no device can be reached: whose address it is, and how it is ended.

use crate::bounded::bounded;
use crate::signal::Language;
use crate::{Timestamp, UserId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Asks for letters to an address. A code goes there; until it comes back, nothing else does. It prints nothing of itself.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub struct EmailAsk {
    pub address: EmailAddress,
    /// Of the letter with the code; a tip has its own.
    pub language: Language,
}

impl std::fmt::Debug for EmailAsk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EmailAsk").finish_non_exhaustive()
    }
}

/// The code that came in the letter.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub struct EmailCode {
    pub code: EmailCodeText,
}

/// Asks, for a person.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct EmailStart {
    pub user: UserId,
    pub ask: EmailAsk,
}

/// Brings the code back, for a person.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub struct EmailConfirm {
    pub user: UserId,
    pub code: EmailCodeText,
}

/// Ends letters to a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EmailEnd {
    pub user: UserId,
}

/// Ends letters by the token of one of them, which whoever has the letter has.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub struct EmailStop {
    pub token: StopToken,
}

/// Where a person's letters go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HeldEmail {
    pub address: EmailAddress,
    /// When the person proved that it is theirs; `None` while the code is awaited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed: Option<Timestamp>,
}

bounded!(
    /// An e-mail address, as people write it.
    text EmailAddress(3..=254));
bounded!(
    /// A code that a letter brought.
    token EmailCodeText(4..=16));
bounded!(
    /// Whoever has it can end the letters to one address, and nothing else.
    text StopToken(16..=160));
