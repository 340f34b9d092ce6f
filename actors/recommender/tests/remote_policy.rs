//! The documentation's remote policy (`docs/examples/remote-policy`), in Python: somebody else's server, asked by ours.

#![allow(clippy::unwrap_used, reason = "a test that cannot set its scene has failed")]

use oo_contracts::decision::{Ask, Provenance, Recommendation};
use oo_domain::policy;
use oo_runtime::engines::{dies_with_us, free_port};
use oo_subjects::RECOMMEND;
use oo_testkit::{House, http};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::process::{Child, Command};

/// As it calls itself.
const NAME: &str = "remote-example";
/// The version of a model that knows nothing yet, and of the one that is taught here: with the features' (`policy.py`).
const UNTAUGHT: u32 = 1;
const TAUGHT: u32 = 4001;
/// Longer than a person's ask should wait, and shorter than the asker does: here the machine may be busy.
const WITHIN_MS: &str = "1500";
/// Python reads its libraries first, which takes seconds, and more where the machine is busy.
const STARTS_WITHIN: Duration = Duration::from_secs(90);

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn python() -> PathBuf {
    let python = root().join(".oo/remote-policy/bin/python");
    assert!(python.exists(), "the remote policy's libraries are missing: `cargo xtask setup` installs them");
    python
}

fn example() -> PathBuf {
    root().join("docs/examples/remote-policy")
}

/// The contract's own examples of an ask, by their file's name.
fn asks(verdict: &str) -> BTreeMap<String, String> {
    let folder = root().join("contracts/examples").join(verdict);
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let named = files.map(|file| (file.file_name().unwrap().to_str().unwrap().to_owned(), file));
    let asks: BTreeMap<_, _> = named
        .filter(|(name, _)| name.starts_with("Ask."))
        .map(|(name, file)| (name, std::fs::read_to_string(file).unwrap()))
        .collect();
    assert!(!asks.is_empty());
    asks
}

/// The server, which ends with the test.
struct Theirs {
    url: String,
    _process: Child,
}

