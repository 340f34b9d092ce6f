//! Simulated people whom nobody has seen: what each policy makes of their days, what a prior that others taught adds, how
//! well it foretells, what poor post costs, and decisions asked again (aims G8, G9, G10, G12, G16).

use super::{Row, progress};
use anyhow::Context as _;
use oo_domain::model::Model;
use oo_domain::policy::linear::{self, Linear};
use oo_domain::policy::{random_todo, rules};
use oo_trainer::simulation::again::{changed, frequencies, reasons};
use oo_trainer::simulation::chooser::Chooser;
use oo_trainer::simulation::figures::{Interval, calibration, calibration_error};
use oo_trainer::simulation::life::{Setting, live};
use oo_trainer::simulation::person::Person;
use oo_trainer::simulation::population::{Plan, Summary, run, summaries};
use oo_trainer::simulation::post::Post;
use oo_trainer::simulation::school::{predictions, teach};
use std::path::Path;

/// Those who teach, and those who are judged: other seeds.
const TEACH: Plan = Plan { people: 5, days: 28, seed: 1, seeds: 30, post: TOLD, changes_on: None };
const JUDGE: Plan = Plan { seed: 1001, seeds: 20, ..TEACH };

/// As it is: answers arrive at once, and providers say what was done.
const TOLD: Post = Post { silent_provider: false, ..Post::SWIFT };

/// Two in three of what a person allows.
const TARGET: f64 = 2.0 / 3.0;
/// Draws of each of forty asks.
const DRAWS: u64 = 25_000;
const ASKS: usize = 40;

pub(super) fn check(_: &Path, tell: &mut dyn FnMut(Row)) -> anyhow::Result<()> {
    let bar = progress("people", TEACH.lives() + 6 * JUDGE.lives());
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

    let swift = Plan { post: Post::SWIFT, ..JUDGE };
    let poor = Plan { post: Post::POOR, ..JUDGE };
    let regret = |plan: &Plan| summaries(&names[2..3], &run(plan, &[by(&Model::default())], each))[0].regret;
    let (swift, poor) = (regret(&swift), regret(&poor));
    let note = format!("a week late, three in ten lost or doubled: {poor:.3}; at once: {swift:.3}");
    tell(Row::new("linear: regret a day with poor post", poor.mean, 3).beside("at once", swift.mean).note(note));
    bar.finish_and_clear();
    again(&taught, tell);
    Ok(())
}

/// How the budget was used, and how evenly.
fn pace(summary: &Summary, tell: &mut dyn FnMut(Row)) {
    let figure = format!("{}: part of the budget used", summary.name);
    let note = format!("{:.3}; {:.3} from even over the day", summary.budget, summary.unevenness.mean);
    tell(Row::new(figure, summary.budget.mean, 3).beside("target", TARGET).note(note));
}

/// A life's decisions once more.
fn again(model: &Model, tell: &mut dyn FnMut(Row)) {
    let (mut decided, mut others, mut tips, mut off, mut decisive) = (0, 0, 0, 0.0_f64, Vec::new());
    let policy = Linear::new(model.clone());
    let mut some = Vec::new();
    for number in 0..5 {
        let person = Person::draw(JUDGE.seed, number);
        let chooser = by(model);
        let Plan { seed, days, post, changes_on, .. } = JUDGE;
        let setting = Setting { person: &person, number, seed, days, chooser: &chooser, post, changes_on, keeps: true };
        let story = live(&setting);
        let pairs = || story.decisions.iter().map(|(_, ask, answer)| (ask, answer));
        decided += story.decisions.len();
        others += changed(&policy, pairs());
        let found = reasons(model, pairs());
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
}

fn chooser(name: &str) -> anyhow::Result<Chooser> {
    Chooser::named(name).with_context(|| format!("there is no policy {name}"))
}

fn by(model: &Model) -> Chooser {
    Chooser::Policy(Box::new(Linear::new(model.clone())))
}
