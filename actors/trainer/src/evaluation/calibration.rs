//! Whether what is said to happen with a probability happens as often.

/// The usual number of bins (Guo et al., On calibration of modern neural networks, ICML 2017).
const BINS: usize = 15;

/// The expected calibration error: in each of 15 equally wide bins of what was predicted, how far the mean prediction is from
/// the mean outcome, weighted by how many fall into it. Outcomes are 0 or 1, or rewards between. `None` without a pair.
pub fn expected_calibration_error(predicted_and_seen: impl IntoIterator<Item = (f64, f64)>) -> Option<f64> {
    let (mut gaps, mut count) = ([0.0; BINS], 0_u64);
    for (predicted, seen) in predicted_and_seen {
        let bin = ((predicted * BINS as f64) as usize).min(BINS - 1);
        gaps[bin] += predicted - seen;
        count += 1;
    }
    (count > 0).then(|| gaps.iter().map(|gap: &f64| gap.abs()).sum::<f64>() / count as f64)
}

#[cfg(test)]
mod tests {
    use super::super::SplitMix;
    use super::*;

    #[test]
    fn what_happens_as_often_as_said_has_no_error_and_what_does_not_has_its_distance() {
        let said = |probability: f64, times: u32, of: u32| (0..of).map(move |i| (probability, f64::from(i < times)));
        let close = |pairs: Vec<(f64, f64)>, error: f64| {
            let found = expected_calibration_error(pairs).unwrap();
            assert!((found - error).abs() < 1e-12, "{found} is not {error}");
        };
        close(said(0.25, 25, 100).chain(said(0.75, 75, 100)).collect(), 0.0);
        close(said(0.25, 45, 100).collect(), 0.2);
        // Half of the predictions are off by a fifth, in one direction and in the other: no cancelling over bins.
        close(said(0.25, 45, 100).chain(said(0.75, 55, 100)).collect(), 0.2);
        close(said(1.0, 100, 100).chain(said(0.0, 0, 100)).collect(), 0.0);
        assert_eq!(expected_calibration_error([]), None);
    }

    #[test]
    fn chance_alone_makes_a_small_error_that_shrinks_with_the_sample() {
        let error = |count: usize| {
            let mut chance = SplitMix::new(7);
            let drawn = (0..count).map(|_| {
                let probability = chance.unit();
                (probability, f64::from(chance.unit() < probability))
            });
            expected_calibration_error(drawn.collect::<Vec<_>>()).unwrap()
        };
        assert!(error(100_000) < 0.01 && error(100_000) < error(1_000));
    }
}
