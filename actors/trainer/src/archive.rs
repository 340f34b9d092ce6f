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

/// Reads everybody's; `each` is told how many people are done, of how many.
///
/// # Errors
/// Where NATS or `events` does not answer.
pub async fn gather(ctx: &Context, wanted: &Wanted, mut each: impl FnMut(u64, u64)) -> anyhow::Result<Found> {
    let people = ctx.people().await?;
    let mut logs = ctx.bus.decided_about().await?;
    // A judgement parts people by their numbers: asked twice, it must say the same twice.
    logs.sort_unstable();
    let mut found = Found::default();
    for (number, log) in logs.iter().enumerate() {
        if let Some(person) = people.of_log(log).await? {
            let person_number = u64::try_from(number)?;
            let all = of_person(ctx, person_number, &person.user, wanted).await;
            people.let_go(&person);
            let (own, left_out) = all.context("the log cannot be read")?;
            found.examples.extend(own);
            found.left_out.add(left_out);
        }
        each(number as u64 + 1, logs.len() as u64);
    }
    Ok(found)
}

async fn of_person(
    ctx: &Context,
    number: u64,
    user: &UserId,
    wanted: &Wanted,
) -> anyhow::Result<(Vec<Example>, LeftOut)> {
    let mut left_out = LeftOut::default();
    let mut decisions: Vec<Decision> = Vec::new();
    pages(ctx, user, ExportPart::Decisions, |page| {
        for held in page.decisions {
            match held.decision {
                Some(decision) if is_wanted(&decision, wanted) => decisions.push(decision),
                Some(_) => {}
                None => left_out.unreadable += 1,
            }
        }
    })
    .await?;
    let mut log: Vec<(u64, Entry)> = Vec::new();
    if decisions.iter().any(|decision| decision.training) {
        pages(ctx, user, ExportPart::Entries, |page| {
            log.extend(page.entries.into_iter().filter_map(|held| Some((held.seq, held.entry?))));
        })
        .await?;
    }
    let (examples, why) = examples(number, &log, &decisions, ctx.clock.now());
    left_out.add(why);
    Ok((examples, left_out))
}

fn is_wanted(decision: &Decision, wanted: &Wanted) -> bool {
    let Outcome::Asked { ask, .. } = &decision.outcome else { return false };
    ask.tenant.clone().unwrap_or_default() == wanted.tenant && wanted.within.contains(&decision.at)
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
