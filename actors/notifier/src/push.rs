//! Web push: encryption (RFC 8291) and VAPID (RFC 8292) by the web-push crate, sent over our own guarded client.
//!
//! The crate's own clients have no timeout and lose `Retry-After`, and its audience lacks the port: so only its
//! encryption and its signature are used, and the request is made here.

use crate::Settings;
use crate::behavior::{Verdict, is_listed, verdict};
use anyhow::{Context as _, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use oo_contracts::push::{Endpoint, Subscription};
use oo_runtime::Clock;
use oo_runtime::outbound::{self, Outbound, Reach};
use oo_runtime::public::is_contact;
use oo_subjects::trace::{self, Cause, Kind};
use openssl::ec::{EcGroup, EcKey};
use openssl::nid::Nid;
use reqwest::Method;
use reqwest::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use secrecy::{ExposeSecret as _, SecretString};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;
use tracing::Instrument as _;
use url::Url;
use web_push::{
    ContentEncoding, PartialVapidSignatureBuilder, SubscriptionInfo, Urgency, VapidSignatureBuilder, WebPushMessage,
    WebPushMessageBuilder,
};

/// A person has one tip at a time: a newer one replaces what a push service still holds for a device (RFC 8030, 5.4).
const TOPIC: &str = "tip";
/// An hour is more than a tip lives (product 2.6). The shortest that says anything at all is a second.
const TTL_SECONDS: std::ops::RangeInclusive<u64> = 1..=3600;
/// A signature is good for 12 hours, of which it is used for half; push services refuse more than 24.
const SIGNED_FOR: Duration = Duration::from_secs(6 * 3600);
/// Requests under way at once, in all and to one host: one slow push service leaves room for the others.
const AT_ONCE: usize = 64;
const AT_ONCE_PER_HOST: usize = 16;
/// Push services seen before all are forgotten: a bound, not a tuning.
const HOSTS: usize = 256;

/// Encrypts, signs and sends.
pub(crate) struct Sender {
    outbound: Outbound,
    reach: Reach,
    hosts: Vec<String>,
    clock: Clock,
    key: PartialVapidSignatureBuilder,
    subject: String,
    public_key: String,
    all: Semaphore,
    services: Mutex<HashMap<String, Service>>,
}

/// What is kept of one push service, by its origin.
#[derive(Clone)]
struct Service {
    lanes: Arc<Semaphore>,
    signed: Option<(Instant, Arc<SecretString>)>,
}

/// What became of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) verdict: Verdict,
    pub(crate) status: Option<u16>,
}

/// Why a subscription cannot be used. It says nothing of the endpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unusable {
    #[error("its endpoint is no address")]
    NoAddress,
    #[error("its endpoint: {0}")]
    Forbidden(#[from] outbound::Forbidden),
    #[error("its push service is not one of those that OO_NOTIFIER__HOSTS lists")]
    Unlisted,
    #[error("its keys are not a P-256 key and a secret of 16 bytes in base64url")]
    Keys,
}

impl Sender {
    /// Reads the key, once, and checks that push services will believe the subject.
    pub(crate) fn new(settings: &Settings, clock: Clock) -> anyhow::Result<Self> {
        let reach = if settings.loopback { Reach::Loopback } else { Reach::Public };
        let file = &settings.vapid_file;
        let pem = std::fs::read_to_string(file)
            .with_context(|| format!("cannot read OO_NOTIFIER__VAPID_FILE {}: `oo init` makes it", file.display()))?;
        let pem = zeroize::Zeroizing::new(pem);
        ensure!(
            settings.loopback || is_contact(&settings.vapid_subject),
            "OO_NOTIFIER__VAPID_SUBJECT wants mailto: or https: with an address that somebody reads: push services refuse others"
        );
        // The crate's error may quote what it could not read.
        let key = VapidSignatureBuilder::from_pem_no_sub(pem.as_bytes()).map_err(|_| {
            anyhow::anyhow!("OO_NOTIFIER__VAPID_FILE {} holds no P-256 private key as PEM", file.display())
        })?;
        Ok(Self {
            outbound: Outbound::new(reach)?,
            reach,
            hosts: settings.hosts(),
            clock,
            public_key: BASE64.encode(key.get_public_key()),
            key,
            subject: settings.vapid_subject.clone(),
            all: Semaphore::new(AT_ONCE),
            services: Mutex::default(),
        })
    }

