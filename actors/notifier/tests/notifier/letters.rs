//! E-mail against a real mail server: whose an address is, what is written to it, and how it ends.

use super::{LONG, Scene, TITLE};
use oo_contracts::UserId;
use oo_contracts::email::{EmailAsk, EmailConfirm, EmailEnd, EmailStart, EmailStop, HeldEmail};
use oo_contracts::push::{AnswerByToken, AnswerToken};
use oo_contracts::rights::Clear;
use oo_contracts::signal::{Answer, Channel, Delivery, Fact, Language};
use oo_contracts::tip::Tip;
use oo_contracts::wire::{Done, PushLook, View};
use oo_runtime::Metric;
use oo_runtime::seal::Walk;
use oo_sandbox::{Fault, FaultKind};
use oo_subjects::{
    ANSWER_BY_TOKEN, AskError, CLEAR_DEVICES, DEVICES, EMAIL_CONFIRM, EMAIL_END, EMAIL_START, EMAIL_STOP,
};
use oo_testkit::{Letter, MailServer, Running, eventually};
use std::time::Duration;

const ADDRESS: &str = "ada@lovelace.org";

/// A scene with a mail server.
struct Post {
    scene: Scene,
    server: MailServer,
    notifier: Running,
}

impl Post {
    async fn new() -> Self {
        let mut scene = Scene::new().await;
        let server = MailServer::start().await;
        scene.house.set(server.settings());
        scene.house.set([("OO_NOTIFIER__PUBLIC_URL", "https://oo.somebody.eu/")]);
        let notifier = scene.notifier().await;
        eventually("the notifier answers", || async { scene.look().await.ok() }).await;
        Self { scene, server, notifier }
    }

    /// One to whom letters go.
    async fn confirmed(address: &str) -> Self {
        let post = Self::new().await;
        post.confirm_as(post.scene.user(), address).await;
        post
    }

    async fn confirm_as(&self, user: UserId, address: &str) {
        self.scene.ctx.bus.ask(EMAIL_END, &EmailEnd { user: user.clone() }).await.unwrap();
        self.start(user.clone(), address).await.unwrap();
        let code = self.arrives_to(address, 1).await.last().unwrap().code();
        self.bring(user, &code).await.unwrap();
        self.server.forget();
    }

    async fn start(&self, user: UserId, address: &str) -> Result<Done, AskError> {
        let ask = EmailAsk { address: address.parse().unwrap(), language: Language::En };
        self.scene.ctx.bus.ask(EMAIL_START, &EmailStart { user, ask }).await
    }

    async fn bring(&self, user: UserId, code: &str) -> Result<Done, AskError> {
        self.scene.ctx.bus.ask(EMAIL_CONFIRM, &EmailConfirm { user, code: code.parse().unwrap() }).await
    }

    async fn stop(&self, token: &str) -> Result<Done, AskError> {
        self.scene.ctx.bus.ask(EMAIL_STOP, &EmailStop { token: token.parse().unwrap() }).await
    }

    async fn held(&self) -> Option<HeldEmail> {
        self.scene.ctx.bus.ask(DEVICES, &PushLook { user: self.scene.user() }).await.unwrap().email
    }

    fn letters(&self) -> Vec<Letter> {
        self.server.letters()
    }

    async fn arrives_to(&self, address: &str, times: usize) -> Vec<Letter> {
        self.server.arrives_to(address, times).await
    }
}

