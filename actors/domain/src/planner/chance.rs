//! Numbers from the bits of an ask: the only chance that a plan knows, so that it can be made again.

use std::f64::consts::TAU;

/// A stream of draws from 64 bits, by SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
#[derive(Debug, Clone)]
pub struct Chance(u64);

impl Chance {
    pub fn new(bits: u64) -> Self {
        Self(bits)
    }

    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From [0, 1), with the 53 bits that a double holds.
    pub fn uniform(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Standard normal, by Box and Muller (1958).
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        radius * (TAU * self.uniform()).cos()
    }

    /// A place in `shares`, each as likely as its share of their sum.
    pub fn place(&mut self, shares: &[f64]) -> usize {
        let mut ticket = self.uniform() * shares.iter().sum::<f64>();
        for (place, share) in shares.iter().enumerate() {
            ticket -= share;
            if ticket < 0.0 {
                return place;
            }
        }
        // Rounding may leave a ticket beyond the last share.
        shares.iter().rposition(|share| *share > 0.0).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normals_have_mean_nought_and_variance_one() {
        let mut chance = Chance::new(5);
        let draws: Vec<f64> = (0..20_000).map(|_| chance.normal()).collect();
        let mean = draws.iter().sum::<f64>() / 20_000.0;
        let variance = draws.iter().map(|draw| draw * draw).sum::<f64>() / 20_000.0;
        // Four standard errors.
        assert!(mean.abs() < 0.03 && (variance - 1.0).abs() < 0.04, "{mean} {variance}");
    }

    #[test]
    fn a_place_is_drawn_as_often_as_its_share() {
        let mut chance = Chance::new(9);
        let seconds = (0..20_000).filter(|_| chance.place(&[1.0, 3.0, 0.0]) == 1).count();
        assert!((14_750..15_250).contains(&seconds), "{seconds}");
    }
}
