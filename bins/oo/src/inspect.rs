//! Looking inside: a person's log as it goes on, and why the last decision was what it was.

use crate::data;
use anyhow::{Context as _, bail, ensure};
use oo_contracts::UserId;
use oo_contracts::decision::{Ask, Fallback, Outcome, Recommendation};
use oo_contracts::entry::{Body, Entry};
use oo_contracts::model::Seat;
use oo_contracts::signal::Fact;
use oo_domain::decide;
use oo_domain::policy::{self, Replay};
use oo_domain::profile::Profile;
use oo_profile::at_rest;
use oo_runtime::logbook::{Numbered, open_decision};
use oo_runtime::{Context, Models, People, Person, Source};
use oo_trainer::registry::{NoChange, Registry};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Between two looks at the log.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// Prints a person's log, and what comes.
pub async fn tail(data: &Path, user: &str, once: bool) -> anyhow::Result<()> {
    let (ctx, person) = attach(data, user).await?;
    let logbook = ctx.logbook();
    let mut after = 0;
    loop {
        let read = logbook.read(&person, after).await?;
        for seq in &read.unreadable {
            println!("{seq:>8}  cannot be read: it was written by a newer version, or it is damaged");
        }
        for numbered in &read.entries {
            println!("{}", line(numbered));
        }
        let last = read.entries.iter().map(|numbered| numbered.seq).chain(read.unreadable).max();
        after = last.unwrap_or(after);
        if once {
            return Ok(());
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// Prints why the last decision was what it was: folds the log up to it, asks again, and compares.
pub async fn explain(data: &Path, user: &str) -> anyhow::Result<()> {
    let (ctx, person) = attach(data, user).await?;
    let Some(stored) = ctx.bus.last_decision(&person.place).await? else {
        println!("Nothing was decided about {user} yet.");
        return Ok(());
    };
    let decision = open_decision(&person, &stored.payload)?;
    println!("decision    {}  at {}  after entry {}", decision.id, decision.at, decision.seq);
    match &decision.outcome {
        Outcome::Unavailable { silence } => {
            println!("silence     {}", words(silence.label()));
            if let Some(until) = silence.until() {
                println!("until       {until}");
            }
            println!("No policy was asked: it was not the moment.");
        }
        Outcome::Asked { ask, recommendation } => {
            print_recommendation(ask, recommendation);
            let profile = fold_up_to(&ctx, &person, decision.seq).await?;
            let again = decide::ask(&profile, ask.id.clone(), ask.bits.get(), ask.context.at);
            // Whose it is stands beside the log.
            let again = Ask { unit: ask.unit.clone(), ..again };
            ensure!(
                again == *ask,
                "replayed from the log, the question differs from the one that was asked: please report this"
            );
            match replay(&ctx, &again, recommendation).await? {
                Replay::Same => println!("replay      the same question and the same answer, bit for bit"),
                Replay::Differs => bail!("replayed from the log, the answer differs: please report this"),
                Replay::Foreign => println!(
                    "replay      the question is the same; version {} of policy {} is neither built in nor in the registry",
                    recommendation.version, recommendation.policy
                ),
            }
        }
    }
    Ok(())
}

/// Asks again: the policy that is built in, or the model that answered then.
async fn replay(ctx: &Context, ask: &Ask, recommendation: &Recommendation) -> anyhow::Result<Replay> {
    let replayed = policy::replay(ask, recommendation);
    if replayed != Replay::Foreign {
        return Ok(replayed);
    }
    let seat = Seat { policy: recommendation.policy.clone(), model: Some(policy::model_version(recommendation)) };
    let tenant = ask.tenant.clone().unwrap_or_default();
    let registry = Registry::new(Models::open(&ctx.bus).await?, tenant, seat.policy.clone());
    match registry.policy(&seat).await {
        Ok(policy) => Ok(policy::replay_by(&*policy, ask, recommendation)),
        Err(NoChange::NoModel { .. }) => Ok(Replay::Foreign),
        Err(error) => Err(error.into()),
    }
}

/// One entry on one line: what, not whose words, since there are none in it.
pub fn line(numbered: &Numbered) -> String {
    let Numbered { seq, entry: Entry { at, body, .. } } = numbered;
    let what = match body {
        Body::Signal { signal } => format!("signal   {}", fact(&signal.fact)),
        Body::Moment { moment } => format!("moment   {}", json(moment)),
        Body::Tip { tip } => format!("tip      {} {}  until {}", tip.id, json(&tip.subject), tip.not_after),
    };
    format!("{seq:>8}  {}  {what}", at.strftime("%Y-%m-%d %H:%M:%S"))
}

/// What a policy was asked and what it answered, for people.
pub fn print_recommendation(ask: &Ask, recommendation: &Recommendation) {
    println!(
        "asked       policy {} version {}, {} candidates, bits {}",
        recommendation.policy,
        recommendation.version,
        ask.candidates.len(),
        ask.bits
    );
    if let Some(Fallback { policy, fault }) = &recommendation.provenance.fallback {
        println!("instead of  policy {policy}, which was {}", fault.label());
    }
    match &recommendation.tip {
        Some(choice) => {
            println!("chosen      candidate {} {}", choice.candidate, json(&choice.subject));
            for reason in &choice.reasons {
                println!("because     {:+.3}  {}", reason.weight, json(&reason.because));
            }
        }
        None => println!(
            "silence     {}",
            recommendation.silence.map_or_else(|| "without a reason".into(), |hush| json(&hush))
        ),
    }
    println!("propensity  {:.4}", recommendation.propensity);
}

/// The profile as it was after an entry: a fresh fold of the log.
pub async fn fold_up_to(ctx: &Context, person: &Person, seq: u64) -> anyhow::Result<Profile> {
    let read = ctx.logbook().read(person, 0).await?;
    at_rest::fold(&read, seq)?.context("what was before it is not kept any more, as the person wants it")
}

async fn attach(data: &Path, user: &str) -> anyhow::Result<(Context, Arc<Person>)> {
    let ctx = context(data).await?;
    let person = person(&people(&ctx).await?, user).await?;
    Ok((ctx, person))
}

/// A person by their name.
pub async fn person(people: &People, user: &str) -> anyhow::Result<Arc<Person>> {
    let user: UserId = user.parse().context("a person's id has only letters, digits, _ and -")?;
    people.find(&user).await?.with_context(|| format!("nobody is called {user}"))
}

/// Everybody, unless the server is away.
pub async fn people(ctx: &Context) -> anyhow::Result<People> {
    tokio::time::timeout(Duration::from_secs(5), ctx.people()).await.context("NATS does not answer")?
}

/// A context in the oO that runs with this data folder, or else in the one that the environment leads to.
pub async fn context(data: &Path) -> anyhow::Result<Context> {
    let env = Source::from_env();
    let source = match data::running(data) {
        Some(running) => env.with(running.settings),
        None if env.get("OO_NATS__URL").is_some() => env,
        None => bail!(
            "no oO runs with the data folder {}: start it with `cargo oo up`, or set OO_NATS__URL",
            data.display()
        ),
    };
    Context::new("inspect", source, CancellationToken::new()).await
}

fn fact(fact: &Fact) -> String {
    let text = json(fact);
    // {"kind":"mood",…} reads better with its kind first and alone.
    let kind = text.split('"').nth(3).unwrap_or_default().to_owned();
    let rest = text.replacen(&format!("\"kind\":\"{kind}\""), "", 1);
    let rest = rest.trim_start_matches('{').trim_start_matches(',').trim_end_matches('}');
    format!("{kind} {rest}").trim_end().to_owned()
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

fn words(label: &str) -> String {
    label.replace('_', " ")
}
