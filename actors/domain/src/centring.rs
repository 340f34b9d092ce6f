//! Telling what speaking did from what would have happened anyway, where both speaking and silence were logged.
//!
//! With context `s`, action `a` (1 for speaking), its logged probability `π`, a baseline `g(s)` and an effect `f(s)ᵀβ`:
//! `r = g(s)ᵀα₀ + π f(s)ᵀα₁ + (a - π) f(s)ᵀβ + ε` (Liao, Greenewald, Klasnja and Murphy, Personalized HeartSteps, 2020,
//! equation 3; after Greenewald et al., Action Centered Contextual Bandits, 2017). Since `a - π` has mean zero whatever the
//! context, `β` is right even where the baseline is not a linear one.

/// A centred row `[g, π f, (a - π) f]` into `out`.
pub fn row(baseline: &[f64], effect: &[f64], spoke: bool, probability: f64, out: &mut Vec<f64>) {
    let centred = f64::from(u8::from(spoke)) - probability;
    out.clear();
    out.extend_from_slice(baseline);
    out.extend(effect.iter().map(|value| probability * value));
    out.extend(effect.iter().map(|value| centred * value));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bayes::{Belief, Evidence, Prior};
    use crate::testing::Draws;

    /// The baseline is a wave that the model takes for a constant, and speaking was likelier where it was high.
    #[test]
    fn the_effect_is_right_though_the_baseline_is_wrong() {
        let mut draws = Draws(1);
        let (mut centred, mut plain) = (Evidence::new(3), Evidence::new(2));
        let mut seen = Vec::new();
        for _ in 0..20_000 {
            let wave = (6.0 * draws.uniform()).sin();
            let probability = if wave > 0.0 { 0.8 } else { 0.2 };
            let spoke = draws.uniform() < probability;
            let reward = wave + if spoke { 0.3 } else { 0.0 } + 0.1 * draws.normal();
            row(&[1.0], &[1.0], spoke, probability, &mut seen);
            centred.observe(&seen, reward, 1.0);
            plain.observe(&[1.0, f64::from(u8::from(spoke))], reward, 1.0);
        }
        let wide = |dim: usize| Prior::independent(vec![0.0; dim], &vec![10.0; dim], 0.5).unwrap();
        let effect = Belief::of(&wide(3), &centred).mean()[2];
        assert!((effect - 0.3).abs() < 0.03, "{effect}");
        let naive = Belief::of(&wide(2), &plain).mean()[1];
        assert!(naive > 0.6, "without centring it is told as {naive}");
    }
}
