//! The pacer: what it allows at a moment, and what comes of it over weeks.

use super::*;
use crate::decide;
use crate::policy::{self, Policy};
use crate::testing::{Log, at, reference};
use jiff::civil::time;
use jiff::tz::TimeZone;
use oo_contracts::ENTRY_VERSION;
use oo_contracts::decision::{Ask, Choice, Hush, PolicyName, Recommendation};
use oo_contracts::entry::{Body, Entry};
use oo_contracts::signal::{Answer, Budget, DataSource, Event, Fact, Purpose, QuietHours};

fn pace_at(log: &Log, when: &str) -> f64 {
    pacing(&log.profile, at(when)).pace.get()
}

/// Somebody with a task who was told something once, and looked last at `looked`.
fn looked(looked: &str) -> Log {
    let mut log = Log::linked();
    log.tip("tip-0000", "2026-11-01T10:00:00Z").task("milk");
    log.moment(at("2026-11-22T23:00:00Z")).moment(at(looked)).moment(at("2026-11-23T21:00:00Z"));
    log
}

#[test]
fn two_in_three_of_what_is_allowed_are_aimed_at() {
    let targets: Vec<_> = (0..=5).map(weekly_target).collect();
    assert_eq!(targets, [0, 5, 9, 14, 19, 23]);
}

#[test]
fn the_eligible_day_is_what_quiet_hours_and_busy_events_leave() {
    let mut log = Log::linked();
    let day = |log: &Log, when: &str| {
        let Pacing { passed, left, .. } = pacing(&log.profile, at(when));
        (passed.get(), left.get())
    };
    assert_eq!(day(&log, "2026-11-23T08:00:00Z"), (0, 14 * 60));
    assert_eq!(day(&log, "2026-11-23T12:00:00Z"), (4 * 60, 10 * 60));
    assert_eq!(day(&log, "2026-11-23T23:00:00Z"), (14 * 60, 0));
    // Each busy stretch with the five minutes before it, overlaps once, the night aside.
    log.event("a", "2026-11-23T09:00:00Z", "2026-11-23T10:00:00Z");
    log.event("b", "2026-11-23T09:30:00Z", "2026-11-23T11:00:00Z");
    log.event("c", "2026-11-23T21:30:00Z", "2026-11-23T22:30:00Z");
    log.event("d", "2026-11-23T05:30:00Z", "2026-11-23T07:30:00Z");
    assert_eq!(day(&log, "2026-11-23T12:00:00Z"), (115, 570 - 5));
    log.preferences(|preferences| preferences.quiet = None);
    assert_eq!(day(&log, "2026-11-23T12:00:00Z").0, 115 + (240 - 125));
}

#[test]
fn the_eligible_day_has_the_hour_that_the_clock_gives_or_takes() {
    for (date, hours) in [("2026-03-29", 23), ("2026-10-25", 25), ("2026-11-23", 24)] {
        let mut log = Log::linked();
        log.zone("Africa/Casablanca");
        log.zone("Europe/Zurich").preferences(|preferences| {
            preferences.quiet = Some(QuietHours { from: time(4, 0, 0, 0), to: time(5, 0, 0, 0) })
        });
        // The local day from four to four, of which the change at two or three is the end: look the day before.
        let noon = minus(at(&format!("{date}T12:00:00Z")), local::days(1));
        let pacing = pacing(&log.profile, noon);
        let minutes = pacing.passed.get() + pacing.left.get();
        assert_eq!(minutes, hours * 60 - 60, "{date}");
    }
}

#[test]
fn the_pace_is_that_of_a_moment_drawn_evenly_from_the_slot() {
    // Two tips, and the one that three weeks owe, in 840 minutes that end 45 early: slots of 265 minutes.
    let close = |pace: f64, expected: f64| assert!((pace - expected).abs() < 1e-5, "{pace} is not {expected}");
    close(pace_at(&looked("2026-11-23T08:00:00Z"), "2026-11-23T08:45:00Z"), 45.0 / 265.0);
    close(pace_at(&looked("2026-11-23T11:00:00Z"), "2026-11-23T11:45:00Z"), 45.0 / (265.0 - 180.0));
    close(pace_at(&looked("2026-11-23T12:00:00Z"), "2026-11-23T12:00:00Z"), 0.0);
    close(pace_at(&looked("2026-11-23T12:00:00Z"), "2026-11-23T12:45:00Z"), 1.0);
}

