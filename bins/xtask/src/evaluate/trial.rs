//! A deployed trial algorithm in worlds fitted to a trial's people, with at most four fifths of its sends (aim G4).

use super::{Row, heart_steps, progress};
use oo_trainer::worlds::trial::{Decider, Decision, Outcome, Trial};
use std::path::Path;

const SEEDS: std::ops::Range<u64> = 1_000..1_040;
/// What a send must bring at least: on the seeds 1 to 10, 0.2 made ours send 80.2 % of what the other does, just too much.
const PRICE: f64 = 0.22;

/// What the trial algorithm may choose the best of, in hindsight: fifteen configurations.
const SPREADS: [f64; 5] = [0.1, 0.3, 0.5, 1.0, 3.0];
const NOISES: [f64; 3] = [2.0, 4.0, 8.0];

pub(super) fn check(root: &Path, tell: &mut dyn FnMut(Row)) -> anyhow::Result<()> {
    let trial = Trial::fit(&log(root)?);
    let bar = progress("trial", 17);
    let run = |decider| {
        let outcome = trial.run(decider, SEEDS);
        bar.inc(1);
        outcome
    };
    let configurations = SPREADS.iter().flat_map(|spread| NOISES.map(|noise| (*spread, noise)));
    let deployed: Vec<_> =
        configurations.map(|(spread, noise)| ((spread, noise), run(Decider::Deployed { spread, noise }))).collect();
    let randomised = run(Decider::Randomised);
    let best = deployed.into_iter().max_by(|(_, one), (_, other)| one.gained.mean.total_cmp(&other.gained.mean));
    if let Some(((spread, noise), theirs)) = best {
        let ours = run(Decider::Priced { price: PRICE });
        let note = |outcome: &Outcome| {
            format!("{:.4} to {:.4}, {:.3} of the decisions", outcome.gained.low, outcome.gained.high, outcome.sends)
        };
        let configuration = format!("deployed: {}; spread {spread}, noise {noise}", note(&theirs));
        let gained = "gained at a decision, in the logarithm of steps";
        let row = |figure: String| Row::new(figure, ours.gained.mean, 4);
        tell(row(gained.into()).beside("deployed, best of 15", theirs.gained.mean).note(note(&ours)));
        tell(row(gained.into()).beside("randomised", randomised.gained.mean).note(configuration));
        tell(Row::new("sends", ours.sends, 3).beside("deployed, best of 15", theirs.sends).note("aim: at most 0.8"));
    }
    bar.finish_and_clear();
    Ok(())
}

fn log(root: &Path) -> anyhow::Result<Vec<Decision>> {
    let columns =
        ["userid", "day_in_study", "avail", "intervention", "is_at_home_or_work", "logstep_pre30min", "logstep_30min"];
    let decision = |cells: Vec<f64>| Decision {
        person: cells[0] as u32,
        day: cells[1],
        available: cells[2] == 1.0,
        sent: cells[3] == 1.0,
        at_home_or_work: cells[4],
        steps_before: cells[5],
        steps_after: cells[6],
    };
    Ok(heart_steps::table(root, &columns)?.into_iter().map(decision).collect())
}