impl Theirs {
    /// With a model, or with none.
    async fn start(model: Option<&Path>) -> Self {
        let port = free_port().unwrap().to_string();
        let process = dies_with_us(python())
            .arg("-B")
            .arg(example().join("serve.py"))
            .args(["--port", &port])
            .args(model.into_iter().flat_map(|model| [Path::new("--model"), model]))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let health = format!("http://127.0.0.1:{port}/health");
        let listens = async {
            while http().get(&health).send().await.is_err() {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        };
        tokio::time::timeout(STARTS_WITHIN, listens).await.expect("the remote policy listens in time");
        Self { url: format!("http://127.0.0.1:{port}/recommend"), _process: process }
    }

    /// What the recommender is told of it.
    fn settings(&self) -> [(&'static str, String); 2] {
        [("OO_RECOMMENDER__REMOTE_URL", self.url.clone()), ("OO_RECOMMENDER__REMOTE_WITHIN_MS", WITHIN_MS.to_owned())]
    }
}

/// A model that the exports of made-up people taught.
async fn taught(folder: &Path) -> PathBuf {
    let (people, model) = (folder.join("people"), folder.join("model.json"));
    run("made_up_log.py", |command| command.arg(&people).args(["--people", "6", "--days", "30"])).await;
    let exports = std::fs::read_dir(&people).unwrap().map(|entry| entry.unwrap().path());
    run("train.py", |command| command.arg("--out").arg(&model).args(["--version", "4"]).args(exports)).await;
    model
}

/// Runs one of its programs to its end.
async fn run(program: &str, arguments: impl FnOnce(&mut Command) -> &mut Command) {
    let mut command = Command::new(python());
    command.arg("-B").arg(example().join(program)).stdin(Stdio::null()).stdout(Stdio::null());
    assert!(arguments(&mut command).status().await.unwrap().success(), "{program}");
}

fn with_bits(ask: &Ask, bits: u64) -> Ask {
    Ask { bits: format!("{bits:016x}").parse().unwrap(), ..ask.clone() }
}

/// Its answer, and nobody stood in for it.
fn theirs(answer: &Recommendation, version: u32) -> bool {
    answer.policy.as_str() == NAME && answer.version == version && answer.provenance == Provenance::default()
}

#[tokio::test]
async fn a_policy_in_python_answers_all_that_the_contract_may_ask() {
    let mut house = House::start().await;
    let remote = Theirs::start(None).await;
    house.set(remote.settings());
    house.set([("OO_RECOMMENDER__POLICY", "remote")]);
    let _service = house.serve("recommender", oo_recommender::serve).await;
    let ctx = house.context("test").await;
    for (name, text) in asks("accepted") {
        let ask: Ask = serde_json::from_str(&text).unwrap();
        for bits in 0..20 {
            let ask = with_bits(&ask, bits);
            let answer = ctx.bus.ask(RECOMMEND, &ask).await.unwrap();
            assert!(theirs(&answer, UNTAUGHT), "{name}: {answer:?}");
            assert_eq!(ctx.bus.ask(RECOMMEND, &ask).await.unwrap(), answer, "{name}: the same ask, the same answer");
        }
    }
    for (name, text) in asks("rejected") {
        let refused = http().post(&remote.url).header("content-type", "application/json").body(text).send().await;
        assert_eq!(refused.unwrap().status(), 422, "{name}");
    }
}

#[tokio::test]
async fn a_policy_in_python_takes_each_action_as_often_as_it_says() {
    const ASKED: u64 = 400;
    // Five standard deviations of a binomial count.
    const FAR: f64 = 5.0;
    let mut house = House::start().await;
    let remote = Theirs::start(Some(&taught(house.dir()).await)).await;
    house.set(remote.settings());
    house.set([("OO_RECOMMENDER__POLICY", "remote")]);
    let _service = house.serve("recommender", oo_recommender::serve).await;
    let ctx = house.context("test").await;
    let ask: Ask = serde_json::from_str(&asks("accepted")["Ask.four-candidates.json"]).unwrap();
    let mut seen: BTreeMap<Option<u16>, (f64, f64)> = BTreeMap::new();
    for bits in 0..ASKED {
        let answer = ctx.bus.ask(RECOMMEND, &with_bits(&ask, bits)).await.unwrap();
        assert!(theirs(&answer, TAUGHT), "{answer:?}");
        let (count, told) = seen.entry(answer.tip.map(|tip| tip.candidate)).or_insert((0.0, answer.propensity));
        assert_eq!(*told, answer.propensity, "one action of one ask has one probability");
        *count += 1.0;
    }
    assert!(seen.len() > 1, "{seen:?}");
    for (action, (count, told)) in &seen {
        let spread = (ASKED as f64 * told * (1.0 - told)).sqrt();
        assert!((count - ASKED as f64 * told).abs() < FAR * spread, "{action:?} in {seen:?}");
    }
}

#[tokio::test]
async fn a_policy_in_python_can_be_tried_without_effect() {
    let mut house = House::start().await;
    let remote = Theirs::start(None).await;
    house.set(remote.settings());
    house.set([("OO_RECOMMENDER__POLICY", "rules"), ("OO_RECOMMENDER__SHADOW", "remote")]);
    let _service = house.serve("recommender", oo_recommender::serve).await;
    let ctx = house.context("test").await;
    let ask: Ask = serde_json::from_str(&asks("accepted")["Ask.paced.json"]).unwrap();
    let answer = ctx.bus.ask(RECOMMEND, &ask).await.unwrap();
    assert_eq!(answer.own(), policy::named("rules").unwrap().recommend(&ask));
    let shadow = answer.provenance.shadow.unwrap();
    assert_eq!((shadow.policy.as_str(), shadow.version), (NAME, UNTAUGHT));
}