#[test]
fn whoever_is_there_for_their_first_tip_waits_for_no_slot() {
    let mut log = Log::linked();
    let asked = |log: &Log, when: &str| {
        let ask = decide::ask(&log.profile, "decision-0001".parse().unwrap(), 7, at(when));
        ask.context.pace.unwrap().get()
    };
    log.task("milk").moment(at("2026-11-23T08:00:00Z"));
    assert!(asked(&log, "2026-11-23T08:00:01Z") < 0.001, "nobody is there: it has a slot as any other");
    log.fact("2026-11-23T08:00:01Z", Fact::Presence { present: true });
    assert_eq!(asked(&log, "2026-11-23T08:00:01Z"), 1.0);
    for purpose in [Purpose::Timing, Purpose::Choosing] {
        let mut shy = log.clone();
        let source = Some(DataSource::Presence);
        shy.fact("2026-11-23T08:00:01Z", Fact::Consent { purpose, granted: false, source });
        assert!(asked(&shy, "2026-11-23T08:00:01Z") < 0.001, "{purpose:?}");
    }
    log.tip("tip-0001", "2026-11-23T08:00:01Z");
    assert_eq!(asked(&log, "2026-11-23T09:00:00Z"), 0.0);
}

#[test]
fn a_day_ahead_of_its_plan_waits_and_a_full_one_is_over() {
    let mut log = looked("2026-11-23T09:00:00Z");
    log.tip("tip-0001", "2026-11-23T09:00:00Z");
    assert_eq!(pace_at(&log, "2026-11-23T11:00:00Z"), 0.0);
    assert!(pace_at(&log, "2026-11-23T19:00:00Z") > 0.0);
    log.preferences(|preferences| preferences.budget = Budget::saturating(1));
    assert_eq!(pace_at(&log, "2026-11-23T19:00:00Z"), 0.0);
}

#[test]
fn what_a_day_left_over_is_owed_by_the_next_and_no_more_than_that() {
    let owed = |log: &Log| log.profile.ledger().map(|ledger| ledger.owed);
    let mut log = Log::linked();
    log.task("milk").moment(at("2026-11-23T06:00:00Z"));
    assert_eq!(owed(&log), Some(WEEK_DAYS), "three weeks of silence owe one tip");
    log.tip("tip-0001", "2026-11-23T09:00:00Z").tip("tip-0002", "2026-11-23T12:00:00Z");
    log.tip("tip-0003", "2026-11-23T15:00:00Z").moment(at("2026-11-24T09:00:00Z"));
    assert_eq!(owed(&log), Some(0), "three instead of two");
    log.fact("2026-11-24T10:00:00Z", Fact::Zone { zone: "Pacific/Pago_Pago".to_owned().try_into().unwrap() });
    log.moment(at("2026-11-24T10:10:00Z"));
    assert_eq!(owed(&log), Some(0), "a flight west does not count a day twice");
    log.fact("2026-11-24T11:00:00Z", Fact::Consent { purpose: Purpose::Tips, granted: false, source: None });
    log.moment(at("2026-11-30T10:10:00Z"));
    assert_eq!(owed(&log), None, "to somebody who wants none nothing is owed");
}

#[test]
fn odds_move_the_moment_and_what_ends_soon_is_not_starved() {
    let mut context = crate::testing::context();
    assert_eq!(speaks(&context, 1.0, false), None, "no plan");
    (context.eligible_passed, context.eligible_left) =
        (Some(DayMinutes::saturating(400)), Some(DayMinutes::saturating(440)));
    let mut with = |pace: f64, odds: f64, ends_soon: bool| {
        context.pace = Some(Share::saturating(pace));
        speaks(&context, odds, ends_soon).unwrap()
    };
    assert!((with(0.2, 1.0, false) - 0.2).abs() < 1e-9);
    assert!(with(0.2, 4.0, false) > 0.45 && with(0.2, 0.25, false) < 0.06);
    assert_eq!((with(1.0, 0.01, false), with(0.0, 100.0, false)), (1.0, 0.0));
    assert!(with(0.0, 4.0, true) > 0.3);
    context.sent_today = context.budget;
    context.pace = Some(Share::NONE);
    assert_eq!(speaks(&context, 4.0, true), Some(0.0));
}