fn status<T: std::fmt::Debug>(answer: Result<T, AskError>) -> u16 {
    match answer {
        Err(AskError::Problem(problem)) => problem.status,
        other => panic!("no problem: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_the_persons_once_its_code_comes_back_and_no_tip_goes_there_before() {
    let post = Post::new().await;
    let user = post.scene.user();
    assert!(post.scene.look().await.unwrap().email);
    post.start(user.clone(), ADDRESS).await.unwrap();
    let asked = post.arrives_to(ADDRESS, 1).await.remove(0);
    assert_eq!(
        (asked.from.as_str(), asked.headers["auto-submitted"].as_str()),
        ("oO <oo@somebody.eu>", "auto-generated")
    );
    assert!(
        asked.text.contains("oo.somebody.eu")
            && asked.text.contains(&asked.code())
            && asked.html.contains(&asked.code())
    );
    assert_eq!(post.held().await, Some(HeldEmail { address: ADDRESS.parse().unwrap(), confirmed: None }));

    let early = post.scene.give(LONG).await;
    post.scene.settled().await;
    assert_eq!((post.letters().len(), post.scene.outcomes(&early.id).len()), (1, 0));

    let wrong = if asked.code() == "00000000" { "00000001" } else { "00000000" };
    assert_eq!(status(post.bring(user.clone(), wrong).await), 422);
    post.bring(user.clone(), &asked.code()).await.unwrap();
    assert_eq!(status(post.bring(user, &asked.code()).await), 410, "a code is used once");
    assert!(post.held().await.unwrap().confirmed.is_some());

    let tip = post.scene.give(LONG).await;
    assert_eq!(post.scene.outcome(&tip, "email").await, Delivery::Accepted);
    let letter = post.arrives_to(ADDRESS, 2).await.remove(1);
    assert_eq!(letter.subject, TITLE);
    assert!(
        letter.text.contains("Nothing in your calendar")
            && letter.html.contains(TITLE)
            && letter.html.contains(r#"lang="en""#)
    );
    assert!(!letter.text.contains("Todoist") && !letter.html.contains("<img"));
    let click = format!("<https://oo.somebody.eu/api/v1/email/stop/{}>", letter.token("stop").unwrap());
    assert_eq!(letter.headers["list-unsubscribe"], click);
    assert_eq!(letter.headers["list-unsubscribe-post"], "List-Unsubscribe=One-Click");
    assert!(letter.headers["message-id"].contains(tip.id.as_str()));

    // Nothing of the address rests readably.
    post.scene.house.ask_redis(&["BGREWRITEAOF"]).await.unwrap();
    let mut files = vec![post.scene.house.dir().to_owned()];
    let mut searched = 0;
    while let Some(path) = files.pop() {
        match std::fs::read_dir(&path) {
            Ok(inside) => files.extend(inside.map(|one| one.unwrap().path())),
            Err(_) => {
                let bytes = std::fs::read(&path).unwrap_or_default();
                searched += bytes.len();
                assert!(!bytes.windows(8).any(|some| some == b"lovelace"), "{}", path.display());
            }
        }
    }
    assert!(searched > 10_000, "{searched}");
    let record =
        post.scene.house.ask_redis(&["GET", &format!("oo:email:{}", post.scene.person.place.log)]).await.unwrap();
    assert!(record.contains("kek"), "it is there, sealed: {record}");
    let tally = oo_notifier::sealed(&post.scene.ctx, Walk::Count).await.unwrap();
    assert_eq!((tally.by_key.values().sum::<u64>(), tally.closed), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_cannot_be_guessed() {
    let post = Post::new().await;
    let user = post.scene.user();
    post.start(user.clone(), ADDRESS).await.unwrap();
    let code = post.arrives_to(ADDRESS, 1).await[0].code();
    let wrong = format!("{:08}", (code.parse::<u64>().unwrap() + 1) % 100_000_000);
    let tries = [422, 422, 422, 422, 410];
    for expected in tries {
        assert_eq!(status(post.bring(user.clone(), &wrong).await), expected);
    }
    assert_eq!(status(post.bring(user.clone(), &code).await), 410, "after five wrong ones none is right");
    assert!(post.held().await.unwrap().confirmed.is_none());
    // A code of one person is none of another's.
    let bob = post.scene.ctx.people().await.unwrap().find_or_make(&"bob".parse().unwrap()).await.unwrap();
    post.start(user, "ada2@lovelace.org").await.unwrap();
    let code = post.arrives_to("ada2@lovelace.org", 1).await[0].code();
    assert_eq!(status(post.bring(bob.user.clone(), &code).await), 410);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_gets_few_letters_and_after_a_word_none() {
    let post = Post::new().await;
    let people = post.scene.ctx.people().await.unwrap();
    let bob = people.find_or_make(&"bob".parse().unwrap()).await.unwrap().user.clone();
    let user = post.scene.user();
    for (whose, address) in [(&user, "eve@stranger.org"), (&user, "Eve@stranger.org"), (&bob, "eve+1@stranger.org")] {
        post.start(whose.clone(), address).await.unwrap();
    }
    assert_eq!(status(post.start(bob.clone(), "EVE+2@stranger.org").await), 429, "however it is written, whoever asks");
    let letters = eventually("three letters", || async { Some(post.letters()).filter(|all| all.len() == 3) }).await;
    let way_out = letters[0].token("never").unwrap();
    assert_eq!(status(post.stop(&format!("{way_out}x")).await), 410);
    post.stop(&way_out).await.unwrap();
    post.stop(&way_out).await.unwrap();
    assert_eq!(status(post.start(user.clone(), "eve@stranger.org").await), 429, "nobody is told that it wants none");
    // Not even the code that is there already.
    assert_eq!(status(post.bring(bob.clone(), &letters[2].code()).await), 410);

    // One person cannot write to the whole world either.
    let mut last = Ok(Done {});
    for at in 0..5 {
        last = post.start(user.clone(), &format!("somebody{at}@stranger.org")).await;
    }
    assert_eq!(status(last), 429);
    for bad in
        ["eve", "eve@localhost", "eve@127.0.0.1", "eve@[::1]", "a@b.org,eve@stranger.org", "eve@stranger.org\r\nDATA"]
    {
        assert_eq!(status(post.start(bob.clone(), bad).await), 422, "{bad}");
    }
    // Nothing of whoever asked is in them: they differ by their code alone.
    let without = |letter: &Letter| letter.text.replace(&letter.code(), "");
    assert!(letters.iter().all(|letter| without(letter) == without(&letters[0])));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_answers_once_and_comes_once_however_often_the_stream_brings_its_tip() {
    let post = Post::confirmed(ADDRESS).await;
    let tip = post.scene.give(LONG).await;
    let letter = post.arrives_to(ADDRESS, 1).await.remove(0);
    post.scene.settled().await;
    post.scene.deliver_all_again().await;
    eventually("a second receipt", || async { (post.scene.outcomes(&tip.id).len() >= 2).then_some(()) }).await;
    assert_eq!(post.letters().len(), 1);
    assert_eq!(post.notifier.ctx.metrics.counted(Metric::NotifierAmbiguous, ""), 0);

    let token: AnswerToken = letter.token("done").unwrap().parse().unwrap();
    let answer = async || post.scene.ctx.bus.ask(ANSWER_BY_TOKEN, &AnswerByToken { token: token.clone() }).await;
    answer().await.unwrap();
    assert_eq!(status(answer().await), 410);
    let receipts = post.scene.receipts.lock().unwrap().clone();
    let done = Fact::Feedback { tip: tip.id.clone(), answer: Answer::Done };
    assert_eq!(receipts.iter().filter(|signal| signal.fact == done).count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_a_letter_ends_them_also_those_that_wait() {
    let post = Post::confirmed(ADDRESS).await;
    post.scene.give(LONG).await;
    let stop = post.arrives_to(ADDRESS, 1).await[0].token("stop").unwrap();
    assert_eq!(status(post.stop(&format!("{}x", &stop[..stop.len() - 1])).await), 410);
    post.stop(&stop).await.unwrap();
    assert_eq!(post.held().await, None);
    post.stop(&stop).await.unwrap();
    let unsaid = post.scene.give(LONG).await;
    post.scene.settled().await;
    assert_eq!((post.letters().len(), post.scene.outcomes(&unsaid.id).len()), (1, 0));

    // Given anew, an old letter still ends them.
    post.confirm_as(post.scene.user(), ADDRESS).await;
    post.stop(&stop).await.unwrap();
    assert_eq!(post.held().await, None);

    // The mail server wants it later, and by then the person wants none.
    post.confirm_as(post.scene.user(), "later@lovelace.org").await;
    let tip = post.scene.give(LONG).await;
    assert_eq!(post.arrives_to("later@lovelace.org", 1).await[0].verdict, 451);
    post.scene.ctx.bus.ask(EMAIL_END, &EmailEnd { user: post.scene.user() }).await.unwrap();
    post.scene.settled().await;
    assert_eq!((post.letters().len(), post.scene.outcomes(&tip.id).len()), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_is_reached_needs_no_letter_and_one_that_is_gone_does() {
    let post = Post::confirmed(ADDRESS).await;
    let phone = post.scene.subscribe("phone").await;
    let tip = post.scene.give(LONG).await;
    post.scene.arrives(&phone, 1).await;
    post.scene.settled().await;
    assert_eq!(post.scene.outcomes(&tip.id), [("phone".to_owned(), Delivery::Accepted)]);
    assert!(post.letters().is_empty());

    // Its subscription is gone: then there is no device.
    post.scene.sandbox.push().fault(Fault::next(1, "", FaultKind::Status { status: 410, retry_after_secs: None }));
    let tip = post.scene.give(LONG).await;
    assert_eq!(post.scene.outcome(&tip, "email").await, Delivery::Accepted);
    assert_eq!(post.letters().len(), 1);

    // Refused for good, but taken within two days: its push service may be in trouble.
    let phone = post.scene.subscribe("phone").await;
    post.scene.give(LONG).await;
    post.scene.arrives(&phone, 1).await;
    post.scene.sandbox.push().fault(Fault::next(1, "", FaultKind::Status { status: 400, retry_after_secs: None }));
    let refused = post.scene.give(LONG).await;
    assert_eq!(post.scene.outcome(&refused, "phone").await, Delivery::Failed { status: Some(400) });
    post.scene.settled().await;
    assert_eq!(post.letters().len(), 1);
    // Three days later it is not reached any more.
    let log = &post.scene.person.place.log;
    let long_ago = (post.scene.ctx.clock.wall() - Duration::from_secs(3 * 24 * 3600)).to_string();
    for kind in ["reached", "kept"] {
        post.scene.house.ask_redis(&["HSET", &format!("oo:push:{log}:{kind}"), "phone", &long_ago]).await.unwrap();
    }
    post.scene.sandbox.push().fault(Fault::next(1, "", FaultKind::Status { status: 400, retry_after_secs: None }));
    let written = post.scene.give(LONG).await;
    assert_eq!(post.scene.outcome(&written, "email").await, Delivery::Accepted);
    assert_eq!(post.letters().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_server_has_the_last_word_and_what_it_may_have_is_not_sent_again() {
    let post = Post::new().await;
    let bob = post.scene.ctx.people().await.unwrap().find_or_make(&"bob".parse().unwrap()).await.unwrap();
    let user = post.scene.user();
    for (address, refusal) in [("busy@lovelace.org", 503), ("refused@lovelace.org", 422)] {
        assert_eq!(status(post.start(bob.user.clone(), address).await), refusal);
        let held = post.scene.ctx.bus.ask(DEVICES, &PushLook { user: bob.user.clone() }).await.unwrap();
        assert_eq!(held.email, None, "nothing is awaited from where no letter came");
    }
    let verdicts = |address: &str| {
        let to: Vec<u16> =
            post.letters().iter().filter(|letter| letter.to == address).map(|letter| letter.verdict).collect();
        to
    };
    for (address, outcome, said) in [
        ("later@lovelace.org", Delivery::Accepted, &[451, 250][..]),
        ("gone@lovelace.org", Delivery::Failed { status: Some(550) }, &[550]),
        ("silent@lovelace.org", Delivery::Failed { status: None }, &[250]),
    ] {
        post.confirm_as(user.clone(), address).await;
        let tip = post.scene.give(LONG).await;
        assert_eq!(post.scene.outcome(&tip, "email").await, outcome, "{address}");
        assert_eq!(verdicts(address), said);
        post.scene.settled().await;
        post.server.forget();
    }
    assert_eq!(post.notifier.ctx.metrics.counted(Metric::NotifierAmbiguous, ""), 1);
    post.scene.deliver_all_again().await;
    eventually("receipts anew", || async { (post.scene.receipts.lock().unwrap().len() >= 6).then_some(()) }).await;
    assert!(post.letters().is_empty(), "what became of each is known");

    // What was proved stays until the person ends it.
    assert_eq!(status(post.start(user, ADDRESS).await), 409);
    assert_eq!(post.held().await.unwrap().address.as_str(), "silent@lovelace.org");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_while_the_mail_server_was_away_is_not_written() {
    let post = Post::confirmed("later@lovelace.org").await;
    let mut view: View =
        serde_json::from_str(include_str!("../../../../contracts/examples/accepted/View.newcomer.json")).unwrap();
    let tip = post.scene.tip(LONG);
    view.tip = Some(tip.clone());
    *post.scene.view.lock().unwrap() = Some(view.clone());
    post.scene.append(tip.clone()).await;
    assert_eq!(post.arrives_to("later@lovelace.org", 1).await[0].verdict, 451);
    view.tip = None;
    *post.scene.view.lock().unwrap() = Some(view);
    post.scene.settled().await;
    assert_eq!((post.letters().len(), post.scene.outcomes(&tip.id).len()), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_try_that_was_claimed_and_left_is_not_made_again() {
    let post = Post::confirmed(ADDRESS).await;
    let tip = post.scene.tip(LONG);
    // As a notifier leaves it that was killed right after it claimed.
    let claim = format!("{}.{}.@email-0", post.scene.person.place.claims(), tip.id);
    assert!(post.scene.ctx.bus.claim(claim, b"{}".to_vec()).await.unwrap());
    post.scene.append(tip.clone()).await;
    assert_eq!(post.scene.outcome(&tip, "email").await, Delivery::Failed { status: None });
    post.scene.settled().await;
    assert!(post.letters().is_empty(), "it may have been sent");
    assert_eq!(post.notifier.ctx.metrics.counted(Metric::NotifierAmbiguous, ""), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_settings_of_a_tip_forbid_is_not_written() {
    let post = Post::confirmed(ADDRESS).await;
    let by_push = post.scene.append(Tip { channels: Some(vec![Channel::Push]), ..post.scene.tip(LONG) }).await;
    let by_none = post.scene.append(Tip { channels: Some(vec![]), ..post.scene.tip(LONG) }).await;
    post.scene.settled().await;
    assert!(post.letters().is_empty());
    assert!(post.scene.outcomes(&by_push.id).is_empty() && post.scene.outcomes(&by_none.id).is_empty());

    let quietly = Tip { discreet: true, channels: Some(vec![Channel::Email]), ..post.scene.tip(LONG) };
    post.scene.append(quietly).await;
    let letter = post.arrives_to(ADDRESS, 1).await.remove(0);
    assert_eq!(letter.subject, "oO has one for you.");
    assert!(!letter.text.contains(TITLE) && !letter.html.contains(TITLE) && !letter.text.contains("calendar"));
    assert_eq!(
        (letter.token("done"), letter.token("later")),
        (None, None),
        "nobody says done to what they have not read"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_person_ends_them_and_an_erased_one_leaves_nothing() {
    let post = Post::confirmed(ADDRESS).await;
    post.scene.ctx.bus.ask(EMAIL_END, &EmailEnd { user: post.scene.user() }).await.unwrap();
    assert_eq!(post.held().await, None);
    post.scene.give(LONG).await;
    post.scene.settled().await;
    assert!(post.letters().is_empty());

    post.confirm_as(post.scene.user(), ADDRESS).await;
    let log = post.scene.person.place.log.clone();
    let cleared = post.scene.ctx.bus.ask(CLEAR_DEVICES, &Clear { log: log.clone() }).await.unwrap();
    assert_eq!(cleared.removed, 1);
    let left = post.scene.house.ask_redis(&["KEYS", &format!("oo:email:{log}*")]).await.unwrap();
    assert!(!left.contains(log.as_str()), "{left}");
}
