//! Keeping up with all calendars and task lists of an account: by sync token where a calendar has one, by the versions of
//! its objects where not. The window is laid anew each day, as for the other calendars.

use super::facts::{EVENT, Found, Reader, TASK, What};
use super::wire::{Changed, Server, Wanted};
use super::xml::{Response, Space};
use crate::connector::{Access, Batch, Change, News};
use crate::http::CallError;
use jiff::SignedDuration;
use oo_contracts::id::ItemId;
use oo_contracts::signal::{Event, Task};
use oo_contracts::{Ref, Timestamp};
use oo_runtime::random;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use tokio::time::{Duration, Instant};
use url::Url;

/// What lies further back says nothing about now.
const BACK: SignedDuration = SignedDuration::from_hours(24);
/// What lies further ahead will be in a later window.
const AHEAD: SignedDuration = SignedDuration::from_hours(14 * 24);
const WINDOW_AGE: SignedDuration = SignedDuration::from_hours(24);
/// Objects asked for at once.
const BATCH: usize = 50;
/// Two weeks of a calendar, or a list of tasks, that is more than a person's.
const MOST_MEMBERS: usize = 5_000;
const MOST_CALENDARS: usize = 60;
const MOST_PAGES: usize = 100;
/// Reading a calendar's objects takes no longer than this, whatever their rules.
const READ_WITHIN: Duration = Duration::from_secs(20);
const PROPS: &str = "<d:resourcetype/><d:sync-token/><cs:getctag/><c:supported-calendar-component-set/>\
                     <c:calendar-timezone/><c:schedule-calendar-transp/>";

/// Where the next sync goes on. Calendars are named by a hash, since their addresses are often their titles.
#[derive(Default, Serialize, Deserialize)]
struct Cursor {
    from: Timestamp,
    to: Timestamp,
    laid: Timestamp,
    calendars: BTreeMap<String, Kept>,
}

