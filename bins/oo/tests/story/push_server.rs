//! A push service of our own, for a browser that lets itself be told where its push service is. To the browser it speaks
//! the websocket protocol of Mozilla's autopush, to who sends RFC 8030; it has no keys, so it sees what a push service sees.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use futures_util::{SinkExt as _, StreamExt as _};
use http::{HeaderMap, HeaderValue, StatusCode};
use oo_runtime::{random, task};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use url::Url;
use warp::Filter as _;

/// What Firefox asks a websocket to speak.
const PROTOCOL: &str = "push-notification";
/// The browser's word for "decrypted, and given to the service worker".
const DELIVERED: u64 = 100;

/// The service, for one browser at a time. It ends with the test's runtime.
pub(crate) struct PushServer {
    /// Where the browser connects.
    pub(crate) socket: Url,
    shared: Arc<Shared>,
}

/// One message, as it passed through.
#[derive(Debug, Clone)]
pub(crate) struct Passed {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

/// What the browser subscribed with.
#[derive(Debug, Clone)]
pub(crate) struct Channel {
    id: String,
    /// The key that alone may send: base64url without padding.
    pub(crate) key: String,
}

struct Shared {
    http: Url,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    browser: Option<UnboundedSender<Value>>,
    /// By the last part of their endpoints.
    channels: HashMap<String, Channel>,
    passed: Vec<Passed>,
    delivered: usize,
}

impl PushServer {
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let (sockets, http) = (TcpListener::bind("127.0.0.1:0").await?, TcpListener::bind("127.0.0.1:0").await?);
        let socket = Url::parse(&format!("ws://{}/", sockets.local_addr()?))?;
        let address = Url::parse(&format!("http://{}/", http.local_addr()?))?;
        let shared = Arc::new(Shared { http: address, state: Mutex::default() });
        let from_senders = shared.clone();
        let push = warp::path!("push" / String).and(warp::post()).and(warp::header::headers_cloned());
        let push = push.and(warp::body::bytes()).map(move |token: String, headers, body: warp::hyper::body::Bytes| {
            from_senders.pass(&token, Passed { headers, body: body.to_vec() })
        });
        task::spawn("push service", warp::serve(push).incoming(http).run());
        let from_browsers = shared.clone();
        task::spawn("push service's sockets", async move {
            while let Ok((stream, _)) = sockets.accept().await {
                task::spawn("a browser's socket", from_browsers.clone().listen(stream));
            }
        });
        Ok(Self { socket, shared })
    }

    /// What the browser is subscribed with now.
    pub(crate) fn channels(&self) -> Vec<Channel> {
        self.shared.state().channels.values().cloned().collect()
    }

    /// Every message that came for the browser.
    pub(crate) fn passed(&self) -> Vec<Passed> {
        self.shared.state().passed.clone()
    }

    /// How many of them the browser says it gave to a service worker.
    pub(crate) fn delivered(&self) -> usize {
        self.shared.state().delivered
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("not poisoned")
    }

    /// Takes a message from a sender and hands it on: RFC 8030, section 5.
    fn pass(&self, token: &str, passed: Passed) -> http::Response<String> {
        let mut state = self.state();
        let answer = |status: StatusCode| http::Response::builder().status(status);
        let ttl = passed.headers.get("ttl").cloned().unwrap_or_else(|| HeaderValue::from_static("0"));
        let message = random::token();
        let taken = match (state.channels.get(token), &state.browser) {
            (None, _) => answer(StatusCode::NOT_FOUND),
            (Some(_), None) => answer(StatusCode::SERVICE_UNAVAILABLE),
            (Some(channel), Some(browser)) => {
                let encoding = passed.headers.get("content-encoding").and_then(|value| value.to_str().ok());
                let _ = browser.send(json!({
                    "messageType": "notification", "channelID": channel.id, "version": message,
                    "data": BASE64_URL_SAFE_NO_PAD.encode(&passed.body), "headers": { "encoding": encoding },
                }));
                let at = self.http.join(&format!("message/{message}")).expect("an address");
                state.passed.push(passed);
                answer(StatusCode::CREATED).header("location", at.as_str()).header("ttl", ttl)
            }
        };
        taken.body(String::new()).expect("a response")
    }

    /// Talks with a browser until it goes away.
    async fn listen(self: Arc<Self>, stream: TcpStream) {
        #[allow(clippy::result_large_err, reason = "the error is tungstenite's")]
        let speak = |_: &Request, mut response: Response| {
            response.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static(PROTOCOL));
            Ok(response)
        };
        let Ok(mut socket) = tokio_tungstenite::accept_hdr_async(stream, speak).await else { return };
        let (browser, mut messages) = unbounded_channel();
        self.state().browser = Some(browser);
        loop {
            let answer = tokio::select! {
                said = socket.next() => match said {
                    Some(Ok(Message::Text(text))) => self.hear(&serde_json::from_str(&text).unwrap_or_default()),
                    Some(Ok(_)) => None,
                    Some(Err(_)) | None => return,
                },
                message = messages.recv() => message,
            };
            if let Some(answer) = answer
                && socket.send(Message::text(answer.to_string())).await.is_err()
            {
                return;
            }
        }
    }

    /// What to answer a browser.
    fn hear(&self, said: &Value) -> Option<Value> {
        let mut state = self.state();
        let text = |name: &str| said[name].as_str().unwrap_or_default().to_owned();
        let id = text("channelID");
        match said["messageType"].as_str() {
            Some("hello") => Some(json!({
                "messageType": "hello", "status": 200, "uaid": random::hex(&random::bytes::<16>()),
                "use_webpush": true, "broadcasts": {},
            })),
            Some("register") => {
                let token = random::token();
                let endpoint = self.http.join(&format!("push/{token}")).expect("an address");
                let key = text("key").trim_end_matches('=').to_owned();
                state.channels.insert(token, Channel { id: id.clone(), key });
                Some(json!({
                    "messageType": "register", "status": 200, "channelID": id, "pushEndpoint": endpoint,
                }))
            }
            Some("unregister") => {
                state.channels.retain(|_, channel| channel.id != id);
                Some(json!({ "messageType": "unregister", "status": 200, "channelID": id }))
            }
            Some("ack") => {
                let updates = said["updates"].as_array().into_iter().flatten();
                state.delivered += updates.filter(|update| update["code"] == DELIVERED).count();
                None
            }
            // A sign of life is answered with one.
            None => Some(json!({})),
            Some(_) => None,
        }
    }
}
