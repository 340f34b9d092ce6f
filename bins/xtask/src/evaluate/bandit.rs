//! Bandit feedback on classification sets: in each round an arm is taken for a context, and only whether it was right is told.
//! Every round counts, from the first on. Vowpal Wabbit plays the same rounds in the same order, with 15 configurations of
//! which the best of each set is compared; ours has one for all sets.

use super::{Row, keel, mean, progress};
use crate::run::Command;
use crate::setup;
use anyhow::Context;
use indicatif::ProgressBar;
use oo_trainer::bandit::{Bandit, Rewards};
use oo_trainer::evaluation::SplitMix;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::thread;

/// The sets with figures published for them, and those: the best of 9 to 15 tuned configurations of VW with bandit feedback.
const NAMED: [(&str, f64); 4] =
    [("vehicle", 0.5162), ("optdigits", 0.1591), ("satimage", 0.2701), ("penbased", 0.1381)];
/// Sets that nobody looked at while the configuration was chosen: that was done on texture, segment, vowel, contraceptive and
/// phoneme.
const UNSEEN: [&str; 6] = ["wine", "movement_libras", "led7digit", "ring", "marketing", "spambase"];
/// Orders in which a set's rows are played.
const SHUFFLES: u64 = 3;
const SCRIPT: &str = "bins/xtask/python/vowpal_wabbit.py";
/// VW's learner with full information, as the script calls it.
const FULL: &str = "oaa";

/// What the script prints.
#[derive(Deserialize)]
struct Played {
    configuration: String,
    wrong: u32,
    rounds: u32,
}

/// Mean losses over the shuffles.
struct Losses {
    ours: f64,
    /// The best configuration and its loss.
    bandit: (String, f64),
    full: f64,
}

pub(super) fn check(root: &Path, tell: &mut dyn FnMut(Row)) -> anyhow::Result<()> {
    let packages = setup::rivals_packages(root)?;
    let named: Vec<&str> = NAMED.iter().map(|&(name, _)| name).collect();
    for (kind, sets) in [("named", &named[..]), ("unseen", &UNSEEN[..])] {
        let (mut logarithms, mut below) = (Vec::new(), 0);
        for set in sets {
            let losses = play(root, &packages, set)?;
            let loss = || Row::new(format!("{set}: loss"), losses.ours, 4);
            tell(loss().beside("VW, best of 15", losses.bandit.1).note(losses.bandit.0.clone()));
            let published = NAMED.iter().find(|(name, _)| name == set).map_or(f64::INFINITY, |(_, loss)| *loss);
            if published.is_finite() {
                tell(loss().beside("VW, published", published));
            }
            tell(loss().beside("VW, told the label", losses.full));
            // Whichever VW did better: here, or where it was tuned before.
            logarithms.push((losses.ours / losses.bandit.1.min(published)).ln());
            below += u32::from(losses.ours < losses.full);
        }
        tell(Row::new(
            format!("{kind} sets: geometric mean of the ratios to the better VW"),
            mean(logarithms).exp(),
            3,
        ));
        let figure = format!("{kind} sets: below VW that is told the label");
        tell(Row::new(figure, f64::from(below), 0).note(format!("of {}", sets.len())));
    }
    Ok(())
}

fn play(root: &Path, packages: &Path, set: &str) -> anyhow::Result<Losses> {
    let data = keel::read(packages, set)?;
    let orders: Vec<Vec<usize>> = (0..SHUFFLES).map(|seed| shuffled(data.labels.len(), seed)).collect();
    let folder = tempfile::tempdir()?;
    let files = orders.iter().enumerate().map(|(seed, order)| write(&data, order, folder.path(), seed));
    let files: Vec<PathBuf> = files.collect::<anyhow::Result<_>>()?;
    let bar = progress(set, SHUFFLES * data.labels.len() as u64);
    let (wrong, rival) = thread::scope(|scope| {
        let (data, bar) = (&data, &bar);
        let ours: Vec<_> = orders.iter().map(|order| scope.spawn(move || ours(data, order, bar))).collect();
        let rival = vowpal_wabbit(root, &files);
        let wrong: Vec<_> = ours.into_iter().map(|ours| ours.join()).collect();
        (wrong, rival)
    });
    bar.finish_and_clear();
    let mut losses = Vec::new();
    for wrong in wrong {
        losses.push(wrong.map_err(|_| anyhow::anyhow!("{set}: the bandit broke down"))??);
    }
    let mut rival = rival?;
    let full = rival.remove(FULL).with_context(|| format!("{SCRIPT} printed no {FULL}"))?;
    let best = rival.into_iter().min_by(|one, another| one.1.total_cmp(&another.1));
    let bandit = best.with_context(|| format!("{SCRIPT} printed nothing"))?;
    Ok(Losses { ours: mean(losses), bandit, full })
}

fn shuffled(rows: usize, seed: u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..rows).collect();
    SplitMix::new(SplitMix::new(seed).bits()).shuffle(&mut order);
    order
}

/// The rounds, for the script.
fn write(data: &keel::Data, order: &[usize], folder: &Path, seed: usize) -> anyhow::Result<PathBuf> {
    let mut text = String::new();
    for &row in order {
        write!(text, "{}", data.labels[row] + 1)?;
        data.features[row].iter().try_for_each(|feature| write!(text, "\t{feature:.6}"))?;
        text.push('\n');
    }
    let path = folder.join(format!("{seed}.tsv"));
    std::fs::write(&path, text)?;
    Ok(path)
}

/// The part of the rounds that we answer wrongly.
fn ours(data: &keel::Data, order: &[usize], bar: &ProgressBar) -> anyhow::Result<f64> {
    let mut bandit = Bandit::new(data.classes, Rewards::OneRight)?;
    let mut wrong = 0_u32;
    for &row in order {
        let x = &data.features[row];
        let arm = bandit.choose(x);
        let right = arm == data.labels[row];
        wrong += u32::from(!right);
        bandit.learn(x, arm, f64::from(right));
        bar.inc(1);
    }
    Ok(f64::from(wrong) / order.len() as f64)
}

/// The mean loss of each configuration.
fn vowpal_wabbit(root: &Path, files: &[PathBuf]) -> anyhow::Result<BTreeMap<String, f64>> {
    let script = root.join(SCRIPT);
    let arguments: Vec<_> = [&script].into_iter().chain(files).map(|path| path.to_string_lossy()).collect();
    let arguments: Vec<&str> = arguments.iter().map(AsRef::as_ref).collect();
    let printed = Command::new(&setup::rivals_python(root).to_string_lossy()).args(&arguments).output()?;
    let mut losses = BTreeMap::<String, f64>::new();
    for line in printed.lines() {
        let played: Played = serde_json::from_str(line).with_context(|| format!("{SCRIPT} printed {line:?}"))?;
        let loss = f64::from(played.wrong) / f64::from(played.rounds);
        *losses.entry(played.configuration).or_default() += loss / files.len() as f64;
    }
    Ok(losses)
}
