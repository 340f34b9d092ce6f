//! Whatever comes in as a webhook is refused or read, and what is read says no more than what came.

use super::*;
use crate::connector::todoist::tests::{BODY, signature, todoist};
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};

const CASES: u32 = 2048;
const BATCH: &str = r#"{"value":[
    {"id":"n1","subscriptionId":"s1","clientState":"a","changeType":"updated","resource":"Users/1/Events/2"},
    {"subscriptionId":"s1","clientState":"a","changeType":"updated","resourceData":{"id":"e","@odata.etag":"v"}},
    {"subscriptionId":"s3","changeType":"updated"},
    {"subscriptionId":"s4","clientState":"d","lifecycleEvent":"reauthorizationRequired"},
    {"subscriptionId":"s5","clientState":"e","lifecycleEvent":"subscriptionRemoved"}]}"#;

fn headers(all: Vec<(String, String)>) -> Vec<Header> {
    all.into_iter().map(|(name, value)| Header { name, value }).collect()
}

/// Names that mean something, in any case, and others.
fn any_headers() -> impl Strategy<Value = Vec<(String, String)>> {
    let known = [
        "x-todoist-hmac-sha256",
        "X-Todoist-Delivery-ID",
        "x-goog-channel-id",
        "X-Goog-Channel-Token",
        "x-goog-resource-id",
        "x-goog-message-number",
        "x-goog-resource-state",
    ];
    let name = prop_oneof![4 => prop::sample::select(known.to_vec()).prop_map(str::to_owned), 1 => "\\PC{0,20}"];
    let value = prop_oneof![2 => "\\PC{0,60}", 1 => "[0-9]{0,25}", 1 => Just(String::new())];
    prop::collection::vec((name, value), 0..10)
}

/// Bytes of a known body, some of them others; or any bytes.
fn any_body(of: &'static str) -> impl Strategy<Value = Vec<u8>> {
    let mutated = prop::collection::vec((any::<Index>(), any::<u8>()), 0..8).prop_map(move |changes| {
        let mut bytes = of.as_bytes().to_vec();
        for (at, byte) in changes {
            *at.get_mut(&mut bytes) = byte;
        }
        bytes
    });
    let cut = any::<Index>().prop_map(move |at| of.as_bytes()[..at.index(of.len())].to_vec());
    prop_oneof![3 => mutated, 1 => cut, 1 => prop::collection::vec(any::<u8>(), 0..2000)]
}

/// All that can hear, as one that is registered hears.
fn listeners() -> Vec<Box<dyn Connector>> {
    let url: Url = "https://provider.example/".parse().unwrap();
    let app = || todoist().app().clone();
    vec![
        Box::new(todoist()),
        Box::new(google_calendar::GoogleCalendar::new(app(), url.clone())),
        Box::new(google_tasks::GoogleTasks::new(app(), url)),
        Box::new(microsoft_todo::MicrosoftTodo::new(app(), Duration::from_secs(60))),
        Box::new(outlook_calendar::OutlookCalendar::new(app(), Duration::from_secs(60))),
        Box::new(dav::Dav::new(app(), Wants::Server)),
    ]
}

/// A message of a batch, as a hint that was read would be sent.
fn sent(told: &Told) -> Value {
    let mut one = json!({"subscriptionId": told.id, "clientState": told.token});
    match told.about {
        About::Account => {}
        About::Renewal => one["lifecycleEvent"] = "reauthorizationRequired".into(),
        About::End => one["lifecycleEvent"] = "subscriptionRemoved".into(),
    }
    if let Some(id) = told.delivery.as_ref().and_then(|name| name.strip_prefix("id|")) {
        one["id"] = id.into();
    }
    one
}

