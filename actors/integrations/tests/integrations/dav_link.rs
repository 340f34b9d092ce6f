//! Linking at servers of people's own: by Nextcloud's login flow, by an app-specific password, and never by way of another
//! server. Of a Nextcloud only its three requests for a login stand in; its calendars are Radicale's.

use crate::dav::{link_at, peer};
use crate::dav_servers::{Asked, Door, PASSWORD, Said, Server, USER};
use crate::peer::{Peer, problem, user};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use oo_contracts::Provider;
use oo_contracts::http::{OwnServer, Problem};
use oo_contracts::signal::Fact;
use oo_contracts::wire::{AccountStatus, Done, LinkEnd, LinkStart, LinkStarted, Wants};
use oo_subjects::{LINK_END, LINK_START};
use oo_testkit::eventually;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// A Nextcloud in so far as it is not CalDAV, and whether the person has said yes there.
async fn nextcloud(behind: &Server, elsewhere: Option<&'static str>) -> (Door, Arc<AtomicBool>) {
    let yes: Arc<AtomicBool> = Arc::default();
    let said = yes.clone();
    let door = Door::open(Some(behind.url.clone()), move |url, asked| {
        let json = |status, body: serde_json::Value| {
            Some(Said(status, vec![("content-type", "application/json; charset=utf-8".into())], body.to_string()))
        };
        let at = |what: &str| if elsewhere == Some(what) { "https://evil.example" } else { url };
        match (asked.method.as_str(), asked.path.as_str()) {
            ("POST", "/index.php/login/v2") => json(
                200,
                json!({"poll": {"token": "MARKERTOKEN", "endpoint": format!("{}/login/v2/poll", at("poll"))},
                       "login": format!("{}/login/v2/flow/x", at("login"))}),
            ),
            ("POST", "/login/v2/poll") if asked.body == "token=MARKERTOKEN" && said.swap(false, Ordering::Relaxed) => {
                json(200, json!({"server": at("server"), "loginName": USER, "appPassword": PASSWORD}))
            }
            ("POST", "/login/v2/poll") => json(404, json!([])),
            ("DELETE", "/ocs/v2.php/core/apppassword") => json(200, json!({})),
            _ => None,
        }
    })
    .await;
    (door, yes)
}

async fn begin(peer: &Peer, address: &str) -> Result<LinkStarted, Problem> {
    let server = OwnServer { address: address.parse().unwrap(), user: None, app_password: None };
    let start = LinkStart { user: user("ada"), provider: Provider::Nextcloud, server: Some(server) };
    problem(peer.ctx.bus.ask_within(LINK_START, &start, Duration::from_secs(30)).await)
}

fn password_of(asked: &Asked) -> Option<String> {
    let basic = asked.header("authorization")?.strip_prefix("Basic ")?;
    Some(String::from_utf8(BASE64.decode(basic).unwrap()).unwrap())
}