#[derive(Clone, Default, Serialize, Deserialize)]
struct Kept {
    /// Of the calendar: a sync token, or else its ctag.
    token: Option<String>,
    ctag: Option<String>,
    members: BTreeMap<String, Member>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Member {
    etag: String,
    /// What the log knows of it.
    tails: Vec<String>,
}

/// A calendar as its home lists it.
struct Calendar {
    url: Url,
    name: String,
    token: Option<String>,
    ctag: Option<String>,
    events: bool,
    tasks: bool,
    zone: String,
    transparent: bool,
}

/// What became of one member: its version and its text, or nothing where it is gone.
type Read = (String, Option<(String, Vec<Found>)>);

/// What changed in all calendars.
pub(super) async fn sync(
    server: &Server<'_>,
    access: &Access,
    cursor: Option<&str>,
    now: Timestamp,
) -> Result<Batch, CallError> {
    let known = cursor.and_then(|text| serde_json::from_str::<Cursor>(text).ok());
    let goes_on = known.as_ref().is_some_and(|known| now >= known.laid && now.duration_since(known.laid) < WINDOW_AGE);
    let mut known = known.unwrap_or_default();
    let (from, to, laid) =
        if goes_on { (known.from, known.to, known.laid) } else { (shift(now, -BACK), shift(now, AHEAD), now) };
    let calendars = calendars(server).await?;
    let mut next = Cursor { from, to, laid, calendars: BTreeMap::new() };
    let mut changes = Vec::new();
    let mut mine: Option<Vec<String>> = None;
    for calendar in calendars {
        let before = known.calendars.remove(&calendar.name);
        let is_same = |kept: &Kept| match &calendar.token {
            Some(token) => kept.token.as_ref() == Some(token),
            None => calendar.ctag.is_some() && kept.ctag == calendar.ctag,
        };
        if let Some(kept) = before.as_ref().filter(|kept| goes_on && is_same(kept)) {
            next.calendars.insert(calendar.name, kept.clone());
            continue;
        }
        let is_fresh = !goes_on || before.is_none();
        let mut kept = before.unwrap_or_default();
        let (wanted, token) = news(server, &calendar, &kept, is_fresh, (from, to)).await?;
        if mine.is_none() && !wanted.is_empty() {
            mine = Some(addresses(server).await?);
        }
        let reader = Reader {
            window: (from, to),
            zone: calendar.zone.clone(),
            transparent: calendar.transparent,
            mine: mine.clone().unwrap_or_default(),
        };
        for (member, read) in read(server, &calendar, wanted, reader).await? {
            tell(access, &calendar.name, &mut kept, &member, read, &mut changes);
        }
        (kept.token, kept.ctag) = (token, calendar.ctag);
        next.calendars.insert(calendar.name, kept);
    }
    // Calendars that are no longer there.
    for (name, mut kept) in known.calendars {
        for member in kept.members.keys().cloned().collect::<Vec<_>>() {
            tell(access, &name, &mut kept, &member, None, &mut changes);
        }
    }
    let cursor = serde_json::to_string(&next).map_err(|_| CallError::Garbled)?;
    Ok(Batch { changes, whole: !goes_on, cursor })
}

/// Where an object is, and the end of its name; `None` where its calendar is gone or the name is none of ours.
pub(super) async fn find(server: &Server<'_>, item: &ItemId) -> Result<Option<(Url, String)>, CallError> {
    let Some((kind, calendar, member, rest)) = split(item.as_str()) else { return Ok(None) };
    let found = calendars(server).await?.into_iter().find(|one| one.name == calendar);
    let url = found.and_then(|calendar| object_at(&calendar.url, member));
    Ok(url.map(|url| (url, format!("{kind}{rest}"))))
}

/// `t.<calendar>.<member>` or `e.<calendar>.<member>#<instant>`.
fn item(calendar: &str, member: &str, tail: &str) -> String {
    let (kind, rest) = tail.split_at(1);
    format!("{kind}.{calendar}.{member}{rest}")
}

fn split(item: &str) -> Option<(&str, &str, &str, &str)> {
    let (kind, rest) = item.split_once('.').filter(|(kind, _)| [EVENT, TASK].contains(kind))?;
    let (calendar, rest) = rest.split_once('.')?;
    let end = rest.find('#').unwrap_or(rest.len());
    Some((kind, calendar, &rest[..end], &rest[end..]))
}

/// The calendars and task lists of all homes.
async fn calendars(server: &Server<'_>) -> Result<Vec<Calendar>, CallError> {
    let mut all = Vec::new();
    for home in &server.login.homes {
        let (home, answer) = server.propfind(home, "1", PROPS).await?;
        all.extend(answer.responses.iter().filter_map(|one| calendar(server, &home, one)));
    }
    if all.len() > MOST_CALENDARS {
        tracing::warn!(calendars = all.len(), "an account has more calendars than are read");
        all.truncate(MOST_CALENDARS);
    }
    Ok(all)
}

fn calendar(server: &Server<'_>, home: &Url, one: &Response) -> Option<Calendar> {
    one.prop(Space::Dav, "resourcetype")?.get(Space::CalDav, "calendar")?;
    let mut url = server.at(home, &one.href)?;
    if !url.path().ends_with('/') {
        url.set_path(&format!("{}/", url.path()));
    }
    let set = one.prop(Space::CalDav, "supported-calendar-component-set");
    // A server that does not say takes both.
    let takes = |kind: &str| {
        set.is_none_or(|set| set.all(Space::CalDav, "comp").any(|one| one.called.as_deref() == Some(kind)))
    };
    let transparent = one.prop(Space::CalDav, "schedule-calendar-transp");
    let zone = one.text(Space::CalDav, "calendar-timezone");
    let zone = zone.and_then(|text| text.lines().find_map(|line| line.strip_prefix("TZID:")));
    Some(Calendar {
        name: random::hex(&Sha256::digest(url.path())[..6]),
        token: one.text(Space::Dav, "sync-token").map(str::to_owned),
        ctag: one.text(Space::CalendarServer, "getctag").map(str::to_owned),
        events: takes("VEVENT"),
        tasks: takes("VTODO"),
        zone: zone.map_or("UTC", str::trim).to_owned(),
        transparent: transparent.is_some_and(|node| node.get(Space::CalDav, "transparent").is_some()),
        url,
    })
    .filter(|calendar| calendar.events || calendar.tasks)
}

/// The person's own addresses, by which others invite them. For this sync only.
async fn addresses(server: &Server<'_>) -> Result<Vec<String>, CallError> {
    let (_, answer) = server.propfind(&server.login.principal, "0", "<c:calendar-user-address-set/>").await?;
    let set = answer.responses.first().and_then(|one| one.prop(Space::CalDav, "calendar-user-address-set"));
    let mine = set.into_iter().flat_map(|set| set.hrefs()).map(str::to_ascii_lowercase);
    Ok(mine.filter_map(|one| one.strip_prefix("mailto:").map(str::to_owned)).collect())
}

/// Which members to read, each with whether it is still there, and the token to go on from.
async fn news(
    server: &Server<'_>,
    calendar: &Calendar,
    kept: &Kept,
    is_fresh: bool,
    window: (Timestamp, Timestamp),
) -> Result<(BTreeMap<String, bool>, Option<String>), CallError> {
    let member = |url: &Url| member_of(&calendar.url, url);
    if let (false, Some(token), Some(_)) = (is_fresh, &kept.token, &calendar.token)
        && let Some(Changed { members, token, .. }) = changed(server, calendar, token).await?
    {
        let members = members.iter().filter_map(|(url, etag)| Some((member(url)?, etag.is_some())));
        return Ok((members.collect(), Some(token)));
    }
    let mut listed = HashMap::new();
    let kinds = [(calendar.events, Wanted::Events(window.0, window.1)), (calendar.tasks, Wanted::Tasks)];
    for (_, wanted) in kinds.iter().filter(|(takes, _)| *takes) {
        let found = server.list(&calendar.url, wanted).await?;
        listed.extend(found.into_iter().filter_map(|(url, etag)| Some((member(&url)?, etag))));
    }
    let is_new =
        |(name, etag): &(&String, &String)| is_fresh || kept.members.get(*name).is_none_or(|one| one.etag != **etag);
    let mut wanted: BTreeMap<String, bool> =
        listed.iter().filter(is_new).map(|(name, _)| (name.clone(), true)).collect();
    // What is not listed any more is done, moved or gone: its object says which.
    wanted.extend(kept.members.keys().filter(|name| !listed.contains_key(*name)).map(|name| (name.clone(), true)));
    Ok((wanted, calendar.token.clone()))
}

/// All pages of what changed; `None` where the server has forgotten the token.
async fn changed(server: &Server<'_>, calendar: &Calendar, token: &str) -> Result<Option<Changed>, CallError> {
    let mut all = Changed { members: Vec::new(), token: token.to_owned(), is_cut: false };
    for _ in 0..MOST_PAGES {
        let Some(page) = server.changed(&calendar.url, &all.token).await? else { return Ok(None) };
        let is_last = page.members.is_empty() || page.token == all.token || !page.is_cut;
        all.members.extend(page.members);
        all.token = page.token;
        if is_last {
            return Ok(Some(all));
        }
    }
    Err(CallError::Garbled)
}

/// Reads members and what they say, off the threads that others wait on.
async fn read(
    server: &Server<'_>,
    calendar: &Calendar,
    wanted: BTreeMap<String, bool>,
    reader: Reader,
) -> Result<Vec<Read>, CallError> {
    if wanted.len() > MOST_MEMBERS {
        tracing::warn!(members = wanted.len(), "a calendar has more than is read");
    }
    let (there, gone): (Vec<_>, Vec<_>) = wanted.into_iter().take(MOST_MEMBERS).partition(|(_, is_there)| *is_there);
    let mut all: Vec<Read> = gone.into_iter().map(|(name, _)| (name, None)).collect();
    let mut texts = Vec::new();
    for batch in there.chunks(BATCH) {
        let urls: Vec<Url> = batch.iter().filter_map(|(name, _)| object_at(&calendar.url, name)).collect();
        let found = server.objects(&calendar.url, &urls).await?;
        let mut found: HashMap<String, _> =
            found.into_iter().filter_map(|(url, object)| Some((member_of(&calendar.url, &url)?, object))).collect();
        texts.extend(batch.iter().map(|(name, _)| (name.clone(), found.remove(name).flatten())));
    }
    let read = tokio::task::spawn_blocking(move || {
        let until = Instant::now() + READ_WITHIN;
        let all = texts.len();
        let in_time = texts.into_iter().take_while(|_| Instant::now() < until);
        let read: Vec<Read> = in_time
            .map(|(name, object)| (name, object.map(|object| (object.etag, reader.read(&object.text)))))
            .collect();
        if read.len() < all {
            tracing::warn!(left = all - read.len(), "a calendar takes too long to read; the rest stays as it is known");
        }
        read
    });
    all.extend(read.await.map_err(|_| CallError::Garbled)?);
    Ok(all)
}

/// Says what became of a member, against what is known of it.
fn tell(
    access: &Access,
    calendar: &str,
    kept: &mut Kept,
    member: &str,
    read: Option<(String, Vec<Found>)>,
    changes: &mut Vec<Change>,
) {
    let name = |tail: &str| access.reference(&item(calendar, member, tail));
    let mut before: BTreeSet<String> =
        kept.members.remove(member).map(|one| one.tails.into_iter().collect()).unwrap_or_default();
    let (etag, found) = read.unwrap_or_default();
    let mut tails = Vec::new();
    for Found { tail, what } in found {
        let Some(reference) = name(&tail) else { continue };
        let was_known = before.remove(&tail);
        let news = news_of(reference.clone(), what);
        match &news {
            News::Done if !was_known => continue,
            News::Done => {}
            _ => tails.push(tail),
        }
        changes.push(Change { reference, version: etag.clone(), news });
    }
    for reference in before.iter().filter_map(|tail| name(tail)) {
        changes.push(Change { reference, version: etag.clone(), news: News::Gone });
    }
    if !tails.is_empty() {
        kept.members.insert(member.to_owned(), Member { etag, tails });
    }
}

fn news_of(reference: Ref, what: What) -> News {
    match what {
        What::Event { start, end, busy, all_day } => News::Event(Event { reference, start, end, busy, all_day }),
        What::Task { due, priority, added_at } => {
            News::Task(Task { reference, due, priority, minutes: None, recurring: false, added_at })
        }
        What::Done => News::Done,
    }
}

/// The name of an object directly in a calendar.
fn member_of(calendar: &Url, url: &Url) -> Option<String> {
    let name = url.path().strip_prefix(calendar.path())?;
    (!name.is_empty() && !name.contains('/')).then(|| name.to_owned())
}

/// Where an object of this name is; `None` for a name that would lead out of the calendar.
fn object_at(calendar: &Url, name: &str) -> Option<Url> {
    let mut url = calendar.clone();
    url.set_path(&format!("{}{name}", calendar.path()));
    (member_of(calendar, &url).as_deref() == Some(name)).then_some(url)
}

fn shift(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.saturating_add(by).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_back_to_where_it_is() {
        for (tail, member) in [("t", "a.b%20c.ics"), ("e#20261124T080000Z", "1.ics"), ("e", "x")] {
            let name = item("0123456789ab", member, tail);
            let (kind, calendar, found, rest) = split(&name).unwrap();
            assert_eq!((calendar, found, format!("{kind}{rest}").as_str()), ("0123456789ab", member, tail));
        }
        assert!(split("x.0123.a").is_none() && split("t.0123").is_none());
    }

    #[test]
    fn a_member_is_directly_in_its_calendar() {
        let calendar: Url = "https://dav.example/a/cal/".parse().unwrap();
        let member = |path: &str| member_of(&calendar, &calendar.join(path).unwrap());
        assert_eq!(member("one.ics").as_deref(), Some("one.ics"));
        for path in ["/a/cal/", "../other/one.ics", "deep/one.ics", "/etc/passwd"] {
            assert_eq!(member(path), None, "{path}");
        }
        for name in ["one.ics", "mailto:ada.ics", "%2e%2e%20x.ics"] {
            let at = object_at(&calendar, name).unwrap();
            assert_eq!(at.as_str(), format!("https://dav.example/a/cal/{name}"));
        }
        assert!(object_at(&calendar, "..").is_none() && object_at(&calendar, "../x").is_none());
    }
}
