//! What everything that runs holds, looked at again and again, and what of it grew.

use crate::stage::{NATS, Stage};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;

/// Between two looks.
pub(crate) const EVERY: Duration = Duration::from_secs(30);
const MIB: f64 = 1024.0 * 1024.0;

/// How much more of something there may be in the last third than in the first: a share of it, or so much, whichever is more.
struct Bound {
    share: f64,
    least: f64,
}

/// In MiB. Allocators and caches need a while until they are full.
const MEMORY: Bound = Bound { share: 0.1, least: 4.0 };
/// There are some more or fewer, by who happens to be there.
const COUNT: Bound = Bound { share: 0.1, least: 8.0 };
/// In MiB. nats-server holds the block that each stream writes to, which grows to 8 MiB, or until most of it was purged; there
/// are two dozen, and from 40 MiB it came to 80 to 100.
const BLOCKS: Bound = Bound { share: 0.0, least: 32.0 };
const NONE: Bound = Bound { share: 0.0, least: 0.0 };

/// All that was seen.
#[derive(Default)]
pub(crate) struct Samples(Vec<Row>);

/// One thing that is looked at.
struct Row {
    what: String,
    /// None where it is meant to grow.
    bound: Option<Bound>,
    /// Each time: hours since the first, and how much there was.
    seen: Vec<(f64, f64)>,
}

impl Samples {
    /// Looks at everything.
    pub(crate) async fn take(&mut self, stage: &Stage, since: Duration) {
        let mut add = |what: String, much: f64, bound: Option<Bound>| {
            let seen = (since.as_secs_f64() / 3600.0, much);
            match self.0.iter_mut().find(|row| row.what == what) {
                Some(row) => row.seen.push(seen),
                None => self.0.push(Row { what, bound, seen: vec![seen] }),
            }
        };
        for (name, process) in stage.processes() {
            let bound = if name == NATS { BLOCKS } else { MEMORY };
            add(format!("{name}: memory, MiB"), process.memory() as f64 / MIB, Some(bound));
            add(format!("{name}: open files"), process.files() as f64, Some(COUNT));
            add(format!("{name}: threads"), process.threads() as f64, Some(COUNT));
        }
        let number = |of: &Value, field: &str| of[field].as_f64().unwrap();
        let server = stage.house.ask_nats("varz").await.unwrap();
        add("NATS connections".into(), number(&server, "connections"), Some(COUNT));
        add("NATS subscriptions".into(), number(&server, "subscriptions"), Some(COUNT));
        add("NATS slow consumers".into(), number(&server, "slow_consumers"), Some(NONE));
        let streams = stage.house.ask_nats("jsz").await.unwrap();
        add("JetStream consumers".into(), number(&streams, "consumers"), Some(COUNT));
        add("JetStream memory, MiB".into(), number(&streams, "memory") / MIB, Some(MEMORY));
        add("JetStream files, MiB".into(), number(&streams, "storage") / MIB, None);
        add("JetStream messages".into(), number(&streams, "messages"), None);
        let told = stage.house.ask_redis(&["INFO", "memory"]).await.unwrap();
        let used = told.lines().find_map(|line| line.strip_prefix("used_memory:")?.trim().parse::<f64>().ok());
        add("Redis data, MiB".into(), used.unwrap() / MIB, Some(MEMORY));
        for (kind, count) in kinds(&stage.house.ask_redis(&["KEYS", "*"]).await.unwrap()) {
            add(format!("Redis keys {kind}:…"), count, Some(COUNT));
        }
    }

    /// The last look, in a line.
    pub(crate) fn last(&self) -> String {
        let all = |end: &str| {
            let rows = self.0.iter().filter(|row| row.what.ends_with(end));
            rows.filter_map(|row| row.seen.last()).map(|seen| seen.1).sum::<f64>()
        };
        let (memory, files, messages) = (all(": memory, MiB"), all(": open files"), all("JetStream messages"));
        format!("{memory:.0} MiB of memory, {files:.0} open files, {messages:.0} messages")
    }

    /// Prints all as a table, and gives what grew beyond its bound.
    pub(crate) fn tell(&self) -> Vec<String> {
        let whole = self.0.iter().filter_map(|row| row.seen.last()).map(|seen| seen.0).fold(0.0, f64::max);
        let mut grew = Vec::new();
        println!("| what | first third | last third | an hour | |\n|---|---|---|---|---|");
        for row in &self.0 {
            let (first, last) = (row.median(0.0, whole / 3.0), row.median(whole * 2.0 / 3.0, whole));
            let verdict = match &row.bound {
                None => "meant to",
                Some(bound) if last - first > bound.least.max(bound.share * first) => "grew",
                Some(_) => "",
            };
            let line = format!("{} | {first:.1} | {last:.1} | {:+.1}", row.what, row.slope());
            println!("| {line} | {verdict} |");
            if verdict == "grew" {
                grew.push(line);
            }
        }
        grew
    }
}

impl Row {
    /// What there was in the middle of this time; nothing where it was never there.
    fn median(&self, from: f64, to: f64) -> f64 {
        let within = self.seen.iter().filter(|(hours, _)| (from..=to).contains(hours));
        let mut much: Vec<f64> = within.map(|seen| seen.1).collect();
        much.sort_by(f64::total_cmp);
        much.get(much.len() / 2).copied().unwrap_or_default()
    }

    /// By how much it grew in an hour: least squares.
    fn slope(&self) -> f64 {
        let count = self.seen.len() as f64;
        let mean = |of: fn(&(f64, f64)) -> f64| self.seen.iter().map(of).sum::<f64>() / count;
        let (hours, much) = (mean(|seen| seen.0), mean(|seen| seen.1));
        let [together, alone] = self.seen.iter().fold([0.0, 0.0], |[together, alone], seen| {
            [together + (seen.0 - hours) * (seen.1 - much), alone + (seen.0 - hours).powi(2)]
        });
        if alone > 0.0 { together / alone } else { 0.0 }
    }
}

/// How many keys of each kind there are, by the first two parts of their names.
fn kinds(answer: &str) -> BTreeMap<String, f64> {
    let mut kinds = BTreeMap::new();
    for key in answer.lines().filter(|line| line.starts_with("oo:")) {
        let kind: Vec<&str> = key.split(':').take(2).collect();
        *kinds.entry(kind.join(":")).or_default() += 1.0;
    }
    kinds
}
