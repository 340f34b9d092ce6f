//! OAuth is really enforced, and each provider refuses in its own words.

use super::{BACK, back, read, text, todoist_exchange_fields, world, world_with};
use jiff::SignedDuration;
use serde_json::{Value, json};

#[tokio::test]
async fn a_code_with_its_verifier_becomes_tokens_that_open_the_api() {
    let world = world().await;
    let redirected = back(&world.authorize("todoist/oauth/authorize", &[]).await);
    assert_eq!(redirected["state"], "a-state-of-some-length");
    assert_eq!(redirected["iss"], world.sandbox.todoist().issuer());
    let (status, body) = world.todoist_exchange(&redirected["code"]).await;
    assert_eq!((status, &body["expires_in"], &body["token_type"]), (200, &json!(3600), &json!("Bearer")));
    assert_eq!(body["scope"], "data:read_write,data:delete");
    let (status, user) = read(world.get("todoist/api/v1/user", &text(&body, "access_token")).await).await;
    assert_eq!((status, text(&user, "id")), (200, world.sandbox.todoist().user_id()));
    assert!(world.sandbox.todoist().is_linked());
    let granted = &world.sandbox.todoist().authorizations()[0];
    assert_eq!((granted.scopes.len(), granted.redirect_uri.as_str()), (2, BACK));
}

#[tokio::test]
async fn the_token_endpoint_takes_json_as_the_official_sdk_sends_it() {
    let world = world().await;
    let code = world.todoist_code().await;
    let body: serde_json::Map<String, Value> =
        todoist_exchange_fields(&code).iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    let answer = world.http.post(world.at("todoist/oauth/access_token")).json(&body).send().await.unwrap();
    assert_eq!(answer.headers()["cache-control"], "no-store");
    assert_eq!(read(answer).await.0, 200);
}

