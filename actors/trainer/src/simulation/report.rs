//! The report of a simulation: one HTML file with its pictures inside, to read and to pass on.

use super::figures::{Group, Interval, calibration_error};
use super::population::{ELIGIBLE, Plan, Summary};
use super::svg::{Svg, escape};
use oo_domain::policy::linear;
use std::fmt::Write as _;

pub(crate) const STYLE: &str = "\
:root{color-scheme:dark}body{margin:0;background:#000;color:#a8a49c;\
font:16px/1.55 ui-sans-serif,-apple-system,'Segoe UI',Roboto,'Noto Sans','Helvetica Neue',sans-serif}\
main{max-width:1040px;margin:0 auto;padding:72px 32px 96px}\
h1{color:#edeae4;font-size:38px;font-weight:500;letter-spacing:-.018em;line-height:1.18;margin:0 0 12px}\
h2{color:#edeae4;font-size:21px;font-weight:500;margin:72px 0 4px}p{max-width:66ch;margin:0 0 20px}\
.lead{font-size:20px;color:#edeae4;max-width:54ch}.dim,figcaption{color:#7a766f;font-size:14px}\
figure{margin:16px 0 0}svg{max-width:100%;height:auto;display:block}\
.wide{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:14px;font-variant-numeric:tabular-nums}\
th,td{text-align:right;padding:9px 10px;border-bottom:1px solid #211f1c;white-space:nowrap}\
th{color:#7a766f;font-weight:400;vertical-align:bottom;white-space:normal}\
th:first-child,td:first-child{text-align:left;padding-left:0;color:#edeae4}\
td small{display:block;color:#7a766f;font-size:12px}tr.best td:first-child{color:#f2b880}\
code{color:#edeae4;font:14px ui-monospace,'SF Mono','Cascadia Mono',Menlo,Consolas,monospace}";

/// Of the pictures: a colour for each policy, the learner's is the ember.
pub(crate) const MARKS: &str = "\
.p0{fill:#f2b880;stroke:#f2b880}.p1{fill:#c9c4ba;stroke:#c9c4ba}.p2{fill:#6d8299;stroke:#6d8299}.p3{fill:#8a7a9c;stroke:#8a7a9c}\
.pt{fill:#5e5b56;stroke:#5e5b56}.line{fill:none;stroke-width:2;stroke-linejoin:round}.band{stroke:none;opacity:.13}\
.whisker{stroke-width:2}.dot{stroke:none}.bar{stroke:none}.even{stroke:#5e5b56;stroke-dasharray:2 4}";

const WIDE: f64 = 976.0;

/// Writes it. `command` makes it again.
pub fn html(plan: &Plan, all: &[Summary], command: &str) -> String {
    let mut page = String::new();
    let lives = plan.lives();
    let _ = write!(
        page,
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width,initial-scale=1\"><title>oO, simulated</title><style>{STYLE}</style><main>\
         <h1>oO, simulated</h1><p class=\"lead\">{}</p>\
         <p class=\"dim\">{lives} people, {} days each; {} seeds from {}; intervals are 95\u{a0}% over the seeds. \
         The people are made up: what is true of them is not yet true of anybody.</p>",
        escape(&lead(all)),
        plan.days,
        plan.seeds,
        plan.seed,
    );
    page.push_str(&table(all));
    figure(
        &mut page,
        "What a day is worth",
        "A thing done counts 1; a tip put off or ignored costs 0.2, a wrong one 0.8, any interruption 0.05. The clairvoyant \
         knows what each person would do, and speaks when it is worth it: no policy reaches it.",
        &worths(all),
    );
    figure(
        &mut page,
        "Week by week",
        "Worth of a day, with its interval. Whoever learns rises; whoever tires people falls.",
        &weeks(all),
    );
    figure(
        &mut page,
        "Kinds of people",
        "The part of the clairvoyant's worth that each policy reaches, by temper.",
        &tempers(all),
    );
    figure(
        &mut page,
        "When tips come",
        "By hour of the wall clock; the dotted line is even over the hours that are not quiet.",
        &hours(all),
    );
    if let Some(learner) = all.iter().find(|summary| summary.name == linear::NAME) {
        figure(
            &mut page,
            "Does it know what it knows?",
            "Tips in ten groups by what the learner expected of them, against what they came to. On the dotted line it is \
             right on average.",
            &calibration(&learner.groups),
        );
    }
    figure(
        &mut page,
        "Why there was silence",
        "Of all looks that ended in silence. Being asked and preferring silence is the policy's own part.",
        &silences(all),
    );
    let _ = write!(page, "<h2>Again</h2><p><code>{}</code></p></main></html>", escape(command));
    page
}

