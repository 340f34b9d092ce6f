//! A person's rights: what they chose and allowed, all that is held of them, and the end of it.

use crate::Gateway;
use crate::api::{named, with_cookie};
use crate::doors::Request;
use crate::state::problem;
use futures_util::future::join_all;
use oo_contracts::UserId;
use oo_contracts::http::Problem;
use oo_contracts::rights::{
    ConfirmAsk, Confirmed, EXPORT_VERSION, EraseEverything, ExportAsk, ExportPageAsk, ExportPart, Me, ReceiptAsk,
    ToldCorrection,
};
use oo_contracts::signal::Language;
use oo_contracts::wire::{Corrected, Fetch, Look, PushLook};
use oo_domain::words;
use oo_runtime::web::{self, Answer};
use oo_subjects::{AskError, Bus, CONFIRM, DEVICES, ERASE, EXPORT, EXPORT_PAGE, FETCH, LOOK, RECEIPT};
use serde::Serialize;
use std::io;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use warp::Reply as _;
use warp::http::{HeaderValue, header};
use warp::hyper::body::Bytes;

/// Providers are given some seconds to take their grants back; what is not done by then goes on by itself.
const ERASE_WITHIN: Duration = Duration::from_secs(40);

/// What the person chose, allowed, defined and corrected, and what became of the tips.
pub(crate) async fn me(gateway: &Gateway, user: UserId) -> Result<Answer, Problem> {
    let bus = &gateway.ctx.bus;
    let (look, whose) = (Look { user: user.clone() }, PushLook { user: user.clone() });
    let (view, devices) = futures_util::join!(bus.ask(LOOK, &look), bus.ask(DEVICES, &whose));
    let view = view.map_err(problem)?;
    let preferences = view.preferences.unwrap_or_default();
    let own = view.own.unwrap_or_default();
    let told = own.corrections.iter().rev().map(|one| correction(gateway, &user, one, preferences.language));
    // Without the notifier the rest is still true.
    let (devices, email) = devices.map(|known| (known.devices, known.email)).unwrap_or_default();
    let me = Me {
        corrections: join_all(told).await,
        devices,
        email,
        user,
        preferences,
        consents: view.consents.unwrap_or_default(),
        zone: view.zone,
        habits: own.habits,
        mood: own.mood,
        weeks: own.weeks,
        helped: own.helped,
    };
    Ok(web::json(200, &me))
}

/// A correction in words. What its provider does not name now is told without a name.
async fn correction(gateway: &Gateway, user: &UserId, one: &Corrected, language: Language) -> ToldCorrection {
    let about = match &one.about {
        None => None,
        Some(subject) => {
            let title = match subject.reference() {
                None => None,
                Some(reference) => {
                    let fetch = Fetch { user: user.clone(), reference: reference.clone() };
                    gateway.ctx.bus.ask(FETCH, &fetch).await.ok().map(|found| found.title)
                }
            };
            Some(words::about(language, subject, title.as_deref()))
        }
    };
    ToldCorrection { id: one.id.clone(), fact: words::ground(language, one.ground).to_owned(), about }
}

/// All that is held, as one file. It comes page by page, so that however much it is, little of it is in memory; and it
/// breaks off where a page is not to be had, so that a part is never taken for the whole.
pub(crate) async fn export(gateway: &Gateway, user: UserId) -> Result<Answer, Problem> {
    let bus = gateway.ctx.bus.clone();
    let held = bus.ask(EXPORT, &ExportAsk { user: user.clone() }).await.map_err(problem)?;
    let head = format!(
        "{{\"version\":{EXPORT_VERSION},\"made\":{},\"person\":{},\"entries\":",
        text(&gateway.ctx.clock.now()),
        text(&held)
    );
    let (send, sent) = mpsc::channel(1);
    let stop = gateway.ctx.shutdown.clone();
    gateway.ctx.spawn("export", async move {
        let write = async {
            if let Err(error) = write(&bus, &user, head, &send).await {
                tracing::warn!(%user, %error, "an export broke off");
                let _ = send.send(Err(io::Error::other("the export broke off"))).await;
            }
        };
        stop.run_until_cancelled(write).await;
    });
    let mut answer = warp::reply::stream(ReceiverStream::new(sent)).into_response();
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"oo-export.json\""));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(answer)
}

/// A confirmation to erase everything with.
pub(crate) async fn confirmation(gateway: &Gateway, user: UserId) -> Result<Answer, Problem> {
    Ok(web::json(200, &gateway.ctx.bus.ask(CONFIRM, &ConfirmAsk { user }).await.map_err(problem)?))
}

/// Erases everything. The session ends with it.
pub(crate) async fn erase(gateway: &Gateway, user: UserId, request: &Request) -> Result<Answer, Problem> {
    let EraseEverything { confirmation } = request.json()?;
    let confirmed = Confirmed { user, confirmation };
    let erased = gateway.ctx.bus.ask_within(ERASE, &confirmed, ERASE_WITHIN).await.map_err(problem)?;
    Ok(with_cookie(web::json(200, &erased), &gateway.set_cookie(gateway.cookie_names().session, None, 0)))
}

/// How an erasure stands. Whoever has the receipt may ask: it names nobody.
pub(crate) async fn receipt(gateway: &Gateway, receipt: &str, request: &Request) -> Result<Answer, Problem> {
    gateway.limits.session(request.from)?;
    let ask = ReceiptAsk { receipt: named(receipt)? };
    Ok(web::json(200, &gateway.ctx.bus.ask(RECEIPT, &ask).await.map_err(problem)?))
}

async fn write(bus: &Bus, user: &UserId, head: String, to: &mpsc::Sender<io::Result<Bytes>>) -> Result<(), AskError> {
    // Whoever does not listen any more needs nothing more.
    if to.send(Ok(head.into())).await.is_err() {
        return Ok(());
    }
    let mut checkpoint = None;
    for (part, between) in [(ExportPart::Entries, ",\"decisions\":"), (ExportPart::Decisions, "")] {
        let mut lead = "[";
        let mut after = Some(0);
        while let Some(from) = after {
            let ask = ExportPageAsk { user: user.clone(), part, after: from };
            let page = bus.ask(EXPORT_PAGE, &ask).await?;
            let all = page.entries.iter().map(text).chain(page.decisions.iter().map(text));
            let mut chunk = String::new();
            for one in all {
                chunk.push_str(lead);
                chunk.push_str(&one);
                lead = ",";
            }
            if !chunk.is_empty() && to.send(Ok(chunk.into())).await.is_err() {
                return Ok(());
            }
            after = page.next;
            checkpoint = checkpoint.or(page.checkpoint);
        }
        let end = if lead == "[" { "[]" } else { "]" };
        if to.send(Ok(format!("{end}{between}").into())).await.is_err() {
            return Ok(());
        }
    }
    let rest = checkpoint.map_or_else(|| "}".into(), |checkpoint| format!(",\"checkpoint\":{}}}", text(&checkpoint)));
    // As above.
    let _ = to.send(Ok(rest.into())).await;
    Ok(())
}

fn text(value: &impl Serialize) -> String {
    // Contracts have no map with keys that are not strings, the only thing that JSON could refuse.
    serde_json::to_string(value).unwrap_or_default()
}
