//! Whole weeks of made-up people in all zones, over clock changes and moves: whatever happens, the rules of when to
//! speak hold. They are checked here against the wall clock and plain lists, not against the code under test.

use crate::local::{minutes, plus};
use crate::moments;
use crate::pacer;
use crate::policy;
use crate::profile::Profile;
use crate::testing::{Log, ZONES, reference, task};
use crate::tip_life::{Life, WANTED_FOR};
use crate::{candidates, decide};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, civil};
use oo_contracts::ENTRY_VERSION;
use oo_contracts::decision::{DayMinutes, RandomBits, Silence};
use oo_contracts::entry::{Body, Entry};
use oo_contracts::signal::{
    Answer, Budget, Event, Fact, GapMinutes, Habit, Minutes, MoodLevel, Preferences, QuietHours, QuietWeek,
};
use oo_contracts::tip::Tip;
use proptest::prelude::*;

/// What happens next to a person.
#[derive(Debug, Clone)]
enum Happening {
    Nothing,
    Task(u8, u16),
    Done(u8),
    /// An event that begins so many minutes from now, and takes so many.
    Event(u8, i64, i64),
    Habit(u8, civil::Time, civil::Time),
    Mood(i64),
    Move(&'static str),
    Change(Preferences),
    Answer(Answer),
    /// "Not now", but in so many minutes, or that many ago.
    Later(i64),
    /// The clock is set forward, or back.
    Clock(i64),
    /// The recommender takes so many seconds, in which this happens.
    Slow(i64, Box<Happening>),
}

fn preferences() -> impl Strategy<Value = Preferences> {
    let time =
        (0i8..24, prop::sample::select(&[0i8, 15, 30][..])).prop_map(|(hour, minute)| civil::time(hour, minute, 0, 0));
    let quiet = prop::option::weighted(0.8, (time.clone(), time).prop_map(|(from, to)| QuietHours { from, to }));
    let week = prop::option::weighted(0.4, prop::array::uniform7(quiet.clone()).prop_map(week));
    (0i64..=5, quiet, week, 15i64..=180).prop_map(|(budget, quiet, quiet_week, gap)| Preferences {
        budget: Budget::saturating(budget),
        quiet,
        quiet_week,
        gap: GapMinutes::saturating(gap),
        ..Preferences::default()
    })
}

fn week(days: [Option<QuietHours>; 7]) -> QuietWeek {
    let [monday, tuesday, wednesday, thursday, friday, saturday, sunday] = days;
    QuietWeek { monday, tuesday, wednesday, thursday, friday, saturday, sunday }
}

fn happening() -> impl Strategy<Value = Happening> {
    let hour = (0i8..24).prop_map(|hour| civil::time(hour, 0, 0, 0));
    let answer = prop_oneof![
        3 => Just(Answer::Done),
        2 => Just(Answer::NotNow { until: None }),
        1 => Just(Answer::NotForMe),
        1 => Just(Answer::Undo),
    ];
    let plain = prop_oneof![
        8 => Just(Happening::Nothing),
        4 => (0u8..6, 1u16..60).prop_map(|(item, minutes)| Happening::Task(item, minutes)),
        1 => (0u8..6).prop_map(Happening::Done),
        4 => (0u8..6, -60i64..300, 0i64..240).prop_map(|(item, from, length)| Happening::Event(item, from, length)),
        1 => (0u8..3, hour.clone(), hour).prop_map(|(habit, from, to)| Happening::Habit(habit, from, to)),
        1 => (1i64..=5).prop_map(Happening::Mood),
        1 => prop::sample::select(&ZONES[..]).prop_map(Happening::Move),
        1 => preferences().prop_map(Happening::Change),
        5 => answer.prop_map(Happening::Answer),
        2 => (-100i64..1000).prop_map(Happening::Later),
        1 => prop_oneof![-90i64..90, -15_000i64..15_000].prop_map(Happening::Clock),
    ];
    prop_oneof![
        6 => plain.clone(),
        1 => (0i64..300, plain).prop_map(|(seconds, plain)| Happening::Slow(seconds, Box::new(plain))),
    ]
}

/// A time some hours before a change of the clock in one of the zones, or any time of these years.
fn start() -> impl Strategy<Value = (&'static str, Timestamp)> {
    (prop::sample::select(&ZONES[..]), 1_760_000_000i64..1_860_000_000, any::<bool>(), 0i64..30).prop_map(
        |(zone, second, near, hours)| {
            let any = Timestamp::from_second(second).unwrap();
            let change = TimeZone::get(zone).unwrap().following(any).next().map(|change| change.timestamp());
            let start = change.filter(|_| near).unwrap_or(any);
            (zone, plus(start, -SignedDuration::from_hours(hours)))
        },
    )
}

/// A tip that was given, and what held at that moment.
struct Given {
    tip: Tip,
    at: Timestamp,
}

struct World {
    log: Log,
    now: Timestamp,
    /// Before the clock was set back.
    latest: Timestamp,
    zone: TimeZone,
    given: Vec<Given>,
    policy: &'static str,
}

impl World {
    fn happen(&mut self, what: &Happening) {
        let now = self.now;
        let fact = match what {
            Happening::Nothing | Happening::Slow(..) => return,
            Happening::Clock(by) => {
                // Not so far back that the events of then are forgotten.
                self.latest = self.latest.max(now);
                self.now = plus(now, minutes(*by)).max(plus(self.latest, -SignedDuration::from_hours(20)));
                return;
            }
            Happening::Task(item, takes) => {
                let mut task = task(&format!("task-{item}"));
                task.minutes = Some(Minutes::saturating(i64::from(*takes)));
                Fact::TaskAdded { task }
            }
            Happening::Done(item) => Fact::TaskCompleted { task: reference(&format!("task-{item}")) },
            Happening::Event(item, from, length) => {
                let start = plus(now, minutes(*from));
                let end = plus(start, minutes(*length));
                let reference = reference(&format!("event-{item}"));
                Fact::EventUpserted { event: Event { reference, start, end, busy: item % 4 != 3, all_day: false } }
            }
            Happening::Habit(number, from, to) => Fact::HabitDefined {
                habit: Habit {
                    id: format!("habit-{number}").parse().unwrap(),
                    label: "stretch".parse().unwrap(),
                    from: *from,
                    to: *to,
                    minutes: Minutes::saturating(10),
                    days: vec![],
                },
            },
            Happening::Mood(level) => Fact::Mood { level: MoodLevel::saturating(*level) },
            Happening::Move(zone) => {
                self.zone = TimeZone::get(zone).unwrap();
                Fact::Zone { zone: (*zone).to_owned().try_into().unwrap() }
            }
            Happening::Change(preferences) => Fact::Preferences { preferences: preferences.clone() },
            Happening::Answer(answer) => {
                let Some(given) = self.given.last() else { return };
                Fact::Feedback { tip: given.tip.id.clone(), answer: answer.clone() }
            }
            Happening::Later(by) => {
                let Some(given) = self.given.last() else { return };
                let answer = Answer::NotNow { until: Some(plus(now, minutes(*by))) };
                Fact::Feedback { tip: given.tip.id.clone(), answer }
            }
        };
        self.log.fact_at(now, fact);
    }

