//! One trace shows a tip's whole way, from the provider's webhook to the push, and says nothing of the person.

use crate::place::{self, Place};
use anyhow::Context as _;
use http::StatusCode;
use oo_runtime::task;
use oo_testkit::eventually;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use serde_json::json;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use warp::Filter as _;
use warp::hyper::body::Bytes;

const TITLE: &str = "marker-title-lynx";

/// A collector: OTLP over HTTP, kept as it came. It ends with the test's runtime.
struct Collector {
    address: SocketAddr,
    taken: Arc<Mutex<Vec<ExportTraceServiceRequest>>>,
}

impl Collector {
    async fn start() -> anyhow::Result<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let taken: Arc<Mutex<Vec<ExportTraceServiceRequest>>> = Arc::default();
        let kept = taken.clone();
        let routes = warp::path!("v1" / "traces").and(warp::post()).and(warp::body::bytes()).map(move |body: Bytes| {
            match ExportTraceServiceRequest::decode(body) {
                Ok(told) => {
                    kept.lock().unwrap_or_else(PoisonError::into_inner).push(told);
                    StatusCode::OK
                }
                Err(_) => StatusCode::BAD_REQUEST,
            }
        });
        drop(task::spawn("collector", warp::serve(routes).incoming(listener).run()));
        Ok(Self { address, taken })
    }

    /// All that came: whose, and which spans.
    fn spans(&self) -> Vec<(String, Span)> {
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all = vec![];
        for resource in taken.iter().flat_map(|told| &told.resource_spans) {
            let named = resource.resource.iter().flat_map(|it| &it.attributes).find(|it| it.key == "service.name");
            let service = format!("{:?}", named.and_then(|named| named.value.as_ref()));
            let spans = resource.scope_spans.iter().flat_map(|scope| &scope.spans);
            all.extend(spans.map(|span| (service.clone(), span.clone())));
        }
        all
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_trace_goes_from_the_webhook_to_the_push() -> anyhow::Result<()> {
    let place = Place::new().await;
    let collector = Collector::start().await?;
    let to = format!("http://{}/v1/traces", collector.address);
    let oo = place.start_with(&[("OO_TRACES__URL", &to)]).await;
    let mut browser = place.sign_in(&oo).await?;
    let subscription = place::subscribe(&mut browser, &place.sandbox).await?;
    place::link(&mut browser, "todoist").await?;
    // What linking itself read is over: the next to read follows from a webhook.
    let read = || async { collector.spans().iter().any(|(_, span)| span.name == "sync").then_some(()) };
    eventually("the first sync is told", read).await;
    let task = place.sandbox.todoist().add_task(TITLE, json!({ "priority": 4, "due_date": "2026-11-18" }));
    place::tip(&browser).await;
    eventually("the push arrives", || async { place.sandbox.push().received(&subscription).into_iter().next() }).await;
    let inside = place.inside().await;
    // What is not sent yet is sent at the end.
    assert!(oo.stop().await.success());

    let spans = collector.spans();
    let spans: Vec<&Span> = spans
        .iter()
        .map(|(service, span)| {
            assert!(service.contains("\"oo\""), "{service}");
            span
        })
        .collect();
    let parent = |of: &Span| spans.iter().copied().find(|span| span.span_id == of.parent_span_id);
    let push = spans.iter().copied().find(|span| span.name == "push").context("no span of a push")?;
    let way: Vec<&str> =
        std::iter::successors(Some(push), |span| parent(span)).map(|span| span.name.as_str()).collect();
    let wanted = [
        "push",
        "deliver",
        "append tip",
        "react",
        "fold signal",
        "append signal",
        "oo.v1.ingest",
        "oo.v1.ingest",
        "sync",
        "oo.v1.hook",
        "oo.v1.hook",
        "POST /webhooks/todoist",
    ];
    assert_eq!(way, wanted);
    let names: Vec<&str> = spans.iter().filter(|s| s.trace_id == push.trace_id).map(|s| s.name.as_str()).collect();
    for name in ["choose", "oo.v1.recommend", "oo.v1.content.fetch", "todoist"] {
        assert!(names.contains(&name), "{name} is not in the trace: {names:?}");
    }

    let attributes: BTreeSet<&str> =
        spans.iter().flat_map(|span| &span.attributes).map(|attribute| attribute.key.as_str()).collect();
    assert_eq!(attributes, BTreeSet::new(), "a span says more than its name");
    let told = format!("{spans:?}");
    for secret in
        [TITLE, &task, inside.person.place.log.as_str(), subscription.token.as_str(), "sandbox-todoist-secret"]
    {
        assert!(!told.contains(secret), "a trace says {secret}");
    }
    Ok(())
}
