//! Simulated people whom nobody has seen: what each policy makes of their days, what a prior that others taught adds, how
//! well it foretells (aims G8, G9); and what poor post costs (aim G12).

use super::{Row, progress};
use anyhow::Context as _;
use oo_domain::model::Model;
use oo_domain::policy::linear::{self, Linear};
use oo_domain::policy::{random_todo, rules};
use oo_trainer::simulation::chooser::Chooser;
use oo_trainer::simulation::figures::{Interval, calibration, calibration_error};
use oo_trainer::simulation::population::{Plan, Summary, run, summaries, values};
use oo_trainer::simulation::post::Post;
use oo_trainer::simulation::school::{predictions, teach};
use std::path::Path;

/// Those who teach, and those who are judged: other seeds.
const TEACH: Plan = Plan { people: 5, days: 28, seed: 1, seeds: 30, post: Post::TOLD, changes_on: None };
const JUDGE: Plan = Plan { seed: 1001, seeds: 20, ..TEACH };

/// Two in three of what a person allows.
const TARGET: f64 = 2.0 / 3.0;
pub(super) fn check(_: &Path, tell: &mut dyn FnMut(Row)) -> anyhow::Result<()> {
    let bar = progress("people", TEACH.lives() + 3 * JUDGE.lives());
    let each = || bar.inc(1);
    let built_in = chooser(linear::NAME)?;
    let taught = teach(&TEACH, &built_in, each);

    let names = [random_todo::NAME, rules::NAME, linear::NAME, "linear, taught"].map(str::to_owned);
    let policies = [chooser(random_todo::NAME)?, chooser(rules::NAME)?, chooser(linear::NAME)?, by(&taught)];
    let lived = run(&JUDGE, &policies, each);
    let told = summaries(&names, &lived);
    let clairvoyant = told.last().context("the clairvoyant comes last")?;
    let rules = &told[1];
    for summary in &told[..names.len()] {
        let more = Interval::of_differences(&summary.values, &rules.values);
        let note = format!("{:.3}; against rules {more:.3}", summary.value);
        let figure = format!("{}: worth of a day", summary.name);
        tell(Row::new(figure, summary.value.mean, 3).beside("clairvoyant", clairvoyant.value.mean).note(note));
        pace(summary, tell);
    }
    let breaches: u64 = told.iter().map(|summary| summary.breaches).sum();
    let looks: u64 = told.iter().map(|summary| summary.looks).sum();
    tell(
        Row::new("breaches of budget, gap, quiet hours, events, consent", breaches as f64, 0)
            .note(format!("in {looks} looks")),
    );

    for (name, model) in [("linear", &Model::default()), ("linear, taught", &taught)] {
        let pairs = predictions(&JUDGE, &by(model), each);
        let error = calibration_error(&calibration(&pairs));
        let figure = format!("{name}: calibration error of the expected worth");
        tell(Row::new(figure, error, 4).beside("aim", 0.02).note(format!("{} tips", pairs.len())));
    }
    bar.finish_and_clear();
    Ok(())
}

/// Answers up to a week late, three in ten lost, others twice, against answers at once; nothing else tells of a tip.
pub(super) fn post(_: &Path, tell: &mut dyn FnMut(Row)) -> anyhow::Result<()> {
    let bar = progress("post", 2 * JUDGE.lives());
    let each = || bar.inc(1);
    let (at_once, poor) = (Plan { post: Post::SWIFT, ..JUDGE }, Plan { post: Post::POOR, ..JUDGE });
    let linear = [chooser(linear::NAME)?];
    let lived = summaries(&[linear::NAME.to_owned()], &run(&at_once, &linear, each));
    let [at_once, clairvoyant] = &lived[..] else { anyhow::bail!("one policy, and the clairvoyant") };
    // Answers do not change what the clairvoyant does.
    let regret = Interval::of_differences(&clairvoyant.values, &values(&poor, &linear[0], each));
    let note = format!("{regret:.3}; at once {:.3}", at_once.regret);
    tell(Row::new("linear: regret a day", regret.mean, 3).beside("at once", at_once.regret.mean).note(note));
    bar.finish_and_clear();
    Ok(())
}

/// How the budget was used, and how evenly.
fn pace(summary: &Summary, tell: &mut dyn FnMut(Row)) {
    let figure = format!("{}: part of the budget used", summary.name);
    let note = format!("{:.3}; {:.3} from even over the day", summary.budget, summary.unevenness.mean);
    tell(Row::new(figure, summary.budget.mean, 3).beside("target", TARGET).note(note));
}

fn chooser(name: &str) -> anyhow::Result<Chooser> {
    Chooser::named(name).with_context(|| format!("there is no policy {name}"))
}

fn by(model: &Model) -> Chooser {
    Chooser::Policy(Box::new(Linear::new(model.clone())))
}
