//! What deciding and learning cost, over candidates and dimensions: medians by criterion, and a table with percentiles and
//! allocations against the aims (recommender G13 to G15).

use criterion::{BenchmarkId, Criterion, criterion_group};
use oo_contracts::decision::{Ask, Candidate, Context, RandomBits};
use oo_contracts::tip::Subject;
use oo_contracts::{AccountId, Ref};
use oo_domain::bayes::{Belief, Evidence, Normal, Prior, chances};
use oo_domain::learning;
use oo_domain::policy::Policy;
use oo_domain::policy::linear::Linear;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use std::alloc::System;
use std::hint::black_box;
use std::time::{Duration, Instant};

#[global_allocator]
static COUNTING: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Calls of which the percentiles are taken.
const CALLS: usize = 100_000;

/// A belief that has seen some rows, and rows to decide over.
struct Case {
    belief: Belief,
    rows: Vec<Vec<f64>>,
    options: Vec<Normal>,
    chances: Vec<f64>,
}

impl Case {
    fn new(candidates: usize, dim: usize) -> Self {
        let mut draws = Draws(1);
        let mut row = || (0..dim).map(|_| 2.0 * draws.uniform() - 1.0).collect::<Vec<_>>();
        let prior = Prior::independent(vec![0.1; dim], &vec![0.2; dim], 0.2).expect("a prior");
        let mut belief = Belief::new(&prior);
        for turn in 0..30 {
            belief.learn(&row(), f64::from(turn % 2), 1.0);
        }
        let rows = (0..candidates).map(|_| row()).collect();
        Self { belief, rows, options: Vec::with_capacity(candidates), chances: Vec::new() }
    }

    fn decide(&mut self) -> f64 {
        self.options.clear();
        self.options.extend(self.rows.iter().map(|row| self.belief.predict(row)));
        chances(&self.options, &mut self.chances);
        self.chances[0]
    }

    fn learn(&mut self, turn: usize) {
        let row = turn % self.rows.len();
        self.belief.learn(&self.rows[row], (turn % 2) as f64, 1.0);
        self.belief.forget(0.98);
    }
}

fn decide(bench: &mut Criterion) {
    let mut group = bench.benchmark_group("decide at 32 dimensions, candidates");
    for candidates in [1, 10, 20, 100, 1000] {
        let mut case = Case::new(candidates, 32);
        group.bench_function(BenchmarkId::from_parameter(candidates), |b| b.iter(|| case.decide()));
    }
    group.finish();
    let mut group = bench.benchmark_group("decide over 20 candidates, dimensions");
    for dim in [8, 16, 32, 64, 128] {
        let mut case = Case::new(20, dim);
        group.bench_function(BenchmarkId::from_parameter(dim), |b| b.iter(|| case.decide()));
    }
    group.finish();
    let mut group = bench.benchmark_group("learn and forget, dimensions");
    for dim in [8, 16, 32, 64, 128] {
        let (mut case, mut turn) = (Case::new(20, dim), 0);
        group.bench_function(BenchmarkId::from_parameter(dim), |b| {
            b.iter(|| {
                turn += 1;
                case.learn(turn);
            });
        });
    }
    group.finish();
}

fn recommend(bench: &mut Criterion) {
    let mut group = bench.benchmark_group("the whole policy linear, candidates");
    for candidates in [1, 10, 20, 100] {
        let (ask, policy) = (ask(candidates), Linear::default());
        group.bench_function(BenchmarkId::from_parameter(candidates), |b| b.iter(|| policy.recommend(black_box(&ask))));
    }
    group.finish();
}

/// Percentiles, allocations and throughput, with the aims beside them.
fn table() {
    let mut case = Case::new(20, 32);
    report("decide, 20 candidates, 32 dimensions", " (aim: p99 at most 10 µs)", || {
        case.decide();
    });
    let (mut case, mut turn) = (Case::new(20, 32), 0);
    report("learn, 32 dimensions", " (aim: p99 at most 2 µs)", || {
        turn += 1;
        let row = turn % case.rows.len();
        case.belief.learn(&case.rows[row], (turn % 2) as f64, 1.0);
    });
    let (ask, policy) = (ask(20), Linear::default());
    report("the policy linear, 20 candidates, with a posterior", "", || {
        black_box(policy.recommend(black_box(&ask)));
    });
    let per_second = throughput();
    eprintln!("decide and learn, 10 candidates, 16 dimensions, two threads: {per_second:.0} a second (aim: 300000)");
}

fn report(what: &str, aim: &str, mut call: impl FnMut()) {
    for _ in 0..1000 {
        call();
    }
    let region = Region::new(COUNTING);
    call();
    let allocations = region.change().allocations;
    let mut took: Vec<_> = (0..CALLS)
        .map(|_| {
            let began = now();
            call();
            began.elapsed()
        })
        .collect();
    took.sort_unstable();
    let micros = |part: f64| took[(part * (CALLS - 1) as f64) as usize].as_nanos() as f64 / 1e3;
    eprintln!("{what}: p50 {:.2} µs, p99 {:.2} µs, {allocations} allocations{aim}", micros(0.5), micros(0.99));
}

/// Decisions, each learnt from, in a second of two threads.
fn throughput() -> f64 {
    let lasts = Duration::from_secs(2);
    let count = || {
        let mut case = Case::new(10, 16);
        let (began, mut turns) = (now(), 0usize);
        while began.elapsed() < lasts {
            for _ in 0..100 {
                turns += 1;
                black_box(case.decide());
                case.learn(turns);
            }
        }
        turns as f64 / began.elapsed().as_secs_f64()
    };
    std::thread::scope(|threads| {
        let both = [threads.spawn(count), threads.spawn(count)];
        both.map(|thread| thread.join().expect("it counts")).iter().sum()
    })
}

/// An ask with that many tasks, of somebody who answered thirty tips.
fn ask(candidates: usize) -> Ask {
    let account: AccountId = "acc".parse().expect("an account");
    let candidate = |number: usize| Candidate {
        subject: Subject::Todo {
            task: Ref { account: account.clone(), item: format!("item-{number}").parse().expect("an item") },
        },
        minutes: 5 + 10 * (number % 4) as u16,
        priority: 1 + (number % 4) as u8,
        due_days: number.is_multiple_of(3).then_some(number as i32 % 7 - 2),
        age_days: number as u16,
        shown: 0,
        since_shown: None,
        left: None,
        in_a_row: None,
        estimated: false,
        wanted: false,
    };
    let context = Context {
        free_minutes: 60,
        since_busy: 45,
        busy_today: 120,
        present: true,
        since_tip: 600,
        dosage: 1.0,
        ..Context::quiet("2026-11-23T09:00:00Z".parse().expect("a time"), 540, 1)
    };
    let candidates: Vec<_> = (0..candidates).map(candidate).collect();
    let mut evidence = Evidence::new(oo_domain::features::D);
    for (turn, row) in oo_domain::features::Row::all(&context, &candidates).iter().cycle().take(30).enumerate() {
        evidence.observe(&row.values(), (turn % 2) as f64, 1.0);
    }
    Ask {
        id: "decision-0001".parse().expect("an id"),
        context,
        candidates,
        posterior: learning::to_posterior(&evidence),
        bits: RandomBits::new(1),
        unit: None,
        tenant: None,
    }
}

#[allow(clippy::disallowed_methods, reason = "a measurement needs a clock")]
fn now() -> Instant {
    Instant::now()
}

/// SplitMix64.
struct Draws(u64);

impl Draws {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
    targets = decide, recommend
}

fn main() {
    table();
    benches();
    Criterion::default().configure_from_args().final_summary();
}
