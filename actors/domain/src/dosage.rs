//! What a tip costs the next ones: a person who was told much listens less, and a budget that is spent is gone.

use crate::bayes::{Belief, Normal};
use crate::features::{self, BURDEN_OF, Feature};
use crate::moments::ASK_AGAIN;
use crate::planner::proxy;
use crate::profile::DOSAGE_HALF_LIFE;
use oo_contracts::decision::Context;

/// The part of the day's budget that is spent on average: not every moment is worth a tip.
const SPENT: f64 = 0.5;

/// When the day is taken to end, where nobody says otherwise: the quiet hours that people start with.
const EVENING: u16 = 22 * 60;

/// Halvings of the price: a thousandth of a thing done.
const HALVINGS: u32 = 11;
/// No moment is worth more than a thing done for sure, and a tip less.
const DEAREST: f64 = 2.0;

/// What a tip of now must be worth more than: the price of what it takes away from those to come.
///
/// A proxy for the value of the future, of two parts. *Burden*: what this person's answers say that a tip takes away from
/// the ones after it, summed over those that will feel it while it decays (Liao et al., Personalized HeartSteps, 2020, §4.3,
/// learn such a proxy from a model of the dosage; [`proxy::future_cost`] is its closed form for tips at an even rate). *Budget*: where more
/// tips would be given today than are left, the price rises until as many are expected as there are: the multiplier of a
/// budget in its fluid relaxation (Badanidiyuru, Kleinberg and Slivkins, Bandits with Knapsacks, 2013). The moments to come
/// are taken to be worth what `worth` is, but for their hour.
pub fn price(context: &Context, belief: &Belief, worth: Normal) -> f64 {
    let burden = burden(context, belief, worth);
    let by_hour = |minute| features::hour(minute).map(|(hour, value)| belief.mean()[hour.place()] * value).iter().sum();
    let now: f64 = by_hour(context.minute_of_day);
    let step = ASK_AGAIN.as_mins().clamp(1, 1440) as usize;
    let to_come: Vec<f64> = (context.minute_of_day..EVENING).step_by(step).map(by_hour).collect();
    let left = f64::from(context.budget.saturating_sub(context.sent_today)).max(1.0);
    let given = |price: f64| -> f64 {
        to_come.iter().map(|then| Normal { mean: worth.mean + then - now, ..worth }.above(price)).sum()
    };
    if given(burden) <= left {
        return burden;
    }
    let (mut low, mut high) = (burden, burden + DEAREST);
    for _ in 0..HALVINGS {
        let middle = 0.5 * (low + high);
        if given(middle) > left {
            low = middle;
        } else {
            high = middle;
        }
    }
    high
}

/// The burden's part of [`price`] alone: for whoever has a plan of the day for the budget.
pub fn burden(context: &Context, belief: &Belief, worth: Normal) -> f64 {
    let per_tip = -belief.mean()[Feature::Burden.place()] / BURDEN_OF;
    let half_life = DOSAGE_HALF_LIFE.as_secs_f64() / 86_400.0;
    proxy::future_cost(per_tip, worth.where_positive(), SPENT * f64::from(context.budget), half_life)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bayes::{Evidence, Prior};
    use crate::features::D;
    use crate::testing::context;

    const WORTH: Normal = Normal { mean: 0.2, sd: 0.2 };

    /// A belief with these coefficients and no others.
    fn belief(coefficients: &[(Feature, f64)]) -> Belief {
        let mut mean = vec![0.0; D];
        for (feature, value) in coefficients {
            mean[feature.place()] = *value;
        }
        Belief::of(&Prior::independent(mean, &[0.1; D], 0.2).unwrap(), &Evidence::new(D))
    }

    #[test]
    fn who_feels_no_burden_and_has_tips_enough_is_charged_nothing() {
        let mut context = context();
        context.minute_of_day = EVENING - 30;
        assert_eq!(price(&context, &belief(&[]), WORTH), 0.0);
        assert_eq!(
            price(&context, &belief(&[(Feature::Burden, 1.0)]), WORTH),
            0.0,
            "nor is anybody paid for listening"
        );
        assert!(price(&context, &belief(&[(Feature::Burden, -1.0)]), WORTH) > 0.1);
    }

    #[test]
    fn the_fewer_tips_are_left_the_dearer_they_are() {
        let mut context = context();
        (context.minute_of_day, context.budget) = (600, 5);
        let prices = [0, 2, 4].map(|sent| {
            context.sent_today = sent;
            price(&context, &belief(&[]), WORTH)
        });
        assert!(prices.is_sorted() && prices[0] < prices[2], "{prices:?}");
    }

    #[test]
    fn a_tip_is_kept_for_the_better_hour() {
        let evening = belief(&[(Feature::Evening, 0.5)]);
        let mut context = context();
        context.budget = 1;
        let chance = |minute, context: &mut Context| {
            context.minute_of_day = minute;
            let there: f64 = features::hour(minute).iter().map(|(hour, x)| evening.mean()[hour.place()] * x).sum();
            let worth = Normal { mean: 0.1 + there, sd: 0.2 };
            worth.above(price(context, &evening, worth))
        };
        let (morning, then) = (chance(540, &mut context), chance(1200, &mut context));
        assert!(morning < 0.02 && then > 0.3, "{morning} in the morning, {then} in the evening");
    }
}
