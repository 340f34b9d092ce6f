//! `OO_PUBLIC=true`: people whom one does not know reach this oO. What is fine on one's own machine only is refused then,
//! before anything starts.

use crate::redis_acl;
use crate::settings::{Settings, Source};
use anyhow::bail;
use url::{Host, Url};

/// The setting that says so.
pub const PUBLIC: &str = "OO_PUBLIC";

/// Whether strangers reach this oO.
///
/// # Errors
/// Says what is wanted where it is neither `true` nor `false`.
pub fn is_public(source: &Source) -> anyhow::Result<bool> {
    match source.get(PUBLIC) {
        None | Some("" | "false") => Ok(false),
        Some("true") => Ok(true),
        Some(other) => bail!("{PUBLIC} wants true or false, got {other:?}"),
    }
}

/// Refuses to start a public service on settings that are for one's own machine: all that is wrong at once, each with the
/// setting and what to do.
pub fn check(service: &str, source: &Source, settings: &Settings) -> anyhow::Result<()> {
    if !is_public(source)? {
        return Ok(());
    }
    let mut wrong = Vec::new();
    for name in
        ["OO_GATEWAY__PUBLIC_URL", "OO_AUTH__PUBLIC_URL", "OO_INTEGRATIONS__PUBLIC_URL", "OO_NOTIFIER__PUBLIC_URL"]
    {
        if source.get(name).is_some_and(|text| !is_reachable(text)) {
            wrong.push(format!(
                "{name} is no https address that others reach: set it to your own, as https://oo.your.domain"
            ));
        }
    }
    if source.get("OO_NOTIFIER__VAPID_SUBJECT").is_some_and(|text| !is_contact(text)) {
        wrong.push(
            "OO_NOTIFIER__VAPID_SUBJECT is no address where push services reach you: set it to mailto:you@your.domain"
                .to_owned(),
        );
    }
    for name in ["OO_NOTIFIER__LOOPBACK", "OO_INTEGRATIONS__LOOPBACK", "OO_INTEGRATIONS__SANDBOX"] {
        if source.get(name) == Some("true") {
            wrong.push(format!("{name} is for trying oO on one machine: remove it"));
        }
    }
    for name in ["OO_AUTH__OWNER_LINK", "OO_AUTH__OWNER_LINK_FILE"] {
        if source.get(name).is_some_and(|text| !text.is_empty()) {
            wrong.push(format!(
                "{name} lets in whoever has the link: sign in with it before you go public, make a passkey or set \
                 OO_AUTH__OIDC_ISSUER, then remove it"
            ));
        }
    }
    if settings.clock.speed != 1.0 {
        wrong.push("OO_CLOCK__SPEED is for trying oO on one machine: remove it".to_owned());
    }
    if settings.nats.nkey_file.is_none() {
        wrong.push(
            "OO_NATS__NKEY_FILE is not set, so that any service may do anything: name the seed that `oo init` made"
                .to_owned(),
        );
    }
    if redis_acl::is_user(service) && settings.redis.password_file.is_none() {
        wrong.push(
            "OO_REDIS__PASSWORD_FILE is not set, so that any service may read all keys: name the one that `oo init` made"
                .to_owned(),
        );
    }
    if wrong.is_empty() {
        return Ok(());
    }
    bail!("{PUBLIC}=true, and so not started:\n- {}", wrong.join("\n- "))
}

/// Https, at a name or an address that is not this machine's own.
fn is_reachable(text: &str) -> bool {
    let Ok(url) = Url::parse(text) else { return false };
    url.scheme() == "https"
        && match url.host() {
            Some(Host::Domain(name)) => is_real_domain(name),
            Some(Host::Ipv4(address)) => !address.is_loopback() && !address.is_unspecified(),
            Some(Host::Ipv6(address)) => !address.is_loopback() && !address.is_unspecified(),
            None => false,
        }
}

/// Whether push services will believe that somebody can be reached there (RFC 8292; Apple refuses what is not).
pub fn is_contact(subject: &str) -> bool {
    if subject.contains(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | ',')) {
        return false;
    }
    let host = match subject.strip_prefix("mailto:") {
        Some(address) => match address.split_once('@') {
            Some((name, host)) if !name.is_empty() && !host.contains('@') => Some(host.to_owned()),
            _ => None,
        },
        None => Url::parse(subject)
            .ok()
            .filter(|url| url.scheme() == "https")
            .and_then(|url| url.domain().map(str::to_owned)),
    };
    host.is_some_and(|host| is_real_domain(&host.to_ascii_lowercase()))
}

