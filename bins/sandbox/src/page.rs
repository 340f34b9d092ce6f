//! The sandbox's own page: what is in it, and a button here and there to make something happen.

use crate::consent::DEFAULT_PERSON;
use crate::http::{self, Reply, Request, escape};
use crate::shared::Shared;
use crate::store::random;
use crate::todoist::Todoist;
use crate::{google, microsoft, push, todoist};
use serde_json::json;
use std::sync::Arc;
use warp::http::Method;

pub(crate) fn route(shared: &Arc<Shared>, request: &Request) -> Reply {
    match (&request.method, request.path.as_str()) {
        (&Method::GET, "/health") => http::json(200, &json!({"alive": true, "ready": true})),
        (&Method::GET, "/") => page(shared),
        (&Method::POST, "/") => act(shared, request),
        _ => http::with(404, "text/plain; charset=utf-8", "The sandbox has nothing here; see / for what there is.\n"),
    }
}

/// A form of the page came back: add a task, or complete one.
fn act(shared: &Arc<Shared>, request: &Request) -> Reply {
    if request.is_cross_site() {
        return http::with(403, "text/plain; charset=utf-8", "this form can only be sent from its own page");
    }
    let fields = request.form();
    let todoist = Todoist::new(shared.clone());
    if let Some(id) = fields.text("complete") {
        todoist.complete(&id);
    } else if let Some(title) = fields.text("add") {
        let title: String = title.chars().filter(|letter| !letter.is_control()).take(200).collect();
        let today = shared.clock.person().to_zoned(shared.options.zone.clone()).date();
        todoist.add_task(&title, json!({"due_date": today.to_string()}));
    }
    http::put(http::empty(303), "location", "/")
}

fn page(shared: &Shared) -> Reply {
    let nonce = random(16);
    let zone = &shared.options.zone;
    let now = shared.clock.person();
    let (tasks, todoist_linked) = todoist::overview(shared, DEFAULT_PERSON);
    let (events, google_linked) = google::overview(shared, DEFAULT_PERSON);
    let (to_do, microsoft_linked) = microsoft::overview(shared, DEFAULT_PERSON);
    let said = |linked: bool| if linked { "linked" } else { "not linked" };

    let mut open = String::new();
    for task in tasks.iter().filter(|task| !task.checked && !task.deleted) {
        let due = task.due.as_deref().unwrap_or("no date");
        open.push_str(&format!(
            "<li><span>{}<small>{}{}</small></span><button name=\"complete\" value=\"{}\">Complete</button>",
            escape(&task.content),
            escape(due),
            if task.recurring { ", recurring" } else { "" },
            escape(&task.id),
        ));
    }
    let mut coming = String::new();
    for (_, title, start, end) in events.iter().filter(|event| event.3 > now).take(12) {
        let from = start.to_zoned(zone.clone()).strftime("%a %H:%M").to_string();
        let to = end.to_zoned(zone.clone()).strftime("%H:%M").to_string();
        coming.push_str(&format!("<li><span>{}<small>{from}–{to}</small></span>", escape(title)));
    }
    let mut others = String::new();
    for (title, due) in to_do {
        let due = due.map_or_else(|| "no date".to_owned(), |due| due.to_string());
        others.push_str(&format!("<li><span>{}<small>{due}</small></span>", escape(&title)));
    }
    let mut pushed = String::new();
    for (at, text) in push::overview(shared) {
        let at = at.to_zoned(zone.clone()).strftime("%H:%M:%S").to_string();
        pushed.push_str(&format!("<li><span>{}<small>{at}</small></span>", escape(&text)));
    }
    if pushed.is_empty() {
        pushed.push_str("<li>None yet.");
    }
    let clock = now.to_zoned(zone.clone()).strftime("%A %H:%M").to_string();
    let body = format!(
        r#"<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>oO sandbox</title>
<style nonce="{nonce}">
body {{ max-width: 34rem; margin: 10vh auto; padding: 0 1.5rem; font: 1rem/1.5 system-ui, sans-serif; }}
h1, h2 {{ font-size: 1.1rem; font-weight: 500; margin: 2.5rem 0 .5rem; }}
ul {{ list-style: none; padding: 0; margin: 0; }}
li {{ display: flex; justify-content: space-between; align-items: center; gap: 1rem; min-height: 44px; }}
small {{ display: block; opacity: .65; }}
input {{ font: inherit; padding: .4rem .6rem; width: 16rem; max-width: 60%; }}
button {{ font: inherit; font-size: .875rem; padding: .3rem .8rem; }}
</style>
<main>
<h1>oO sandbox</h1>
<p>Stand-ins with sample data. Nothing here is real. The sample person's clock says {clock}.</p>
<h2>Sandbox Todoist ({todoist})</h2>
<form method="post"><input name="add" maxlength="200" placeholder="A task for today" aria-label="A task for today" autocomplete="off"> <button>Add</button></form>
<form method="post"><ul>{open}</ul></form>
<h2>Sandbox Google Calendar ({google})</h2>
<ul>{coming}</ul>
<h2>Sandbox Microsoft To Do and Outlook Calendar ({microsoft})</h2>
<ul>{others}</ul>
<h2>Pushes to sample browsers</h2>
<ul>{pushed}</ul>
</main>
"#,
        todoist = said(todoist_linked),
        google = said(google_linked),
        microsoft = said(microsoft_linked),
    );
    let policy = format!(
        "default-src 'none'; style-src 'nonce-{nonce}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    );
    let reply = http::with(200, "text/html; charset=utf-8", body);
    http::put(http::put(reply, "content-security-policy", &policy), "referrer-policy", "same-origin")
}