    /// As `profile/behavior.rs` does it: look, ask, ask again whether it may be said, append.
    fn look(&mut self, bits: u64, slow: Option<(i64, &Happening)>) -> Result<(), TestCaseError> {
        if moments::may_speak(&self.log.profile, self.now).is_err() {
            return Ok(());
        }
        let id = format!("decision-{:05}", self.log.entries.len());
        let ask = decide::ask(&self.log.profile, id.parse().unwrap(), bits, self.now);
        prop_assert!(ask.candidates.len() <= candidates::MAX);
        let answer = policy::named(self.policy).unwrap().recommend(&ask);
        let eligible = answer.tip.is_some();
        if let Some((seconds, what)) = slow {
            self.now = plus(self.now, SignedDuration::from_secs(seconds));
            self.happen(what);
        }
        let Some(tip) = decide::tip(&self.log.profile, &ask, &answer, self.now) else {
            prop_assert!(!eligible || slow.is_some(), "what is eligible can be given");
            return Ok(());
        };
        prop_assert_eq!(&tip.decision, &ask.id);
        let body = Body::Tip { tip: tip.clone() };
        self.log.append(Entry { v: ENTRY_VERSION, at: self.now, body });
        let live = self.log.profile.live_tip(self.now);
        prop_assert_eq!(live, Some(&tip), "a tip that was just right is live");
        if bits.is_multiple_of(2) {
            self.log.reach(&tip.id, self.now);
        }
        self.given.push(Given { tip, at: self.now });
        self.check_last()
    }