#[tokio::test]
async fn a_wrong_exchange_is_refused_in_todoists_words() {
    let world = world().await;
    let wrong = [
        ("redirect_uri", "http://127.0.0.1:9/elsewhere", "bad_authorization_code"),
        ("code_verifier", "aBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "bad_authorization_code"),
        ("code_verifier", "", "bad_authorization_code"),
        ("code", "nonsense", "bad_authorization_code"),
        ("client_secret", "guessed", "incorrect_application_credentials"),
        ("client_id", "another", "incorrect_application_credentials"),
        ("grant_type", "password", "unsupported_grant_type"),
    ];
    for (name, value, error) in wrong {
        let code = world.todoist_code().await;
        let mut fields = todoist_exchange_fields(&code);
        fields.iter_mut().find(|pair| pair.0 == name).unwrap().1 = value;
        let (status, body) = world.form("todoist/oauth/access_token", &fields).await;
        assert_eq!((status, body), (400, json!({"error": error})), "{name}");
    }
}

#[tokio::test]
async fn a_code_is_good_once_and_for_ten_minutes() {
    let world = world().await;
    let code = world.todoist_code().await;
    let (_, first) = world.todoist_exchange(&code).await;
    assert_eq!(world.todoist_exchange(&code).await.1, json!({"error": "bad_authorization_code"}));
    let access = text(&first, "access_token");
    assert_eq!(world.get("todoist/api/v1/user", &access).await.status(), 401, "a replayed code ends its grant");

    let code = world.todoist_code().await;
    world.sandbox.advance(SignedDuration::from_secs(601));
    assert_eq!(world.todoist_exchange(&code).await.0, 400);
}

#[tokio::test]
async fn an_authorization_without_proof_or_with_a_wrong_one_comes_back_with_an_error() {
    let world = world().await;
    for path in ["todoist/oauth/authorize", "google/o/oauth2/v2/auth"] {
        for (name, value, error) in [
            ("code_challenge", "", "invalid_request"),
            ("code_challenge_method", "plain", "invalid_request"),
            ("code_challenge_method", "", "invalid_request"),
            ("response_type", "token", "unsupported_response_type"),
            ("scope", "data:read everything", "invalid_scope"),
        ] {
            let back = back(&world.authorize(path, &[(name, value)]).await);
            assert_eq!((back["error"].as_str(), back["state"].as_str()), (error, "a-state-of-some-length"), "{name}");
            assert!(!back.contains_key("code"));
        }
    }
}

#[tokio::test]
async fn an_unknown_client_or_address_is_never_redirected_to() {
    let world = world().await;
    for path in ["todoist/oauth/authorize", "google/o/oauth2/v2/auth"] {
        for (name, value) in [
            ("client_id", "another"),
            ("redirect_uri", "https://evil.example/callback"),
            ("redirect_uri", "http://127.0.0.1@evil.example/callback"),
            ("redirect_uri", "javascript:alert(1)"),
            ("redirect_uri", ""),
            ("state", ""),
        ] {
            let answer = world.authorize(path, &[(name, value)]).await;
            assert_eq!(answer.status(), 400, "{name} {value}");
            assert!(!answer.headers().contains_key("location"));
        }
    }
}

#[tokio::test]
async fn a_registered_address_outside_this_machine_is_accepted_exactly() {
    let world = world_with(|options| options.redirect_uris = vec!["https://oo.example/back".parse().unwrap()]).await;
    let path = "todoist/oauth/authorize";
    let right = world.authorize(path, &[("redirect_uri", "https://oo.example/back")]).await;
    assert!(right.headers()["location"].to_str().unwrap().starts_with("https://oo.example/back?code="));
    for wrong in ["https://oo.example/back/", "https://oo.example/back?x=1", "https://oo.example:444/back"] {
        assert_eq!(world.authorize(path, &[("redirect_uri", wrong)]).await.status(), 400, "{wrong}");
    }
}

#[tokio::test]
async fn a_refresh_token_rotates_and_within_the_grace_gives_the_same_answer() {
    let world = world().await;
    let (_, first) = world.link_todoist().await;
    let (status, rotated) = world.todoist_refresh(&first).await;
    assert_eq!(status, 200);
    let (second_access, second) = (text(&rotated, "access_token"), text(&rotated, "refresh_token"));
    assert_ne!(first, second);

    world.sandbox.advance(SignedDuration::from_secs(50));
    let (status, again) = world.todoist_refresh(&first).await;
    assert_eq!((status, text(&again, "access_token")), (200, second_access.clone()));
    assert_eq!(again.get("refresh_token"), None);
    assert_eq!(world.get("todoist/api/v1/user", &second_access).await.status(), 200);

    world.sandbox.advance(SignedDuration::from_secs(11));
    assert_eq!(world.todoist_refresh(&first).await, (400, json!({"error": "invalid_grant"})));
    assert_eq!(world.get("todoist/api/v1/user", &second_access).await.status(), 401, "the family is revoked");
    assert_eq!(world.todoist_refresh(&second).await.0, 400);
    assert!(!world.sandbox.todoist().is_linked());
}

#[tokio::test]
async fn an_access_token_ends_after_its_hour() {
    let world = world().await;
    let (access, refresh) = world.link_todoist().await;
    world.sandbox.advance(SignedDuration::from_secs(3601));
    let (status, body) = read(world.get("todoist/api/v1/user", &access).await).await;
    assert_eq!((status, &body["error_tag"], &body["error_code"]), (401, &json!("UNAUTHORIZED"), &json!(477)));
    assert_eq!(world.todoist_refresh(&refresh).await.0, 200);
}

#[tokio::test]
async fn a_legacy_app_gets_one_token_for_ever() {
    let world = world().await;
    world.sandbox.todoist().legacy_tokens(true);
    let code = world.todoist_code().await;
    let (_, body) = world.todoist_exchange(&code).await;
    assert_eq!(body.as_object().unwrap().len(), 2);
    world.sandbox.advance(SignedDuration::from_hours(24 * 365));
    assert_eq!(world.get("todoist/api/v1/user", &text(&body, "access_token")).await.status(), 200);
}

#[tokio::test]
async fn revoking_wants_basic_credentials_and_ends_the_grant() {
    let world = world().await;
    let (access, refresh) = world.link_todoist().await;
    let revoke = |user: &'static str, secret: &'static str| {
        let fields = [("token", access.clone()), ("token_type_hint", "access_token".into())];
        world.http.post(world.at("todoist/api/v1/revoke")).basic_auth(user, Some(secret)).form(&fields).send()
    };
    assert_eq!(revoke("sandbox-todoist", "guessed").await.unwrap().status(), 401);
    let answer = revoke("sandbox-todoist", "sandbox-todoist-secret").await.unwrap();
    assert_eq!(read(answer).await, (200, Value::Null));
    assert_eq!(world.get("todoist/api/v1/user", &access).await.status(), 401);
    assert_eq!(world.todoist_refresh(&refresh).await.0, 400);
}

#[tokio::test]
async fn google_gives_a_refresh_token_only_for_offline_access_with_consent() {
    let world = world().await;
    let path = "google/o/oauth2/v2/auth";
    for (name, has) in [("state", true), ("access_type", false), ("prompt", false)] {
        let change: &[(&str, &str)] = if has { &[] } else { &[(name, "")] };
        let back = back(&world.authorize(path, change).await);
        let (status, body) = world.form("google/token", &super::google_exchange_fields(&back["code"])).await;
        assert_eq!((status, body.get("refresh_token").is_some()), (200, has), "{name}");
    }
}

#[tokio::test]
async fn google_refreshes_without_rotation_and_refuses_a_redirect_uri_there() {
    let world = world().await;
    let (_, refresh) = world.link_google().await;
    let mut fields = vec![
        ("grant_type", "refresh_token"),
        ("refresh_token", refresh.as_str()),
        ("client_id", "sandbox-google.apps.googleusercontent.com"),
        ("client_secret", "sandbox-google-secret"),
    ];
    for _ in 0..2 {
        let (status, body) = world.form("google/token", &fields).await;
        assert_eq!((status, &body["expires_in"], body.get("refresh_token")), (200, &json!(3599), None));
    }
    fields.push(("redirect_uri", BACK));
    let (status, body) = world.form("google/token", &fields).await;
    assert_eq!((status, &body["error"]), (400, &json!("invalid_request")));
    fields[3].1 = "guessed";
    assert_eq!(world.form("google/token", &fields).await.1["error"], "invalid_client");
    fields[3].1 = "sandbox-google-secret";
    fields[1].1 = "nonsense";
    fields.pop();
    let gone = json!({"error": "invalid_grant", "error_description": "Token has been expired or revoked."});
    assert_eq!(world.form("google/token", &fields).await, (400, gone));
}

#[tokio::test]
async fn google_refuses_a_wrong_verifier_address_or_code_in_its_words() {
    let world = world().await;
    for (name, value, error) in [
        ("code_verifier", "aBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "invalid_grant"),
        ("redirect_uri", "http://127.0.0.1:9/elsewhere", "redirect_uri_mismatch"),
        ("code", "nonsense", "invalid_grant"),
    ] {
        let back = back(&world.authorize("google/o/oauth2/v2/auth", &[]).await);
        let mut fields = super::google_exchange_fields(&back["code"]);
        fields.iter_mut().find(|pair| pair.0 == name).unwrap().1 = value;
        let (status, body) = world.form("google/token", &fields).await;
        assert_eq!((status, &body["error"]), (400, &json!(error)), "{name}");
    }
}

#[tokio::test]
async fn revoking_at_google_ends_the_whole_grant() {
    let world = world().await;
    let (access, refresh) = world.link_google().await;
    assert_eq!(world.form("google/revoke", &[("token", &refresh)]).await.0, 200);
    assert_eq!(world.get("google/calendar/v3/users/me/calendarList", &access).await.status(), 401);
    assert_eq!(world.form("google/revoke", &[("token", &refresh)]).await.1["error"], "invalid_token");
}

#[tokio::test]
async fn a_scope_that_was_unticked_is_missing_from_the_answer() {
    let world = world().await;
    world.sandbox.google().untick(super::CALENDAR_SCOPE);
    let scope = format!("openid {}", super::CALENDAR_SCOPE);
    let back = back(&world.authorize("google/o/oauth2/v2/auth", &[("scope", &scope)]).await);
    let (_, body) = world.form("google/token", &super::google_exchange_fields(&back["code"])).await;
    assert_eq!(body["scope"], "openid");
    let (status, refused) =
        read(world.get("google/calendar/v3/calendars/primary/events", &text(&body, "access_token")).await).await;
    assert_eq!((status, &refused["error"]["errors"][0]["reason"]), (403, &json!("insufficientPermissions")));
}

#[tokio::test]
async fn the_consent_page_is_labelled_and_its_form_leads_back() {
    let world = world_with(|options| options.auto_consent = false).await;
    for (path, title) in
        [("todoist/oauth/authorize", "Sandbox Todoist"), ("google/o/oauth2/v2/auth", "Sandbox Google Calendar")]
    {
        let answer = world.authorize(path, &[]).await;
        assert_eq!(answer.status(), 200);
        let policy = answer.headers()["content-security-policy"].to_str().unwrap().to_owned();
        assert!(policy.contains("default-src 'none'") && policy.contains("form-action 'self' http://127.0.0.1:9;"));
        let itself = answer.url().clone();
        let page = answer.text().await.unwrap();
        assert!(page.contains(title) && page.contains("stand-in with sample data"));

        let post = |fields: Vec<(&'static str, &'static str)>| {
            world.http.post(itself.clone()).header("sec-fetch-site", "same-origin").form(&fields).send()
        };
        let denied = back(&post(vec![("decision", "cancel")]).await.unwrap());
        assert_eq!((denied["error"].as_str(), denied["state"].as_str()), ("access_denied", "a-state-of-some-length"));
        let scope = super::CALENDAR_SCOPE;
        let allowed = post(vec![("decision", "allow"), ("person", "Robin"), ("scope", scope)]).await.unwrap();
        assert!(back(&allowed).contains_key("code"));
        let forged =
            world.http.post(itself).header("sec-fetch-site", "cross-site").form(&[("decision", "allow")]).send();
        assert_eq!(forged.await.unwrap().status(), 403);
    }
    assert_eq!(world.sandbox.google().authorizations()[0].person, "robin");
    assert_eq!(back(&world.authorize("todoist/oauth/authorize", &[("sandbox_auto", "1")]).await).len(), 3);
}

#[tokio::test]
async fn two_people_have_two_accounts() {
    let world = world().await;
    let back = back(&world.authorize("todoist/oauth/authorize", &[("login_hint", "robin@example.com")]).await);
    let (_, body) = world.todoist_exchange(&back["code"]).await;
    let (_, user) = read(world.get("todoist/api/v1/user", &text(&body, "access_token")).await).await;
    assert_ne!(text(&user, "id"), world.sandbox.todoist().user_id());
    assert_eq!(text(&user, "id"), world.sandbox.todoist().of("robin").user_id());
}
