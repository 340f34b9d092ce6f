//! A part of a whole: a probability, a confidence, a rate.

use crate::OutOfBounds;

/// A number from 0 to 1, kept to six digits, so that it reads back from a document bit for bit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Share(u32);

const ONE: f64 = 1e6;

impl Share {
    /// Nothing of it.
    pub const NONE: Self = Self(0);
    /// All of it.
    pub const ALL: Self = Self(1_000_000);

    /// The nearest share; none for what is no number.
    pub fn saturating(value: f64) -> Self {
        Self((value.clamp(0.0, 1.0) * ONE).round() as u32)
    }

    /// The number inside.
    pub fn get(self) -> f64 {
        f64::from(self.0) / ONE
    }
}

impl TryFrom<f64> for Share {
    type Error = OutOfBounds;
    fn try_from(value: f64) -> Result<Self, Self::Error> {
        if !(0.0..=1.0).contains(&value) {
            return Err(OutOfBounds(format!("Share wants 0 to 1, got {value}")));
        }
        Ok(Self::saturating(value))
    }
}

impl From<Share> for f64 {
    fn from(share: Share) -> Self {
        share.get()
    }
}

impl schemars::JsonSchema for Share {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Share".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "A number from 0 to 1, kept to six digits, so that it reads back from a document bit for bit.",
            "type": "number", "minimum": 0, "maximum": 1
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_share_reads_back_bit_for_bit() {
        for millionths in (0..=1_000_000).step_by(7) {
            let share = Share(millionths);
            let written = serde_json::to_string(&share).unwrap();
            let read: Share = serde_json::from_str(&written).unwrap();
            assert_eq!(read, share);
            assert_eq!(read.get().to_bits(), share.get().to_bits());
        }
    }

    #[test]
    fn what_is_no_share_is_refused_or_brought_near() {
        for outside in [-0.1, 1.000_001, f64::NAN, f64::INFINITY] {
            assert!(Share::try_from(outside).is_err());
        }
        assert_eq!(Share::saturating(f64::NAN), Share::NONE);
        assert_eq!(Share::saturating(7.0), Share::ALL);
    }
}