    /// The rules, for the tip given last.
    fn check_last(&self) -> Result<(), TestCaseError> {
        let Given { tip, at } = self.given.last().unwrap();
        let preferences = self.log.profile.preferences();

        for moment in [*at, plus(tip.not_after, -SignedDuration::from_nanos(1))] {
            prop_assert!(!self.in_quiet_hours(moment), "quiet at {moment}");
            prop_assert!(!self.in_or_before_busy(moment), "busy at {moment}");
        }
        prop_assert!(plus(*at, minutes(5)) <= tip.not_after && tip.not_after <= plus(*at, minutes(45)));

        let budget = usize::from(preferences.budget.get());
        let day = self.day_of(*at);
        // Earlier tips of this local day, wherever the person was then.
        let today = self.given.iter().filter(|given| self.day_of(given.at) == day).count();
        prop_assert!(today <= budget, "{today} of {budget} on {day}");

        if let [.., before, _] = &self.given[..] {
            let gap = minutes(i64::from(preferences.gap.get()));
            let about = |life: &&Life| life.tip != tip.id && life.subject == tip.subject;
            let last = self.log.profile.lives().iter().rev().find(about);
            let wanted =
                last.and_then(Life::put_off_until).is_some_and(|named| named <= *at && *at < plus(named, WANTED_FOR));
            prop_assert!(wanted || before.at.duration_until(*at) >= gap, "too soon");
            prop_assert!(before.tip.not_after <= *at || !self.is_live(before, *at));
        }
        Ok(())
    }

    fn is_live(&self, given: &Given, at: Timestamp) -> bool {
        self.log.profile.life_of(&given.tip.id).is_some_and(|life| life.is_live(at))
    }

    fn in_quiet_hours(&self, at: Timestamp) -> bool {
        let wall = self.zone.to_datetime(at);
        let Preferences { quiet, quiet_week, .. } = self.log.profile.preferences();
        let begun_on = |day: civil::Weekday| match quiet_week {
            None => *quiet,
            Some(week) => match day {
                civil::Weekday::Monday => week.monday,
                civil::Weekday::Tuesday => week.tuesday,
                civil::Weekday::Wednesday => week.wednesday,
                civil::Weekday::Thursday => week.thursday,
                civil::Weekday::Friday => week.friday,
                civil::Weekday::Saturday => week.saturday,
                civil::Weekday::Sunday => week.sunday,
            },
        };
        let (today, now) = (wall.date().weekday(), wall.time());
        let own = |QuietHours { from, to }: QuietHours| from <= now && (now < to || to < from);
        let left = |QuietHours { from, to }: QuietHours| to < from && now < to;
        begun_on(today).is_some_and(own) || begun_on(today.previous()).is_some_and(left)
    }

    fn in_or_before_busy(&self, at: Timestamp) -> bool {
        is_in_or_before(&self.busy_events(), at)
    }

