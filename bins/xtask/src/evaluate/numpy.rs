//! numpy's legacy random numbers (`RandomState`), so that figures that were published with a seed come back digit for digit:
//! the Mersenne Twister (Matsumoto and Nishimura, ACM TOMACS 1998), and gamma variables by Marsaglia and Tsang (ACM TOMS 2000).

use anyhow::ensure;

const WORDS: usize = 624;
const MIDDLE: usize = 397;

/// numpy's `RandomState(seed)`.
pub(super) struct RandomState {
    words: Box<[u32; WORDS]>,
    place: usize,
    /// The polar method makes normals two at a time.
    second: Option<f64>,
}

impl RandomState {
    pub(super) fn new(seed: u32) -> Self {
        let mut words = Box::new([seed; WORDS]);
        for i in 1..WORDS {
            let before = words[i - 1];
            words[i] = 1_812_433_253_u32.wrapping_mul(before ^ (before >> 30)).wrapping_add(i as u32);
        }
        Self { words, place: WORDS, second: None }
    }

    fn bits(&mut self) -> u32 {
        if self.place == WORDS {
            for i in 0..WORDS {
                let mixed = (self.words[i] & 0x8000_0000) | (self.words[(i + 1) % WORDS] & 0x7fff_ffff);
                let twist = if mixed & 1 == 1 { 0x9908_b0df } else { 0 };
                self.words[i] = self.words[(i + MIDDLE) % WORDS] ^ (mixed >> 1) ^ twist;
            }
            self.place = 0;
        }
        let word = self.words[self.place];
        self.place += 1;
        let word = word ^ (word >> 11);
        let word = word ^ ((word << 7) & 0x9d2c_5680);
        let word = word ^ ((word << 15) & 0xefc6_0000);
        word ^ (word >> 18)
    }

    fn unit(&mut self) -> f64 {
        let (high, low) = (self.bits() >> 5, self.bits() >> 6);
        (f64::from(high) * 67_108_864.0 + f64::from(low)) / 9_007_199_254_740_992.0
    }

    /// As `choice` and `randint` draw: the lowest bits that can hold the number, until they are one.
    pub(super) fn below(&mut self, end: usize) -> usize {
        let last = (end - 1) as u32;
        let mask = u32::MAX.checked_shr(last.leading_zeros()).unwrap_or(0);
        loop {
            let drawn = self.bits() & mask;
            if drawn <= last {
                return drawn as usize;
            }
        }
    }

    fn normal(&mut self) -> f64 {
        if let Some(second) = self.second.take() {
            return second;
        }
        loop {
            let (x, y) = (2.0 * self.unit() - 1.0, 2.0 * self.unit() - 1.0);
            let square = x * x + y * y;
            if square < 1.0 && square != 0.0 {
                let length = (-2.0 * square.ln() / square).sqrt();
                self.second = Some(length * x);
                return length * y;
            }
        }
    }

    fn gamma(&mut self, shape: f64) -> f64 {
        let b = shape - 1.0 / 3.0;
        let c = 1.0 / (9.0 * b).sqrt();
        loop {
            let (x, v) = loop {
                let x = self.normal();
                let v = 1.0 + c * x;
                if v > 0.0 {
                    break (x, v * v * v);
                }
            };
            let unit = self.unit();
            let sure = unit < 1.0 - 0.0331 * (x * x) * (x * x);
            if sure || unit.ln() < 0.5 * x * x + b * (1.0 - v + v.ln()) {
                return b * v;
            }
        }
    }

    /// # Errors
    /// For shapes of 1 and below, which numpy draws in another way that nothing here needs.
    pub(super) fn beta(&mut self, a: f64, b: f64) -> anyhow::Result<f64> {
        ensure!(a > 1.0 && b > 1.0, "beta({a}, {b}) is not written out here");
        let (one, another) = (self.gamma(a), self.gamma(b));
        Ok(one / (one + another))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // What numpy 2.3.5 prints.
    #[test]
    fn the_draws_are_numpys() {
        let mut state = RandomState::new(12345);
        let drawn: Vec<f64> =
            [(47.0, 3000.0), (8.0, 200.0), (62.0, 90.0)].map(|(a, b)| state.beta(a, b).unwrap()).to_vec();
        for (drawn, numpys) in drawn.iter().zip([0.01474386, 0.06182848, 0.39967626]) {
            assert!((drawn - numpys).abs() < 5e-9, "{drawn} is not {numpys}");
        }
        let mut state = RandomState::new(7);
        let below: Vec<usize> = (0..5).map(|_| state.below(10_000)).collect();
        assert_eq!(below, [9412, 537, 5699, 4307, 919]);
        assert!((state.unit() - 0.45558491).abs() < 5e-9);
    }
}
