//! StepCountJITAI: the planner beside who knows the world, and beside rules and a rival that do not plan (aim G3).

use super::Row;
use oo_trainer::worlds::step_count::compare;
use std::path::Path;

const SEEDS: std::ops::Range<u64> = 0..20;
const LIVES: usize = 20;

pub(super) fn check(_: &Path, tell: &mut dyn FnMut(Row)) -> anyhow::Result<()> {
    for world in compare(SEEDS, LIVES).worlds {
        // The first row is the optimum.
        let Some((optimum, others)) = world.rows.split_first() else { continue };
        for row in others {
            let figure = format!("{}: {}, steps in life {}", world.name, row.decider, row.lives);
            let note = format!("± {:.0}, 95 %, {} seeds", row.last.half, SEEDS.end);
            tell(Row::new(figure, row.last.mean, 0).beside("optimum", optimum.last.mean).note(note));
        }
    }
    Ok(())
}
