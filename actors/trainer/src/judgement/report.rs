//! A judgement as one HTML file, to read and to pass on.

use super::Judgement;
use crate::evaluation::Estimate;
use crate::examples::LeftOut;
use crate::simulation::report::{MARKS, STYLE};
use crate::simulation::svg::{Svg, escape};
use std::fmt::Write as _;

const WIDE: f64 = 976.0;
const NAMES: f64 = 150.0;
const ROW: f64 = 44.0;

/// Writes it.
pub fn html(name: &str, judged: &Judgement, left_out: &LeftOut) -> String {
    let Judgement { people, decisions, from, to, gain, weights, .. } = judged;
    let stands = if gain.low > 0.0 {
        "earns more than what was done"
    } else if gain.high < 0.0 {
        "earns less than what was done"
    } else {
        "does not differ from what was done beyond chance"
    };
    let mut page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width,initial-scale=1\"><title>oO, judged</title><style>{STYLE}</style><main>\
         <h1>{name}</h1><p class=\"lead\">It {stands}: {:+.4} a decision, 95\u{a0}% from {:+.4} to {:+.4}.</p>\
         <p class=\"dim\">{decisions} decisions of {people} people, from {from} to {to}. After weighting they tell as much as \
         {:.0}; the largest weight is {:.1}.</p>\
         <figure><figcaption>Reward per decision; silence is worth 0. The line is what was logged.</figcaption>{}</figure>",
        gain.value,
        gain.low,
        gain.high,
        weights.effective,
        weights.largest,
        picture(judged),
        name = escape(name),
    );
    if !judged.cohorts.is_empty() {
        page.push_str("<h2>By kind of person</h2><p class=\"dim\">People whose days are alike, and how much more a decision earns for them, 95\u{a0}% each.</p><ul>");
        for cohort in &judged.cohorts {
            let _ = write!(page, "<li>{}</li>", escape(&cohort.to_string()));
        }
        page.push_str("</ul>");
    }
    let words = left_out.words();
    if !words.is_empty() {
        page.push_str("<h2>Left out</h2><ul class=\"dim\">");
        for one in words {
            let _ = write!(page, "<li>{}</li>", escape(&one));
        }
        page.push_str("</ul>");
    }
    page.push_str("</main></html>");
    page
}

fn picture(judged: &Judgement) -> String {
    let rows: Vec<(&str, Estimate)> = std::iter::once(("logged", judged.logged))
        .chain(judged.values.iter().map(|(by, value)| (by.name(), *value)))
        .collect();
    let low = rows.iter().map(|(_, value)| value.low).fold(0.0, f64::min);
    let high = rows.iter().map(|(_, value)| value.high).fold(0.0, f64::max);
    let span = (high - low).max(1e-9);
    let x = |value: f64| NAMES + (value - low) / span * (WIDE - NAMES - 110.0);
    let height = ROW * (rows.len() as f64 + 0.5);
    let mut svg = Svg::new(WIDE, height);
    svg.line("even", (x(judged.logged.value), 0.0), (x(judged.logged.value), height));
    for (place, (name, value)) in rows.iter().enumerate() {
        let y = ROW * (place as f64 + 0.75);
        let class = if place == 0 { "p1" } else { "p0" };
        svg.text("ink", (0.0, y + 4.0), name);
        svg.line(&format!("{class} whisker"), (x(value.low), y), (x(value.high), y));
        svg.circle(&format!("{class} dot"), (x(value.value), y), 5.0);
        svg.text("end", (WIDE, y + 4.0), format!("{:+.4}", value.value));
    }
    svg.finish("what was logged, and each estimate, with intervals", MARKS)
}