/// A name that can be somebody's: not one that RFC 2606 and RFC 6762 keep for nobody.
fn is_real_domain(host: &str) -> bool {
    let labels: Vec<_> = host.split('.').collect();
    let [.., domain, top] = labels.as_slice() else { return false };
    let is_number = top.bytes().all(|b| b.is_ascii_digit());
    let is_nobodys = ["localhost", "local", "invalid", "test", "example", "internal"].contains(top)
        || (*domain == "example" && ["com", "net", "org"].contains(top));
    !labels.contains(&"") && !is_number && !is_nobodys
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As a public oO should be.
    const RIGHT: &[(&str, &str)] = &[
        (PUBLIC, "true"),
        ("OO_GATEWAY__PUBLIC_URL", "https://oo.somebody.eu"),
        ("OO_AUTH__PUBLIC_URL", "https://oo.somebody.eu"),
        ("OO_INTEGRATIONS__PUBLIC_URL", "https://oo.somebody.eu"),
        ("OO_NOTIFIER__VAPID_SUBJECT", "mailto:me@somebody.eu"),
        ("OO_NATS__NKEY_FILE", "/secrets/own/nats.seed"),
        ("OO_REDIS__PASSWORD_FILE", "/secrets/own/redis.password"),
    ];

    fn check_with(name: &str, text: &str) -> Result<(), String> {
        let source = Source::from_iter(RIGHT.iter().copied()).with([(name, text)]);
        let settings = Settings::read(&source).unwrap();
        check("auth", &source, &settings).map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn what_is_right_starts() {
        assert_eq!(check_with(PUBLIC, "true"), Ok(()));
        for subject in ["mailto:me@mail.somebody.eu", "https://somebody.eu/contact"] {
            assert_eq!(check_with("OO_NOTIFIER__VAPID_SUBJECT", subject), Ok(()), "{subject}");
        }
    }

    #[test]
    fn each_refusal_names_the_setting_and_what_to_do() {
        for (name, text, remedy) in [
            ("OO_GATEWAY__PUBLIC_URL", "http://oo.somebody.eu", "https://"),
            ("OO_AUTH__PUBLIC_URL", "https://localhost:8088", "https://"),
            ("OO_INTEGRATIONS__PUBLIC_URL", "https://127.0.0.1", "https://"),
            ("OO_INTEGRATIONS__PUBLIC_URL", "https://[::1]", "https://"),
            ("OO_INTEGRATIONS__PUBLIC_URL", "oo.somebody.eu", "https://"),
            ("OO_NOTIFIER__PUBLIC_URL", "http://oo.somebody.eu", "https://"),
            ("OO_NOTIFIER__VAPID_SUBJECT", "mailto:owner@oo.invalid", "mailto:"),
            ("OO_NOTIFIER__VAPID_SUBJECT", "mailto:me@localhost", "mailto:"),
            ("OO_NOTIFIER__VAPID_SUBJECT", "mailto:me@EXAMPLE.com", "mailto:"),
            ("OO_NOTIFIER__VAPID_SUBJECT", "me@somebody.eu", "mailto:"),
            ("OO_NOTIFIER__LOOPBACK", "true", "remove it"),
            ("OO_INTEGRATIONS__LOOPBACK", "true", "remove it"),
            ("OO_INTEGRATIONS__SANDBOX", "true", "remove it"),
            ("OO_AUTH__OWNER_LINK", "0a", "passkey"),
            ("OO_AUTH__OWNER_LINK_FILE", "/secrets/auth/owner-link", "passkey"),
        ] {
            let refused = check_with(name, text).unwrap_err();
            let line = refused.lines().find(|line| line.contains(name)).unwrap_or_default();
            assert!(line.contains(remedy), "{name}={text}: {refused}");
        }
    }

    #[test]
    fn without_users_of_its_own_nothing_starts() {
        let source = Source::from_iter([(PUBLIC, "true")]);
        let settings = Settings::read(&source).unwrap();
        let refused = |service| check(service, &source, &settings).unwrap_err().to_string();
        assert!(refused("auth").contains("OO_NATS__NKEY_FILE") && refused("auth").contains("OO_REDIS__PASSWORD_FILE"));
        assert!(!refused("gateway").contains("OO_REDIS__PASSWORD_FILE"), "it keeps nothing there");
    }

    #[test]
    fn on_ones_own_machine_everything_goes_and_a_typing_error_does_not() {
        let own = |text: &str| {
            let source = Source::from_iter([(PUBLIC, text), ("OO_GATEWAY__PUBLIC_URL", "http://localhost")]);
            check("gateway", &source, &Settings::read(&source).unwrap())
        };
        assert!(own("false").is_ok() && own("").is_ok());
        assert!(own("yes").unwrap_err().to_string().contains("OO_PUBLIC wants true or false"));
    }

    #[test]
    fn only_a_real_address_is_a_contact() {
        for good in ["mailto:ada@lovelace.org", "https://oo.lovelace.org/", "mailto:a.b+c@mail.lovelace.co.uk"] {
            assert!(is_contact(good), "{good}");
        }
        for bad in [
            "",
            "ada@lovelace.org",
            "mailto:",
            "mailto:nobody",
            "mailto:@lovelace.org",
            "mailto: a@lovelace.org",
            "mailto:a@b@lovelace.org",
            "mailto:<a@lovelace.org>",
            "mailto:x@localhost",
            "mailto:x@box.local",
            "mailto:x@BOX.LOCAL",
            "mailto:x@a.invalid",
            "mailto:x@a.test",
            "mailto:x@a.example",
            "mailto:x@example.com",
            "mailto:x@mail.example.org",
            "mailto:x@a..org",
            "mailto:x@.org",
            "http://a.org",
            "https://localhost",
            "https://127.0.0.1",
            "https://example.net/",
            "mailto:x@127.0.0.1",
        ] {
            assert!(!is_contact(bad), "{bad}");
        }
    }
}
