//! Gathers what there is to learn from, person by person: the decisions and the log, as `events` hands them out. One person
//! is held at a time, and nobody who did not allow it.

use crate::examples::{Example, LeftOut, examples};
use jiff::Timestamp;
use oo_contracts::UserId;
use oo_contracts::decision::{Decision, Outcome};
use oo_contracts::entry::Entry;
use oo_contracts::model::Tenant;
use oo_contracts::rights::{ExportPage, ExportPageAsk, ExportPart};
use oo_domain::profile::Profile;
use oo_runtime::Context;
use oo_runtime::people::PeopleError;
use oo_subjects::{AskError, EXPORT_PAGE};
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
    let is_wanted = |of: &Tenant, at: Timestamp| *of == wanted.tenant && wanted.within.contains(&at);
    let (mut found, unreadable) = read(ctx, is_wanted, each).await?;
    let mut found = found.remove(&wanted.tenant).unwrap_or_default();
    // Whose an unreadable one is nobody can say: it may be of these.
    found.left_out.unreadable = unreadable;
    Ok(found)
}

/// Reads everything that can be read, each community's apart.
///
/// # Errors
/// Where NATS or `events` does not answer.
pub async fn gather_all(ctx: &Context) -> anyhow::Result<BTreeMap<Tenant, Found>> {
    Ok(read(ctx, |_, _| true, |_, _| {}).await?.0)
}

/// What is wanted, by community, and how many decisions could not be read.
async fn read(
    ctx: &Context,
    is_wanted: impl Fn(&Tenant, Timestamp) -> bool,
    mut each: impl FnMut(u64, u64),
) -> anyhow::Result<(BTreeMap<Tenant, Found>, u64)> {
    let people = ctx.people().await?;
    let logs = ctx.bus.decided_about().await?;
    let (mut found, mut unreadable) = (BTreeMap::<Tenant, Found>::new(), 0);
    for (number, log) in logs.iter().enumerate() {
        let person = match people.of_log(log).await {
            Ok(person) => person,
            // One damaged record keeps nobody else from being learnt from.
            Err(error @ (PeopleError::Sealed(_) | PeopleError::Garbled(_))) => {
                tracing::warn!(%log, %error, "a person's decisions are passed over");
                None
            }
            Err(error @ PeopleError::Away(_)) => return Err(error.into()),
        };
        if let Some(person) = person {
            let own = decisions(ctx, &person.user, &is_wanted, &mut unreadable).await;
            let own = match own {
                Ok(own) => of_person(ctx, u64::try_from(number)?, &person.user, own, &mut found).await,
                Err(error) => Err(error),
            };
            people.let_go(&person);
            // Who was erased meanwhile is passed over.
            match own {
                Err(error) if !is_gone(&error) => return Err(error.context("the log cannot be read")),
                _ => {}
            }
        }
        each(number as u64 + 1, logs.len() as u64);
    }
    Ok((found, unreadable))
}

/// A person's decisions that a policy was asked for, by whose model answered.
async fn decisions(
    ctx: &Context,
    user: &UserId,
    is_wanted: impl Fn(&Tenant, Timestamp) -> bool,
    unreadable: &mut u64,
) -> anyhow::Result<BTreeMap<Tenant, Vec<Decision>>> {
    let mut decisions = BTreeMap::<Tenant, Vec<Decision>>::new();
    pages(ctx, user, ExportPart::Decisions, |page| {
        for held in page.decisions {
            let Some(decision) = held.decision else {
                *unreadable += 1;
                continue;
            };
            let Outcome::Asked { ask, .. } = &decision.outcome else { continue };
            let tenant = ask.tenant.clone().unwrap_or_default();
            if is_wanted(&tenant, decision.at) {
                decisions.entry(tenant).or_default().push(decision);
            }
        }
    })
    .await?;
    Ok(decisions)
}

/// Adds what came of these decisions to what was found.
async fn of_person(
    ctx: &Context,
    number: u64,
    user: &UserId,
    decisions: BTreeMap<Tenant, Vec<Decision>>,
    found: &mut BTreeMap<Tenant, Found>,
) -> anyhow::Result<()> {
    let (mut begun, mut log) = (Profile::new(), Vec::<(u64, Entry)>::new());
    if decisions.values().flatten().any(|decision| decision.training) {
        pages(ctx, user, ExportPart::Entries, |page| {
            // One of a newer version is as good as none: it matters to the first days after it alone.
            if let Some(profile) =
                page.checkpoint.and_then(|checkpoint| serde_json::from_value(checkpoint.profile).ok())
            {
                begun = profile;
            }
            log.extend(page.entries.into_iter().filter_map(|held| Some((held.seq, held.entry?))));
        })
        .await?;
    }
    for (tenant, decisions) in decisions {
        let (examples, why) = examples(number, begun.clone(), &log, &decisions, ctx.clock.now());
        let found = found.entry(tenant).or_default();
        found.examples.extend(examples);
        found.left_out.add(why);
    }
    Ok(())
}

/// Whether `events` knows nobody by that name any more.
fn is_gone(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(AskError::Problem(problem)) if problem.status == 404)
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
