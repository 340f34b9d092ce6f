//! What calendar objects say: recurrences over the change of the clocks, exceptions, tasks, and rules to beware of.

use super::*;
use jiff::civil::date;

fn reader() -> Reader {
    Reader {
        window: ("2026-10-23T00:00:00Z".parse().unwrap(), "2026-10-30T00:00:00Z".parse().unwrap()),
        zone: "Europe/Zurich".into(),
        transparent: false,
        mine: vec!["ada@example.org".into()],
    }
}

fn calendar(inside: &str) -> String {
    let inside = inside.trim().lines().map(|line| format!("{}\r\n", line.trim())).collect::<String>();
    format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n{inside}END:VCALENDAR\r\n")
}

fn event(more: &str) -> String {
    calendar(&format!("BEGIN:VEVENT\nUID:1\nSUMMARY:MARKERTITLE\n{more}\nEND:VEVENT"))
}

fn read(text: &str) -> Vec<Found> {
    let found = reader().read(text);
    assert!(!format!("{found:?}").contains("MARKERTITLE"), "no word is in the facts");
    found
}

/// Tails, and from when to when.
fn spans(text: &str) -> Vec<(String, String, String)> {
    let span = |found: Found| match found.what {
        What::Event { start, end, .. } => (found.tail, start.to_string(), end.to_string()),
        other => panic!("{other:?}"),
    };
    read(text).into_iter().map(span).collect()
}

fn is_busy(more: &str) -> bool {
    let found = read(&event(&format!("DTSTART:20261026T080000Z\nDTEND:20261026T090000Z\n{more}")));
    match found[0].what {
        What::Event { busy, .. } => busy,
        ref other => panic!("{other:?}"),
    }
}

fn task(more: &str) -> What {
    let found = read(&calendar(&format!("BEGIN:VTODO\nUID:1\nSUMMARY:MARKERTITLE\n{more}\nEND:VTODO")));
    assert_eq!(found[0].tail, "t");
    found[0].what.clone()
}

