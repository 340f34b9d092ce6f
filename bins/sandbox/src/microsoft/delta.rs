//! Delta queries: rounds of pages with whole links, of which the last leads to the next round. Pages may be empty, objects may
//! come twice and in any order, as Graph's documentation warns.

use super::api::{context, preferred, preferred_zone};
use super::{bad, forgotten, mailbox_of, not_found};
use crate::http::{self, Reply, Request};
use crate::shared::Shared;
use crate::store::{open, seal};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Small, so that nobody forgets that there are pages.
const DEFAULT_PAGE: usize = 10;

/// Where a round goes on, or where the next one begins.
#[derive(Clone, Serialize, Deserialize)]
struct Token {
    epoch: u64,
    /// What had happened when the last round ended.
    since: u64,
    /// What had happened when this round began; the next begins there.
    until: u64,
    skip: usize,
    /// Of a calendar view.
    window: Option<(Timestamp, Timestamp)>,
}

/// `…/tasks/delta` of a list.
pub(super) fn tasks(shared: &Shared, request: &Request, person: &str, list: &str) -> Reply {
    let zone = &shared.options.zone;
    let mut state = shared.state();
    let astray = state.microsoft.astray.clone();
    let mailbox = mailbox_of(shared, &mut state.microsoft, person);
    if !mailbox.lists.iter().any(|known| known.id == list) {
        return not_found();
    }
    let begin = Token { epoch: mailbox.epoch, since: 0, until: mailbox.revision, skip: 0, window: None };
    let token = match goes_on(request, begin) {
        Ok(token) => token,
        Err(reply) => return reply,
    };
    let values = mailbox
        .tasks
        .iter()
        .filter(|task| task.list == list && task.revision > token.since && (token.since > 0 || !task.deleted))
        .map(|task| task.json(zone));
    let page = Round { shared, request, astray, path: format!("me/todo/lists/{list}/tasks/delta") };
    page.reply(values.collect(), token)
}

/// `me/calendarView/delta`.
pub(super) fn events(shared: &Shared, request: &Request, person: &str) -> Reply {
    let own = &shared.options.zone;
    let Some((zone, name)) = preferred_zone(request) else { return bad("The time zone is not supported.") };
    if request
        .query
        .iter()
        .any(|pair| ["$select", "$filter", "$orderby", "$expand", "$search"].contains(&pair.0.as_str()))
    {
        return bad("The query parameter is not supported with change tracking over the 'CalendarView' resource.");
    }
    let bound = |name: &str| request.param(name).and_then(|text| text.parse::<Timestamp>().ok());
    let window = bound("startDateTime").zip(bound("endDateTime")).filter(|(from, to)| from < to);
    let mut state = shared.state();
    let astray = state.microsoft.astray.clone();
    let mailbox = mailbox_of(shared, &mut state.microsoft, person);
    let begin = Token { epoch: mailbox.epoch, since: 0, until: mailbox.revision, skip: 0, window };
    let token = match goes_on(request, begin) {
        Ok(token) => token,
        Err(reply) => return reply,
    };
    let Some((from, to)) = token.window else {
        return bad("This request requires a time window specified by the query string parameters.");
    };
    let (is_first, since) = (token.since == 0, token.since);
    let in_window = |id: &str| {
        let mut occurrences = mailbox.events.iter().filter(|event| event.series.as_deref() == Some(id));
        occurrences.any(|event| event.touches(from, to, own))
    };
    let values = mailbox.events.iter().filter(|event| event.revision > since).filter_map(|event| {
        let here = if event.is_series { in_window(&event.id) } else { event.touches(from, to, own) };
        match (event.deleted || !here, is_first) {
            // Out of the window is told as removed, too.
            (true, false) => Some(event.gone()),
            (true, true) => None,
            (false, _) => Some(event.sparse(own, &zone, &name)),
        }
    });
    let page = Round { shared, request, astray, path: "me/calendarView/delta".to_owned() };
    page.reply(values.collect(), token)
}

/// The token that the request brings, or a beginning.
fn goes_on(request: &Request, begin: Token) -> Result<Token, Reply> {
    let next = request.param("$deltatoken").map(|text| (text, true));
    let Some((text, is_new_round)) = next.or(request.param("$skiptoken").map(|text| (text, false))) else {
        return Ok(begin);
    };
    let token: Token = open(text).ok_or_else(|| bad("Badly formed token."))?;
    if token.epoch != begin.epoch {
        return Err(forgotten());
    }
    Ok(if is_new_round { Token { since: token.until, until: begin.until, skip: 0, ..token } } else { token })
}

struct Round<'a> {
    shared: &'a Shared,
    request: &'a Request,
    astray: Option<url::Url>,
    path: String,
}

impl Round<'_> {
    fn reply(&self, mut values: Vec<Value>, token: Token) -> Reply {
        let most = preferred(self.request, "odata.maxpagesize").and_then(|text| text.parse().ok());
        let most: usize = most.unwrap_or(DEFAULT_PAGE).clamp(1, 200);
        values.reverse();
        // The first comes once more at the end; and before everything comes an empty page.
        values.extend(values.first().cloned());
        let is_begun = self.request.param("$skiptoken").is_some();
        let shown: Vec<Value> = if is_begun || values.is_empty() {
            values.iter().skip(token.skip).take(most).cloned().collect()
        } else {
            Vec::new()
        };
        let skip = token.skip + shown.len();
        let mut body = json!({"@odata.context": context(self.shared, "Collection"), "value": shown});
        if skip < values.len() {
            body["@odata.nextLink"] = self.link("$skiptoken", &Token { skip, ..token }).into();
        } else {
            body["@odata.deltaLink"] = self.link("$deltatoken", &Token { skip: 0, ..token }).into();
        }
        http::json(200, &body)
    }

    fn link(&self, name: &str, token: &Token) -> String {
        let path = format!("/microsoft/v1.0/{}?{name}={}", self.path, seal(token).replace('=', "%3D"));
        match &self.astray {
            Some(elsewhere) => format!("{}{path}", elsewhere.as_str().trim_end_matches('/')),
            None => self.shared.at(&path),
        }
    }
}