    fn busy_events(&self) -> Vec<Event> {
        // The last version of each event in the log, as it stands in the entries.
        let mut events = std::collections::BTreeMap::new();
        for (_, entry) in &self.log.entries {
            if let Body::Signal { signal } = &entry.body
                && let Fact::EventUpserted { event } = &signal.fact
            {
                events.insert(event.reference.clone(), event.clone());
            }
        }
        events.into_values().filter(|event| event.busy && event.start < event.end).collect()
    }

    /// What the pacer says of this day, against each of its minutes.
    fn check_pacing(&self) -> Result<(), TestCaseError> {
        let pacing = pacer::pacing(&self.log.profile, self.now);
        let busy = self.busy_events();
        let (mut passed, mut left, mut edges, mut was_open) = (0i64, 0i64, 1i64, false);
        let mut minute = plus(self.now, -minutes(60 * 30));
        while minute < plus(self.now, minutes(60 * 30)) {
            // From the middle of the minute, so that it is on one side of every edge at a whole one.
            let at = plus(minute, SignedDuration::from_secs(30));
            let open =
                self.day_of(at) == self.day_of(self.now) && !self.in_quiet_hours(at) && !is_in_or_before(&busy, at);
            edges += i64::from(open != was_open);
            was_open = open;
            *if at < self.now { &mut passed } else { &mut left } += i64::from(open);
            minute = plus(minute, minutes(1));
        }
        let near = |told: DayMinutes, counted: i64| (i64::from(told.get()) - counted.min(1440)).abs() <= edges;
        prop_assert!(near(pacing.passed, passed), "{pacing:?} passed {passed} at {}", self.now);
        prop_assert!(near(pacing.left, left), "{pacing:?} left {left} at {}", self.now);
        Ok(())
    }

