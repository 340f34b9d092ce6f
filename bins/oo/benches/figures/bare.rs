//! What the engines do by themselves: a bare server of events, a bare chain from a message to a push, a bare answer.

use async_nats::jetstream::consumer::pull;
use async_nats::jetstream::stream::Config;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use oo_contracts::UserId;
use oo_contracts::wire::Changed;
use oo_runtime::{Context, web};
use oo_testkit::http;
use std::convert::Infallible;
use std::sync::Arc;
use warp::Filter as _;
use warp::hyper::body::Bytes;
use warp::sse::{Event, keep_alive, reply};
use web_push::{ContentEncoding, SubscriptionInfo, VapidSignatureBuilder, WebPushMessageBuilder};

/// How long the text is.
pub(crate) const LENGTH: &str = "OO_BARE_LENGTH";
/// The two halves of a browser's keys, where its push service is, and who we are to it.
pub(crate) const KEYS: &str = "OO_BARE_KEYS";
pub(crate) const PUSH_SERVICE: &str = "OO_BARE_PUSH_SERVICE";
pub(crate) const VAPID: &str = "OO_BARE_VAPID";
/// The subject that is answered.
pub(crate) const ECHO: &str = "bare.echo";

const STREAM: &str = "BARE";
/// Requests under way at once, as many as the notifier has to one host.
const AT_ONCE: usize = 16;

/// A subscription for each open page, and the same text whenever something comes over it.
pub(crate) async fn serve_events(ctx: Context) -> anyhow::Result<()> {
    let text: Arc<str> = "x".repeat(length(&ctx)).into();
    let bus = ctx.bus.clone();
    let routes = warp::path::param().then(move |user: UserId| {
        let (bus, text) = (bus.clone(), text.clone());
        async move {
            let changes = bus.changes(&user).await.unwrap();
            let told = stream::iter([Changed { version: 0 }]).chain(changes);
            let events = told.map(move |Changed { version }| {
                Ok::<_, Infallible>(Event::default().event("state").id(version.to_string()).data(&*text))
            });
            reply(keep_alive().stream(events))
        }
    });
    web::serve(&ctx, routes).await?;
    ctx.run_until_stopped().await;
    Ok(())
}

/// The stream of the bare chain.
pub(crate) async fn make_stream(ctx: &Context) {
    let config = Config { name: STREAM.into(), subjects: vec!["bare.push.*".into()], ..Config::default() };
    ctx.bus.jetstream().create_stream(config).await.unwrap();
}

/// Publishes something that leads to a push, and waits until the stream has it.
pub(crate) async fn say(ctx: Context, n: usize) {
    let js = ctx.bus.jetstream();
    js.publish(format!("bare.push.{n}"), "x".repeat(200).into()).await.unwrap().await.unwrap();
}

/// Delivers, encrypts and requests; the signature is made once.
pub(crate) async fn serve_chain(ctx: Context) -> anyhow::Result<()> {
    let setting = |name: &str| ctx.source.get(name).unwrap().to_owned();
    let (keys, service, vapid) = (setting(KEYS), setting(PUSH_SERVICE), setting(VAPID));
    let (p256dh, auth) = keys.split_once(' ').unwrap();
    let info = SubscriptionInfo::new(service.as_str(), p256dh, auth);
    let mut signature = VapidSignatureBuilder::from_pem(std::fs::File::open(vapid)?, &info).unwrap();
    signature.add_claim("sub", "mailto:ada@lovelace.org");
    let signed = signature.build().unwrap().auth_t;
    let consumer = ctx.bus.jetstream().get_stream(STREAM).await?.create_consumer(pull::Config::default()).await?;
    let (client, messages) = (http(), consumer.messages().await?);
    web::serve_health(&ctx).await?;
    ctx.health.start();
    let pushes = messages.map_err(anyhow::Error::from).try_for_each_concurrent(AT_ONCE, |message| {
        let whom = message.subject.rsplit('.').next().unwrap_or_default();
        let request = client.post(format!("{service}{whom}")).header("authorization", format!("vapid t={signed}"));
        let info = &info;
        async move {
            let mut push = WebPushMessageBuilder::new(info);
            push.set_payload(ContentEncoding::Aes128Gcm, &message.payload);
            let content = push.build().unwrap().payload.unwrap().content;
            request.body(content).send().await?.error_for_status()?;
            message.ack().await.map_err(|error| anyhow::anyhow!(error))
        }
    });
    pushes.await
}

/// Answers whatever is asked with as many bytes.
pub(crate) async fn serve_echo(ctx: Context) -> anyhow::Result<()> {
    let client = ctx.bus.jetstream().client();
    let (mut asked, answer) = (client.subscribe(ECHO).await?, Bytes::from("x".repeat(length(&ctx))));
    web::serve_health(&ctx).await?;
    ctx.health.start();
    while let Some(question) = asked.next().await {
        client.publish(question.reply.unwrap(), answer.clone()).await?;
    }
    Ok(())
}

fn length(ctx: &Context) -> usize {
    ctx.source.get(LENGTH).and_then(|length| length.parse().ok()).unwrap_or_default()
}