proptest! {
    #![proptest_config(ProptestConfig { cases: CASES, failure_persistence: None, ..ProptestConfig::default() })]

    /// S19, S21, S22: nothing that anybody sends makes a listener panic.
    #[test]
    fn anything_at_all_is_refused_or_read(all in any_headers(), body in any_body(BATCH), query in "\\PC{0,300}") {
        let headers = headers(all);
        for connector in listeners() {
            let _ = connector.hear(&Heard { headers: &headers, body: &body, query: &query });
        }
    }

    /// S19: without the signature nothing counts, however well it is written.
    #[test]
    fn todoist_is_heard_only_with_its_signature(all in any_headers(), body in any_body(BODY)) {
        let headers = headers(all);
        prop_assert_eq!(todoist().hear(&Heard { headers: &headers, body: &body, query: "" }), Err(Refused::Unsigned));
    }

    /// S19: what is signed names the owner and the delivery that stand in it, or is malformed.
    #[test]
    fn what_todoist_signs_says_whose_it_is(body in any_body(BODY), delivery in "[0-9a-f-]{1,40}") {
        let all = [("X-TODOIST-HMAC-SHA256".into(), signature(&body)), ("x-todoist-delivery-id".into(), delivery.clone())];
        match todoist().hear(&Heard { headers: &headers(all.into()), body: &body, query: "" }) {
            Ok(Hint::Owner { owner, delivery: named, .. }) => {
                // Of what is passed over it does not matter how it is written; then only the name can be looked for.
                match serde_json::from_slice::<Value>(&body) {
                    Ok(said) => prop_assert_eq!(said["user_id"].as_str(), Some(owner.as_str())),
                    Err(_) => prop_assert!(String::from_utf8_lossy(&body).contains(&owner)),
                }
                prop_assert_eq!(named, delivery);
            }
            refused => prop_assert_eq!(refused, Err(Refused::Malformed)),
        }
    }

    /// S21: a channel's message is read from its headers as they are, each of them once.
    #[test]
    fn a_google_channel_says_what_its_headers_say(all in any_headers()) {
        let headers = headers(all);
        let google = &listeners()[1];
        let heard = Heard { headers: &headers, body: b"", query: "" };
        match google.hear(&heard) {
            Ok(Hint::Channel { id, token, resource, number }) => {
                prop_assert_eq!(heard.header("x-goog-channel-id"), Some(id.as_str()));
                prop_assert_eq!(heard.header("x-goog-channel-token"), Some(token.as_str()));
                prop_assert_eq!(heard.header("x-goog-resource-id"), Some(resource.as_str()));
                prop_assert_eq!(heard.header("x-goog-message-number").and_then(|text| text.parse().ok()), Some(number));
            }
            Ok(other) => prop_assert!(false, "{:?}", other),
            Err(Refused::Unsigned) => prop_assert!(heard.header("x-goog-channel-token").is_none_or(str::is_empty)),
            Err(Refused::Malformed) => prop_assert!(heard.header("x-goog-channel-token").is_some()),
        }
    }

    /// S21: of a batch every message with a secret is told, in order, and none without; what is told encodes back.
    #[test]
    fn a_graph_batch_of_good_and_bad_ones_is_told_without_the_bad(
        all in prop::collection::vec(prop_oneof![
            3 => ("[a-z0-9-]{1,12}", "\\PC{1,12}", prop::option::of("[a-z0-9]{1,8}"), 0..4_u8).prop_map(Some),
            1 => Just(None),
        ], 0..12),
    ) {
        let events = ["reauthorizationRequired", "subscriptionRemoved", "missed"];
        let messages: Vec<Value> = all.iter().map(|one| match one {
            Some((subscription, token, id, event)) => {
                let event = events.get(usize::from(*event));
                json!({"subscriptionId": subscription, "clientState": token, "id": id, "lifecycleEvent": event})
            }
            None => json!({"subscriptionId": "s", "changeType": 7}),
        }).collect();
        let hear = |batch: Vec<Value>| {
            let body = json!({"value": batch}).to_string();
            microsoft::hear(&Heard { headers: &[], body: body.as_bytes(), query: "" })
        };
        let good: Vec<_> = all.iter().flatten().collect();
        match hear(messages) {
            Ok(Hint::Channels(told)) => {
                prop_assert_eq!(told.len(), good.len());
                for (told, (subscription, token, ..)) in told.iter().zip(good) {
                    prop_assert_eq!((&told.id, &told.token), (subscription, token));
                }
                prop_assert_eq!(hear(told.iter().map(sent).collect()), Ok(Hint::Channels(told)));
            }
            refused => prop_assert!(refused == Err(Refused::Unsigned) && good.is_empty(), "{:?}", refused),
        }
    }

    /// S21: the same of a batch that came over a bad line.
    #[test]
    fn a_changed_batch_is_refused_or_told(body in any_body(BATCH)) {
        if let Ok(Hint::Channels(told)) = microsoft::hear(&Heard { headers: &[], body: &body, query: "" }) {
            prop_assert!(!told.is_empty() && told.iter().all(|one| !one.token.is_empty()));
        }
    }

    /// S22: a handshake is decoded and says back what was asked, and never more than fits.
    #[test]
    fn a_handshake_says_back_just_what_was_asked(channel in "[0-9a-f]{1,64}", say in "\\PC{0,3000}", before in "\\PC{0,20}") {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("x", &before).append_pair("channel", &channel).append_pair("validationToken", &say);
        let said = microsoft::hear(&Heard { headers: &[], body: b"", query: &query.finish() });
        if say.is_empty() || say.len() > 2048 {
            prop_assert_eq!(said, Err(Refused::Malformed));
        } else {
            prop_assert_eq!(said, Ok(Hint::Handshake { channel, say }));
        }
    }

    /// S22: nor does any query make it say what was not asked.
    #[test]
    fn a_handshake_is_only_what_a_query_asks_for(query in "(channel|validationToken|[&=%+;a-z0-9<>\"]){0,40}") {
        if let Ok(Hint::Handshake { say, .. }) = microsoft::hear(&Heard { headers: &[], body: b"", query: &query }) {
            prop_assert!(query.contains("validationToken") && !say.is_empty() && say.len() <= 2048);
        }
    }
}

/// S19: nesting without end is refused and overflows nothing.
#[test]
fn what_is_nested_without_end_is_malformed() {
    for deep in ["[", r#"{"value":["#, r#"{"value":[{"resourceData":"#, r#"{"user_id":{"a":"#] {
        let body = deep.repeat(100_000).into_bytes();
        let signed = headers(vec![
            ("x-todoist-hmac-sha256".into(), signature(&body)),
            ("x-todoist-delivery-id".into(), "d".into()),
        ]);
        let heard = Heard { headers: &signed, body: &body, query: "" };
        assert_eq!(todoist().hear(&heard), Err(Refused::Malformed));
        assert_eq!(microsoft::hear(&heard), Err(Refused::Malformed));
    }
}
