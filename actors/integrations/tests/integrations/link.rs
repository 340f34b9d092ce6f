//! Linking: through the real code flow, refused wherever it is not the same browser, and ended completely.

use crate::peer::{HERE, Peer, user};
use oo_contracts::Provider;
use oo_contracts::signal::Fact;
use oo_contracts::wire::{AccountStatus, Done, LinkEnd, LinkStart};
use oo_sandbox::{Fault, FaultKind};
use oo_subjects::{LINK_END, LINK_START};
use oo_testkit::eventually;

/// S2, S14, S30: a challenge is always sent, the redirect address is the configured one, and the scopes are the least.
#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_linked_through_the_code_flow_with_pkce() {
    let peer = Peer::start().await;
    let ada = user("ada");
    for (provider, scopes) in [
        (Provider::Todoist, vec!["data:read_write"]),
        (Provider::GoogleCalendar, vec!["openid", "https://www.googleapis.com/auth/calendar.events.readonly"]),
        // Somebody else, of whom nothing is granted before.
        (Provider::GoogleTasks, vec!["openid", "https://www.googleapis.com/auth/tasks"]),
        (Provider::MicrosoftTodo, vec!["offline_access", "User.Read", "Tasks.ReadWrite"]),
        (Provider::OutlookCalendar, vec!["offline_access", "User.Read", "Calendars.Read"]),
    ] {
        let person = if provider == Provider::GoogleTasks { "robin" } else { "alex" };
        let account = peer.link(&ada, provider, person).await;
        assert_eq!((account.provider, account.status), (provider, AccountStatus::Active));
        assert_eq!(account.name, format!("{} (sandbox)", provider.name()));
        let granted = match provider {
            Provider::Todoist => peer.sandbox.todoist().authorizations(),
            Provider::GoogleCalendar | Provider::GoogleTasks => peer.sandbox.google().authorizations(),
            Provider::MicrosoftTodo | Provider::OutlookCalendar => peer.sandbox.microsoft().authorizations(),
            other => panic!("{other:?} has no place here yet"),
        };
        let asked = granted.last().unwrap();
        assert_eq!(asked.scopes, scopes, "the least that will do");
        assert_eq!(asked.code_challenge.len(), 43);
        assert!(asked.state_length >= 32);
        assert!(asked.redirect_uri.ends_with(&format!("/integrations/{}/callback", provider.slug())));
        eventually("the log knows", || async {
            let is_it = |fact: &Fact| matches!(fact, Fact::AccountLinked { account: id, .. } if *id == account.id);
            peer.signals().iter().any(|signal| is_it(&signal.fact) && signal.user == ada).then_some(())
        })
        .await;
    }
    let links = peer.links(&ada).await;
    assert_eq!(links.accounts.len(), HERE.len());
    assert!(links.providers.iter().all(|offer| offer.sandbox) && links.providers.len() == HERE.len());
    assert!(peer.links(&user("eve")).await.accounts.is_empty());
}