fn lead(all: &[Summary]) -> String {
    let policies = &all[..all.len().saturating_sub(1)];
    let mut ranked: Vec<_> = policies.iter().collect();
    ranked.sort_by(|one, other| other.value.mean.total_cmp(&one.value.mean));
    let (Some(best), Some(ceiling)) = (ranked.first(), all.last()) else { return "Nothing was simulated.".into() };
    // Lives are shared by all policies, but intervals that overlap still tell of nobody's lead.
    let leads = ranked.get(1).is_none_or(|next| best.value.low > next.value.high);
    let stands = if leads { "is worth most" } else { "came out first, but not beyond chance" };
    format!(
        "{} {stands}: {:.2} a day with {:.1} tips, {:.0} % of what somebody who knew everything would reach.",
        best.name,
        best.value.mean,
        best.tips.mean,
        100.0 * best.value.mean / ceiling.value.mean.max(0.01)
    )
}

fn figure(page: &mut String, title: &str, says: &str, picture: &str) {
    let _ = write!(page, "<h2>{title}</h2><p class=\"dim\">{says}</p><figure>{picture}</figure>");
}

fn table(all: &[Summary]) -> String {
    let mut table = String::from(
        "<div class=\"wide\"><table><tr><th>Policy<th>Worth of a day<th>Regret a day<th>Tips a day<th>Done, of tips\
         <th>Answered<th>Budget used<th>More done a day<th>Left<th>Uneven\u{ad}ness<th>ECE<th>Breaches</tr>",
    );
    let best = all.iter().take(all.len().saturating_sub(1)).map(|summary| summary.value.mean).fold(f64::MIN, f64::max);
    for summary in all {
        let class = if summary.value.mean == best { " class=\"best\"" } else { "" };
        let number = |interval: &Interval| cell(interval, 1.0, 2, "");
        let part = |interval: &Interval| cell(interval, 100.0, 0, "\u{a0}%");
        let ece = match predicts(&summary.name) {
            true => format!("{:.3}", calibration_error(&summary.groups)),
            false => "\u{2013}".into(),
        };
        let _ = write!(
            table,
            "<tr{class}><td>{}{}{}{}{}{}{}{}{}{}<td>{ece}<td>{}</tr>",
            escape(&summary.name),
            number(&summary.value),
            number(&summary.regret),
            number(&summary.tips),
            part(&summary.done),
            part(&summary.answered),
            part(&summary.budget),
            number(&summary.more_done),
            part(&summary.left),
            part(&summary.unevenness),
            summary.breaches
        );
    }
    table + "</table></div>"
}

/// Whether a policy's score is meant to be what a tip comes to.
pub fn predicts(name: &str) -> bool {
    name == linear::NAME
}

fn cell(interval: &Interval, times: f64, digits: usize, unit: &str) -> String {
    let Interval { mean, low, high } = interval;
    let (mean, low, high) = (mean * times, low * times, high * times);
    format!("<td>{mean:.digits$}{unit}<small>{low:.digits$} to {high:.digits$}</small>")
}

/// The learner has the ember, the ceiling the grey, the others what is left.
fn colour(all: &[Summary], place: usize) -> String {
    if place + 1 == all.len() {
        return "pt".into();
    }
    let learner = all.iter().position(|summary| summary.name == linear::NAME).unwrap_or(0);
    let order = if place == learner { 0 } else { 1 + (0..place).filter(|other| *other != learner).count() };
    format!("p{}", order.min(3))
}

fn worths(all: &[Summary]) -> String {
    let high = 44.0 * all.len() as f64 + 36.0;
    let mut svg = Svg::new(WIDE, high);
    let most = all.iter().map(|summary| summary.value.high).fold(0.1, f64::max);
    let least = all.iter().map(|summary| summary.value.low).fold(0.0, f64::min);
    let x = |value: f64| 130.0 + (value - least) / (most - least) * (WIDE - 200.0);
    svg.line("axis", (x(0.0), 0.0), (x(0.0), high - 30.0)).text(
        "dim small middle",
        (x(0.0), high - 12.0),
        "0, silence",
    );
    for (place, summary) in all.iter().enumerate() {
        let y = 24.0 + 44.0 * place as f64;
        let Interval { mean, low, high } = summary.value;
        let colour = colour(all, place);
        svg.text("ink end", (112.0, y + 4.0), &summary.name)
            .line(&format!("{colour} whisker"), (x(low), y), (x(high), y))
            .circle(&format!("{colour} dot"), (x(mean), y), 6.0)
            .text("small", (x(high) + 10.0, y + 4.0), format_args!("{mean:.2}"));
    }
    svg.finish("worth of a day by policy", MARKS)
}

