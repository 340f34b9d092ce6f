//! The recommender's workbench: train, list, judge, promote, take back, compare. Works on an oO that runs.

use crate::inspect;
use anyhow::{Context as _, bail};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use oo_contracts::decision::PolicyName;
use oo_contracts::model::{Arm, ExperimentName, Model, Replaced, Seat, Tenant, Weight};
use oo_contracts::signal::{Fact, Signal};
use oo_contracts::wire::Ingest;
use oo_domain::features;
use oo_recommender::Settings;
use oo_runtime::{Context, Models, random};
use oo_subjects::INGEST;
use oo_trainer::archive::{self, Found, Wanted};
use oo_trainer::comparison;
use oo_trainer::evaluation::{Estimate, Rules};
use oo_trainer::judgement::{self, Judgement, judge};
use oo_trainer::registry::{NoChange, Registry, State, seat_name};
use oo_trainer::training;
use std::path::{Path, PathBuf};

/// Whose models.
#[derive(Debug, Clone, clap::Args)]
pub struct OfTenant {
    /// The community whose data trains its own models.
    #[arg(long, default_value_t = Tenant::default())]
    tenant: Tenant,
}

/// Who joins which community.
#[derive(Debug, Clone, clap::Args)]
pub struct Join {
    /// A person's id.
    user: String,
    /// The community whose models answer them from now on, and whose models their decisions may train: `home` is the usual one.
    tenant: Tenant,
}

/// Which decisions.
#[derive(Debug, Clone, clap::Args)]
pub struct Range {
    #[command(flatten)]
    whose: OfTenant,
    /// Made since, as 2026-11-01T00:00:00Z.
    #[arg(long, value_name = "INSTANT", default_value_t = Timestamp::MIN, hide_default_value = true)]
    from: Timestamp,
    /// Made before.
    #[arg(long, value_name = "INSTANT", default_value_t = Timestamp::MAX, hide_default_value = true)]
    until: Timestamp,
}

/// What to judge.
#[derive(Debug, Clone, clap::Args)]
pub struct Evaluate {
    /// A policy by name, or a model of one as linear:3.
    #[arg(value_parser = seat)]
    policy: Seat,
    #[command(flatten)]
    range: Range,
    /// Where a report goes, as HTML.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

/// What to promote.
#[derive(Debug, Clone, clap::Args)]
pub struct Promote {
    /// A policy by name, or a model of one as linear:3.
    #[arg(value_parser = seat)]
    policy: Seat,
    #[command(flatten)]
    range: Range,
    /// Without asking the log whether it is better. It is written down.
    #[arg(long, conflicts_with = "shadow")]
    by_hand: bool,
    /// Only to run beside the live one, without effect.
    #[arg(long)]
    shadow: bool,
}

/// What to take back.
#[derive(Debug, Clone, clap::Args)]
pub struct Rollback {
    #[command(flatten)]
    whose: OfTenant,
    /// End what runs beside the live one, instead of the live one.
    #[arg(long)]
    shadow: bool,
}

/// What to do with experiments.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum Experiment {
    /// Begin one: everybody has one arm for as long as it runs.
    Start {
        name: ExperimentName,
        /// An arm and its weight, as linear:3=50; at least two.
        #[arg(long = "arm", value_parser = arm, required = true)]
        arms: Vec<Arm>,
        #[command(flatten)]
        whose: OfTenant,
    },
    /// How the arms compare so far; as often as you like.
    Show(OfTenant),
    /// End it. Everybody has the live policy again.
    Stop(OfTenant),
}

/// Trains.
pub async fn train(data: &Path, range: &Range) -> anyhow::Result<()> {
    let ctx = inspect::context(data).await?;
    let models = open(&ctx).await?;
    let bar = bar()?;
    let trained = training::train(&ctx, &models, &wanted(range), |done, of| tell(&bar, done, of)).await;
    bar.finish_and_clear();
    let trained = trained.context("nothing was trained")?;
    print_judgement(&trained.judgement);
    for words in trained.left_out.words() {
        println!("left out    {words}");
    }
    let name = seat_name(&seat_of(&trained.model));
    println!("registered  {name}, a candidate: `cargo oo promote {name}`");
    Ok(())
}

