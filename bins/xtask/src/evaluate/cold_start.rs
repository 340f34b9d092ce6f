//! Somebody new: from a prior that others taught, against no pooling and full pooling (aim G5).

use super::{Row, progress};
use oo_trainer::simulation::figures::Interval;
use oo_trainer::worlds::cold_start::{ANSWERS, Outcome, Population, SOON, Start, meet};
use std::path::Path;

/// Worlds by their seeds, and new people in each.
const WORLDS: std::ops::Range<u64> = 1_000..1_020;
const PEOPLE: std::ops::Range<u64> = 0..200;

/// What the two extremes may choose the best of, in hindsight: fifteen configurations, and three.
const SPREADS: [f64; 5] = [0.3, 0.5, 1.0, 2.0, 4.0];
const WIDTHS: [f64; 3] = [0.1, 0.25, 1.0];

pub(super) fn check(_: &Path, tell: &mut dyn FnMut(Row)) -> anyhow::Result<()> {
    let nothing = SPREADS.into_iter().flat_map(|spread| WIDTHS.map(|width| Start::Nothing { spread, width })).collect();
    let everybody = WIDTHS.map(|width| Start::Everybody { width }).to_vec();
    let starts: [(&str, Vec<Start>); 2] = [("no pooling", nothing), ("full pooling", everybody)];
    let bar = progress("cold start", 3 * 19);
    for population in Population::ALL {
        let play = |start| {
            let outcome = over_worlds(population, start);
            bar.inc(1);
            outcome
        };
        let ours = play(Start::Taught);
        let mut rivals = Vec::new();
        for (name, configurations) in &starts {
            let best =
                configurations.iter().map(|start| play(*start)).min_by(|a, b| a.regret.mean.total_cmp(&b.regret.mean));
            rivals.extend(best.map(|best| (*name, best)));
        }
        let better = rivals.iter().min_by(|(_, a), (_, b)| a.regret.mean.total_cmp(&b.regret.mean));
        let name = population.name();
        for (rival, outcome) in &rivals {
            let is_better = better.is_some_and(|(better, _)| better == rival);
            let better = if is_better { ", the better of the two" } else { "" };
            let note = format!("{:.3}; {:.3}{better}", ours.regret, outcome.regret);
            let figure = format!("{name}: regret over {ANSWERS} answers");
            tell(Row::new(figure, ours.regret.mean, 3).beside(rival, outcome.regret.mean).note(note));
        }
        let note = |of: fn(&Mean) -> f64| {
            rivals.iter().map(|(rival, outcome)| format!("{rival} {:.3}", of(outcome))).collect::<Vec<_>>().join(", ")
        };
        let soon = format!("{name}: median share of the optimum after {SOON} answers");
        tell(Row::new(soon, ours.soon, 3).beside("aim", 0.9).note(note(|mean| mean.soon)));
        let late = format!("{name}: share that nine in ten have after {ANSWERS}");
        tell(Row::new(late, ours.late, 3).beside("aim", 0.9).note(note(|mean| mean.late)));
    }
    bar.finish_and_clear();
    Ok(())
}

/// Over the worlds.
struct Mean {
    regret: Interval,
    soon: f64,
    late: f64,
}

fn over_worlds(population: Population, start: Start) -> Mean {
    let outcomes: Vec<Outcome> = WORLDS.map(|seed| meet(population, start, PEOPLE, seed)).collect();
    let mean = |of: fn(&Outcome) -> f64| super::mean(outcomes.iter().map(of));
    Mean {
        regret: Interval::of(&outcomes.iter().map(|one| one.regret).collect::<Vec<_>>()),
        soon: mean(|one| one.soon),
        late: mean(|one| one.late),
    }
}
