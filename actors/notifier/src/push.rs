//! Web push: encryption (RFC 8291) and VAPID (RFC 8292) by the web-push crate, sent over our own guarded client.

use crate::Settings;
use crate::behavior::{Verdict, verdict};
use anyhow::{Context as _, ensure};
use oo_contracts::push::Subscription;
use oo_runtime::outbound::Outbound;
use openssl::ec::{EcGroup, EcKey};
use openssl::nid::Nid;
use reqwest::Method;
use reqwest::header::RETRY_AFTER;
use secrecy::{ExposeSecret as _, SecretString};
use std::time::Duration;
use url::Url;
use web_push::{
    ContentEncoding, SubscriptionInfo, Urgency, VapidSignatureBuilder, WebPushMessage, WebPushMessageBuilder,
};

/// A person has one tip at a time: a newer one replaces what a push service still holds.
const TOPIC: &str = "tip";
/// An hour is more than a tip lives; less than a minute is hardly a delivery (product 2.6).
const TTL: std::ops::RangeInclusive<u64> = 1..=3600;

/// Encrypts, signs and sends.
pub(crate) struct Sender {
    outbound: Outbound,
    pem: SecretString,
    subject: String,
    public_key: String,
}

impl Sender {
    pub(crate) fn new(settings: &Settings, outbound: Outbound) -> anyhow::Result<Self> {
        let pem = std::fs::read_to_string(&settings.vapid_file).with_context(|| {
            format!("cannot read OO_NOTIFIER__VAPID_FILE {}: `oo init` makes it", settings.vapid_file.display())
        })?;
        let subject = settings.vapid_subject.clone();
        ensure!(
            settings.loopback || is_reachable(&subject),
            "OO_NOTIFIER__VAPID_SUBJECT wants mailto: or https: with a real address, since push services refuse others"
        );
        let key = VapidSignatureBuilder::from_pem_no_sub(pem.as_bytes())
            .map_err(|error| anyhow::anyhow!("OO_NOTIFIER__VAPID_FILE: {error:?}"))?;
        use base64::Engine as _;
        let public_key = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(key.get_public_key());
        Ok(Self { outbound, pem: pem.into(), subject, public_key })
    }

    /// What browsers subscribe with.
    pub(crate) fn public_key(&self) -> String {
        self.public_key.clone()
    }

    /// Sends once, and says what the answer means and which status it had.
    pub(crate) async fn send(
        &self,
        subscription: &Subscription,
        message: &[u8],
        ttl: Duration,
    ) -> (Verdict, Option<u16>) {
        let Ok(push) = self.encrypted(subscription, message, ttl) else { return (Verdict::Failed, None) };
        let Some((endpoint, request)) = Url::parse(subscription.endpoint.as_str())
            .ok()
            .and_then(|url| Some((url.clone(), self.outbound.request(Method::POST, &url).ok()?)))
        else {
            return (Verdict::Gone, None);
        };
        let mut request = request.header("TTL", push.ttl.to_string()).header("Urgency", "high").header("Topic", TOPIC);
        if let Some(payload) = push.payload {
            request =
                request.header("Content-Encoding", "aes128gcm").header("Content-Type", "application/octet-stream");
            for (name, value) in payload.crypto_headers {
                request = request.header(name, value);
            }
            request = request.body(payload.content);
        }
        match request.send().await {
            Ok(answer) => {
                let status = answer.status().as_u16();
                if matches!(status, 401 | 403) {
                    tracing::error!(
                        host = endpoint.host_str(),
                        status,
                        "a push service refuses our key or its subject"
                    );
                }
                let retry_after = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
                (verdict(Some(status), retry_after), Some(status))
            }
            Err(error) => {
                tracing::debug!(host = endpoint.host_str(), error = %error.without_url(), "no answer from a push service");
                (verdict(None, None), None)
            }
        }
    }

    fn encrypted(&self, subscription: &Subscription, message: &[u8], ttl: Duration) -> anyhow::Result<WebPushMessage> {
        let info = SubscriptionInfo::new(
            subscription.endpoint.as_str(),
            subscription.keys.p256dh.as_str(),
            subscription.keys.auth.as_str(),
        );
        let mut signature = VapidSignatureBuilder::from_pem(self.pem.expose_secret().as_bytes(), &info)?;
        // The crate leaves the port out of the audience; RFC 8292 wants the origin.
        let origin = Url::parse(subscription.endpoint.as_str())?.origin().ascii_serialization();
        signature.add_claim("aud", origin);
        signature.add_claim("sub", self.subject.as_str());
        let mut builder = WebPushMessageBuilder::new(&info);
        builder.set_payload(ContentEncoding::Aes128Gcm, message);
        builder.set_vapid_signature(signature.build()?);
        builder.set_ttl(u32::try_from(ttl.as_secs().clamp(*TTL.start(), *TTL.end()))?);
        builder.set_urgency(Urgency::High);
        builder.set_topic(TOPIC.into());
        Ok(builder.build()?)
    }
}

/// A new key for push services to know us by, as PEM.
pub fn new_vapid_key() -> anyhow::Result<zeroize::Zeroizing<String>> {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
    let pem = EcKey::generate(&group)?.private_key_to_pem()?;
    Ok(zeroize::Zeroizing::new(String::from_utf8(pem)?))
}

fn is_reachable(subject: &str) -> bool {
    let host = match subject.strip_prefix("mailto:") {
        Some(address) => address.split_once('@').map(|(_, host)| host.to_owned()),
        None => Url::parse(subject)
            .ok()
            .filter(|url| url.scheme() == "https")
            .and_then(|url| url.host_str().map(str::to_owned)),
    };
    host.is_some_and(|host| {
        host.contains('.')
            && ![".local", ".localhost", ".invalid", ".test", ".example"].iter().any(|end| host.ends_with(end))
            && !host.contains(' ')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_real_address_is_a_subject() {
        for good in ["mailto:ada@lovelace.org", "https://oo.lovelace.org/"] {
            assert!(is_reachable(good), "{good}");
        }
        for bad in [
            "mailto:x@localhost",
            "mailto:x@box.local",
            "http://a.org",
            "ada@lovelace.org",
            "mailto:nobody",
            "https://localhost",
        ] {
            assert!(!is_reachable(bad), "{bad}");
        }
    }
}
