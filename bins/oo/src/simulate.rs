//! Simulated people: policies compared over many, or a week of one as a picture. Needs no servers.

use anyhow::{Context as _, bail, ensure};
use indicatif::{ProgressBar, ProgressStyle};
use oo_domain::policy;
use oo_trainer::simulation::chooser::Chooser;
use oo_trainer::simulation::figures::{Interval, calibration_error};
use oo_trainer::simulation::life::{Setting, live};
use oo_trainer::simulation::person::Person;
use oo_trainer::simulation::population::{self, Plan, Summary};
use oo_trainer::simulation::post::Post;
use oo_trainer::simulation::report;
use oo_trainer::simulation::timeline::{self, Whose};
use std::path::{Path, PathBuf};

/// The week that is drawn: by then a learner has learnt something.
const WEEK: u32 = 4;
const WEEK_DAYS: u32 = 7;

/// What to simulate.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Draw a week of one person, by number, instead of comparing policies.
    #[arg(long, num_args = 0..=1, default_missing_value = "0", value_name = "NUMBER")]
    person: Option<u64>,
    /// People of each seed.
    #[arg(long, default_value_t = 5)]
    people: u64,
    /// Days of each life.
    #[arg(long, default_value_t = 28)]
    days: u32,
    /// Policies by name, all that are built in without one; a person has one, `linear`.
    #[arg(long = "policy", value_name = "NAME")]
    policies: Vec<String>,
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many seeds; intervals are over them.
    #[arg(long, default_value_t = 20)]
    seeds: u64,
    /// Answers come up to seven days late, 30 % are lost, others come twice.
    #[arg(long)]
    poor_post: bool,
    /// The day on which everybody's taste changes.
    #[arg(long, value_name = "DAY")]
    changes_on: Option<u32>,
    /// Where the report goes, as HTML.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Where the picture goes, as SVG.
    #[arg(long, value_name = "FILE", default_value = "week.svg")]
    out: PathBuf,
}

/// Simulates, prints what came of it, and writes what is to be looked at.
pub fn run(options: &Options) -> anyhow::Result<()> {
    match options.person {
        Some(number) => one(options, number),
        None => many(options),
    }
}

fn one(options: &Options, number: u64) -> anyhow::Result<()> {
    let name = match &options.policies[..] {
        [] => policy::linear::NAME,
        [name] => name,
        _ => bail!("a person has one policy at a time: give --policy once"),
    };
    let chooser = chooser(name)?;
    let person = Person::draw(options.seed, number);
    let story = live(&Setting {
        person: &person,
        number,
        seed: options.seed,
        days: WEEK * WEEK_DAYS,
        chooser: &chooser,
        post: post(options),
        changes_on: options.changes_on,
        keeps: true,
    });
    let whose = Whose { person: &person, policy: name, seed: options.seed, number, week: WEEK - 1 };
    write(&options.out, &timeline::draw(&whose, &story))?;
    println!("{} tips in {} weeks; the last week is in {}", story.told.len(), WEEK, options.out.display());
    Ok(())
}

fn many(options: &Options) -> anyhow::Result<()> {
    ensure!(options.people > 0 && options.seeds > 0 && options.days > 0, "nobody lives: give at least one of each");
    let names: Vec<String> = match &options.policies[..] {
        [] => policy::NAMES.iter().map(|name| (*name).to_owned()).collect(),
        some => some.to_vec(),
    };
    let policies = names.iter().map(|name| chooser(name)).collect::<anyhow::Result<Vec<_>>>()?;
    let plan = Plan {
        people: options.people,
        days: options.days,
        seed: options.seed,
        seeds: options.seeds,
        post: post(options),
        changes_on: options.changes_on,
    };
    let bar = ProgressBar::new(plan.lives()).with_style(
        ProgressStyle::with_template("{wide_bar:.yellow/black} {pos} of {len} people, {eta} left")
            .context("the bar's template")?,
    );
    let lived = population::run(&plan, &policies, || bar.inc(1));
    bar.finish_and_clear();
    let summaries = population::summaries(&names, &lived);
    println!("{} people, {} days each, {} seeds from {}; [95 %]", plan.lives(), plan.days, plan.seeds, plan.seed);
    summaries.iter().for_each(print);
    if let Some(path) = &options.report {
        write(path, &report::html(&plan, &summaries, &command(options, &names)))?;
        println!("\nthe report is in {}", path.display());
    }
    Ok(())
}

fn print(summary: &Summary) {
    println!("\n{}", summary.name);
    let line = |what: &str, value: &Interval| println!("  {what:<22}{value:.3}");
    line("worth of a day", &summary.value);
    line("regret a day", &summary.regret);
    line("tips a day", &summary.tips);
    line("done, of tips", &summary.done);
    line("answered, of tips", &summary.answered);
    line("budget used", &summary.budget);
    line("more done a day", &summary.more_done);
    line("left for good", &summary.left);
    line("unevenness", &summary.unevenness);
    if report::predicts(&summary.name) {
        println!("  {:<22}{:.3}", "calibration error", calibration_error(&summary.groups));
    }
    println!("  {:<22}{} in {} looks", "breaches", summary.breaches, summary.looks);
}

fn chooser(name: &str) -> anyhow::Result<Chooser> {
    Chooser::named(name).with_context(|| format!("no policy is called {name}: there are {}", policy::NAMES.join(", ")))
}

fn post(options: &Options) -> Post {
    if options.poor_post { Post::POOR } else { Post::TOLD }
}

fn command(options: &Options, names: &[String]) -> String {
    let Options { people, days, seed, seeds, poor_post, changes_on, .. } = options;
    let mut command = format!("cargo oo simulate --people {people} --days {days} --seed {seed} --seeds {seeds}");
    names.iter().for_each(|name| command += &format!(" --policy {name}"));
    if *poor_post {
        command += " --poor-post";
    }
    if let Some(day) = changes_on {
        command += &format!(" --changes-on {day}");
    }
    command + " --report report.html"
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    std::fs::write(path, text).with_context(|| format!("{} cannot be written", path.display()))
}