/// Puts a person into a community, by an entry of their log.
pub async fn join(data: &Path, Join { user, tenant }: &Join) -> anyhow::Result<()> {
    let ctx = inspect::context(data).await?;
    let user = inspect::person(&inspect::people(&ctx).await?, user).await?.user.clone();
    let id = format!("joined-{}", random::token()).parse().context("an id of a signal")?;
    let fact = Fact::Joined { tenant: tenant.clone() };
    let signals = vec![Signal { id, user, at: ctx.clock.now(), fact }];
    ctx.bus.ask(INGEST, &Ingest { signals }).await.context("is `events` running? it keeps the log")?;
    println!("joined      {tenant}: its models answer from now on, and what is decided from now on may train them");
    Ok(())
}

/// Lists.
pub async fn models(data: &Path, whose: &OfTenant) -> anyhow::Result<()> {
    let ctx = inspect::context(data).await?;
    let registry = registry(&ctx, whose).await?;
    let lineup = registry.lineup().await?;
    println!("live        {}", seat_name(&lineup.live));
    if let Some(shadow) = &lineup.shadow {
        println!("shadow      {}", seat_name(shadow));
    }
    if let Some(experiment) = &lineup.experiment {
        println!("experiment  {} since {}", experiment.name, experiment.since);
    }
    let all = registry.all().await?;
    if all.is_empty() {
        println!("No model is registered: `cargo oo train` fits one.");
    }
    for model in all {
        let Model { trained_at, people, decisions, measures, .. } = &model;
        let seat = seat_of(&model);
        let fits = if model.features == features::VERSION { "" } else { "  of other features: train again" };
        println!(
            "{:<12}{:<14}{}  {people} people, {decisions} decisions  worth {:+.4} [{:+.4}, {:+.4}], logged {:+.4}{fits}",
            seat_name(&seat),
            State::of(&seat, Some(&lineup)).name(),
            trained_at.strftime("%Y-%m-%d %H:%M"),
            measures.value,
            measures.lower,
            measures.upper,
            measures.logged,
        );
    }
    for past in lineup.past.iter().rev() {
        let why = match past.why {
            Replaced::Better => "a better one took its place",
            Replaced::ByHand => "replaced by hand",
            Replaced::RolledBack => "taken back",
        };
        println!("past        {:<12}{}  {why}", seat_name(&past.seat), past.at.strftime("%Y-%m-%d %H:%M"));
    }
    Ok(())
}

/// Judges.
pub async fn evaluate(data: &Path, what: &Evaluate) -> anyhow::Result<()> {
    let ctx = inspect::context(data).await?;
    let registry = registry(&ctx, &what.range.whose).await?;
    let policy = registry.policy(&what.policy).await?;
    let found = gather(&ctx, &what.range).await?;
    for words in found.left_out.words() {
        println!("left out    {words}");
    }
    let judged = judge(policy.as_ref(), &found.examples, &Rules::default());
    let judged = judged.with_context(|| format!("{} cannot be judged", seat_name(&what.policy)))?;
    print_judgement(&judged);
    if let Some(path) = &what.report {
        let page = judgement::report::html(&seat_name(&what.policy), &judged, &found.left_out);
        std::fs::write(path, page).with_context(|| format!("cannot write {}", path.display()))?;
        println!("the report is in {}", path.display());
    }
    Ok(())
}

/// Promotes.
pub async fn promote(data: &Path, what: &Promote) -> anyhow::Result<()> {
    let ctx = inspect::context(data).await?;
    let registry = registry(&ctx, &what.range.whose).await?;
    let seat = &what.policy;
    if what.shadow {
        registry.shadow(Some(seat.clone())).await?;
        println!("{} runs beside {}", seat_name(seat), seat_name(&registry.lineup().await?.live));
        return Ok(());
    }
    if what.by_hand {
        registry.promote(seat, Replaced::ByHand, ctx.clock.now()).await?;
    } else {
        let found = gather(&ctx, &what.range).await?;
        let (value, before) = registry.promote_better(seat, &found.examples, ctx.clock.now()).await?;
        println!("worth       {}", interval(&value));
        println!("before      {}", interval(&before));
    }
    println!("{} is live", seat_name(seat));
    Ok(())
}

/// Takes back.
pub async fn rollback(data: &Path, what: &Rollback) -> anyhow::Result<()> {
    let ctx = inspect::context(data).await?;
    let registry = registry(&ctx, &what.whose).await?;
    if what.shadow {
        registry.shadow(None).await?;
        println!("nobody runs beside {}", seat_name(&registry.lineup().await?.live));
        return Ok(());
    }
    let back = registry.rollback(ctx.clock.now()).await?;
    println!("{} is live again", seat_name(&back));
    Ok(())
}