fn due(more: &str) -> Option<Due> {
    match task(more) {
        What::Task { due, .. } => due,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_rule_keeps_its_time_on_the_wall_over_the_change_of_the_clocks() {
    let daily = event("DTSTART;TZID=Europe/Zurich:20200101T090000\nDURATION:PT30M\nRRULE:FREQ=DAILY");
    let starts: Vec<_> = spans(&daily).into_iter().map(|span| span.1).collect();
    let wanted = ["23T07", "24T07", "25T08", "26T08", "27T08", "28T08", "29T08"];
    assert_eq!(starts, wanted.map(|one| format!("2026-10-{one}:00:00Z")));
}

#[test]
fn exceptions_stand_for_what_they_replace() {
    // The moved one was edited again, so that its SEQUENCE is another than the rule's.
    let text = calendar(
        "BEGIN:VEVENT
        UID:1
        SEQUENCE:0
        DTSTART;TZID=Europe/Zurich:20261026T090000
        DTEND;TZID=Europe/Zurich:20261026T093000
        RRULE:FREQ=DAILY;UNTIL=20261029T080000Z
        EXDATE;TZID=Europe/Zurich:20261027T090000
        END:VEVENT
        BEGIN:VEVENT
        UID:1
        SEQUENCE:3
        RECURRENCE-ID;TZID=Europe/Zurich:20261028T090000
        DTSTART;TZID=Europe/Zurich:20261028T150000
        DTEND;TZID=Europe/Zurich:20261028T160000
        END:VEVENT",
    );
    let span = |day: u8, from: &str, to: &str| {
        (format!("e#202610{day}T080000Z"), format!("2026-10-{day}T{from}:00Z"), format!("2026-10-{day}T{to}:00Z"))
    };
    let wanted = [span(26, "08:00", "08:30"), span(28, "14:00", "15:00"), span(29, "08:00", "08:30")];
    assert_eq!(spans(&text), wanted, "the last one is on the very end of the rule");
    let cancelled = text.replace("SEQUENCE:3", "STATUS:CANCELLED");
    assert_eq!(spans(&cancelled), [wanted[0].clone(), wanted[2].clone()]);
    assert_eq!(words(&text.replace("SEQUENCE:3", "SUMMARY:moved"), &wanted[1].0), Some(("moved".into(), false)));
    assert_eq!(words(&cancelled, &wanted[1].0), Some((String::new(), true)));
}

#[test]
fn single_events_lie_in_the_window_or_are_nothing() {
    let single = |from: &str, more: &str| spans(&event(&format!("DTSTART{from}\n{more}")));
    let found = single(";TZID=W. Europe Standard Time:20261026T090000", "DTEND:20261026T100000Z");
    assert_eq!(found, [("e".into(), "2026-10-26T08:00:00Z".into(), "2026-10-26T10:00:00Z".into())]);
    assert_eq!(
        single(":20261026T090000", "DURATION:PT1H")[0].1,
        "2026-10-26T08:00:00Z",
        "floats in the calendar's zone"
    );
    assert_eq!(single(":20261101T090000Z", "DURATION:PT1H"), []);
    assert_eq!(single(":20261022T090000Z", "DURATION:PT1H"), []);
    assert_eq!(single(":20261022T233000Z", "DURATION:PT1H").len(), 1, "it reaches into the window");
}

#[test]
fn a_day_takes_no_time_and_neither_does_a_moment() {
    let day = read(&event("DTSTART;VALUE=DATE:20261027"));
    let (start, end) = ("2026-10-26T23:00:00Z".parse().unwrap(), "2026-10-27T23:00:00Z".parse().unwrap());
    assert_eq!(day[0].what, What::Event { start, end, busy: false, all_day: true });
    let moment = read(&event("DTSTART:20261027T080000Z"));
    assert!(matches!(moment[0].what, What::Event { start, end, busy: false, .. } if start == end));
}

#[test]
fn free_and_declined_take_none() {
    assert!(is_busy(""));
    assert!(is_busy("STATUS:TENTATIVE"));
    assert!(!is_busy("TRANSP:TRANSPARENT"));
    assert!(!is_busy("ATTENDEE;CN=\"Ada; or: not\";PARTSTAT=DECLINED:mailto:Ada@example.org"));
    assert!(is_busy("ATTENDEE;PARTSTAT=DECLINED:mailto:bo@example.org"));
    let text = event("DTSTART:20261026T080000Z\nDTEND:20261026T090000Z");
    let found = Reader { transparent: true, ..reader() }.read(&text);
    assert!(matches!(found[0].what, What::Event { busy: false, .. }));
}

#[test]
fn a_task_is_due_on_a_day_on_the_wall_or_at_an_instant() {
    assert_eq!(due("DUE;VALUE=DATE:20261124"), Some(Due::Day { date: date(2026, 11, 24) }));
    assert_eq!(due("DUE:20261124T120000"), Some(Due::Floating { at: date(2026, 11, 24).at(12, 0, 0, 0) }));
    let noon = Some(Due::At { at: "2026-11-24T11:00:00Z".parse().unwrap() });
    assert_eq!(due("DUE:20261124T110000Z"), noon);
    assert_eq!(due("DUE;TZID=Europe/Zurich:20261124T120000"), noon);
    assert_eq!(due("DTSTART;TZID=Europe/Zurich:20261124T100000\nDURATION:PT2H"), noon);
    assert_eq!(due("DTSTART:20261124T100000Z"), None);
}

#[test]
fn a_tasks_priority_is_one_of_four() {
    for (said, wanted) in
        [("", 1), ("PRIORITY:0", 1), ("PRIORITY:1", 4), ("PRIORITY:4", 4), ("PRIORITY:5", 3), ("PRIORITY:9", 2)]
    {
        let What::Task { priority, added_at, .. } = task(&format!("CREATED:20261120T100000Z\n{said}")) else {
            panic!()
        };
        assert_eq!((priority.get(), added_at), (wanted, "2026-11-20T10:00:00Z".parse().ok()), "{said}");
    }
}

#[test]
fn what_is_completed_is_done_and_what_is_cancelled_or_repeats_is_no_task() {
    assert_eq!(task("STATUS:COMPLETED"), What::Done);
    assert_eq!(task("COMPLETED:20261120T100000Z"), What::Done);
    assert!(matches!(task("STATUS:IN-PROCESS\nPERCENT-COMPLETE:50"), What::Task { .. }));
    for more in ["STATUS:CANCELLED", "DTSTART:20261120T100000Z\nRRULE:FREQ=DAILY"] {
        assert_eq!(read(&calendar(&format!("BEGIN:VTODO\nUID:1\n{more}\nEND:VTODO"))), []);
    }
}

/// S25.
#[test]
fn rules_that_nobody_lives_by_cost_nothing() {
    for rule in [
        "FREQ=SECONDLY",
        "FREQ=MINUTELY;INTERVAL=1",
        "FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=30",
        &format!(
            "FREQ=YEARLY;BYDAY=MO,TU,WE,TH,FR,SA,SU;BYHOUR={}",
            (0..24).map(|n| n.to_string()).collect::<Vec<_>>().join(",")
        ),
        &format!("FREQ=DAILY;BYSETPOS={}", vec!["1"; 10_000].join(",")),
        "FREQ=DAILY;BYHOUR=1,2,3,4,5;BYMINUTE=1,2,3,4,5",
    ] {
        let found = read(&event(&format!("DTSTART:20100101T000000Z\nDURATION:PT1S\nRRULE:{rule}")));
        assert!(found.len() <= 7 * MOST_TIMES, "{rule}: {}", found.len());
    }
    for rule in [
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=YEARLY;BYWEEKNO=53;BYDAY=XX",
        "FREQ=DAILY;COUNT=4000000000",
        "FREQ=DAILY;INTERVAL=0",
    ] {
        read(&event(&format!("DTSTART:20100101T000000Z\nDURATION:PT1S\nRRULE:{rule}")));
    }
    let many = (0..10).map(|_| "RRULE:FREQ=DAILY\n").collect::<String>();
    assert_eq!(read(&event(&format!("DTSTART:20261026T000000Z\n{many}"))), []);
}

#[test]
fn what_is_no_calendar_is_passed_over() {
    for text in
        ["", "hello", "BEGIN:VCARD\r\nEND:VCARD\r\n", "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART:99999999T999999\r\n"]
    {
        assert_eq!(read(text), [], "{text}");
    }
    assert_eq!(read(&event("DTSTART:20261026T080000Z\nDURATION:P99999999999W")), []);
    assert_eq!(read(&"BEGIN:VCALENDAR\r\n".repeat(9999)), []);
}
