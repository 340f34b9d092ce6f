//! What a person's own tips have taught: kept small in the profile, and sent to the policy with each ask.
//!
//! A tip teaches provisionally from the moment its reward is known, and for good once its window has closed and nothing
//! can change it any more. Both go in the order in which the tips were given, each after a little of what was known
//! before has been forgotten: the same log teaches the same, bit for bit, in whatever order its answers came.

use crate::bayes::Evidence;
use crate::features::{self, D, Row};
use crate::profile::Profile;
use crate::reward;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use oo_contracts::decision::Posterior;
use serde::{Deserialize, Serialize};

/// What an earlier tip still counts for when another one is learnt: a memory of some fifty tips, so that a change of
/// taste is followed within weeks, and one bad day is not.
pub const FORGETTING: f64 = 0.98;

/// The numbers of a person's evidence.
const PARTS: usize = Evidence::parts_len(D);

/// Evidence at rest: each number as the upper three bytes of a single float, some five digits. Less than a tip's noise by
/// far, and 762 bytes for a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Learnt(Box<[u8]>);

impl Default for Learnt {
    fn default() -> Self {
        Self::of(&Evidence::new(D))
    }
}

impl Learnt {
    fn of(evidence: &Evidence) -> Self {
        Self(evidence.parts().flat_map(three_bytes).collect())
    }

    /// What rests here.
    pub fn evidence(&self) -> Evidence {
        let parts: Vec<_> = self.0.chunks_exact(3).map(from_three_bytes).collect();
        Evidence::from_parts(D, &parts).unwrap_or_else(|| Evidence::new(D))
    }

    /// Learns from one tip for good.
    pub(crate) fn learn(&mut self, row: &Row, reward: f64) {
        let mut evidence = self.evidence();
        learn(&mut evidence, row, reward);
        *self = Self::of(&evidence);
    }

    /// The bytes it takes.
    pub fn size(&self) -> usize {
        self.0.len()
    }
}

/// Everything that a person's tips have taught at `now`; `None` where that is nothing.
pub fn evidence(profile: &Profile, now: Timestamp) -> Option<Evidence> {
    let mut known = profile.learnt().map(Learnt::evidence);
    for life in profile.lives() {
        if let (Some(row), Some(reward)) = (&life.row, reward::reward(life, now)) {
            learn(known.get_or_insert_with(|| Evidence::new(D)), row, reward);
        }
    }
    known
}

fn learn(evidence: &mut Evidence, row: &Row, reward: f64) {
    evidence.fade(FORGETTING);
    evidence.observe(&row.values(), reward, 1.0);
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
        if bytes.len() != 3 * PARTS {
            return Err("of another number of features");
        }
        Ok(Self(bytes.into_boxed_slice()))
    }
}

#[cfg(test)]
mod tests;
