//! What a person's own tips have taught: kept small in the profile, and sent to the policy with each ask.
//!
//! A tip teaches provisionally from the moment its reward is known, and for good once its window has closed and nothing
//! can change it any more. Both go in the order in which the tips were given, each after a little of what was known
//! before has been forgotten, or nearly all of it where the answers say beyond doubt that the person has changed
//! ([`crate::bayes::change`]): the same log teaches the same, bit for bit, in whatever order its answers came.

use crate::bayes::change::{KEPT, Suspicion};
use crate::bayes::{self, Belief, Evidence, Prior};
use crate::features::{self, D, Row};
use crate::model::Model;
use crate::profile::Profile;
use crate::reward;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use oo_contracts::decision::Posterior;
use serde::{Deserialize, Serialize};
use std::sync::LazyLock;

/// What an earlier tip still counts for when another one is learnt: a memory of some fifty tips, so that a change of
/// taste is followed within weeks, and one bad day is not.
pub const FORGETTING: f64 = 0.98;

/// The numbers of a person's evidence.
const PARTS: usize = Evidence::parts_len(D);

/// What a person is held against to notice a change: the model that is built in, since what is learnt may not depend on who
/// else has been learnt from meanwhile.
static ANYBODY: LazyLock<(Prior, Belief)> = LazyLock::new(|| {
    let model = Model::default();
    (model.prior().clone(), Belief::new(model.prior()))
});

/// What is known of a person, and how far the latest of it speaks for another one.
#[derive(Debug, Clone, PartialEq)]
struct Known {
    evidence: Evidence,
    suspicion: Suspicion,
}

impl Known {
    fn nothing() -> Self {
        Self { evidence: Evidence::new(D), suspicion: Suspicion::default() }
    }

    fn learn(&mut self, row: &Row, reward: f64) {
        let row = row.values();
        let (prior, anybody) = &*ANYBODY;
        let person = bayes::expected(prior, &self.evidence, &row);
        let changed = self.suspicion.hear(person, anybody.predict(&row), prior.noise(), reward);
        self.evidence.fade(if changed { KEPT } else { FORGETTING });
        self.evidence.observe(&row, reward, 1.0);
    }
}

/// What is known, at rest: the suspicion and each number of the evidence as the upper three bytes of a single float, some
/// five digits. Less than a tip's noise by far, and 765 bytes for a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Learnt(Box<[u8]>);

impl Default for Learnt {
    fn default() -> Self {
        Self::of(&Known::nothing())
    }
}

impl Learnt {
    fn of(known: &Known) -> Self {
        let numbers = std::iter::once(known.suspicion.ratio()).chain(known.evidence.parts());
        Self(numbers.flat_map(three_bytes).collect())
    }

    fn known(&self) -> Known {
        let numbers: Vec<_> = self.0.chunks_exact(3).map(from_three_bytes).collect();
        let [ratio, parts @ ..] = &numbers[..] else { return Known::nothing() };
        let evidence = Evidence::from_parts(D, parts).unwrap_or_else(|| Evidence::new(D));
        Known { evidence, suspicion: Suspicion::of(*ratio) }
    }

    /// Learns from one tip for good.
    pub(crate) fn learn(&mut self, row: &Row, reward: f64) {
        let mut known = self.known();
        known.learn(row, reward);
        *self = Self::of(&known);
    }

    /// The bytes it takes.
    pub fn size(&self) -> usize {
        self.0.len()
    }
}

/// Everything that a person's tips have taught at `now`; `None` where that is nothing.
pub fn evidence(profile: &Profile, now: Timestamp) -> Option<Evidence> {
    let mut known = profile.learnt().map(Learnt::known);
    for life in profile.lives() {
        if let (Some(row), Some(reward)) = (&life.row, reward::reward(life, now)) {
            known.get_or_insert_with(Known::nothing).learn(row, reward);
        }
    }
    known.map(|known| known.evidence)
}

/// Evidence on its way to a policy: the version of the features, two bytes, and the numbers as single floats, all
/// little-endian, in base64.
pub fn to_posterior(evidence: &Evidence) -> Option<Posterior> {
    let version = u16::try_from(features::VERSION).ok()?;
    let numbers = evidence.parts().flat_map(|part| (part as f32).to_le_bytes());
    let bytes: Vec<_> = version.to_le_bytes().into_iter().chain(numbers).collect();
    Posterior::try_from(STANDARD.encode(bytes)).ok()
}

/// The evidence in a posterior; `None` for one of other features, or of another policy's making.
pub fn from_posterior(posterior: &Posterior) -> Option<Evidence> {
    let bytes = STANDARD.decode(posterior.as_str()).ok()?;
    let (version, numbers) = bytes.split_first_chunk::<2>()?;
    if u32::from(u16::from_le_bytes(*version)) != features::VERSION || numbers.len() != 4 * PARTS {
        return None;
    }
    let (numbers, _) = numbers.as_chunks::<4>();
    let parts: Vec<_> = numbers.iter().map(|bytes| f64::from(f32::from_le_bytes(*bytes))).collect();
    Evidence::from_parts(D, &parts)
}

/// The nearest number whose lowest byte is none, the even one of two.
fn three_bytes(number: f64) -> [u8; 3] {
    let bits = (number as f32).to_bits();
    let rounded = bits.saturating_add(0x7f + (bits >> 8 & 1));
    let [_, low, middle, high] = rounded.to_le_bytes();
    [low, middle, high]
}

fn from_three_bytes(bytes: &[u8]) -> f64 {
    f64::from(f32::from_bits(bytes.iter().rev().fold(0, |bits, byte| bits << 8 | u32::from(*byte)) << 8))
}

impl From<Learnt> for String {
    fn from(learnt: Learnt) -> Self {
        STANDARD.encode(learnt.0)
    }
}

impl TryFrom<String> for Learnt {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        let bytes = STANDARD.decode(text).map_err(|_| "no base64")?;
        if bytes.len() != 3 * (1 + PARTS) {
            return Err("of another number of features");
        }
        Ok(Self(bytes.into_boxed_slice()))
    }
}

#[cfg(test)]
mod tests;
