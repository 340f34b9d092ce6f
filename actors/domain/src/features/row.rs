//! What a learner sees of a candidate in its circumstances: a row of named numbers within ±1, in whole hundredths.
//!
//! The same function serves and learns: a decision is made on rows of the ask, and when a tip is folded its row is made
//! again from the profile as it stood. Rounding to hundredths lets a row rest in few bytes with nothing lost.
//!
//! There are not more of them than a person's evidence has room for in a kibibyte (recommender G14).

use crate::candidates;
use crate::profile::Profile;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use oo_contracts::decision::{Candidate, Context};
use oo_contracts::tip::Subject;
use serde::{Deserialize, Serialize};

/// One number of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Feature {
    /// Always 1.
    Always,
    /// 1 for getting ready for an event; a task has none of the three kinds.
    Prepare,
    Habit,
    Advice,
    /// 1 from the day it is due, half of it and less from a week before.
    Due,
    /// 1 when its day passed twelve days ago.
    Overdue,
    /// 0 for what nobody marked, 1 for the most urgent.
    Priority,
    /// 1 for what takes no time, 0 for an hour and more.
    Short,
    /// 1 for what is known for a month.
    Waiting,
    /// 1 where a gap ends now, 0 where it lasts two hours or has no end.
    Gap,
    /// 1 where an event just ended, 0 from half an hour later.
    AfterEvent,
    /// 1 for eight busy hours in this day.
    Load,
    /// 1 at eight, and less towards the next part of the day and the one before.
    Morning,
    /// 1 at noon.
    Midday,
    /// 1 at four.
    Afternoon,
    /// 1 at eight in the evening.
    Evening,
    Weekend,
    Present,
    /// -1 where the person said that they feel very low, 1 for very well.
    Mood,
    /// 1 for what was just given for the fifth time; the first part halves in a day.
    Shown,
    /// 1 for a burden of five tips.
    Burden,
}

use Feature::*;

/// The numbers of a row.
pub const D: usize = 21;

/// What each is, in order.
pub const FEATURES: [Feature; D] = [
    Always, Prepare, Habit, Advice, Due, Overdue, Priority, Short, Waiting, Gap, AfterEvent, Load, Morning, Midday,
    Afternoon, Evening, Weekend, Present, Mood, Shown, Burden,
];

/// What a feature tells of, as far as a person's words go. Several tell of the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic {
    /// What kind of thing it is: an event that starts, a habit's part of the day, what an advice answers to.
    Kind,
    Due,
    Priority,
    Duration,
    Waiting,
    /// The time between events.
    FreeTime,
    /// Hour, weekday, presence, mood: what a person may not be told as a reason, but a learner may know.
    Receptivity,
    /// How often and how lately something was said.
    Repetition,
}

impl Feature {
    /// Its place in a row.
    pub const fn place(self) -> usize {
        self as usize
    }

    /// What it tells of.
    pub const fn topic(self) -> Topic {
        match self {
            Prepare | Habit | Advice => Topic::Kind,
            Due | Overdue => Topic::Due,
            Priority => Topic::Priority,
            Short => Topic::Duration,
            Waiting => Topic::Waiting,
            Gap | AfterEvent | Load => Topic::FreeTime,
            Always | Morning | Midday | Afternoon | Evening | Weekend | Present | Mood => Topic::Receptivity,
            Shown | Burden => Topic::Repetition,
        }
    }