/// S30.
#[tokio::test(flavor = "multi_thread")]
async fn a_nextcloud_is_linked_by_its_own_login_and_unlinked_there_as_well() {
    let (peer, ada, server) = (peer().await, user("ada"), Server::radicale().await);
    server.calendar("list/", &["VTODO"]).await;
    let (door, yes) = nextcloud(&server, None).await;
    let started = begin(&peer, &door.url).await.unwrap();
    assert_eq!((started.authorize, started.transaction), (format!("{}/login/v2/flow/x", door.url), String::new()));
    let polls = || door.asked().into_iter().filter(|asked| asked.path == "/login/v2/poll").count();
    eventually("it is asked", || async { (polls() >= 1).then_some(()) }).await;
    assert!(peer.links(&ada).await.accounts.is_empty());
    yes.store(true, Ordering::Relaxed);
    let account = eventually("linked", || async { peer.links(&ada).await.accounts.pop() }).await;
    assert_eq!((account.provider, account.status), (Provider::Nextcloud, AccountStatus::Active));
    peer.until_synced(&account.id).await;
    let done = polls();
    let first = &door.asked()[0];
    assert_eq!((first.header("user-agent"), password_of(first)), (Some("oO"), None));
    assert!(door.asked().iter().filter_map(password_of).all(|one| one == format!("{USER}:{PASSWORD}")));
    let secrets = [PASSWORD.to_owned(), "MARKERTOKEN".into(), BASE64.encode(format!("{USER}:{PASSWORD}"))];
    assert_eq!(peer.at_rest(&secrets), Vec::<String>::new());

    let end = LinkEnd { user: ada.clone(), account: account.id.clone() };
    assert_eq!(peer.ctx.bus.ask(LINK_END, &end).await.unwrap(), Done {});
    eventually("its password is ended there", || async {
        let is_it = |asked: &Asked| asked.method == "DELETE" && asked.header("ocs-apirequest") == Some("true");
        door.asked().iter().any(|asked| is_it(asked) && password_of(asked).is_some()).then_some(())
    })
    .await;
    eventually("the log knows", || async {
        let is_it = |fact: &Fact| matches!(fact, Fact::AccountUnlinked { account: id } if *id == account.id);
        peer.signals().iter().any(|signal| is_it(&signal.fact)).then_some(())
    })
    .await;
    assert_eq!(polls(), done, "nobody waits for a login that came");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_begun_anew_replaces_the_one_before() {
    let (peer, server) = (peer().await, Server::radicale().await);
    let (old, _) = nextcloud(&server, None).await;
    let (new, yes) = nextcloud(&server, None).await;
    begin(&peer, &old.url).await.unwrap();
    begin(&peer, &new.url).await.unwrap();
    eventually("the new one is asked", || async { (new.asked().len() > 2).then_some(()) }).await;
    assert!(old.asked().len() <= 2, "{:?}", old.asked());
    yes.store(true, Ordering::Relaxed);
    eventually("linked", || async { peer.links(&user("ada")).await.accounts.pop() }).await;
}

/// S24.
#[tokio::test(flavor = "multi_thread")]
async fn a_nextcloud_that_sends_us_elsewhere_gets_no_further() {
    let (peer, server) = (peer().await, Server::radicale().await);
    for part in ["login", "poll"] {
        let (door, _) = nextcloud(&server, Some(part)).await;
        let refused = begin(&peer, &door.url).await.err().unwrap();
        assert_eq!(refused.status, 422, "{part}");
        assert!(refused.detail.contains("https://evil.example"), "{refused}");
    }
    let (door, yes) = nextcloud(&server, Some("server")).await;
    yes.store(true, Ordering::Relaxed);
    begin(&peer, &door.url).await.unwrap();
    eventually("it was granted", || async { (!yes.load(Ordering::Relaxed)).then_some(()) }).await;
    assert!(door.asked().iter().all(|asked| password_of(asked).is_none()));
    assert!(peer.links(&user("ada")).await.accounts.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_proved_before_it_is_kept() {
    let (peer, ada, eve, server) = (peer().await, user("ada"), user("eve"), Server::radicale().await);
    let refused = link_at(&peer, &ada, &server.url, "wrong").await.unwrap_err();
    assert_eq!(refused.status, 403);
    assert!(refused.detail.contains("app-specific password"), "{refused}");
    assert!(peer.links(&ada).await.accounts.is_empty());

    let account = link_at(&peer, &ada, &server.url, PASSWORD).await.unwrap();
    assert_eq!(link_at(&peer, &ada, &format!("{}/ada/", server.url), PASSWORD).await.unwrap().id, account.id);
    assert_eq!(link_at(&peer, &eve, &server.url, PASSWORD).await.unwrap_err().status, 409);
    let offers = peer.links(&ada).await.providers;
    let wants = |provider| offers.iter().find(|offer| offer.provider == provider).unwrap().wants;
    assert_eq!(wants(Provider::Nextcloud), Some(Wants::Server));
    assert_eq!(wants(Provider::Caldav), Some(Wants::AppPassword));
    assert_eq!(wants(Provider::Todoist), None);
    assert_eq!(peer.at_rest(&[PASSWORD.into(), server.url.clone()]), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_is_asked_for() {
    let peer = peer().await;
    let ask = async |provider, server| {
        let start = LinkStart { user: user("ada"), provider, server };
        problem(peer.ctx.bus.ask(LINK_START, &start).await).err().unwrap().status
    };
    let bare = |address: &str| Some(OwnServer { address: address.parse().unwrap(), user: None, app_password: None });
    assert_eq!(ask(Provider::Nextcloud, None).await, 422);
    assert_eq!(ask(Provider::Caldav, bare("https://dav.example")).await, 422);
    assert_eq!(ask(Provider::Nextcloud, bare("ftp://dav.example")).await, 422);
}

/// S23.
#[tokio::test(flavor = "multi_thread")]
async fn no_address_of_ours_is_called() {
    let server = Server::radicale().await;
    let peer = Peer::start_with([("OWN_SERVERS", "true"), ("LOOPBACK", "false")]).await;
    let port = server.url.rsplit(':').next().unwrap();
    for address in [
        &server.url,
        "https://127.0.0.1",
        "https://10.0.0.1/dav/",
        "https://[::ffff:127.0.0.1]/",
        "https://2130706433/",
        "https://169.254.169.254/latest/",
        "http://dav.example/",
        "https://ada:secret@dav.example/",
        &format!("https://dav.example:{port}/"),
    ] {
        let refused = link_at(&peer, &user("ada"), address, PASSWORD).await.unwrap_err();
        assert_eq!(refused.status, 422, "{address}: {refused}");
        assert_eq!(begin(&peer, address).await.err().unwrap().status, 422, "{address}");
    }
    // A name that leads here is found out when it is looked up.
    assert_eq!(link_at(&peer, &user("ada"), "https://localhost/", PASSWORD).await.unwrap_err().status, 502);
}

/// S24.
#[tokio::test(flavor = "multi_thread")]
async fn a_password_never_goes_to_another_origin() {
    let (peer, ada) = (peer().await, user("ada"));
    let other = Arc::new(Door::open(None, |_, _| Some(Said(200, vec![], String::new()))).await);
    let there = other.url.clone();
    let redirect = Door::open(None, {
        let there = there.clone();
        move |_, _| Some(Said(301, vec![("location", format!("{there}/dav/"))], String::new()))
    })
    .await;
    let principal = Door::open(None, {
        let there = there.clone();
        move |_, _| {
            Some(multistatus(&format!("<current-user-principal><href>{there}/ada/</href></current-user-principal>")))
        }
    })
    .await;
    for door in [&redirect, &principal] {
        let refused = link_at(&peer, &ada, &door.url, PASSWORD).await.unwrap_err();
        assert_eq!(refused.status, 422);
        assert!(refused.detail.contains(&there), "the remedy names where: {refused}");
    }
    assert!(other.asked().is_empty());

    // A server that turns bad later: its calendars are elsewhere, and so are their objects.
    let server = Server::radicale().await;
    server.calendar("list/", &["VTODO"]).await;
    let (bad, to) = (Arc::new(AtomicBool::new(false)), there.clone());
    let turned = bad.clone();
    let door = Door::open(Some(server.url.clone()), move |_, asked| {
        let body = format!(
            "<multistatus xmlns=\"DAV:\"><response><href>{to}/list/</href><propstat><prop><resourcetype>\
             <C:calendar xmlns:C=\"urn:ietf:params:xml:ns:caldav\"/></resourcetype></prop>\
             <status>HTTP/1.1 200 OK</status></propstat></response></multistatus>"
        );
        let is_home = asked.header("depth") == Some("1") && asked.method == "PROPFIND";
        (turned.load(Ordering::Relaxed) && is_home).then(|| Said(207, vec![], body))
    })
    .await;
    let account = link_at(&peer, &ada, &format!("{}/remote.php/dav/", door.url), PASSWORD).await.unwrap();
    peer.until_synced(&account.id).await;
    bad.store(true, Ordering::Relaxed);
    let before = door.asked().len();
    eventually("it was read again", || async { (door.asked().len() > before + 2).then_some(()) }).await;
    assert!(other.asked().is_empty());
}

/// S23.
#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_on_the_same_origin_is_followed_but_not_for_ever() {
    let (peer, ada, server) = (peer().await, user("ada"), Server::radicale().await);
    let door = Door::open(Some(server.url.clone()), |_, asked| match asked.path.as_str() {
        "/.well-known/caldav" => Some(Said(301, vec![("location", "/remote.php/dav/".into())], String::new())),
        "/round" => Some(Said(302, vec![("location", "/round".into())], String::new())),
        _ => None,
    })
    .await;
    link_at(&peer, &ada, &door.url, PASSWORD).await.unwrap();
    let lost = Door::open(None, |_, _| Some(Said(302, vec![("location", "/round".into())], String::new()))).await;
    assert_eq!(link_at(&peer, &ada, &lost.url, PASSWORD).await.unwrap_err().status, 422);
    assert!(lost.asked().len() <= 12, "{}", lost.asked().len());
}

/// S25.
#[tokio::test(flavor = "multi_thread")]
async fn a_billion_laughs_are_not_read() {
    let peer = peer().await;
    let mut entities = "<!ENTITY l0 \"MARKERTITLE\">".to_owned();
    for n in 1..10 {
        entities += &format!("<!ENTITY l{n} \"{}\">", format!("&l{};", n - 1).repeat(10));
    }
    let laughs = format!(
        "<?xml version=\"1.0\"?><!DOCTYPE l [{entities}]><multistatus xmlns=\"DAV:\"><response><href>&l9;</href></response></multistatus>"
    );
    let deep = format!("<multistatus xmlns=\"DAV:\">{}", "<a>".repeat(100_000));
    for body in [laughs, deep, "<html>Sign in</html>".into()] {
        let door = Door::open(None, move |_, _| Some(Said(207, vec![], body.clone()))).await;
        assert_eq!(link_at(&peer, &user("ada"), &door.url, PASSWORD).await.unwrap_err().status, 422);
    }
}

/// One response with one property.
fn multistatus(prop: &str) -> Said {
    let body = format!(
        "<multistatus xmlns=\"DAV:\"><response><href>/</href><propstat><prop>{prop}</prop>\
         <status>HTTP/1.1 200 OK</status></propstat></response></multistatus>"
    );
    Said(207, vec![], body)
}
