//! Gathers what there is to learn from, person by person: the decisions and the log, as `events` hands them out. One person
//! is held at a time, and nobody who did not allow it.

use crate::examples::{Example, LeftOut, examples};
use anyhow::Context as _;
use jiff::Timestamp;
use oo_contracts::UserId;
use oo_contracts::decision::{Decision, Outcome};
use oo_contracts::entry::Entry;
use oo_contracts::model::Tenant;
use oo_contracts::rights::{ExportPage, ExportPageAsk, ExportPart};
use oo_runtime::Context;
use oo_subjects::EXPORT_PAGE;
use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

/// A page may have to be read from a disk.
const PAGE_WITHIN: Duration = Duration::from_secs(20);

/// Which decisions are wanted.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Of this community.
    pub tenant: Tenant,
    /// Made between these, by the person's clock.
    pub within: Range<Timestamp>,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Found {
    pub examples: Vec<Example>,
    pub left_out: LeftOut,
}

/// Reads what is wanted; `each` is told how many people are done, of how many.
///
/// # Errors
/// Where NATS or `events` does not answer.
pub async fn gather(ctx: &Context, wanted: &Wanted, each: impl FnMut(u64, u64)) -> anyhow::Result<Found> {
    let is_wanted = |decision: &Decision| wanted.within.contains(&decision.at) && tenant(decision) == wanted.tenant;
    Ok(read(ctx, is_wanted, each).await?.remove(&wanted.tenant).unwrap_or_default())
}

/// Reads everything, each community's apart.
///
/// # Errors
/// Where NATS or `events` does not answer.
pub async fn gather_all(ctx: &Context) -> anyhow::Result<BTreeMap<Tenant, Found>> {
    read(ctx, |_| true, |_, _| {}).await
}

async fn read(
    ctx: &Context,
    is_wanted: impl Fn(&Decision) -> bool,
    mut each: impl FnMut(u64, u64),
) -> anyhow::Result<BTreeMap<Tenant, Found>> {
    let people = ctx.people().await?;
    let mut logs = ctx.bus.decided_about().await?;
    // A judgement parts people by their numbers: asked twice, it must say the same twice.
    logs.sort_unstable();
    let mut found = BTreeMap::<Tenant, Found>::new();
    for (number, log) in logs.iter().enumerate() {
        if let Some(person) = people.of_log(log).await? {
            let person_number = u64::try_from(number)?;
            let all = of_person(ctx, person_number, &person.user, &is_wanted).await;
            people.let_go(&person);
            for (tenant, own) in all.context("the log cannot be read")? {
                let found = found.entry(tenant).or_default();
                found.examples.extend(own.examples);
                found.left_out.add(own.left_out);
            }
        }
        each(number as u64 + 1, logs.len() as u64);
    }
    Ok(found)
}

async fn of_person(
    ctx: &Context,
    number: u64,
    user: &UserId,
    is_wanted: impl Fn(&Decision) -> bool,
) -> anyhow::Result<BTreeMap<Tenant, Found>> {
    let mut unreadable = 0;
    let mut decisions = BTreeMap::<Tenant, Vec<Decision>>::new();
    pages(ctx, user, ExportPart::Decisions, |page| {
        for held in page.decisions {
            match held.decision {
                Some(decision) if is_asked(&decision) && is_wanted(&decision) => {
                    decisions.entry(tenant(&decision)).or_default().push(decision);
                }
                Some(_) => {}
                None => unreadable += 1,
            }
        }
    })
    .await?;
    let mut log: Vec<(u64, Entry)> = Vec::new();
    if decisions.values().flatten().any(|decision| decision.training) {
        pages(ctx, user, ExportPart::Entries, |page| {
            log.extend(page.entries.into_iter().filter_map(|held| Some((held.seq, held.entry?))));
        })
        .await?;
    }
    // Whose an unreadable one is nobody can say.
    let mut found = BTreeMap::<Tenant, Found>::new();
    found.entry(Tenant::default()).or_default().left_out.unreadable = unreadable;
    for (tenant, decisions) in decisions {
        let (examples, why) = examples(number, &log, &decisions, ctx.clock.now());
        let found = found.entry(tenant).or_default();
        found.examples = examples;
        found.left_out.add(why);
    }
    Ok(found)
}

fn is_asked(decision: &Decision) -> bool {
    matches!(decision.outcome, Outcome::Asked { .. })
}

/// Whose model answered; a decision without one belongs to the usual community.
fn tenant(decision: &Decision) -> Tenant {
    match &decision.outcome {
        Outcome::Asked { ask, .. } => ask.tenant.clone().unwrap_or_default(),
        Outcome::Unavailable { .. } => Tenant::default(),
    }
}

async fn pages(ctx: &Context, user: &UserId, part: ExportPart, mut take: impl FnMut(ExportPage)) -> anyhow::Result<()> {
    let mut after = Some(0);
    while let Some(from) = after {
        let ask = ExportPageAsk { user: user.clone(), part, after: from };
        let page = ctx.bus.ask_within(EXPORT_PAGE, &ask, PAGE_WITHIN).await?;
        after = page.next;
        take(page);
    }
    Ok(())
}
