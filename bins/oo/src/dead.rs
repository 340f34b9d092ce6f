//! `oo dead`: what could not be handled, where it lies and whether this oO can read it; deliver it once more, or forget the
//! letter. Nothing of what is in an entry is shown.

use crate::inspect;
use anyhow::{Context as _, bail, ensure};
use oo_contracts::wire::Redrive;
use oo_runtime::logbook::{DecodeError, open_entry};
use oo_runtime::{Context, People};
use oo_subjects::streams::PROFILE;
use oo_subjects::{DeadLetter, Given, Place, REDRIVE};
use std::path::Path;
use std::time::Duration;

/// Longer than a person's actor takes, a slow provider included.
const REDRIVE_WITHIN: Duration = Duration::from_secs(30);

/// Lists them, the oldest first.
pub async fn list(data: &Path) -> anyhow::Result<()> {
    let ctx = inspect::context(data).await?;
    let letters = ctx.bus.dead_letters().await?;
    if letters.is_empty() {
        println!("no dead letters");
        return Ok(());
    }
    println!("{:>6}  {:19}  {:14} {:>9}  {:12} tries", "number", "given up", "stream", "entry", "by");
    for letter in letters {
        println!("{}", line(&letter));
    }
    println!("`oo dead look <number>` says more of one");
    Ok(())
}

/// Says all of one but what is in it.
pub async fn look(data: &Path, number: u64) -> anyhow::Result<()> {
    let ctx = inspect::context(data).await?;
    let letter = letter(&ctx, number).await?;
    println!("{}", line(&letter));
    let Some(given) = ctx.bus.given(&letter.stream, letter.stream_seq).await? else {
        println!("the entry is not there any more: `oo dead drop {number}`");
        return Ok(());
    };
    println!("subject     {}", given.subject);
    println!("in the log  since {}", given.at.strftime("%Y-%m-%d %H:%M:%S"));
    println!("size        {} bytes, sealed", given.payload.len());
    println!("readable    {}", readable(&inspect::people(&ctx).await?, &given).await?);
    match of_a_log(&letter, &given) {
        Some(_) => println!("`oo dead redrive {number}` delivers it once more"),
        None => println!("no profile gave it up, so it cannot be delivered again: `oo dead drop {number}`"),
    }
    Ok(())
}

/// Delivers the entry to its person once more, and forgets the letter if it is settled.
pub async fn redrive(data: &Path, number: u64) -> anyhow::Result<()> {
    let ctx = inspect::context(data).await?;
    let letter = letter(&ctx, number).await?;
    let given = ctx.bus.given(&letter.stream, letter.stream_seq).await?;
    let given = given.with_context(|| format!("the entry is not there any more: `oo dead drop {number}`"))?;
    let Some(place) = of_a_log(&letter, &given) else {
        bail!("{} of {} is no profile's: `oo dead drop {number}` forgets it", letter.stream_seq, letter.stream);
    };
    let wanted = Redrive { log: place.log, seq: letter.stream_seq };
    ctx.bus.ask_within(REDRIVE, &wanted, REDRIVE_WITHIN).await?;
    ctx.bus.drop_dead_letter(number).await?;
    println!("{number} is settled");
    Ok(())
}

/// Forgets a letter. The entry stays in its stream.
pub async fn forget(data: &Path, number: u64) -> anyhow::Result<()> {
    let ctx = inspect::context(data).await?;
    ensure!(ctx.bus.drop_dead_letter(number).await?, "there is no dead letter {number}: `oo dead list`");
    println!("{number} is forgotten; its entry stays where it is");
    Ok(())
}

async fn letter(ctx: &Context, number: u64) -> anyhow::Result<DeadLetter> {
    ctx.bus.dead_letter(number).await?.with_context(|| format!("there is no dead letter {number}: `oo dead list`"))
}

fn line(letter: &DeadLetter) -> String {
    let DeadLetter { number, stream, consumer, stream_seq, deliveries, at } = letter;
    let at = at.strftime("%Y-%m-%d %H:%M:%S");
    format!("{number:>6}  {at}  {stream:14} {stream_seq:>9}  {consumer:12} {deliveries}")
}

/// The person's place, if a profile gave up an entry of their log.
fn of_a_log(letter: &DeadLetter, given: &Given) -> Option<Place> {
    let (place, _) = Place::parse(&given.subject)?;
    (letter.consumer == PROFILE && letter.stream == place.shard.stream()).then_some(place)
}

/// Whether this oO can read an entry, and why not.
async fn readable(people: &People, given: &Given) -> anyhow::Result<String> {
    let Some((place, kind)) = Place::parse(&given.subject) else { return Ok("it is no entry of a log".into()) };
    let Some(person) = people.of_log(&place.log).await? else { return Ok("no: the person was erased".into()) };
    Ok(match open_entry(&person, kind, &given.payload) {
        Ok(_) => "yes, by this oO".into(),
        Err(DecodeError::Newer(version)) => format!("no: it is of version {version}, which a newer oO reads"),
        Err(DecodeError::Sealed(_)) => "no: it is not sealed with the person's key".into(),
        Err(DecodeError::Garbled) => "no: it is damaged".into(),
    })
}
