//! Numbers of many lives: means with their intervals, and how well a prediction is calibrated.

/// A mean, and where the true one lies with 95 % confidence.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Interval {
    pub mean: f64,
    pub low: f64,
    pub high: f64,
}

/// The 97.5 % quantile of the normal distribution.
const Z: f64 = 1.959_963_984_540_054;

impl Interval {
    /// Of independent values, by Student's distribution. Of one value it is that value.
    pub fn of(values: &[f64]) -> Self {
        let count = values.len() as f64;
        if values.is_empty() {
            return Self::default();
        }
        let mean = values.iter().sum::<f64>() / count;
        let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0).max(1.0);
        let half = t_quantile(count - 1.0) * (variance / count).sqrt();
        Self { mean, low: mean - half, high: mean + half }
    }

    /// Of the differences of pairs: two policies in the same worlds.
    pub fn of_differences(these: &[f64], those: &[f64]) -> Self {
        let differences: Vec<_> = these.iter().zip(those).map(|(this, that)| this - that).collect();
        Self::of(&differences)
    }
}

impl std::fmt::Display for Interval {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let digits = f.precision().unwrap_or(3);
        write!(f, "{:.digits$} [{:.digits$}, {:.digits$}]", self.mean, self.low, self.high)
    }
}

/// The 97.5 % quantile of Student's distribution, by Fisher's expansion (Abramowitz and Stegun, 26.7.5): within 0.3 % from
/// four degrees of freedom on.
fn t_quantile(freedom: f64) -> f64 {
    if freedom < 1.0 {
        return 0.0;
    }
    let first = (Z.powi(3) + Z) / 4.0;
    let second = (5.0 * Z.powi(5) + 16.0 * Z.powi(3) + 3.0 * Z) / 96.0;
    let third = (3.0 * Z.powi(7) + 19.0 * Z.powi(5) + 17.0 * Z.powi(3) - 15.0 * Z) / 384.0;
    Z + first / freedom + second / freedom.powi(2) + third / freedom.powi(3)
}

/// What was predicted against what came, in groups of like predictions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Group {
    pub predicted: f64,
    pub came: Interval,
    pub count: usize,
}

/// Ten groups of equal size, by what was predicted.
const GROUPS: usize = 10;

/// Groups of pairs of a prediction and what came.
pub fn calibration(pairs: &[(f64, f64)]) -> Vec<Group> {
    let mut sorted = pairs.to_vec();
    sorted.sort_by(|(one, _), (other, _)| one.total_cmp(other));
    let size = sorted.len().div_ceil(GROUPS).max(1);
    let group = |pairs: &[(f64, f64)]| {
        let (predicted, came): (Vec<_>, Vec<_>) = pairs.iter().copied().unzip();
        Group {
            predicted: predicted.iter().sum::<f64>() / predicted.len() as f64,
            came: Interval::of(&came),
            count: pairs.len(),
        }
    };
    sorted.chunks(size).map(group).collect()
}

/// The expected calibration error: how far groups lie from what was predicted for them, on average (Naeini et al., 2015).
pub fn calibration_error(groups: &[Group]) -> f64 {
    let count: usize = groups.iter().map(|group| group.count).sum();
    groups.iter().map(|group| group.count as f64 * (group.predicted - group.came.mean).abs()).sum::<f64>()
        / count.max(1) as f64
}

/// How far two shares of the same things are from each other: 0 alike, 1 disjoint (total variation).
pub fn distance(these: &[f64], those: &[f64]) -> f64 {
    let sum = |values: &[f64]| values.iter().sum::<f64>().max(f64::MIN_POSITIVE);
    let (all_these, all_those) = (sum(these), sum(those));
    0.5 * these.iter().zip(those).map(|(this, that)| (this / all_these - that / all_those).abs()).sum::<f64>()
}

/// The middle one.
pub fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// The value that such a part of all is below.
pub fn quantile(values: &[f64], part: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = ((sorted.len().saturating_sub(1)) as f64 * part).round() as usize;
    sorted.get(place).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn students_quantiles_are_those_of_the_tables() {
        for (freedom, quantile) in [(4.0, 2.776), (9.0, 2.262), (19.0, 2.093), (99.0, 1.984)] {
            assert!((t_quantile(freedom) / quantile - 1.0).abs() < 0.003, "{freedom}");
        }
    }

    #[test]
    fn a_prediction_that_is_right_on_average_is_calibrated_and_one_that_is_not_is_not() {
        let pairs: Vec<_> = (0..1000).map(|i| (f64::from(i % 10) / 10.0, f64::from(i % 10) / 10.0)).collect();
        assert!(calibration_error(&calibration(&pairs)) < 1e-9);
        let off: Vec<_> = pairs.iter().map(|(predicted, came)| (predicted + 0.2, *came)).collect();
        assert!((calibration_error(&calibration(&off)) - 0.2).abs() < 1e-9);
    }

    #[test]
    fn distances_are_between_alike_and_disjoint() {
        assert_eq!(distance(&[1.0, 1.0], &[2.0, 2.0]), 0.0);
        assert_eq!(distance(&[1.0, 0.0], &[0.0, 3.0]), 1.0);
    }
}