    /// Its name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Always => "always",
            Prepare => "prepare",
            Habit => "habit",
            Advice => "advice",
            Due => "due",
            Overdue => "overdue",
            Priority => "priority",
            Short => "short",
            Waiting => "waiting",
            Gap => "gap",
            AfterEvent => "after_event",
            Load => "load",
            Morning => "morning",
            Midday => "midday",
            Afternoon => "afternoon",
            Evening => "evening",
            Weekend => "weekend",
            Present => "present",
            Mood => "mood",
            Shown => "shown",
            Burden => "burden",
        }
    }

    /// Its number where it is one of the circumstances, the same for all candidates.
    fn of_context(self, context: &Context) -> Option<f64> {
        Some(match self {
            Always => 1.0,
            Gap => at_least_0(context.next_busy.map_or(0.0, |_| 1.0 - f64::from(context.free_minutes) / GAP_MINUTES)),
            AfterEvent => at_least_0(1.0 - f64::from(context.since_busy) / AFTER_MINUTES),
            Load => f64::from(context.busy_today) / LOAD_MINUTES,
            Morning | Midday | Afternoon | Evening => hour(context.minute_of_day)[self.place() - Morning.place()].1,
            Weekend => indicator(context.weekday >= SATURDAY),
            Present => indicator(context.present),
            Mood => context.mood.map_or(0.0, |mood| (f64::from(mood) - 3.0) / 2.0),
            Burden => context.dosage / BURDEN_OF,
            Prepare | Habit | Advice | Due | Overdue | Priority | Short | Waiting | Shown => return None,
        })
    }

    /// Its number where it is the candidate's own.
    fn of_candidate(self, candidate: &Candidate) -> Option<f64> {
        Some(match self {
            Prepare => indicator(matches!(candidate.subject, Subject::Prepare { .. })),
            Habit => indicator(matches!(candidate.subject, Subject::Habit { .. })),
            Advice => indicator(matches!(candidate.subject, Subject::Advice { .. })),
            Due => candidate.due_days.map_or(0.0, |days| match days {
                ..=0 => 1.0,
                days => at_least_0(0.5 * (1.0 - f64::from(days) / DUE_SOON_DAYS)),
            }),
            Overdue => candidate.due_days.map_or(0.0, |days| at_least_0(-f64::from(days) / OVERDUE_DAYS)),
            Priority => f64::from(candidate.priority.saturating_sub(1)) / PRIORITIES,
            Short => at_least_0(1.0 - f64::from(candidate.minutes) / SHORT_MINUTES),
            Waiting => f64::from(candidate.age_days) / WAITING_DAYS,
            Shown => {
                let lately =
                    candidate.since_shown.map_or(0.0, |minutes| (-f64::from(minutes) / MINUTES_OF_A_DAY).exp2());
                let often = f64::from(candidate.shown.min(SHOWN_OFTEN)) / f64::from(SHOWN_OFTEN);
                (2.0 * lately + often) / 3.0
            }
            Always | Gap | AfterEvent | Load | Morning | Midday | Afternoon | Evening | Weekend | Present | Mood
            | Burden => {
                return None;
            }
        })
    }
}

/// The parts of the day, and the minute at which each is itself. Between them both count, as much as they are near: the
/// worth of the hours is a line from each to the next, through the night as well.
const PARTS_OF_THE_DAY: [(Feature, f64); 4] =
    [(Morning, 480.0), (Midday, 720.0), (Afternoon, 960.0), (Evening, 1200.0)];

/// What the hour alone makes of a row, at a minute of the day.
pub fn hour(minute_of_day: u16) -> [(Feature, f64); 4] {
    let (_, morning) = PARTS_OF_THE_DAY[0];
    let since_morning = |minute: f64| (minute - morning).rem_euclid(MINUTES_OF_A_DAY);
    let now = since_morning(f64::from(minute_of_day));
    let starts = PARTS_OF_THE_DAY.map(|(_, minute)| since_morning(minute));
    let last = starts.iter().rposition(|start| *start <= now).unwrap_or_default();
    let length = starts.get(last + 1).unwrap_or(&MINUTES_OF_A_DAY) - starts[last];
    let towards_next = (now - starts[last]) / length;
    let mut parts = PARTS_OF_THE_DAY.map(|(part, _)| (part, 0.0));
    parts[last].1 = 1.0 - towards_next;
    parts[(last + 1) % parts.len()].1 = towards_next;
    parts
}

/// How many tips a [`Feature::Burden`] of 1 is.
pub const BURDEN_OF: f64 = 5.0;