    /// What browsers subscribe with.
    pub(crate) fn public_key(&self) -> String {
        self.public_key.clone()
    }

    /// Whether this subscription can be sent to: its address may be called and its keys are keys.
    /// A name is checked again whenever it resolves.
    pub(crate) fn check(&self, subscription: &Subscription) -> Result<(), Unusable> {
        self.address(&subscription.endpoint)?;
        let secret = BASE64.decode(subscription.keys.auth.as_str()).map_err(|_| Unusable::Keys)?;
        if secret.len() != 16 {
            return Err(Unusable::Keys);
        }
        encrypted(subscription, b"{}", Duration::ZERO).map(|_| ()).map_err(|_| Unusable::Keys)
    }

    /// Waits for a free place on the way to this subscription's push service.
    pub(crate) async fn place(&self, subscription: &Subscription) -> Option<Place<'_>> {
        let origin = self.address(&subscription.endpoint).ok()?.origin().ascii_serialization();
        let lanes = self.service(&origin).lanes;
        // Its host's place first: who waits for a slow host must not hold one of all.
        let host = lanes.acquire_owned().await.ok()?;
        let all = self.all.acquire().await.ok()?;
        Some(Place { _host: host, _all: all })
    }

    /// Sends once. `life` is how long the push service may keep it.
    pub(crate) async fn send(&self, subscription: &Subscription, message: &[u8], life: Duration) -> Sent {
        let refused = Sent { verdict: Verdict::Refused, status: None };
        let (endpoint, request) = match self.request(subscription, message, life) {
            Ok(request) => request,
            Err(error) => {
                tracing::error!(device = %subscription.device, error = format!("{error:#}"), "a push cannot be made");
                return refused;
            }
        };
        let host = endpoint.host_str();
        let span = trace::span(Kind::Client, "push", &Cause::current());
        let answer = match request.send().instrument(span.clone()).await {
            Ok(answer) => answer,
            Err(error) => {
                // The address is a secret: whoever has it, and our key, can send.
                tracing::debug!(host, error = %error.without_url(), "a push service did not answer");
                trace::failed(&span, "away");
                return Sent { verdict: verdict(None, None, self.clock.wall()), status: None };
            }
        };
        let status = answer.status().as_u16();
        let retry_after = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let verdict = verdict(Some(status), retry_after, self.clock.wall());
        if verdict != Verdict::Accepted {
            trace::failed(&span, status);
        }
        match verdict {
            Verdict::KeyAlarm => {
                tracing::error!(
                    host,
                    status,
                    "a push service refuses us: check OO_NOTIFIER__VAPID_FILE and OO_NOTIFIER__VAPID_SUBJECT"
                );
            }
            Verdict::TooLarge | Verdict::Refused => {
                tracing::error!(host, status, "a push service refuses what we send: this is a bug")
            }
            Verdict::Retry { .. } => tracing::warn!(host, status, "a push service is busy"),
            Verdict::Accepted | Verdict::Gone => {}
        }
        Sent { verdict, status: Some(status) }
    }

    fn request(
        &self,
        subscription: &Subscription,
        message: &[u8],
        life: Duration,
    ) -> anyhow::Result<(Url, reqwest::RequestBuilder)> {
        let endpoint = self.address(&subscription.endpoint)?;
        let push = encrypted(subscription, message, life)?;
        let payload = push.payload.context("a message has a payload")?;
        let mut authorization = HeaderValue::from_str(self.authorization(&endpoint)?.expose_secret())?;
        authorization.set_sensitive(true);
        let request = self
            .outbound
            .request(Method::POST, &endpoint)?
            .header(AUTHORIZATION, authorization)
            .header("TTL", push.ttl)
            .header("Urgency", push.urgency.unwrap_or_default().to_string())
            .header("Topic", push.topic.unwrap_or_default())
            .header(CONTENT_ENCODING, payload.content_encoding.to_str())
            .header(CONTENT_TYPE, "application/octet-stream")
            .body(payload.content);
        Ok((endpoint, request))
    }

    fn address(&self, endpoint: &Endpoint) -> Result<Url, Unusable> {
        let url = Url::parse(endpoint.as_str()).map_err(|_| Unusable::NoAddress)?;
        outbound::check(&url, self.reach)?;
        if !self.hosts.is_empty() && !is_listed(&url, &self.hosts) {
            return Err(Unusable::Unlisted);
        }
        Ok(url)
    }

    /// Who we are, for one push service: signing costs more than the rest of a push, so it is kept for a while.
    fn authorization(&self, endpoint: &Url) -> anyhow::Result<Arc<SecretString>> {
        // The crate leaves the port out; RFC 8292 wants the origin.
        let origin = endpoint.origin().ascii_serialization();
        if let Some((at, signed)) = self.service(&origin).signed
            && at.elapsed() < SIGNED_FOR
        {
            return Ok(signed);
        }
        let whom = SubscriptionInfo::new(endpoint.as_str(), "", "");
        let mut claims = self.key.clone().add_sub_info(&whom);
        claims.add_claim("aud", origin.as_str());
        claims.add_claim("sub", self.subject.as_str());
        // `exp` is 12 hours from now if nothing else is said.
        let signature =
            claims.build().map_err(|_| anyhow::anyhow!("the signature for a push service cannot be made"))?;
        let signed = Arc::new(SecretString::from(format!("vapid t={}, k={}", signature.auth_t, self.public_key)));
        if let Some(service) = self.services().get_mut(&origin) {
            service.signed = Some((Instant::now(), signed.clone()));
        }
        Ok(signed)
    }

    fn service(&self, origin: &str) -> Service {
        let mut services = self.services();
        if services.len() >= HOSTS && !services.contains_key(origin) {
            // Those that somebody is on the way to keep their places.
            services.retain(|_, service| Arc::strong_count(&service.lanes) > 1);
        }
        let new = || Service { lanes: Arc::new(Semaphore::new(AT_ONCE_PER_HOST)), signed: None };
        services.entry(origin.to_owned()).or_insert_with(new).clone()
    }

    fn services(&self) -> std::sync::MutexGuard<'_, HashMap<String, Service>> {
        self.services.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Room for one request, given back when dropped.
