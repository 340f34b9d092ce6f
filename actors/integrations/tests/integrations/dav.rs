//! CalDAV at real servers: whatever happens there is in the log, once, and a task is done there without a byte too many.

use crate::dav_servers::{Door, PASSWORD, Said, Server, USER};
use crate::peer::{Peer, problem, user};
use jiff::{Timestamp, ToSpan as _};
use oo_contracts::http::{OwnServer, Problem};
use oo_contracts::signal::{Due, Event, Fact};
use oo_contracts::wire::{Account, AccountStatus, Complete, Done, LinkStart, LinkStarted};
use oo_contracts::{AccountId, Provider, Ref, SignalId, UserId};
use oo_subjects::{COMPLETE, LINK_START};
use oo_testkit::eventually;
use std::time::Duration;

pub(crate) async fn peer() -> Peer {
    Peer::start_with([("POLL_SECONDS", "1"), ("OWN_SERVERS", "true")]).await
}

/// Links a CalDAV account by an app-specific password.
pub(crate) async fn link_at(peer: &Peer, user: &UserId, address: &str, password: &str) -> Result<Account, Problem> {
    let server = OwnServer {
        address: address.parse().unwrap(),
        user: Some(USER.parse().unwrap()),
        app_password: Some(password.parse().unwrap()),
    };
    let start = LinkStart { user: user.clone(), provider: Provider::Caldav, server: Some(server) };
    let LinkStarted { authorize, transaction } =
        problem(peer.ctx.bus.ask_within(LINK_START, &start, Duration::from_secs(30)).await)?;
    assert!(authorize.ends_with("/?linked=caldav") && transaction.is_empty(), "{authorize}");
    Ok(peer.links(user).await.accounts.into_iter().find(|one| one.provider == Provider::Caldav).unwrap())
}

async fn linked(peer: &Peer, server: &Server) -> AccountId {
    let account = link_at(peer, &user("ada"), &server.url, PASSWORD).await.unwrap();
    peer.until_synced(&account.id).await;
    account.id
}

fn object(inside: &str) -> String {
    format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\n{}\r\nEND:VCALENDAR\r\n",
        inside.trim().replace('\n', "\r\n")
    )
}

fn event(uid: &str, start: Timestamp, more: &str) -> String {
    object(&format!(
        "BEGIN:VEVENT\nUID:{uid}\nDTSTAMP:20261101T000000Z\nSUMMARY:MARKERTITLE {uid}\nDTSTART:{}\nDTEND:{}{more}\nEND:VEVENT",
        basic(start),
        basic(start + 1.hour())
    ))
}

fn task(uid: &str, more: &str) -> String {
    object(&format!("BEGIN:VTODO\nUID:{uid}\nDTSTAMP:20261101T000000Z\nSUMMARY:MARKERTITLE {uid}{more}\nEND:VTODO"))
}

fn basic(at: Timestamp) -> String {
    at.strftime("%Y%m%dT%H%M%SZ").to_string()
}

/// The name that the log has for what is in this object, as it ends: `home.ics` or `home.ics#…`.
async fn named(peer: &Peer, end: &str) -> String {
    let find = || {
        peer.signals().into_iter().find_map(|signal| match signal.fact {
            Fact::TaskAdded { task } => Some(task.reference.item.to_string()).filter(|item| item.ends_with(end)),
            Fact::EventUpserted { event } => Some(event.reference.item.to_string()).filter(|item| item.ends_with(end)),
            _ => None,
        })
    };
    eventually(end, || async { find() }).await
}

/// The events that the log has, as they are now, by the ends of their names.
fn events(peer: &Peer) -> Vec<Event> {
    let mut all: Vec<Event> = Vec::new();
    for signal in peer.signals() {
        match signal.fact {
            Fact::EventUpserted { event } => {
                all.retain(|one| one.reference != event.reference);
                all.push(event);
            }
            Fact::EventRemoved { event } => all.retain(|one| one.reference != event),
            _ => {}
        }
    }
    all.sort_by_key(|one| one.start);
    all
}

