//! Contexts lifted into a space where a linear model is a kernel's: a dictionary of contexts that grows with what is new.
//!
//! The kernel is `exp(−|x − z|² / 2s²) + x·z / d + b`. A context's coordinates are `L⁻¹ k(x, dictionary)` with the Cholesky factor
//! `L` of the dictionary's own kernel, so that the product of two lifted contexts is their kernel as far as the dictionary
//! spans it. A context that it does not span is added, until it is full: kernel recursive least squares (Engel, Mannor and
//! Meir, IEEE Transactions on Signal Processing, 2004). A new entry only appends a coordinate, which is zero for every entry
//! before: what was learnt stays right.

/// The most entries: a belief of so many coefficients is updated in a tenth of a millisecond.
pub(super) const MOST: usize = 400;
/// A context is new if more than this part of its length lies outside of what the dictionary spans.
const NEW: f64 = 0.01;
/// The kernel's constant, so that what all contexts have in common is learnt at once.
const CONSTANT: f64 = 0.1;

/// The growing dictionary.
#[derive(Debug, Clone)]
pub(super) struct Lift {
    /// `1 / 2s²`.
    rate: f64,
    entries: Vec<Vec<f64>>,
    /// The rows of the Cholesky factor's lower triangle.
    factor: Vec<Vec<f64>>,
}

impl Lift {
    /// With the kernel's width `s`.
    pub(super) fn new(width: f64) -> Self {
        Self { rate: 1.0 / (2.0 * width * width), entries: Vec::new(), factor: Vec::new() }
    }

    /// The context's coordinates, with zeros for the entries that are still to come; it becomes an entry where it is new.
    pub(super) fn see(&mut self, x: &[f64]) -> Vec<f64> {
        let mut lifted = vec![0.0; MOST];
        let (length, spanned) = (self.kernel(x, x), self.coordinates(x, &mut lifted));
        let outside = length - spanned;
        if self.entries.len() < MOST && outside > NEW * length {
            let place = self.entries.len();
            lifted[place] = outside.sqrt();
            self.factor.push(lifted[..=place].to_vec());
            self.entries.push(x.to_vec());
        }
        lifted
    }

    /// Forward substitution, and the squared length of what it gives.
    fn coordinates(&self, x: &[f64], lifted: &mut [f64]) -> f64 {
        let mut spanned = 0.0;
        for (place, (entry, row)) in self.entries.iter().zip(&self.factor).enumerate() {
            let known: f64 = row[..place].iter().zip(lifted.iter()).map(|(factor, lifted)| factor * lifted).sum();
            lifted[place] = (self.kernel(x, entry) - known) / row[place];
            spanned += lifted[place] * lifted[place];
        }
        spanned
    }

    fn kernel(&self, x: &[f64], z: &[f64]) -> f64 {
        let product: f64 = x.iter().zip(z).map(|(x, z)| x * z).sum();
        (-squared_distance(x, z) * self.rate).exp() + product / x.len().max(1) as f64 + CONSTANT
    }
}

pub(super) fn squared_distance(x: &[f64], z: &[f64]) -> f64 {
    x.iter().zip(z).map(|(x, z)| (x - z) * (x - z)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluation::SplitMix;

    fn contexts(count: usize) -> Vec<Vec<f64>> {
        let mut chance = SplitMix::new(5);
        (0..count).map(|_| (0..3).map(|_| chance.unit()).collect()).collect()
    }

    #[test]
    fn the_product_of_two_lifted_contexts_is_their_kernel() {
        let (contexts, mut lift) = (contexts(200), Lift::new(0.3));
        contexts.iter().for_each(|x| drop(lift.see(x)));
        let lifted: Vec<Vec<f64>> = contexts.iter().map(|x| lift.see(x)).collect();
        for (x, one) in contexts.iter().zip(&lifted) {
            for (z, another) in contexts.iter().zip(&lifted) {
                let product: f64 = one.iter().zip(another).map(|(one, another)| one * another).sum();
                // What is outside of the dictionary is shorter than a tenth of each (the square root of NEW).
                assert!((product - lift.kernel(x, z)).abs() < 0.011 * lift.kernel(x, x).max(lift.kernel(z, z)));
            }
        }
    }

    #[test]
    fn what_is_like_what_was_seen_is_no_new_entry_and_a_full_dictionary_stays() {
        let mut lift = Lift::new(0.3);
        let first = lift.see(&[0.5, 0.5, 0.5]);
        assert_eq!((lift.entries.len(), first.len()), (1, MOST));
        assert_eq!(lift.see(&[0.5, 0.5, 0.501])[1..], vec![0.0; MOST - 1]);
        let mut fine = Lift::new(0.001);
        contexts(MOST + 50).iter().for_each(|x| drop(fine.see(x)));
        assert_eq!(fine.entries.len(), MOST);
    }

    #[test]
    fn a_new_entry_changes_no_coordinate_of_those_before() {
        let (contexts, mut lift) = (contexts(40), Lift::new(0.2));
        let before: Vec<Vec<f64>> = contexts.iter().map(|x| lift.see(x)).collect();
        for (x, before) in contexts.iter().zip(&before).filter(|(_, before)| before.iter().any(|part| *part != 0.0)) {
            let after = lift.see(x);
            let known = before.iter().rposition(|part| *part != 0.0).unwrap_or(0);
            assert!(before[..=known].iter().zip(&after).all(|(before, after)| (before - after).abs() < 1e-6));
        }
    }
}
