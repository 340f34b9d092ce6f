//! People who say something at a steady pace, and how long each time until it was applied.

use crate::fill;
use futures_util::StreamExt as _;
use futures_util::future::join_all;
use oo_runtime::{Context, Person, task};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// One signal.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Said {
    pub(crate) at: Instant,
    /// Until its reaction was carried out.
    pub(crate) applied: Duration,
    /// Until the log had it.
    pub(crate) kept: Duration,
}

/// All of them together say so many things in a second, each one after the other, for a while.
pub(crate) async fn talk(ctx: &Context, people: &[Arc<Person>], per_second: usize, seconds: usize) -> Vec<Said> {
    let between = Duration::from_secs_f64(people.len() as f64 / per_second as f64);
    let each = seconds * per_second / people.len();
    let saying = people.iter().enumerate().map(|(n, person)| {
        let (ctx, person) = (ctx.clone(), person.clone());
        let first = Instant::now() + Duration::from_secs(1) + between.mul_f64(n as f64 / people.len() as f64);
        task::spawn("somebody", async move {
            let mut told = Box::pin(ctx.bus.changes(&person.user).await.unwrap());
            let mut said = Vec::with_capacity(each);
            for k in 0..each {
                tokio::time::sleep_until(first + between * k as u32).await;
                let at = Instant::now();
                let seq = fill::say(&ctx, &person, k).await;
                let kept = at.elapsed();
                while told.next().await.unwrap().version < seq {}
                said.push(Said { at, applied: at.elapsed(), kept });
            }
            said
        })
    });
    let all = join_all(saying.collect::<Vec<_>>()).await;
    all.into_iter().flat_map(|said| said.unwrap().unwrap()).collect()
}