/// Experiments.
pub async fn experiment(data: &Path, what: &Experiment) -> anyhow::Result<()> {
    let ctx = inspect::context(data).await?;
    match what {
        Experiment::Start { name, arms, whose } => {
            registry(&ctx, whose).await?.begin(name.clone(), arms.clone(), ctx.clock.now()).await?;
            println!("{name} runs: `cargo oo experiment show`");
        }
        Experiment::Stop(whose) => println!("{} has ended", registry(&ctx, whose).await?.end().await?.name),
        Experiment::Show(whose) => {
            let lineup = registry(&ctx, whose).await?.lineup().await?;
            let experiment = lineup.experiment.ok_or(NoChange::NoneRuns)?;
            let range = Range { whose: whose.clone(), from: experiment.since, until: Timestamp::MAX };
            let found = gather(&ctx, &range).await?;
            let arms = comparison::compare(&experiment, &found.examples);
            println!("{} since {}; reward a person and day", experiment.name, experiment.since);
            for (arm, so_far) in experiment.arms.iter().zip(&arms) {
                let within = so_far.within.as_ref().map_or("too few people to tell".into(), |within| {
                    format!("{:+.4} [{:+.4}, {:+.4}]", so_far.mean, within.start, within.end)
                });
                println!(
                    "{:<14}{:>6} people {:>8} decisions  {within}",
                    seat_name(&arm.seat),
                    so_far.people,
                    so_far.decisions
                );
            }
            match comparison::winner(&arms) {
                Some(best) => println!("{} is better, beyond chance", seat_name(&experiment.arms[best].seat)),
                None => println!("no arm is better beyond chance so far"),
            }
            for words in found.left_out.words() {
                println!("left out    {words}");
            }
        }
    }
    Ok(())
}

async fn open(ctx: &Context) -> anyhow::Result<Models> {
    Models::open(&ctx.bus).await.context("is `events` running? it makes the registry's bucket")
}

async fn registry(ctx: &Context, whose: &OfTenant) -> anyhow::Result<Registry> {
    let settings: Settings = ctx.source.section("recommender")?;
    let usual: PolicyName = settings.policy.parse().context("set OO_RECOMMENDER__POLICY right")?;
    Ok(Registry::new(open(ctx).await?, whose.tenant.clone(), usual))
}

async fn gather(ctx: &Context, range: &Range) -> anyhow::Result<Found> {
    let bar = bar()?;
    let found = archive::gather(ctx, &wanted(range), |done, of| tell(&bar, done, of)).await;
    bar.finish_and_clear();
    found
}

fn wanted(range: &Range) -> Wanted {
    Wanted { tenant: range.whose.tenant.clone(), within: range.from..range.until }
}

fn print_judgement(judged: &Judgement) {
    let Judgement { people, decisions, from, to, logged, values, gain, weights, cohorts } = judged;
    println!("decisions   {decisions} of {people} people, from {from} to {to}");
    println!("weights     they tell as much as {:.0}; the largest weight is {:.1}", weights.effective, weights.largest);
    println!("logged      {}", interval(logged));
    for (by, value) in values {
        println!("{:<12}{}", by.name(), interval(value));
    }
    println!("gain        {}", interval(gain));
    for cohort in cohorts {
        println!("cohort      {cohort}");
    }
}

fn interval(value: &Estimate) -> String {
    format!("{:+.4} [{:+.4}, {:+.4}]", value.value, value.low, value.high)
}

fn bar() -> anyhow::Result<ProgressBar> {
    let style = ProgressStyle::with_template("{wide_bar:.yellow/black} {pos} of {len} people, {eta} left");
    Ok(ProgressBar::new(0).with_style(style.context("the bar's template")?))
}

fn tell(bar: &ProgressBar, done: u64, of: u64) {
    bar.set_length(of);
    bar.set_position(done);
}

fn seat_of(model: &Model) -> Seat {
    Seat { policy: model.policy.clone(), model: Some(model.version) }
}

fn seat(text: &str) -> anyhow::Result<Seat> {
    let (policy, model) = match text.split_once(':') {
        Some((policy, version)) => (policy, Some(version.parse().context("a version is a number, as in linear:3")?)),
        None => (text, None),
    };
    Ok(Seat { policy: policy.parse().context("a policy's name, or a model of it as linear:3")?, model })
}

fn arm(text: &str) -> anyhow::Result<Arm> {
    let Some((which, weight)) = text.rsplit_once('=') else { bail!("an arm and its weight, as linear:3=50") };
    let weight: i64 = weight.parse().context("a weight is a whole number")?;
    Ok(Arm { seat: seat(which)?, weight: Weight::try_from(weight)? })
}