/// S7.
#[tokio::test(flavor = "multi_thread")]
async fn a_callback_is_refused_in_another_browser_person_or_provider_and_makes_no_token_request() {
    let peer = Peer::start().await;
    let (ada, eve) = (user("ada"), user("eve"));
    let visit = || peer.visit(&ada, Provider::Todoist, "alex");

    for transaction in ["", "0".repeat(64).as_str()] {
        let mut back = visit().await;
        let own = std::mem::replace(&mut back.transaction, transaction.into());
        assert_eq!(peer.come_back(&ada, Provider::Todoist, &back).await.unwrap_err().status, 400);
        back.transaction = own;
        let again = peer.come_back(&ada, Provider::Todoist, &back).await;
        assert_eq!(again.unwrap_err().status, 400, "a state is good once");
    }
    let back = visit().await;
    assert_eq!(peer.come_back(&eve, Provider::Todoist, &back).await.unwrap_err().status, 400);
    let back = visit().await;
    assert_eq!(peer.come_back(&ada, Provider::GoogleCalendar, &back).await.unwrap_err().status, 400);
    let mut back = visit().await;
    back.iss = Some("https://accounts.google.com".into());
    assert_eq!(peer.come_back(&ada, Provider::Todoist, &back).await.unwrap_err().status, 400, "a mix-up");
    let mut back = visit().await;
    back.state = "f".repeat(64);
    assert_eq!(peer.come_back(&ada, Provider::Todoist, &back).await.unwrap_err().status, 400);
    let mut back = visit().await;
    (back.code, back.error) = (None, Some("access_denied".into()));
    assert_eq!(peer.come_back(&ada, Provider::Todoist, &back).await.unwrap_err().status, 403);
    assert_eq!(peer.token_requests(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_begun_too_long_ago_is_refused() {
    let peer = Peer::start_with([("LINK_SECONDS", "1")]).await;
    let ada = user("ada");
    let back = peer.visit(&ada, Provider::Todoist, "alex").await;
    eventually("the begun link is forgotten", || async {
        let keys = peer.redis(&["KEYS", "oo:integrations:link:*"]).await?;
        (keys == "*0\r\n").then_some(())
    })
    .await;
    assert_eq!(peer.come_back(&ada, Provider::Todoist, &back).await.unwrap_err().status, 400);
    assert_eq!(peer.token_requests(), 0);
}

/// S7.
#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_somebody_else_has_linked_is_refused() {
    let peer = Peer::start().await;
    let (ada, eve) = (user("ada"), user("eve"));
    for provider in HERE {
        let account = peer.link_and_sync(&ada, provider).await;
        let back = peer.visit(&eve, provider, "alex").await;
        assert_eq!(peer.come_back(&eve, provider, &back).await.unwrap_err().status, 409);
        assert!(peer.links(&eve).await.accounts.is_empty());
        // Ada's still works, and linking it once more keeps its name.
        assert_eq!(peer.link(&ada, provider, "alex").await.id, account.id);
    }
    assert_ne!(peer.link(&eve, Provider::Todoist, "bo").await.id, peer.links(&ada).await.accounts[0].id);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scope_that_was_not_granted_is_asked_for_again() {
    let peer = Peer::start().await;
    peer.sandbox.google().untick("https://www.googleapis.com/auth/calendar.events.readonly");
    let back = peer.visit(&user("ada"), Provider::GoogleCalendar, "alex").await;
    let refused = peer.come_back(&user("ada"), Provider::GoogleCalendar, &back).await.unwrap_err();
    assert_eq!(refused.status, 403);
    assert!(peer.links(&user("ada")).await.accounts.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_fails_while_linking_is_a_clear_problem() {
    let peer = Peer::start().await;
    let ada = user("ada");
    for (path, kind) in [
        ("/oauth/access_token", FaultKind::Error500),
        ("/oauth/access_token", FaultKind::Html200),
        ("/oauth/access_token", FaultKind::CloseMidway),
        ("/api/v1/user", FaultKind::Error500),
    ] {
        peer.sandbox.todoist().fault(Fault::next(1, path, kind.clone()));
        let back = peer.visit(&ada, Provider::Todoist, "alex").await;
        let refused = peer.come_back(&ada, Provider::Todoist, &back).await.unwrap_err();
        assert_eq!(refused.status, 502, "{path} {kind:?}: {refused}");
    }
    assert!(peer.links(&ada).await.accounts.is_empty());
    let mut back = peer.visit(&ada, Provider::Todoist, "alex").await;
    back.code = Some("wrong".into());
    assert_eq!(peer.come_back(&ada, Provider::Todoist, &back).await.unwrap_err().status, 400);
}

/// S30.
#[tokio::test(flavor = "multi_thread")]
async fn an_ended_link_is_gone_here_and_at_the_provider() {
    let peer = Peer::start().await;
    let (ada, eve) = (user("ada"), user("eve"));
    for provider in HERE {
        let account = peer.link_and_sync(&ada, provider).await;
        if provider == Provider::GoogleCalendar {
            eventually("a channel", || async { (peer.sandbox.google().channels().len() == 1).then_some(()) }).await;
        }
        let end = |user| LinkEnd { user, account: account.id.clone() };
        let not_hers = crate::peer::problem(peer.ctx.bus.ask(LINK_END, &end(eve.clone())).await);
        assert_eq!(not_hers.unwrap_err().status, 404);
        assert_eq!(peer.ctx.bus.ask(LINK_END, &end(ada.clone())).await.unwrap(), Done {});
        assert!(peer.links(&ada).await.accounts.is_empty());
        eventually("the log knows, and the provider", || async {
            let is_it = |fact: &Fact| matches!(fact, Fact::AccountUnlinked { account: id } if *id == account.id);
            let said = peer.signals().iter().any(|signal| is_it(&signal.fact));
            let linked = match provider {
                Provider::Todoist => peer.sandbox.todoist().is_linked(),
                Provider::GoogleCalendar | Provider::GoogleTasks => peer.sandbox.google().is_linked(),
                // There is no way to tell Microsoft; that its subscriptions are gone is all that can be seen there.
                Provider::MicrosoftTodo | Provider::OutlookCalendar => {
                    !peer.sandbox.microsoft().subscriptions().is_empty()
                }
                other => panic!("{other:?} has no place here yet"),
            };
            (said && !linked && peer.sandbox.google().channels().is_empty()).then_some(())
        })
        .await;
        eventually("nothing is left", || async {
            let keys = peer.redis(&["KEYS", &format!("*{}*", account.id)]).await?;
            let ended = peer.redis(&["HLEN", "oo:integrations:ended"]).await?;
            let due = peer.redis(&["ZCARD", "oo:integrations:due"]).await?;
            let owners = peer.redis(&["KEYS", "oo:integrations:owner:*"]).await?;
            (!keys.contains(account.id.as_str()) && ended == ":0\r\n" && due == ":0\r\n" && owners == "*0\r\n")
                .then_some(())
        })
        .await;
        let again = crate::peer::problem(peer.ctx.bus.ask(LINK_END, &end(ada.clone())).await);
        assert_eq!(again.unwrap_err().status, 404);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_a_link_is_told_even_if_the_log_and_the_provider_were_away() {
    let peer = Peer::start().await;
    let ada = user("ada");
    let account = peer.link_and_sync(&ada, Provider::Todoist).await;
    peer.log_refuses(true);
    peer.sandbox.todoist().fault(Fault::next(1, "/api/v1/revoke", FaultKind::Error500));
    peer.ctx.bus.ask(LINK_END, &LinkEnd { user: ada.clone(), account: account.id.clone() }).await.unwrap();
    eventually("it was tried", || async {
        let ended = peer.redis(&["HLEN", "oo:integrations:ended"]).await?;
        (ended == ":1\r\n").then_some(())
    })
    .await;
    peer.log_refuses(false);
    eventually("the provider knows", || async { (!peer.sandbox.todoist().is_linked()).then_some(()) }).await;
    assert!(peer.signals().iter().any(|signal| matches!(signal.fact, Fact::AccountUnlinked { .. })));
}

/// S2, S18.
#[tokio::test(flavor = "multi_thread")]
async fn no_token_and_no_verifier_rests_readable() {
    let peer = Peer::start().await;
    let ada = user("ada");
    let account = peer.link_and_sync(&ada, Provider::Todoist).await;
    peer.link_and_sync(&ada, Provider::GoogleCalendar).await;
    peer.ctx
        .bus
        .ask(LINK_START, &LinkStart { user: ada.clone(), provider: Provider::Todoist, server: None })
        .await
        .unwrap();
    let tokens = peer.tokens();
    assert!(tokens.len() >= 4, "two accounts, two tokens each");
    assert_eq!(peer.at_rest(&tokens), Vec::<String>::new());
    assert_eq!(peer.at_rest(&[account.id.to_string()]).len(), 1, "the search finds what is there");
}
