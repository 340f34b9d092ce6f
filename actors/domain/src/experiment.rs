//! Experiments: which arm a person is in. The same person is in the same arm for as long as the experiment runs.

use oo_contracts::decision::Unit;
use oo_contracts::model::Experiment;

/// The place of the arm that this person is assigned to, by the weights; `None` where there is no arm.
///
/// Nothing is kept: the name of the experiment and the person's unit are hashed, so that every worker assigns alike, two
/// experiments assign independently of each other, and a person whose arm keeps its share of the weights keeps the arm.
pub fn assign(experiment: &Experiment, unit: &Unit) -> Option<usize> {
    let total: u64 = experiment.arms.iter().map(|arm| u64::from(arm.weight.get())).sum();
    let hash = mix(fnv1a(&[experiment.name.as_str(), "|", unit.as_str()]));
    let mut ticket = ((u128::from(hash) * u128::from(total)) >> 64) as u64;
    experiment.arms.iter().position(|arm| {
        let weight = u64::from(arm.weight.get());
        let drawn = ticket < weight;
        ticket = ticket.saturating_sub(weight);
        drawn
    })
}

/// FNV-1a, 64 bits (RFC 9923).
fn fnv1a(texts: &[&str]) -> u64 {
    let bytes = texts.iter().flat_map(|text| text.bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

/// The finalizer of MurmurHash3: FNV-1a alone leaves the high bits of short texts alike.
fn mix(mut hash: u64) -> u64 {
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;
    use oo_contracts::model::{Arm, Seat, Weight};

    fn experiment(name: &str, weights: &[u16]) -> Experiment {
        let arm = |weight: &u16| Arm {
            seat: Seat { policy: "rules".parse().unwrap(), model: None },
            weight: Weight::saturating((*weight).into()),
        };
        Experiment {
            name: name.parse().unwrap(),
            since: "2026-03-02T03:00:00Z".parse().unwrap(),
            arms: weights.iter().map(arm).collect(),
        }
    }

    fn unit(n: u32) -> Unit {
        format!("{n:016x}").parse().unwrap()
    }

    #[test]
    fn fnv_is_the_published_one() {
        // RFC 9923, test vectors.
        assert_eq!(fnv1a(&[""]), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a(&["a"]), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fnv1a(&["foo", "bar"]), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn people_are_shared_out_by_the_weights() {
        let experiment = experiment("split", &[70, 20, 10]);
        let mut counts = [0u32; 3];
        for n in 0..10_000 {
            counts[assign(&experiment, &unit(n)).unwrap()] += 1;
        }
        // Three standard deviations of a binomial share.
        for (count, share) in counts.iter().zip([0.7f64, 0.2, 0.1]) {
            let spread = 3.0 * (10_000.0 * share * (1.0 - share)).sqrt();
            assert!((f64::from(*count) - 10_000.0 * share).abs() < spread, "{counts:?}");
        }
    }

    #[test]
    fn two_experiments_assign_independently() {
        let (one, other) = (experiment("one", &[1, 1]), experiment("other", &[1, 1]));
        let alike = (0..4_000).filter(|n| assign(&one, &unit(*n)) == assign(&other, &unit(*n))).count();
        assert!((1_900..2_100).contains(&alike), "{alike}");
    }

    #[test]
    fn without_arms_nobody_is_assigned() {
        assert_eq!(assign(&experiment("empty", &[]), &unit(1)), None);
    }
}
