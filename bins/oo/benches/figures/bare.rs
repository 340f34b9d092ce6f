//! A bare server of events: a subscription for each open page, and the same text whenever something comes over it.

use futures_util::{StreamExt as _, stream};
use oo_contracts::UserId;
use oo_contracts::wire::Changed;
use oo_runtime::{Context, web};
use std::convert::Infallible;
use std::sync::Arc;
use warp::Filter as _;
use warp::sse::{Event, keep_alive, reply};

/// How long the text is.
pub(crate) const LENGTH: &str = "OO_BARE_LENGTH";

pub(crate) async fn serve(ctx: Context) -> anyhow::Result<()> {
    let length = ctx.source.get(LENGTH).and_then(|length| length.parse().ok()).unwrap_or_default();
    let (bus, text): (_, Arc<str>) = (ctx.bus.clone(), "x".repeat(length).into());
    let routes = warp::path::param().then(move |user: UserId| {
        let (bus, text) = (bus.clone(), text.clone());
        async move {
            let changes = bus.changes(&user).await.unwrap();
            let told = stream::iter([Changed { version: 0 }]).chain(changes);
            let events = told.map(move |Changed { version }| {
                Ok::<_, Infallible>(Event::default().event("state").id(version.to_string()).data(&*text))
            });
            reply(keep_alive().stream(events))
        }
    });
    web::serve(&ctx, routes).await?;
    ctx.run_until_stopped().await;
    Ok(())
}