const MINUTES_OF_A_DAY: f64 = 1440.0;
/// As the facts have it: further ahead than a week does not speak for now.
const DUE_SOON_DAYS: f64 = 8.0;
const OVERDUE_DAYS: f64 = 12.0;
/// From no mark to the most urgent one.
const PRIORITIES: f64 = 3.0;
const SHORT_MINUTES: f64 = 60.0;
const WAITING_DAYS: f64 = 30.0;
const GAP_MINUTES: f64 = 120.0;
const AFTER_MINUTES: f64 = 30.0;
const LOAD_MINUTES: f64 = 480.0;
const SATURDAY: u8 = 6;
const SHOWN_OFTEN: u16 = 5;

/// So many steps from 0 to 1.
const STEPS: f64 = 100.0;

/// The features of a candidate in its circumstances.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Row([i8; D]);

impl Row {
    /// What a policy sees of each candidate.
    pub fn all(context: &Context, candidates: &[Candidate]) -> Vec<Self> {
        let circumstances = Self(FEATURES.map(|feature| feature.of_context(context).map_or(0, steps)));
        let row = |candidate| {
            let mut row = circumstances;
            for (place, feature) in FEATURES.into_iter().enumerate() {
                if let Some(value) = feature.of_candidate(candidate) {
                    row.0[place] = steps(value);
                }
            }
            row
        };
        candidates.iter().map(row).collect()
    }

    /// What a policy would see of `subject` at `now`; nothing where the profile does not know it.
    pub fn from_profile(profile: &Profile, subject: &Subject, now: Timestamp) -> Option<Self> {
        let candidate = candidates::describe(profile, subject, now)?;
        Self::all(&profile.usable_context(now), &[candidate]).pop()
    }

    /// The numbers, in the order of [`FEATURES`].
    pub fn values(&self) -> [f64; D] {
        self.0.map(|steps| f64::from(steps) / STEPS)
    }
}

impl From<Row> for String {
    fn from(row: Row) -> Self {
        STANDARD.encode(row.0.map(|steps| steps as u8))
    }
}

impl TryFrom<String> for Row {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        let bytes = STANDARD.decode(text).map_err(|_| "no base64")?;
        let bytes: [u8; D] = bytes.try_into().map_err(|_| "a row of another length")?;
        Ok(Self(bytes.map(|byte| byte as i8)))
    }
}

/// In whole hundredths, within ±1: what is beyond says no more.
fn steps(value: f64) -> i8 {
    (value.clamp(-1.0, 1.0) * STEPS).round() as i8
}

fn at_least_0(value: f64) -> f64 {
    value.max(0.0)
}

