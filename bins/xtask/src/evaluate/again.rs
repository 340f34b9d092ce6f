//! Decisions of the policy `linear` looked at once more: whether they come out the same, as often as they said, and for the
//! reasons they gave (aims G10, G16).

use super::Row;
use oo_domain::model::Model;
use oo_domain::policy::linear::Linear;
use oo_trainer::simulation::again::{changed, frequencies, reasons};
use oo_trainer::simulation::chooser::Chooser;
use oo_trainer::simulation::life::{Setting, live};
use oo_trainer::simulation::person::Person;
use oo_trainer::simulation::post::Post;
use std::path::Path;

/// Whose decisions, and for how long.
const SEED: u64 = 1001;
const PEOPLE: u64 = 5;
const DAYS: u32 = 28;
/// Draws of each of so many asks.
const DRAWS: u64 = 25_000;
const ASKS: usize = 40;

pub(super) fn check(_: &Path, tell: &mut dyn FnMut(Row)) -> anyhow::Result<()> {
    let (mut decided, mut others, mut tips, mut off, mut decisive) = (0, 0, 0, 0.0_f64, Vec::new());
    let policy = Linear::default();
    let mut some = Vec::new();
    let chooser = Chooser::Policy(Box::new(policy.clone()));
    for number in 0..PEOPLE {
        let person = Person::draw(SEED, number);
        let story = live(&Setting {
            person: &person,
            number,
            seed: SEED,
            days: DAYS,
            chooser: &chooser,
            post: Post::TOLD,
            changes_on: None,
            keeps: true,
        });
        let pairs = || story.decisions.iter().map(|(_, ask, answer)| (ask, answer));
        decided += story.decisions.len();
        others += changed(&policy, pairs());
        let found = reasons(&Model::default(), pairs());
        tips += found.tips;
        off = off.max(found.off);
        decisive.push(found.decisive.mean);
        some.extend(story.decisions.iter().map(|(_, ask, _)| ask.clone()).filter(|ask| ask.candidates.len() > 3));
    }
    tell(
        Row::new("decisions that come out otherwise when asked again", others as f64, 0).note(format!("of {decided}")),
    );
    let asks: Vec<_> = some.iter().step_by(some.len().div_ceil(ASKS).max(1)).collect();
    let fit = frequencies(&policy, asks.iter().copied(), DRAWS);
    let note =
        format!("χ² {:.1} with {} degrees, {} draws of {} asks", fit.chi_squared, fit.freedom, fit.draws, asks.len());
    tell(Row::new("drawn against said: p", fit.p, 3).note(note));
    tell(Row::new("reasons: furthest from the score", off, 9).beside("aim", 1e-6).note(format!("{tips} tips")));
    let decisive = super::mean(decisive);
    tell(Row::new("reasons: choice changes without the first", decisive, 3).beside("aim", 0.9));
    Ok(())
}