    /// The wall clock's date, four hours back.
    fn day_of(&self, at: Timestamp) -> civil::Date {
        let wall = self.zone.to_datetime(at);
        if wall.hour() < 4 { wall.date().yesterday().unwrap() } else { wall.date() }
    }
}

fn is_in_or_before(busy: &[Event], at: Timestamp) -> bool {
    busy.iter().any(|event| plus(event.start, -minutes(5)) < at && at < event.end)
}

/// A silence ends at its `until`, or gives way to one that ends later; and the next look is always ahead.
fn check_silence(profile: &Profile, now: Timestamp) -> Result<(), TestCaseError> {
    let held = moments::silence(profile, now);
    match moments::next_look(profile, now, held.as_ref()) {
        Some(next) => {
            prop_assert!(next > now && next <= plus(now, moments::SLEEP_AT_MOST));
            let soft = matches!(held, None | Some(Silence::NothingFits { .. } | Silence::Policy { .. }));
            prop_assert!(!soft || next <= plus(now, moments::LOOK_AT_LEAST_EVERY));
            prop_assert!(held.is_some() || next <= plus(now, moments::ASK_AGAIN));
        }
        None => prop_assert!(matches!(held, Some(Silence::NoConsent | Silence::BudgetZero))),
    }
    let mut at = now;
    for _ in 0..1000 {
        let Err(silence) = moments::may_speak(profile, at) else { return Ok(()) };
        let Some(until) = silence.until() else { return Ok(()) };
        prop_assert!(until > at, "{silence:?} at {at}");
        let just_before = plus(until, -SignedDuration::from_nanos(1));
        prop_assert!(moments::may_speak(profile, just_before).is_err(), "{silence:?} ends before {until}");
        if let Err(next) = moments::may_speak(profile, until) {
            prop_assert!(next != silence, "{silence:?} does not end");
            prop_assert!(next.until().is_none_or(|next| next > until), "{silence:?} leads back with {next:?}");
            if let (Silence::QuietHours { .. }, Silence::QuietHours { .. }) = (&silence, &next) {
                prop_assert!(false, "quiet hours that ended begin again at once");
            }
        }
        at = until;
        if at > plus(now, SignedDuration::from_hours(24 * 5)) {
            return Ok(());
        }
    }
    prop_assert!(false, "no end of silence from {now}");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 2000, ..ProptestConfig::default() })]

    #[test]
    fn oo_never_speaks_when_it_must_not(
        (zone, now) in start(),
        preferences in preferences(),
        steps in prop::collection::vec((happening(), 0i64..150, any::<u64>()), 20..80),
        rules in any::<bool>(),
    ) {
        let policy = if rules { policy::rules::NAME } else { policy::random_todo::NAME };
        let zone_of = TimeZone::get(zone).unwrap();
        let mut world = World { log: Log::linked(), now, latest: now, zone: zone_of, given: Vec::new(), policy };
        world.happen(&Happening::Change(preferences));
        world.happen(&Happening::Move(zone));
        world.happen(&Happening::Task(0, 10));
        world.happen(&Happening::Task(1, 10));
        for (what, wait, bits) in steps {
            // Mostly at whole minutes, where windows turn, and at times exactly when somebody asked to be woken.
            let awoken = moments::next_look(&world.log.profile, world.now, None).filter(|_| bits % 3 == 0);
            world.now = awoken.unwrap_or_else(|| plus(world.now, minutes(wait)));
            world.happen(&what);
            if bits % 5 == 0 {
                world.log.moment(world.now);
            }
            check_silence(&world.log.profile, world.now)?;
            let shown = world.log.profile.view(world.now).tip;
            prop_assert!(shown.is_none_or(|tip| world.now < tip.not_after), "shown after its time");
            let slow = match &what {
                Happening::Slow(seconds, what) => Some((*seconds, &**what)),
                _ => None,
            };
            world.look(bits, slow)?;
        }
        // Events of the day are forgotten where the clock was far ahead.
        if world.latest <= world.now {
            world.check_pacing()?;
        }
        // And the log alone tells the same.
        let mut again = Profile::new();
        for (seq, entry) in &world.log.entries {
            prop_assert!(again.fold(*seq, entry));
            prop_assert!(!again.fold(*seq, entry));
        }
        prop_assert_eq!(&again, &world.log.profile);
        let read: Profile = serde_json::from_str(&serde_json::to_string(&again).unwrap()).unwrap();
        prop_assert_eq!(&read, &again);
        let id: oo_contracts::DecisionId = "decision-again".parse().unwrap();
        let ask = decide::ask(&again, id.clone(), 1, world.now);
        prop_assert_eq!(&ask.bits, &RandomBits::new(1));
        prop_assert_eq!(decide::ask(&read, id, 1, world.now), ask);
    }
}

/// The simulation is worth its name only if it speaks.
#[test]
fn a_week_of_an_ordinary_person_has_its_tips_and_no_more() {
    for (policy, least) in [(policy::random_todo::NAME, 21), (policy::rules::NAME, 12)] {
        let now: Timestamp = "2026-10-22T04:00:00Z".parse().unwrap();
        let zone = TimeZone::get("Europe/Zurich").unwrap();
        let mut world = World { log: Log::linked(), now, latest: now, zone, given: Vec::new(), policy };
        world.happen(&Happening::Move("Europe/Zurich"));
        for item in 0..6 {
            world.happen(&Happening::Task(item, 10));
        }
        let end = plus(now, SignedDuration::from_hours(24 * 7));
        let mut bits = 1;
        while world.now < end {
            bits += 1;
            world.log.moment(world.now);
            world.look(bits, None).unwrap();
            let given = world.given.len();
            // Every second tip is answered.
            if given % 2 == 1 && world.given.last().is_some_and(|given| world.is_live(given, world.now)) {
                world.happen(&Happening::Answer(Answer::NotNow { until: None }));
            }
            world.now = moments::next_look(&world.log.profile, world.now, None).unwrap();
        }
        let given = world.given.len();
        assert!((least..=21).contains(&given), "{policy} gave {given}");
    }
}
