//! Refreshing against the sandbox's real rotation, over two processes that share nothing but Redis.

use super::*;
use crate::link;
use crate::shared::Shared;
use oo_contracts::wire::{LinkCallback, LinkStart};
use oo_contracts::{Provider, Timestamp, UserId};
use oo_runtime::seal::Keyring;
use oo_runtime::{outbound, secret_file};
use oo_sandbox::{Fault, FaultKind, Options, Sandbox};
use oo_testkit::House;
use secrecy::ExposeSecret as _;
use url::Url;

struct Two {
    house: House,
    sandbox: Sandbox,
    one: Arc<Shared>,
    other: Arc<Shared>,
    account: AccountId,
}

impl Two {
    /// Two processes and one linked account.
    async fn start(provider: Provider) -> Self {
        let mut house = House::start().await;
        let sandbox =
            oo_sandbox::start(Options { sample: false, auto_consent: true, ..Options::default() }).await.unwrap();
        let at = |path: &str| sandbox.url().join(path).unwrap().to_string();
        let settings = [
            ("PUBLIC_URL", "http://127.0.0.1:1".to_owned()),
            ("LOOPBACK", "true".into()),
            ("TODOIST_CLIENT_ID", "sandbox-todoist".into()),
            ("TODOIST_CLIENT_SECRET", "sandbox-todoist-secret".into()),
            ("TODOIST_AUTHORIZE_URL", at("/todoist/oauth/authorize")),
            ("TODOIST_TOKEN_URL", at("/todoist/oauth/access_token")),
            ("TODOIST_API_URL", at("/todoist/api/v1/")),
            ("GOOGLE_CLIENT_ID", "sandbox-google.apps.googleusercontent.com".into()),
            ("GOOGLE_CLIENT_SECRET", "sandbox-google-secret".into()),
            ("GOOGLE_AUTHORIZE_URL", at("/google/o/oauth2/v2/auth")),
            ("GOOGLE_TOKEN_URL", at("/google/token")),
            ("GOOGLE_API_URL", at("/google/calendar/v3/")),
            ("MICROSOFT_CLIENT_ID", Options::default().microsoft_client.id),
            ("MICROSOFT_CLIENT_SECRET", Options::default().microsoft_client.secret),
            ("MICROSOFT_AUTHORIZE_URL", at("/microsoft/common/oauth2/v2.0/authorize")),
            ("MICROSOFT_TOKEN_URL", at("/microsoft/common/oauth2/v2.0/token")),
            ("MICROSOFT_API_URL", at("/microsoft/v1.0/")),
        ];
        house.set(settings.into_iter().map(|(name, value)| (format!("OO_INTEGRATIONS__{name}"), value)));
        outbound::install_tls();
        let one = shared(&house).await;
        let other = shared(&house).await;
        let account = link(&one, provider).await;
        Self { house, sandbox, one, other, account }
    }

    /// The access token is past its time.
    async fn expire(&self) -> Account {
        let account = self.one.vault.read(&self.account).await.unwrap().unwrap();
        let grant = Grant { expires: Some(Timestamp::UNIX_EPOCH), ..account.grant.clone() };
        match self.one.vault.save(&account, &grant).await.unwrap() {
            Saved::Mine(account) => account,
            other => panic!("{other:?}"),
        }
    }

    fn refreshes(&self) -> usize {
        let (todoist, google, microsoft) = (self.sandbox.todoist(), self.sandbox.google(), self.sandbox.microsoft());
        let asked = [todoist.requests(), google.requests(), microsoft.requests()].concat();
        asked.iter().filter(|one| one.path.ends_with("/access_token") || one.path.ends_with("/token")).count()
    }

    async fn kept(&self) -> Account {
        self.one.vault.read(&self.account).await.unwrap().unwrap()
    }
}

/// A process of its own, in which Ada is known.
pub(super) async fn shared(house: &House) -> Arc<Shared> {
    let ctx = house.context("integrations").await;
    let people = ctx.people().await.unwrap();
    // With a ring that lacks her key she cannot be made, but is there already.
    let _ = people.find_or_make(&"ada".parse().unwrap()).await;
    Shared::new(&ctx, people).unwrap()
}

