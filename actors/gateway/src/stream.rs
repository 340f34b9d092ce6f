//! The live stream: the whole state at once, and again whenever something changed.

use crate::{Gateway, state};
use futures_util::{Stream, StreamExt as _};
use oo_contracts::UserId;
use oo_contracts::http::{Problem, State};
use oo_contracts::wire::Changed;
use oo_runtime::Metric;
use oo_runtime::web::Answer;
use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use warp::Reply as _;
use warp::http::HeaderValue;
use warp::sse::Event;

/// A comment at least so often, so that proxies and pages know that the stream lives.
const PING: Duration = Duration::from_secs(15);
/// Even without a word from anybody the state is looked at again: time alone ends a tip.
const LOOK_AGAIN: Duration = Duration::from_secs(20);
/// What a browser waits before it comes back.
const RETRY: Duration = Duration::from_millis(2500);
/// Streams of one person: a page in each of several windows.
const MOST: usize = 8;

type Told = Result<Event, Infallible>;

/// Who has how many streams open.
#[derive(Clone, Default)]
pub(crate) struct Open(Arc<Mutex<HashMap<UserId, usize>>>);

/// Counts one stream for as long as it lives.
struct Ticket(Gateway, UserId);

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut open = self.0.open.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.1) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.1);
            }
        }
        self.0.ctx.metrics.shift(Metric::GatewayStreams, -1);
    }
}

/// Opens a person's stream. It ends when the service stops, or a page could hold it up for ever.
pub(crate) async fn open(gateway: &Gateway, user: UserId) -> Result<Answer, Problem> {
    let ticket = take(gateway, &user)?;
    let changes = gateway
        .ctx
        .bus
        .changes(&user)
        .await
        .map_err(|_| Problem::new(503, "oO is resting", "try again in a moment"))?;
    let first = state::of(gateway, &user).await?;
    let (tell, told) = mpsc::channel(1);
    let stop = gateway.ctx.shutdown.clone();
    gateway.ctx.spawn("live stream", async move {
        tokio::select! {
            () = follow(ticket, user, first, changes, tell) => {}
            () = stop.cancelled() => {}
        }
    });
    let events = ReceiverStream::new(told);
    let mut answer = warp::sse::reply(warp::sse::keep_alive().interval(PING).stream(events)).into_response();
    answer.headers_mut().insert("cache-control", HeaderValue::from_static("no-store"));
    answer.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(answer)
}

/// Tells the state, and tells it again whenever it differs. Ends when nobody listens any more.
async fn follow(
    ticket: Ticket,
    user: UserId,
    first: State,
    changes: impl Stream<Item = Changed>,
    tell: mpsc::Sender<Told>,
) {
    let mut changes = std::pin::pin!(changes);
    let mut last = String::new();
    let mut state = Some(first);
    loop {
        if let Some(state) = state {
            // `now` differs each time and is no news.
            let seen = format!(
                "{:?}",
                (&state.version, &state.tip, &state.answered, &state.next_look, &state.accounts, &state.push)
            );
            if seen != last {
                last = seen;
                let Ok(data) = serde_json::to_string(&state) else { return };
                let event = Event::default().event("state").id(state.version).retry(RETRY).data(data);
                if tell.send(Ok(event)).await.is_err() {
                    return;
                }
            }
        }
        tokio::select! {
            change = changes.next() => if change.is_none() { return },
            () = tokio::time::sleep(LOOK_AGAIN) => {}
            () = tell.closed() => return,
        }
        // In a box: the task is as large as the largest of its waits, for as long as the page is open.
        state = Box::pin(state::of(&ticket.0, &user)).await.ok();
    }
}

fn take(gateway: &Gateway, user: &UserId) -> Result<Ticket, Problem> {
    let mut open = gateway.open.0.lock().unwrap_or_else(PoisonError::into_inner);
    let count = open.entry(user.clone()).or_default();
    if *count >= MOST {
        return Err(Problem::new(429, "too many live streams", "close another window"));
    }
    *count += 1;
    drop(open);
    gateway.ctx.metrics.shift(Metric::GatewayStreams, 1);
    Ok(Ticket(gateway.clone(), user.clone()))
}
