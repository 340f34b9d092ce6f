//! Linking at a server of the person's own: what the page sends is passed on, and not too often.

use crate::place::{Place, problem};
use reqwest::{Method, Response};
use serde_json::{Value, json};

async fn link(place: &Place, session: &str, provider: &str, body: &Value) -> Response {
    place.signed_in(session, Method::POST, &format!("/api/v1/links/{provider}")).json(body).send().await.unwrap()
}

#[tokio::test]
async fn a_server_is_passed_on_and_nobody_guesses_passwords_by_way_of_us() {
    let place = Place::with([("OO_INTEGRATIONS__OWN_SERVERS", "true")]).await;
    let session = place.session().await;
    // Nobody listens there.
    let closed = format!("http://127.0.0.1:{}", oo_runtime::engines::free_port().unwrap());
    let body = json!({ "address": closed, "user": "ada", "app_password": "MARKERPASSWORD" });
    let refused = link(&place, &session, "caldav", &body).await;
    assert_eq!(refused.status(), 502);
    assert!(!problem(refused).await.detail.contains("MARKERPASSWORD"));
    for wrong in [json!({ "user": "ada" }), json!({ "address": "" }), json!({ "address": 1 })] {
        assert_eq!(link(&place, &session, "caldav", &wrong).await.status(), 422, "{wrong}");
    }
    // What the SDK sends to a provider that needs nothing.
    let answer = link(&place, &session, "todoist", &json!({})).await;
    assert!(answer.headers().contains_key("set-cookie"));
    assert_eq!(problem(link(&place, &session, "nextcloud", &json!({})).await).await.status, 422);
    let mut statuses = Vec::new();
    for _ in 0..11 {
        statuses.push(link(&place, &session, "caldav", &body).await.status().as_u16());
    }
    assert!(statuses.contains(&429), "{statuses:?}");
}
