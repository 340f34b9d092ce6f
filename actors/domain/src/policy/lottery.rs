//! Drawing one action with exact probabilities: whole shares, so that they sum to one and a logged one reads back bit
//! for bit.

use super::Propensities;

/// Probabilities are whole multiples of one in this: below 2^53, so that a share, and its fifteen decimal digits in a
/// JSON document, are exact in a double.
pub(crate) const ONE: u64 = 1_000_000_000_000_000;

/// Shares of [`ONE`] for silence and for each candidate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lottery {
    silence: u64,
    candidates: Vec<u64>,
}

impl Lottery {
    /// `silence` with that probability, else the candidates in proportion to their weights, which are not negative.
    /// Where none has weight, silence is certain.
    pub(crate) fn new(silence: f64, weights: &[f64]) -> Self {
        let total: f64 = weights.iter().sum();
        if total <= 0.0 {
            return Self { silence: ONE, candidates: vec![0; weights.len()] };
        }
        let silence = ((silence.clamp(0.0, 1.0) * ONE as f64).round() as u64).min(ONE);
        let rest = ONE - silence;
        let mut candidates: Vec<u64> =
            weights.iter().map(|weight| ((weight / total * rest as f64).floor() as u64).min(rest)).collect();
        // What rounding left, or took too much of, is the heaviest one's.
        let given: u64 = candidates.iter().sum();
        if let Some(heaviest) = candidates.iter_mut().reduce(|most, next| if *next > *most { next } else { most }) {
            *heaviest = (*heaviest + rest).saturating_sub(given);
        }
        Self { silence, candidates }
    }

    /// `silence` with that probability, else a softmax over the exponents, of which the part `uniform` is even: nothing is
    /// impossible.
    pub(crate) fn softmax(silence: f64, exponents: impl Iterator<Item = f64>, uniform: f64) -> Self {
        let soft: Vec<_> = exponents.map(f64::exp).collect();
        let total: f64 = soft.iter().sum();
        let even = uniform / soft.len() as f64;
        let weights: Vec<_> = soft.iter().map(|weight| (1.0 - uniform) * weight / total + even).collect();
        Self::new(silence, &weights)
    }

    /// The action that these bits draw, `None` for silence, and its probability.
    pub(crate) fn draw(&self, bits: u64) -> (Option<usize>, f64) {
        let mut ticket = ((u128::from(splitmix(bits)) * u128::from(ONE)) >> 64) as u64;
        if ticket < self.silence {
            return (None, probability(self.silence));
        }
        ticket -= self.silence;
        for (index, share) in self.candidates.iter().enumerate() {
            if ticket < *share {
                return (Some(index), probability(*share));
            }
            ticket -= share;
        }
        (None, probability(self.silence))
    }

    pub(crate) fn propensities(&self) -> Propensities {
        Propensities {
            silence: probability(self.silence),
            candidates: self.candidates.iter().map(|share| probability(*share)).collect(),
        }
    }
}

fn probability(share: u64) -> f64 {
    share as f64 / ONE as f64
}

/// SplitMix64 (Steele, Lea and Flood, OOPSLA 2014): spreads bits that may differ in little.
fn splitmix(bits: u64) -> u64 {
    let mut z = bits.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn splitmix_is_the_published_one() {
        // First outputs for the seed 1234567, from the reference implementation.
        assert_eq!(splitmix(1_234_567), 6_457_827_717_110_365_317);
    }

    proptest! {
        #[test]
        fn shares_sum_to_one_exactly(silence in 0.0f64..1.0, weights in prop::collection::vec(0.0f64..10.0, 0..40)) {
            let lottery = Lottery::new(silence, &weights);
            prop_assert_eq!(lottery.silence + lottery.candidates.iter().sum::<u64>(), ONE);
        }

        #[test]
        fn a_probability_reads_back_from_json_bit_for_bit(share in 0..=ONE) {
            let written = serde_json::to_string(&probability(share)).unwrap();
            let read: f64 = serde_json::from_str(&written).unwrap();
            prop_assert_eq!(read.to_bits(), probability(share).to_bits());
        }

        #[test]
        fn what_is_impossible_is_never_drawn(bits: u64) {
            let lottery = Lottery::new(0.0, &[0.0, 1.0, 0.0]);
            prop_assert_eq!(lottery.draw(bits), (Some(1), 1.0));
        }
    }
}