async fn link(shared: &Arc<Shared>, provider: Provider) -> AccountId {
    let user: UserId = "ada".parse().unwrap();
    let started = link::start(shared.clone(), LinkStart { user: user.clone(), provider, server: None }).await.unwrap();
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let answer = client.get(&started.authorize).send().await.unwrap();
    let to = Url::parse(answer.headers()["location"].to_str().unwrap()).unwrap();
    let get = |name: &str| to.query_pairs().find(|pair| pair.0 == name).map(|pair| pair.1.into_owned());
    let (state, code, iss) = (get("state").unwrap(), get("code"), get("iss"));
    let back = LinkCallback { user, provider, transaction: started.transaction, state, code, error: None, iss };
    link::callback(shared.clone(), back).await.unwrap().id
}

fn same(one: &secrecy::SecretString, other: &secrecy::SecretString) -> bool {
    one.expose_secret() == other.expose_secret()
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_at_once_over_two_processes_make_one_request() {
    for provider in [Provider::Todoist, Provider::GoogleCalendar, Provider::GoogleTasks, Provider::MicrosoftTodo] {
        let two = Two::start(provider).await;
        two.expire().await;
        let before = two.refreshes();
        let all = (0..50).map(|n| if n % 2 == 0 { &two.one } else { &two.other }.tokens.fresh(&two.account));
        let all = futures_util::future::join_all(all).await;
        let kept = two.kept().await;
        for account in all {
            assert!(same(&account.unwrap().grant.access, &kept.grant.access));
        }
        assert_eq!(two.refreshes() - before, 1, "{provider:?}");
        assert!(kept.grant.refresh.is_some(), "a missing refresh token in an answer means the old one");
        assert!(kept.grant.is_fresh(two.one.ctx.clock.wall()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_near_its_end_is_renewed_before_it_ends() {
    let two = Two::start(Provider::Todoist).await;
    let (grant, wall) = (two.kept().await.grant, two.one.ctx.clock.wall());
    let at = |seconds: i64| Grant { expires: Some(wall + jiff::SignedDuration::from_secs(seconds)), ..grant.clone() };
    assert!(at(361).is_fresh(wall) && !at(360).is_fresh(wall), "a tenth of an hour");
    let short = Grant { life_seconds: 60, ..at(31) };
    assert!(short.is_fresh(wall), "a token is not born stale");
    assert!(!Grant { life_seconds: 60, ..at(29) }.is_fresh(wall));
    assert!(Grant { expires: None, ..grant }.is_fresh(wall));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_is_renewed_before_anybody_waits_for_it_and_never_lies_idle() {
    let two = Two::start(Provider::Todoist).await;
    let (grant, wall) = (two.kept().await.grant, two.one.ctx.clock.wall());
    let after = |seconds: i64| wall + jiff::SignedDuration::from_secs(seconds);
    let day = 24 * 3600;
    for chance in [0.0, 0.5, 1.0] {
        let hour = Grant { expires: Some(after(3600)), life_seconds: 3600, renewed: Some(wall), ..grant.clone() };
        let at = hour.renew_at(chance).unwrap();
        assert!(at > after(2800) && at < after(3240), "{at}: before the margin of six minutes begins");
        assert!(hour.is_fresh(at), "whoever needs it meanwhile uses the old one");
        for expires in [None, Some(after(90 * day))] {
            let long = Grant { expires, life_seconds: (90 * day) as u64, ..hour.clone() };
            let at = long.renew_at(chance).unwrap();
            assert!(at > after(6 * day) && at <= after(7 * day), "{at}: far from the end of any idle refresh token");
        }
        let brief = Grant { expires: Some(after(60)), life_seconds: 60, ..hour.clone() };
        assert!(brief.renew_at(chance).unwrap() > after(14));
        assert_eq!(Grant { refresh: None, ..hour }.renew_at(chance), None, "there is nothing to renew it with");
    }
    let old = Grant { expires: None, renewed: None, ..grant };
    assert!(old.renew_at(0.5).unwrap() < wall, "nobody knows how long it has been idle");
}

#[tokio::test(flavor = "multi_thread")]
async fn ahead_of_its_end_a_grant_is_renewed_once_by_all_processes() {
    let two = Two::start(Provider::Todoist).await;
    let account = two.kept().await;
    let wall = two.one.ctx.clock.wall();
    assert!(two.one.tokens.ahead(&two.account).await.unwrap().is_some_and(|at| at > wall));
    assert_eq!(two.refreshes(), 1, "it has just been given");
    let soon = Grant { expires: Some(wall + jiff::SignedDuration::from_secs(400)), ..account.grant.clone() };
    assert!(soon.is_fresh(wall));
    two.one.vault.save(&account, &soon).await.unwrap();
    let all = (0..20).map(|n| if n % 2 == 0 { &two.one } else { &two.other }.tokens.ahead(&two.account));
    for next in futures_util::future::join_all(all).await {
        assert!(next.unwrap().is_some_and(|at| at > wall));
    }
    assert_eq!(two.refreshes(), 2);
    // One that nobody has used for a week.
    let account = two.kept().await;
    let idle = Grant {
        expires: None,
        renewed: Some(wall - jiff::SignedDuration::from_hours(7 * 24)),
        ..account.grant.clone()
    };
    two.one.vault.save(&account, &idle).await.unwrap();
    two.other.tokens.ahead(&two.account).await.unwrap();
    assert_eq!(two.refreshes(), 3);
    // While the provider is away the old one goes on working, and nothing is said of the account.
    let account = two.kept().await;
    two.one.vault.save(&account, &Grant { renewed: None, expires: None, ..account.grant.clone() }).await.unwrap();
    two.sandbox.todoist().fault(Fault::next(1, "/oauth/access_token", FaultKind::Error500));
    assert!(two.one.tokens.ahead(&two.account).await.is_err());
    assert!(two.one.tokens.fresh(&two.account).await.is_ok());
    assert_eq!(two.kept().await.linked.status, AccountStatus::Active);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_loser_with_an_old_grant_does_not_end_what_the_winner_renewed() {
    let two = Two::start(Provider::Todoist).await;
    let seen = two.expire().await;
    let winner = two.one.tokens.fresh(&two.account).await.unwrap();
    // The loser was told invalid_grant for the old one, and says so only now.
    match two.other.vault.mark_dead(&seen, Timestamp::UNIX_EPOCH, Broken::Withdrawn).await.unwrap() {
        Dead::Theirs(theirs) => assert!(same(&theirs.grant.access, &winner.grant.access)),
        other => panic!("{other:?}"),
    }
    // Nor does it write over it.
    match two.other.vault.save(&seen, &Grant { access: "loser".into(), ..seen.grant.clone() }).await.unwrap() {
        Saved::Theirs(theirs) => assert!(same(&theirs.grant.access, &winner.grant.access)),
        other => panic!("{other:?}"),
    }
    let kept = two.kept().await;
    assert!(same(&kept.grant.access, &winner.grant.access));
    assert_eq!((kept.linked.status, kept.version), (AccountStatus::Active, winner.version));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_lost_is_asked_for_again_within_the_grace() {
    let two = Two::start(Provider::Todoist).await;
    two.expire().await;
    two.sandbox.todoist().fault(Fault::next(1, "/oauth/access_token", FaultKind::LoseAnswer));
    let lost = two.one.tokens.fresh(&two.account).await.unwrap_err();
    assert!(matches!(lost, TokenError::Oauth(OauthError::Transient { .. })), "{lost}");
    let got = two.one.tokens.fresh(&two.account).await.unwrap();
    assert!(got.grant.is_fresh(two.one.ctx.clock.wall()));
    // The new refresh token went with the lost answer: the next refresh is the end of this grant, once, without a loop.
    two.sandbox.advance(jiff::SignedDuration::from_secs(120));
    two.expire().await;
    let asked = two.refreshes();
    for _ in 0..3 {
        assert!(matches!(two.one.tokens.fresh(&two.account).await.unwrap_err(), TokenError::Reconnect));
    }
    assert_eq!(two.refreshes() - asked, 1);
    assert!(matches!(two.kept().await.linked.status, AccountStatus::ReconnectNeeded { .. }));
}

#[tokio::test(flavor = "multi_thread")]
async fn where_an_old_token_lives_on_a_lost_answer_costs_nothing() {
    let two = Two::start(Provider::MicrosoftTodo).await;
    let mut seen = vec![two.expire().await.grant.refresh.unwrap()];
    two.sandbox.microsoft().fault(Fault::next(1, "/common/oauth2/v2.0/token", FaultKind::LoseAnswer));
    let lost = two.one.tokens.fresh(&two.account).await.unwrap_err();
    assert!(matches!(lost, TokenError::Oauth(OauthError::Transient { .. })), "{lost}");
    // Far beyond any grace.
    two.sandbox.advance(jiff::SignedDuration::from_secs(3600));
    for tokens in [&two.other.tokens, &two.one.tokens] {
        two.expire().await;
        let new = tokens.fresh(&two.account).await.unwrap().grant.refresh.unwrap();
        assert!(!seen.iter().any(|old| same(old, &new)), "each refresh brings another");
        seen.push(new);
    }
    assert_eq!(two.kept().await.linked.status, AccountStatus::Active);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_weather_and_our_own_mistakes_are_not_the_persons() {
    let two = Two::start(Provider::Todoist).await;
    two.expire().await;
    for kind in
        [FaultKind::Error500, FaultKind::Html200, FaultKind::CloseMidway, FaultKind::TooMany429 { retry_after_secs: 0 }]
    {
        two.sandbox.todoist().fault(Fault::next(1, "/oauth/access_token", kind.clone()));
        let error = two.one.tokens.fresh(&two.account).await.unwrap_err();
        assert!(matches!(error, TokenError::Oauth(OauthError::Transient { .. })), "{kind:?}: {error}");
    }
    let mut house = two.house;
    house.set([("OO_INTEGRATIONS__TODOIST_CLIENT_SECRET", "wrong")]);
    let wrong = shared(&house).await;
    let error = wrong.tokens.fresh(&two.account).await.unwrap_err();
    assert!(matches!(error, TokenError::Oauth(OauthError::Config(_))), "{error}");
    let linked = two.one.vault.look(&two.account).await.unwrap().unwrap();
    assert_eq!(linked.status, AccountStatus::Active);
    assert!(two.one.tokens.fresh(&two.account).await.is_ok(), "and with the right registration all goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_that_changes_meanwhile_does_not_lose_a_new_grant() {
    let two = Two::start(Provider::Todoist).await;
    let seen = two.expire().await;
    let since = Timestamp::UNIX_EPOCH;
    two.other.vault.set_status(&two.account, |_| Some(AccountStatus::Degraded { since })).await.unwrap();
    let grant = Grant { access: "new".into(), refresh: Some("newer".into()), ..seen.grant.clone() };
    assert!(matches!(two.one.vault.save(&seen, &grant).await.unwrap(), Saved::Mine(_)));
    let kept = two.kept().await;
    assert_eq!((kept.grant.access.expose_secret(), kept.linked.status), ("new", AccountStatus::Degraded { since }));
}

/// S30.
#[tokio::test(flavor = "multi_thread")]
async fn an_ended_link_cannot_be_renewed_back() {
    let two = Two::start(Provider::Todoist).await;
    let seen = two.expire().await;
    assert!(two.other.vault.end(&two.account).await.unwrap());
    assert!(matches!(two.one.vault.save(&seen, &seen.grant).await.unwrap(), Saved::Ended));
    assert!(matches!(two.one.tokens.renewed(&seen).await.unwrap_err(), TokenError::Ended));
    assert!(!two.other.vault.end(&two.account).await.unwrap());
    assert!(two.one.vault.of_user(&"ada".parse().unwrap()).await.unwrap().is_empty());
}

/// S18.
#[tokio::test(flavor = "multi_thread")]
async fn a_record_outlives_a_new_key_and_opens_in_its_place_only() {
    let mut two = Two::start(Provider::Todoist).await;
    let file = two.house.dir().join("keys");
    let old = std::fs::read_to_string(&file).unwrap();
    let write = |text: &str| {
        std::fs::remove_file(&file).unwrap();
        secret_file::write(&file, text).unwrap();
    };
    write(&format!("{}{old}", Keyring::new_line("newer").as_str()));
    let rotated = shared(&two.house).await;
    let account = rotated.vault.read(&two.account).await.unwrap().unwrap();
    assert!(account.is_old);
    rotated.vault.rewrap(&account).await.unwrap();
    let again = rotated.vault.read(&two.account).await.unwrap().unwrap();
    assert!(!again.is_old && same(&again.grant.access, &account.grant.access));

    // Those that run have it without being started again.
    assert!(!two.one.vault.read(&two.account).await.unwrap().unwrap().is_old);

    // Without the key: a clear error, and the record stays.
    let without = two.house.dir().join("without");
    secret_file::write(&without, &old).unwrap();
    two.house.set([("OO_KEYS__FILE", without.display().to_string())]);
    let without = shared(&two.house).await;
    let error = without.vault.read(&two.account).await.unwrap_err();
    assert!(error.to_string().contains("OO_KEYS__FILE"), "{error}");
    assert!(rotated.vault.read(&two.account).await.unwrap().is_some());

    // One account's record in another's place does not open.
    let google = link(&rotated, Provider::GoogleCalendar).await;
    let store = rotated.vault.store();
    let (mine, theirs) =
        (store.load(&two.account).await.unwrap().unwrap(), store.load(&google).await.unwrap().unwrap());
    assert!(store.swap(&google, theirs.version, &mine.record).await.unwrap());
    assert!(matches!(rotated.vault.read(&google).await.unwrap_err(), VaultError::Sealed(_)));
}