/// The next full hour, so that times have no fractions.
fn now(peer: &Peer) -> Timestamp {
    const HOUR: i64 = 3600;
    Timestamp::from_second((peer.ctx.clock.now().as_second() / HOUR + 1) * HOUR).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn events_and_tasks_of_both_servers_become_signals_without_words() {
    for server in [Server::radicale().await, Server::xandikos().await] {
        let peer = peer().await;
        let now = now(&peer);
        server.calendar("MARKERTITLE-home/", &["VEVENT"]).await;
        server.calendar("list/", &["VTODO"]).await;
        server.put("MARKERTITLE-home/meet.ics", &event("meet", now + 2.hours(), "")).await;
        server.put("MARKERTITLE-home/free.ics", &event("free", now + 4.hours(), "\nTRANSP:TRANSPARENT")).await;
        server.put("MARKERTITLE-home/later.ics", &event("later", now + 9000.hours(), "")).await;
        server.put("list/tax.ics", &task("tax", "\nDUE;VALUE=DATE:20261130\nPRIORITY:1")).await;
        server.put("list/old.ics", &task("old", "\nSTATUS:COMPLETED\nCOMPLETED:20261101T000000Z")).await;
        let account = linked(&peer, &server).await;
        let (meet, tax) = (named(&peer, "meet.ics").await, named(&peer, "tax.ics").await);
        let all = events(&peer);
        let busy: Vec<_> = all.iter().map(|one| (one.start, one.end, one.busy)).collect();
        assert_eq!(busy, [(now + 2.hours(), now + 3.hours(), true), (now + 4.hours(), now + 5.hours(), false)]);
        assert!(all.iter().all(|one| one.reference.account == account));
        let added = peer.signals().into_iter().filter_map(|signal| match signal.fact {
            Fact::TaskAdded { task } => Some((task.due, task.priority.get())),
            _ => None,
        });
        assert_eq!(added.collect::<Vec<_>>(), [(Some(Due::Day { date: jiff::civil::date(2026, 11, 30) }), 4)]);

        // Changed, moved into another calendar, done, deleted, and new.
        server.put("MARKERTITLE-home/meet.ics", &event("meet", now + 3.hours(), "")).await;
        peer.until_told(&meet, &["upserted", "upserted"]).await;
        server.put("list/tax.ics", &task("tax", "\nSTATUS:COMPLETED\nCOMPLETED:20261101T000000Z")).await;
        peer.until_told(&tax, &["added", "completed"]).await;
        server.put("list/tax.ics", &task("tax", "")).await;
        peer.until_told(&tax, &["added", "completed", "added"]).await;
        server.delete("list/tax.ics").await;
        peer.until_told(&tax, &["added", "completed", "added", "removed"]).await;
        server.calendar("work/", &["VEVENT"]).await;
        server.relocate("MARKERTITLE-home/meet.ics", "work/met.ics").await;
        peer.until_told(&meet, &["upserted", "upserted", "removed"]).await;
        let met = named(&peer, "met.ics").await;
        server.delete("work/").await;
        peer.until_told(&met, &["upserted", "removed"]).await;
        assert!(!format!("{:?}", peer.signals()).contains("MARKERTITLE"));
        assert_eq!(peer.at_rest(&["MARKERTITLE".into(), PASSWORD.into()]), Vec::<String>::new());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recurring_event_is_each_of_its_days_and_its_exceptions_are_its_own() {
    let (peer, server) = (peer().await, Server::radicale().await);
    let now = now(&peer);
    server.calendar("home/", &["VEVENT"]).await;
    let (first, days) = (now - 30.days_of(), |n: i64| now + n.days_of());
    let moved = |more: &str| {
        format!(
            "\nRRULE:FREQ=DAILY\nEXDATE:{}\nEND:VEVENT\nBEGIN:VEVENT\nUID:daily\nDTSTAMP:20261101T000000Z\nSEQUENCE:2\n\
             SUMMARY:MARKERTITLE moved\nRECURRENCE-ID:{}\nDTSTART:{}\nDTEND:{}{more}",
            basic(days(2)),
            basic(days(3)),
            basic(days(3) + 5.hours()),
            basic(days(3) + 6.hours())
        )
    };
    server.put("home/daily.ics", &event("daily", first, &moved(""))).await;
    let account = linked(&peer, &server).await;
    let exception = named(&peer, &format!("#{}", basic(days(3)))).await;
    let starts = || events(&peer).iter().map(|one| one.start).collect::<Vec<_>>();
    let wanted = |skip: &[i64]| {
        let all = (-1..14).filter(|n| !skip.contains(n));
        all.map(|n| if n == 3 { days(3) + 5.hours() } else { days(n) }).collect::<Vec<_>>()
    };
    // The window begins a day ago, and the next full hour is not past.
    assert_eq!(starts(), wanted(&[2]));
    let title = peer.words(&user("ada"), &account, &exception).await.unwrap().title;
    assert_eq!(title, "MARKERTITLE moved");
    let ordinary = named(&peer, &format!("#{}", basic(days(1)))).await;
    assert_eq!(peer.words(&user("ada"), &account, &ordinary).await.unwrap().title, "MARKERTITLE daily");

    server.put("home/daily.ics", &event("daily", first, &moved("\nSTATUS:CANCELLED"))).await;
    peer.until_told(&exception, &["upserted", "removed"]).await;
    assert_eq!(starts(), wanted(&[2, 3]));
    server.delete("home/daily.ics").await;
    eventually("nothing of it is left", || async { starts().is_empty().then_some(()) }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_is_done_and_opened_again_and_all_else_of_it_stays() {
    for server in [Server::radicale().await, Server::xandikos().await] {
        let (peer, ada) = (peer().await, user("ada"));
        server.calendar("list/", &["VTODO"]).await;
        let more = "\nX-APPLE-SORT-ORDER;X-ODD=\"a;b:c\":17\nDESCRIPTION:long \\n line\nPRIORITY:5\nSTATUS:NEEDS-ACTION\n\
                    CATEGORIES:MARKERTITLE\\, one,two\nBEGIN:VALARM\nACTION:DISPLAY\nDESCRIPTION:x\nTRIGGER:-PT10M\nEND:VALARM";
        server.put("list/tax.ics", &task("tax", more)).await;
        let account = linked(&peer, &server).await;
        let tax = named(&peer, "tax.ics").await;
        let words = peer.words(&ada, &account, &tax).await.unwrap();
        assert_eq!((words.title.as_str(), words.over), ("MARKERTITLE tax", false));
        let before = server.get("list/tax.ics").await;
        let complete = |reopen, key: &str| Complete {
            user: ada.clone(),
            task: Ref { account: account.clone(), item: tax.parse().unwrap() },
            reopen,
            key: key.parse::<SignalId>().unwrap(),
        };
        for key in ["key-1", "key-1", "key-2"] {
            assert_eq!(peer.ctx.bus.ask(COMPLETE, &complete(false, key)).await.unwrap(), Done {});
        }
        let done = server.get("list/tax.ics").await;
        let own = ["STATUS", "COMPLETED", "PERCENT-COMPLETE", "LAST-MODIFIED"];
        let others = |text: &str| {
            let is_own = |line: &&str| own.iter().any(|name| line.starts_with(name));
            text.split_inclusive('\n').filter(|line| !is_own(line)).map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(others(&done), others(&before));
        assert!(done.contains("STATUS:COMPLETED") && done.contains("\nPERCENT-COMPLETE:100"), "{done}");
        peer.until_told(&tax, &["added", "completed"]).await;
        assert!(peer.words(&ada, &account, &tax).await.unwrap().over);
        peer.ctx.bus.ask(COMPLETE, &complete(true, "key-3")).await.unwrap();
        peer.until_told(&tax, &["added", "completed", "added"]).await;
        let open = server.get("list/tax.ics").await;
        assert_eq!(others(&open), others(&before));
        assert!(open.contains("STATUS:NEEDS-ACTION") && !open.contains("\nCOMPLETED"), "{open}");

        let no_event = Complete {
            task: Ref { item: tax.replacen('t', "e", 1).parse().unwrap(), ..complete(false, "k").task },
            ..complete(false, "key-4")
        };
        assert_eq!(problem(peer.ctx.bus.ask(COMPLETE, &no_event).await).unwrap_err().status, 400);
        server.delete("list/tax.ics").await;
        assert_eq!(problem(peer.ctx.bus.ask(COMPLETE, &complete(false, "key-5")).await).unwrap_err().status, 404);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_elses_change_in_the_same_moment_is_not_lost() {
    let (peer, server) = (peer().await, Server::radicale().await);
    server.calendar("list/", &["VTODO"]).await;
    server.put("list/tax.ics", &task("tax", "")).await;
    // The first PUT of ours meets a version that is another one by then.
    let met = std::sync::atomic::AtomicBool::new(false);
    let door = Door::open(Some(server.url.clone()), move |_, asked| {
        let first = asked.method == "PUT" && !met.swap(true, std::sync::atomic::Ordering::Relaxed);
        first.then(|| Said(412, vec![], String::new()))
    })
    .await;
    let account = link_at(&peer, &user("ada"), &format!("{}/remote.php/dav/", door.url), PASSWORD).await.unwrap().id;
    let tax = named(&peer, "tax.ics").await;
    let complete = Complete {
        user: user("ada"),
        task: Ref { account, item: tax.parse().unwrap() },
        reopen: false,
        key: "key-1".parse().unwrap(),
    };
    peer.ctx.bus.ask(COMPLETE, &complete).await.unwrap();
    assert!(server.get("list/tax.ics").await.contains("STATUS:COMPLETED"));
    let puts: Vec<_> = door.asked().into_iter().filter(|asked| asked.method == "PUT").collect();
    assert_eq!(puts.len(), 2);
    assert!(puts.iter().all(|put| put.header("if-match").is_some_and(|etag| etag.starts_with('"'))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_sync_tokens_or_with_forgotten_ones_is_followed_all_the_same() {
    // As older servers do: no sync token, and a ctag; and one that forgets every token, by both statuses that are seen.
    for refusal in [None, Some(403), Some(412)] {
        let (peer, server) = (peer().await, Server::radicale().await);
        server.calendar("list/", &["VTODO", "VEVENT"]).await;
        server.put("list/one.ics", &task("one", "")).await;
        server.put("list/two.ics", &task("two", "")).await;
        server.put("list/meet.ics", &event("meet", now(&peer) + 2.hours(), "")).await;
        let behind = server.url.clone();
        let door = Door::open(Some(behind), move |_, asked| match refusal {
            Some(status) if asked.body.contains("sync-collection") => {
                let body = "<?xml version='1.0'?><error xmlns=\"DAV:\"><valid-sync-token/></error>";
                Some(Said(status, vec![("content-type", "application/xml".into())], body.into()))
            }
            _ => None,
        })
        .await;
        if refusal.is_none() {
            door.hide("sync-token");
        }
        link_at(&peer, &user("ada"), &format!("{}/remote.php/dav/", door.url), PASSWORD).await.unwrap();
        let (one, two, meet) =
            (named(&peer, "one.ics").await, named(&peer, "two.ics").await, named(&peer, "meet.ics").await);
        server.put("list/one.ics", &task("one", "\nPRIORITY:1")).await;
        peer.until_told(&one, &["added", "changed"]).await;
        server.put("list/two.ics", &task("two", "\nSTATUS:COMPLETED\nCOMPLETED:20261101T000000Z")).await;
        peer.until_told(&two, &["added", "completed"]).await;
        server.delete("list/one.ics").await;
        peer.until_told(&one, &["added", "changed", "removed"]).await;
        assert_eq!(peer.told(&meet), ["upserted"]);
        assert_eq!(door.asked().iter().any(|asked| asked.body.contains("sync-collection")), refusal.is_some());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_password_asks_for_the_person_and_mending_keeps_the_account() {
    let (peer, ada, server) = (peer().await, user("ada"), Server::radicale().await);
    server.calendar("list/", &["VTODO"]).await;
    let account = linked(&peer, &server).await;
    server.change_password();
    eventually("reconnect needed", || async {
        matches!(peer.status(&ada).await, AccountStatus::ReconnectNeeded { .. }).then_some(())
    })
    .await;
    assert_eq!(peer.words(&ada, &account, "t.0.x").await.unwrap_err().status, 409);
    assert_eq!(link_at(&peer, &ada, &server.url, "another").await.unwrap().id, account);
    assert_eq!(peer.status(&ada).await, AccountStatus::Active);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_away_is_degraded_and_nobody_has_to_link_again() {
    let (peer, ada, mut server) = (peer().await, user("ada"), Server::radicale().await);
    linked(&peer, &server).await;
    server.stop().await;
    eventually("degraded", || async {
        matches!(peer.status(&ada).await, AccountStatus::Degraded { .. }).then_some(())
    })
    .await;
}

/// S25.
#[tokio::test(flavor = "multi_thread")]
async fn a_hostile_calendar_costs_nothing_but_itself() {
    let (peer, server) = (peer().await, Server::radicale().await);
    let now = now(&peer);
    server.calendar("home/", &["VEVENT"]).await;
    for (name, rule) in [("second", "FREQ=SECONDLY"), ("minute", "FREQ=MINUTELY;INTERVAL=2")] {
        // In the window, since Radicale itself counts from the first second on.
        server.put(&format!("home/{name}.ics"), &event(name, now - 20.hours(), &format!("\nRRULE:{rule}"))).await;
    }
    server.put("home/meet.ics", &event("meet", now + 2.hours(), "")).await;
    linked(&peer, &server).await;
    named(&peer, "meet.ics").await;
    assert_eq!(events(&peer).len(), 1, "the others are passed over");
}

/// Days as hours, which an instant can be moved by.
trait Days {
    fn days_of(self) -> jiff::Span;
}

impl Days for i64 {
    fn days_of(self) -> jiff::Span {
        (self * 24).hours()
    }
}