fn indicator(holds: bool) -> f64 {
    if holds { 1.0 } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Log, at, candidate, context, todo};
    use jiff::civil::time;
    use oo_contracts::signal::{DataSource, Fact, Purpose};

    fn value(feature: Feature, change: impl FnOnce(&mut Context, &mut Candidate)) -> f64 {
        let (mut context, mut candidate) = (context(), candidate(todo("milk")));
        change(&mut context, &mut candidate);
        Row::all(&context, &[candidate])[0].values()[feature.place()]
    }

    #[test]
    fn each_feature_says_what_it_is_named_for() {
        assert_eq!(value(Always, |_, _| {}), 1.0);
        assert_eq!(value(Prepare, |_, _| {}), 0.0);
        for (days, expected) in [(None, 0.0), (Some(-3), 1.0), (Some(0), 1.0), (Some(4), 0.25), (Some(30), 0.0)] {
            assert_eq!(value(Due, |_, one| one.due_days = days), expected);
        }
        assert_eq!(value(Overdue, |_, one| one.due_days = Some(-6)), 0.5);
        assert_eq!(value(Overdue, |_, one| one.due_days = Some(6)), 0.0);
        assert_eq!(value(Priority, |_, one| one.priority = 4), 1.0);
        assert_eq!(value(Short, |_, one| one.minutes = 30), 0.5);
        assert_eq!(value(Short, |_, one| one.minutes = 600), 0.0);
        assert_eq!(value(Gap, |_, _| {}), 0.5);
        assert_eq!(value(Gap, |context, _| (context.next_busy, context.free_minutes) = (None, 0)), 0.0);
        assert_eq!(value(AfterEvent, |context, _| context.since_busy = 15), 0.5);
        for (minute, expected) in [
            (480, [1.0, 0.0, 0.0, 0.0]),
            (540, [0.75, 0.25, 0.0, 0.0]),
            (1080, [0.0, 0.0, 0.5, 0.5]),
            (1200, [0.0, 0.0, 0.0, 1.0]),
            (120, [0.5, 0.0, 0.0, 0.5]),
        ] {
            let parts = [Morning, Midday, Afternoon, Evening];
            assert_eq!(parts.map(|part| value(part, |context, _| context.minute_of_day = minute)), expected);
        }
        assert_eq!(value(Weekend, |context, _| context.weekday = 7), 1.0);
        assert_eq!(value(Mood, |context, _| context.mood = Some(1)), -1.0);
        assert_eq!(value(Shown, |_, one| (one.shown, one.since_shown) = (5, Some(0))), 1.0);
        assert_eq!(value(Burden, |context, _| context.dosage = 2.5), 0.5);
    }

    #[test]
    fn a_row_reads_back_from_few_bytes() {
        let row = Row::all(&context(), &[candidate(todo("milk"))])[0];
        let written = serde_json::to_string(&row).unwrap();
        assert!(written.len() <= 30, "{written}");
        assert_eq!(serde_json::from_str::<Row>(&written).unwrap(), row);
        assert!(serde_json::from_str::<Row>("\"AAAA\"").is_err());
    }

    /// No skew: what the profile's own tips are learnt with is what the policy saw of them.
    #[test]
    fn a_row_made_from_the_profile_is_the_one_of_the_ask() {
        let mut log = Log::linked();
        log.task_with("milk", |task| task.due = crate::testing::on("2026-11-24"))
            .task("bread")
            .habit("stretch", time(7, 0, 0, 0), time(20, 0, 0, 0), 5)
            .event("a", "2026-11-23T07:00:00Z", "2026-11-23T12:50:00Z")
            .event("b", "2026-11-23T13:40:00Z", "2026-11-23T14:00:00Z")
            .tip("tip-0001", "2026-11-22T12:00:00Z")
            .mood("2026-11-23T12:00:00Z", 2);
        let now = at("2026-11-23T13:00:00Z");
        let ask = crate::decide::ask(&log.profile, "decision-0001".parse().unwrap(), 1, now);
        let rows = Row::all(&ask.context, &ask.candidates);
        let kinds = [Prepare, Habit, Advice];
        for kind in kinds {
            assert!(rows.iter().any(|row| row.values()[kind.place()] == 1.0), "one of {kind:?} is among them");
        }
        for (candidate, row) in ask.candidates.iter().zip(&rows) {
            assert_eq!(Row::from_profile(&log.profile, &candidate.subject, now), Some(*row));
            assert_eq!(candidates::describe(&log.profile, &candidate.subject, now).as_ref(), Some(candidate));
            let mut given = log.clone();
            given.tip_about("tip-0002", candidate.subject.clone(), "2026-11-23T13:00:00Z");
            assert_eq!(given.profile.lives().last().unwrap().row, Some(*row), "{candidate:?}");
        }
    }

    #[test]
    fn what_may_not_be_used_for_choosing_is_not_learnt_from() {
        let mut log = Log::linked();
        log.task("milk").mood("2026-11-23T12:00:00Z", 1);
        let forbid = Fact::Consent { purpose: Purpose::Choosing, granted: false, source: Some(DataSource::Mood) };
        let mut allowed = log.clone();
        log.fact("2026-11-23T12:00:00Z", forbid);
        let mood = |log: &mut Log| {
            log.tip_about("tip-0001", todo("milk"), "2026-11-23T13:00:00Z");
            log.profile.lives().last().unwrap().row.unwrap().values()[Mood.place()]
        };
        assert_eq!((mood(&mut allowed), mood(&mut log)), (-1.0, 0.0));
    }
}
