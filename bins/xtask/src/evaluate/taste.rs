//! A change of taste: what each way of forgetting costs, and when it is back (aim G11).

use super::Row;
use oo_trainer::worlds::taste::{Forgetting, study};
use std::path::Path;

/// Not those that the thresholds were set on.
const PEOPLE: std::ops::Range<u64> = 1_000_000..1_000_500;

pub(super) fn check(_: &Path, tell: &mut dyn FnMut(Row)) -> anyhow::Result<()> {
    for row in study(PEOPLE).rows {
        let way = match row.forgetting {
            Forgetting::Never => "never forgets".to_owned(),
            Forgetting::Steady(share) => format!("keeps {share} each time"),
            Forgetting::AtChange => "forgets at a change".to_owned(),
        };
        let answers = |back: Option<usize>| back.map_or("not".to_owned(), |back| format!("after {back} answers"));
        let note = format!("back {}; somebody new {}", answers(row.back), answers(row.new));
        let figure = format!("{} features, noise {}: {way}, steady share", row.features, row.noise);
        tell(Row::new(figure, row.steady, 3).beside("optimum", 1.0).note(note));
    }
    Ok(())
}