pub(crate) struct Place<'a> {
    _host: tokio::sync::OwnedSemaphorePermit,
    _all: SemaphorePermit<'a>,
}

/// A new key for push services to know us by, as PEM.
pub fn new_vapid_key() -> anyhow::Result<zeroize::Zeroizing<String>> {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
    let pem = EcKey::generate(&group)?.private_key_to_pem()?;
    Ok(zeroize::Zeroizing::new(String::from_utf8(pem)?))
}

fn encrypted(subscription: &Subscription, message: &[u8], life: Duration) -> anyhow::Result<WebPushMessage> {
    let keys = &subscription.keys;
    let info = SubscriptionInfo::new(subscription.endpoint.as_str(), keys.p256dh.as_str(), keys.auth.as_str());
    let mut builder = WebPushMessageBuilder::new(&info);
    builder.set_payload(ContentEncoding::Aes128Gcm, message);
    builder.set_ttl(u32::try_from(life.as_secs().clamp(*TTL_SECONDS.start(), *TTL_SECONDS.end()))?);
    builder.set_urgency(Urgency::High);
    builder.set_topic(TOPIC.into());
    // The crate's error may quote the endpoint.
    builder.build().map_err(|_| anyhow::anyhow!("a message cannot be encrypted for this subscription"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use oo_contracts::push::SubscriptionKeys;
    use oo_contracts::signal::Language;

    fn sender(more: impl FnOnce(&mut Settings)) -> anyhow::Result<Sender> {
        let file = std::env::temp_dir().join(format!("oo-vapid-{}", oo_runtime::random::token()));
        std::fs::write(&file, new_vapid_key().unwrap()).unwrap();
        let mut settings = Settings {
            vapid_file: file.clone(),
            vapid_subject: "mailto:ada@lovelace.org".into(),
            loopback: false,
            hosts: String::new(),
            smtp_url: None,
            smtp_password: None,
            smtp_from: None,
            public_url: None,
        };
        more(&mut settings);
        let sender = Sender::new(&settings, Clock::default());
        std::fs::remove_file(file).unwrap();
        sender
    }

    fn subscription(endpoint: &str) -> Subscription {
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
        let key = EcKey::generate(&group).unwrap();
        let mut context = openssl::bn::BigNumContext::new().unwrap();
        let form = openssl::ec::PointConversionForm::UNCOMPRESSED;
        let point = key.public_key().to_bytes(&group, form, &mut context).unwrap();
        Subscription {
            device: "phone".parse().unwrap(),
            endpoint: endpoint.parse().unwrap(),
            keys: SubscriptionKeys {
                p256dh: BASE64.encode(point).parse().unwrap(),
                auth: BASE64.encode([7; 16]).parse().unwrap(),
            },
            language: Language::En,
            name: None,
        }
    }

    fn claims(authorization: &SecretString) -> serde_json::Value {
        let token = authorization.expose_secret().strip_prefix("vapid t=").unwrap().split_once(',').unwrap().0;
        serde_json::from_slice(&BASE64.decode(token.split('.').nth(1).unwrap()).unwrap()).unwrap()
    }

    #[test]
    fn the_audience_is_the_origin_and_the_signature_lives_half_a_day() {
        let sender = sender(|settings| settings.loopback = true).unwrap();
        let at = |url: &str| sender.authorization(&url.parse().unwrap()).unwrap();
        let first = at("http://127.0.0.1:8095/push/a");
        let said = claims(&first);
        assert_eq!(said["aud"], "http://127.0.0.1:8095");
        assert_eq!(said["sub"], "mailto:ada@lovelace.org");
        let life = said["exp"].as_i64().unwrap() - Clock::default().wall().as_second();
        assert!((11 * 3600..=12 * 3600 + 5).contains(&life), "{life}");
        assert!(Arc::ptr_eq(&first, &at("http://127.0.0.1:8095/push/b")), "one signature for one push service");
        assert_eq!(claims(&at("https://fcm.googleapis.com/x"))["aud"], "https://fcm.googleapis.com");
    }

    #[test]
    fn a_request_has_what_push_services_want() {
        let sender = sender(|_| {}).unwrap();
        for (life, ttl) in [(0, "1"), (600, "600"), (90_000, "3600")] {
            let made = sender.request(
                &subscription("https://fcm.googleapis.com/fcm/send/x"),
                b"{}",
                Duration::from_secs(life),
            );
            let request = made.unwrap().1.build().unwrap();
            let header = |name: &str| request.headers()[name].to_str().unwrap().to_owned();
            assert_eq!(
                (header("ttl").as_str(), header("topic").as_str(), header("urgency").as_str()),
                (ttl, "tip", "high")
            );
            assert_eq!(header("content-encoding"), "aes128gcm");
            assert!(request.headers()["authorization"].is_sensitive());
            assert!(!format!("{:?}", request.headers()).contains("vapid t="));
        }
    }

    #[test]
    fn what_cannot_be_sent_to_is_refused_by_name() {
        let public = sender(|_| {}).unwrap();
        assert_eq!(public.check(&subscription("https://fcm.googleapis.com/x")), Ok(()));
        for private in [
            "https://127.0.0.1/",
            "https://10.0.0.7/",
            "https://[::1]/",
            "https://169.254.169.254/latest",
            "http://fcm.googleapis.com/",
        ] {
            assert!(matches!(public.check(&subscription(private)), Err(Unusable::Forbidden(_))), "{private}");
        }
        assert_eq!(public.check(&subscription("no address at all")), Err(Unusable::NoAddress));
        let listed = sender(|settings| settings.hosts = "fcm.googleapis.com, *.push.apple.com".into()).unwrap();
        assert_eq!(listed.check(&subscription("https://web.push.apple.com/x")), Ok(()));
        assert_eq!(listed.check(&subscription("https://elsewhere.org/x")), Err(Unusable::Unlisted));
        for (p256dh, auth) in [(None, Some("c2hvcnRlcg")), (Some("bm8ga2V5IGF0IGFsbA"), None)] {
            let mut bad = subscription("https://fcm.googleapis.com/x");
            bad.keys.p256dh = p256dh.map_or(bad.keys.p256dh, |text| text.parse().unwrap());
            bad.keys.auth = auth.map_or(bad.keys.auth, |text| text.parse().unwrap());
            assert_eq!(public.check(&bad), Err(Unusable::Keys));
        }
    }

    #[test]
    fn it_does_not_start_as_nobody() {
        assert!(sender(|settings| settings.vapid_subject = "mailto:me@localhost".into()).is_err());
        assert!(
            sender(|settings| {
                settings.vapid_subject = "mailto:me@localhost".into();
                settings.loopback = true
            })
            .is_ok()
        );
        let missing = sender(|settings| settings.vapid_file = "/nowhere/vapid.pem".into()).err().unwrap();
        assert!(format!("{missing:#}").contains("OO_NOTIFIER__VAPID_FILE"));
    }
}