/// Speaks with just the probability of the pace: the pacer and nothing else.
struct Metronome;

impl Policy for Metronome {
    fn name(&self) -> PolicyName {
        "metronome".parse().unwrap()
    }

    fn recommend(&self, ask: &Ask) -> Recommendation {
        let ticket = (mixed(ask.bits.get()) >> 11) as f64 / (1u64 << 53) as f64;
        let pace = ask.context.pace.unwrap().get();
        let tip = (ticket < pace && !ask.candidates.is_empty()).then(|| Choice {
            candidate: 0,
            subject: ask.candidates[0].subject.clone(),
            reasons: vec![],
        });
        let silence = tip.is_none().then_some(Hush::NotWorthIt);
        Recommendation {
            tip,
            silence,
            propensity: pace,
            confidence: None,
            policy: self.name(),
            version: 1,
            provenance: oo_contracts::decision::Provenance::default(),
        }
    }
}

fn mixed(bits: u64) -> u64 {
    let z = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The tips of one person over whole weeks.
struct Weeks {
    by_week: Vec<i64>,
    /// At which part of its eligible day each was given.
    parts: Vec<f64>,
}

/// Weeks that are counted, after one in which the two get to know each other.
const WEEKS: usize = 4;

/// Lives through weeks of meetings and answers, looking when asked to, and now and then because something happened.
fn live(policy: &dyn Policy, person: u64, zone: &str, budget: u8) -> Weeks {
    let mut log = Log::linked();
    log.zone(zone).preferences(|preferences| preferences.budget = Budget::saturating(i64::from(budget)));
    for number in 0..8 {
        log.task(&format!("task-{number}"));
    }
    let tz = TimeZone::get(zone).unwrap();
    // Over the clock changes of both halves of the earth.
    let monday = jiff::civil::date(2027, 3, 1);
    let begin = local::day_start(&tz, monday);
    let mut weeks = Weeks { by_week: vec![0; WEEKS], parts: Vec::new() };
    let mut now = begin;
    let mut draw = person << 32;
    let mut next = || {
        draw += 1;
        mixed(draw.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    };
    let mut planned = None;
    let mut answers = Vec::new();
    loop {
        let day = local::day(&tz, now);
        let week = usize::try_from(days_between(monday, day) / WEEK_DAYS).unwrap().checked_sub(1);
        if week == Some(WEEKS) {
            return weeks;
        }
        if planned != Some(day) {
            planned = Some(day);
            for number in 0..next() % 5 {
                let start = local::plus(local::day_start(&tz, day), local::minutes(240 + (next() % 600) as i64));
                let end = local::plus(start, local::minutes(15 * (1 + next() % 6) as i64));
                let event =
                    Event { reference: reference(&format!("{day}-{number}")), start, end, busy: true, all_day: false };
                log.fact_at(now, Fact::EventUpserted { event });
            }
        }
        log.moment(now);
        if moments::may_speak(&log.profile, now).is_ok() {
            let id = format!("decision-{:05}", log.entries.len()).parse().unwrap();
            let ask = decide::ask(&log.profile, id, next(), now);
            let answer = policy.recommend(&ask);
            if let Some(tip) = decide::tip(&log.profile, &ask, &answer, now) {
                let minutes = |part: Option<DayMinutes>| f64::from(part.unwrap().get());
                let (passed, left) = (minutes(ask.context.eligible_passed), minutes(ask.context.eligible_left));
                if let Some(week) = week {
                    weeks.by_week[week] += 1;
                    weeks.parts.push(passed / (passed + left));
                }
                log.append(Entry { v: ENTRY_VERSION, at: now, body: Body::Tip { tip: tip.clone() } });
                log.reach(&tip.id, now);
                // Seven in ten are answered, the others left.
                if next() % 10 < 7 {
                    answers.push((local::plus(now, local::minutes(1 + (next() % 4) as i64)), tip.id));
                }
            }
        }
        if let Some((when, tip)) = answers.pop() {
            now = when;
            log.fact_at(now, Fact::Feedback { tip, answer: Answer::NotNow { until: None } });
        }
        let wakes = moments::next_look(&log.profile, now, None).unwrap();
        // Something happens in between at one look in six.
        let between = local::plus(now, local::minutes(1 + (next() % 40) as i64));
        now = if next() % 6 == 0 { wakes.min(between) } else { wakes };
    }
}

/// The largest distance between the share of tips given by each part of the day and that part itself.
fn unevenness(mut parts: Vec<f64>) -> f64 {
    parts.sort_by(f64::total_cmp);
    let all = parts.len() as f64;
    let distances = parts.iter().enumerate().map(|(index, part)| {
        let (before, after) = (index as f64 / all, (index + 1) as f64 / all);
        (part - before).abs().max((part - after).abs())
    });
    distances.fold(0.0, f64::max)
}

struct Measured {
    /// The mean of all person-weeks, over the target.
    mean: f64,
    /// The part of the person-weeks that are within five per cent, or within one tip where a tip is more than that.
    near: f64,
    uneven: f64,
}

#[allow(clippy::print_stdout, reason = "what was measured is worth reading")]
fn measure(policy: &dyn Policy, budget: u8) -> Measured {
    const PEOPLE: [&str; 8] = [
        "Europe/Zurich",
        "America/New_York",
        "Australia/Lord_Howe",
        "Asia/Tokyo",
        "America/Santiago",
        "Africa/Cairo",
        "Pacific/Apia",
        "Asia/Kathmandu",
    ];
    // Others for each budget.
    let people = PEOPLE.iter().cycle().skip(usize::from(budget)).take(8);
    let lives: Vec<_> =
        people.enumerate().map(|(person, zone)| live(policy, 7 + person as u64, zone, budget)).collect();
    let target = weekly_target(budget);
    let weeks: Vec<_> = lives.iter().flat_map(|weeks| weeks.by_week.iter().copied()).collect();
    let near = weeks.iter().filter(|sent| (*sent - target).abs() as f64 <= (0.05 * target as f64).max(1.0)).count();
    let measured = Measured {
        mean: weeks.iter().sum::<i64>() as f64 / weeks.len() as f64 / target as f64,
        near: near as f64 / weeks.len() as f64,
        uneven: unevenness(lives.into_iter().flat_map(|weeks| weeks.parts).collect()),
    };
    let Measured { mean, near, uneven } = measured;
    let exact = weeks.iter().filter(|sent| (*sent - target).abs() as f64 <= 0.05 * target as f64).count();
    let exact = exact as f64 / weeks.len() as f64;
    println!(
        "{} budget {budget}: mean {mean:.3} of {target} a week; of {} weeks within 5 % {exact:.3}, within one tip {near:.3}; uneven {uneven:.3}",
        policy.name(),
        weeks.len(),
    );
    measured
}

#[test]
fn the_pace_alone_meets_the_soft_target_week_by_week_and_spreads_over_the_day() {
    for budget in 1..=5 {
        let Measured { mean, near, uneven } = measure(&Metronome, budget);
        assert!((mean - 1.0).abs() <= 0.05, "budget {budget}: {mean} of the target");
        assert!(near >= 0.95, "budget {budget}: {near} of the weeks are near");
        assert!(uneven <= 0.10, "budget {budget}: uneven by {uneven}");
    }
}

#[test]
fn the_rules_keep_to_the_pace() {
    let Measured { mean, uneven, .. } = measure(&*policy::named(policy::rules::NAME).unwrap(), 3);
    assert!((mean - 1.0).abs() <= 0.10, "{mean} of the target");
    assert!(uneven <= 0.15, "uneven by {uneven}");
}