fn weeks(all: &[Summary]) -> String {
    let high = 300.0;
    let mut svg = Svg::new(WIDE, high);
    let count = all.iter().map(|summary| summary.weekly.len()).max().unwrap_or(0);
    let most = all.iter().flat_map(|summary| &summary.weekly).map(|week| week.high).fold(0.1, f64::max);
    let least = all.iter().flat_map(|summary| &summary.weekly).map(|week| week.low).fold(0.0, f64::min);
    let x = |week: usize| 40.0 + week as f64 / (count.max(2) - 1) as f64 * (WIDE - 200.0);
    let y = |value: f64| high - 40.0 - (value - least) / (most - least) * (high - 60.0);
    grid(&mut svg, least, most, y, (40.0, WIDE - 150.0));
    let mut names: Vec<f64> = Vec::new();
    for (place, summary) in all.iter().enumerate() {
        let colour = colour(all, place);
        let line = |pick: fn(&Interval) -> f64| {
            summary.weekly.iter().enumerate().map(|(week, value)| (x(week), y(pick(value)))).collect::<Vec<_>>()
        };
        svg.band(&format!("{colour} band"), &line(|week| week.high), &line(|week| week.low))
            .path(&format!("{colour} line"), &line(|week| week.mean));
        if let Some((end, last)) = line(|week| week.mean).last().copied() {
            // Names that would lie on each other make room.
            let mut at = last;
            while names.iter().any(|other| (other - at).abs() < 15.0) {
                at += 4.0;
            }
            names.push(at);
            svg.circle(&format!("{colour} dot"), (end, last), 4.0).text("ink", (end + 12.0, at + 4.0), &summary.name);
        }
    }
    for week in 0..count {
        svg.text("dim small middle", (x(week), high - 12.0), format_args!("week {}", week + 1));
    }
    svg.finish("worth of a day by week and policy", MARKS)
}

fn grid(svg: &mut Svg, least: f64, most: f64, y: impl Fn(f64) -> f64, (from, to): (f64, f64)) {
    let step = if most - least > 1.5 {
        0.5
    } else if most - least > 0.6 {
        0.2
    } else {
        0.1
    };
    let first = (least / step).ceil() as i32;
    let last = (most / step).floor() as i32;
    for number in first..=last {
        let value = f64::from(number) * step;
        let class = if number == 0 { "axis" } else { "rule" };
        svg.line(class, (from, y(value)), (to, y(value)));
        svg.text("dim small end", (from - 8.0, y(value) + 4.0), format_args!("{value:.1}"));
    }
}

fn tempers(all: &[Summary]) -> String {
    let policies = &all[..all.len().saturating_sub(1)];
    let kinds = policies.first().map_or(0, |summary| summary.by_temper.len());
    let high = 20.0 + 64.0 * kinds as f64 + 30.0;
    let mut svg = Svg::new(WIDE, high);
    let parts = || policies.iter().flat_map(|summary| &summary.by_temper).map(|(_, part)| part.mean);
    let least = parts().fold(0.0, f64::min).max(-1.5) - 0.05;
    let x = |part: f64| 130.0 + (part.clamp(least, 1.0) - least) / (1.0 - least) * (WIDE - 200.0);
    for (part, words) in [(0.0, "silence"), (1.0, "clairvoyant")] {
        svg.line("axis", (x(part), 0.0), (x(part), high - 30.0)).text(
            "dim small middle",
            (x(part), high - 12.0),
            words,
        );
    }
    for kind in 0..kinds {
        let top = 20.0 + 64.0 * kind as f64;
        svg.text("ink end", (112.0, top + 22.0), policies[0].by_temper[kind].0);
        for (place, summary) in policies.iter().enumerate() {
            let (_, part) = summary.by_temper[kind];
            let y = top + 6.0 + 13.0 * place as f64;
            let colour = colour(all, place);
            svg.group(format_args!("{}: {part:.2}", summary.name), |svg| {
                svg.line(&format!("{colour} whisker"), (x(part.low), y), (x(part.high), y)).circle(
                    &format!("{colour} dot"),
                    (x(part.mean), y),
                    4.5,
                );
            });
            if kind == 0 {
                svg.text("small", (x(part.high) + 8.0, y + 4.0), &summary.name);
            }
        }
    }
    svg.finish("part of the clairvoyant's worth by temper and policy", MARKS)
}

fn hours(all: &[Summary]) -> String {
    let high = 96.0 * all.len() as f64 + 24.0;
    let mut svg = Svg::new(WIDE, high);
    let wide = (WIDE - 150.0) / 24.0;
    for (place, summary) in all.iter().enumerate() {
        let bottom = 96.0 * (place + 1) as f64;
        let sum: f64 = summary.hours.iter().sum::<f64>().max(1.0);
        let tall = |part: f64| (part * 340.0).min(76.0);
        let colour = colour(all, place);
        svg.text("ink end", (112.0, bottom - 6.0), &summary.name);
        for (hour, count) in summary.hours.iter().enumerate() {
            let part = count / sum;
            svg.group(format_args!("{hour:02}: {:.1} %", 100.0 * part), |svg| {
                svg.rect(
                    &format!("{colour} bar"),
                    (130.0 + wide * hour as f64 + 2.0, bottom - tall(part)),
                    (wide - 4.0, tall(part)),
                    2.0,
                );
            });
        }
        svg.line("axis", (130.0, bottom), (WIDE - 20.0, bottom));
        let even = bottom - tall(1.0 / ELIGIBLE.len() as f64);
        svg.line("even", (130.0 + wide * ELIGIBLE.start as f64, even), (130.0 + wide * ELIGIBLE.end as f64, even));
    }
    for hour in (0..24).step_by(2) {
        svg.text("dim small middle", (130.0 + wide * (f64::from(hour) + 0.5), high - 6.0), format_args!("{hour:02}"));
    }
    svg.finish("tips by hour and policy", MARKS)
}

fn calibration(groups: &[Group]) -> String {
    let (wide, high) = (520.0, 420.0);
    let mut svg = Svg::new(wide, high);
    let ends = groups.iter().flat_map(|group| [group.predicted, group.came.low, group.came.high]);
    let least = ends.clone().fold(0.0, f64::min);
    let most = ends.fold(0.1, f64::max);
    let x = |value: f64| 60.0 + (value - least) / (most - least) * (wide - 90.0);
    let y = |value: f64| high - 50.0 - (value - least) / (most - least) * (high - 80.0);
    grid(&mut svg, least, most, y, (60.0, wide - 30.0));
    svg.line("even", (x(least), y(least)), (x(most), y(most)));
    for group in groups {
        svg.group(
            format_args!("expected {:.2}, came {:.2}, {} tips", group.predicted, group.came, group.count),
            |svg| {
                svg.line(
                    "p0 whisker",
                    (x(group.predicted), y(group.came.low)),
                    (x(group.predicted), y(group.came.high)),
                )
                .circle("p0 dot", (x(group.predicted), y(group.came.mean)), 5.0);
            },
        );
    }
    svg.text("dim small end", (wide - 30.0, high - 16.0), "expected of a tip \u{2192}").text(
        "dim small",
        (60.0, 16.0),
        "\u{2191} what it came to",
    );
    svg.finish("calibration of the learner", MARKS)
}

fn silences(all: &[Summary]) -> String {
    /// Of the reasons, as the log names them: how each is told and shown.
    const REASONS: [(&str, &str, &str); 10] = [
        ("policy", "preferred silence", "#f2b880"),
        ("too_soon", "too soon", "#7b5e42"),
        ("tip_live", "a tip is there", "#c9c4ba"),
        ("busy", "busy", "#4c6073"),
        ("almost_busy", "almost busy", "#36485a"),
        ("snoozed", "\u{201c}not now\u{201d}", "#4d6350"),
        ("budget_spent", "budget spent", "#664c62"),
        ("nothing_fits", "nothing fits", "#3f3b36"),
        ("quiet_hours", "quiet hours", "#22201e"),
        ("no_consent", "turned off", "#8a3d33"),
    ];
    let high = 40.0 * all.len() as f64 + 60.0;
    let mut svg = Svg::new(WIDE, high);
    let mut style = String::from(MARKS);
    for (name, _, colour) in REASONS {
        let _ = write!(style, ".r-{name}{{fill:{colour}}}");
    }
    for (place, summary) in all.iter().enumerate() {
        let top = 40.0 * place as f64 + 6.0;
        let sum: u64 = summary.silences.values().sum();
        let mut at = 130.0;
        svg.text("ink end", (112.0, top + 16.0), &summary.name);
        for (name, words, _) in REASONS {
            let part = summary.silences.get(name).copied().unwrap_or(0) as f64 / sum.max(1) as f64;
            let wide = part * (WIDE - 150.0);
            svg.group(format_args!("{words}: {:.1} %", 100.0 * part), |svg| {
                svg.rect(&format!("r-{name}"), (at, top), (wide - 1.0, 22.0), 2.0);
            });
            at += wide;
        }
    }
    let mut at = 130.0;
    for (name, words, _) in REASONS {
        svg.rect(&format!("r-{name}"), (at, high - 28.0), (10.0, 10.0), 2.0).text(
            "small",
            (at + 16.0, high - 19.0),
            words,
        );
        at += 30.0 + 6.0 * words.chars().count() as f64;
    }
    svg.finish("reasons for silence by policy", &style)
}
