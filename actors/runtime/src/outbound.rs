//! Calls to the outside: one HTTP client with limits, and a guard against addresses that are ours.
//!
//! The guard checks the addresses that a name resolves to and connects to just those, so a name that changes its mind
//! (DNS rebinding) gains nothing. Redirects are not followed: the next hop would be unchecked.

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;
use url::{Host, Url};

const CONNECT_WITHIN: Duration = Duration::from_secs(5);
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// Which addresses may be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Public ones, over https.
    Public,
    /// Loopback too, and over http there: for the sandbox and for tests, never by default.
    Loopback,
    /// Whatever the operator's own settings name, in the same house too: over https, or over http on loopback. Never for an
    /// address that a person gave.
    Operator,
    /// The same, over http everywhere: for what is told nothing of people.
    Neighbour,
}

/// A client and what it may reach.
#[derive(Debug, Clone)]
pub struct Outbound {
    client: reqwest::Client,
    reach: Reach,
}

/// The address may not be called.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this address may not be called: {0}")]
pub struct Forbidden(&'static str);

impl Outbound {
    /// A client that reaches so far.
    pub fn new(reach: Reach) -> anyhow::Result<Self> {
        install_tls();
        let client = reqwest::Client::builder()
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT_WITHIN)
            .timeout(ANSWER_WITHIN)
            .dns_resolver(Guarded(reach))
            .no_proxy()
            .build()?;
        Ok(Self { client, reach })
    }

    /// A request to an address, if it may be called.
    pub fn request(&self, method: reqwest::Method, url: &Url) -> Result<reqwest::RequestBuilder, Forbidden> {
        check(url, self.reach)?;
        Ok(self.client.request(method, url.clone()))
    }
}

/// Whether an address given by somebody may be called. Names are checked again when they resolve.
pub fn check(url: &Url, reach: Reach) -> Result<(), Forbidden> {
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Forbidden("it holds a user or a password"));
    }
    let ip = match url.host() {
        Some(Host::Ipv4(ip)) => Some(IpAddr::V4(ip)),
        Some(Host::Ipv6(ip)) => Some(IpAddr::V6(ip)),
        Some(Host::Domain(_)) => None,
        None => return Err(Forbidden("it has no host")),
    };
    if let Some(ip) = ip
        && !may_connect(ip, reach)
    {
        return Err(Forbidden("it is a private or local address"));
    }
    let local =
        reach != Reach::Public && (ip.is_some_and(|ip| ip.is_loopback()) || url.host_str() == Some("localhost"));
    match url.scheme() {
        "https" if local || is_ours(reach) || url.port().is_none() => Ok(()),
        "https" => Err(Forbidden("it names a port")),
        "http" if local || reach == Reach::Neighbour => Ok(()),
        _ => Err(Forbidden("it is not https")),
    }
}

/// Installs the TLS implementation. Safe to repeat.
pub fn install_tls() {
    // An error means that it is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

fn may_connect(ip: IpAddr, reach: Reach) -> bool {
    match reach {
        Reach::Public => is_public(ip),
        Reach::Loopback => ip.is_loopback() || is_public(ip),
        Reach::Operator | Reach::Neighbour => true,
    }
}

/// Whether the operator's own settings name the address.
fn is_ours(reach: Reach) -> bool {
    matches!(reach, Reach::Operator | Reach::Neighbour)
}

/// Whether an address belongs to the public internet (IANA special-purpose registries, RFC 6890 and after).
fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => match embedded_v4(ip) {
            Some(v4) => is_public_v4(v4),
            None => is_public_v6(ip),
        },
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    !(a == 0
        || ip.is_private()
        || ip.is_loopback()
        || ip.is_link_local()
        || ip.is_documentation()
        || a >= 224
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (b == 18 || b == 19)))
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    let head = ip.segments();
    // Global unicast is 2000::/3; out of it documentation, Teredo, ORCHID and benchmarking.
    (head[0] & 0xe000) == 0x2000
        && !(head[0] == 0x2001 && head[1] < 0x0200)
        && !(head[0] == 0x2001 && head[1] == 0x0db8)
        && !(head[0] == 0x3fff && head[1] < 0x1000)
}

/// The IPv4 address inside a mapped, NAT64 or 6to4 one: that is where the packets would go.
fn embedded_v4(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let s = ip.segments();
    let v4 = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match s {
        [0, 0, 0, 0, 0, 0xffff | 0, _, _] | [0x64, 0xff9b, 0, 0, 0, 0, _, _] => Some(v4(s[6], s[7])),
        [0x64, 0xff9b, 1, ..] => Some(Ipv4Addr::UNSPECIFIED),
        [0x2002, ..] => Some(v4(s[1], s[2])),
        _ => None,
    }
}

struct Guarded(Reach);

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = self.0;
        Box::pin(async move {
            let found = permitted(tokio::net::lookup_host((name.as_str(), 0)).await?, reach)?;
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// Of the addresses that a name has at this moment those that may be called: to these, and no others, is connected.
fn permitted(found: impl Iterator<Item = SocketAddr>, reach: Reach) -> Result<Vec<SocketAddr>, Forbidden> {
    let permitted: Vec<_> = found.filter(|found| may_connect(found.ip(), reach)).collect();
    if permitted.is_empty() { Err(Forbidden("it resolves to a private or local address")) } else { Ok(permitted) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// S23.
    #[test]
    fn private_addresses_are_refused_in_every_disguise() {
        for url in [
            "https://127.0.0.1/",
            "https://10.1.2.3/",
            "https://172.16.0.1/",
            "https://192.168.1.1/",
            "https://169.254.169.254/",
            "https://100.64.0.1/",
            "https://0.0.0.0/",
            "https://224.0.0.1/",
            "https://2130706433/",
            "https://0x7f000001/",
            "https://[::1]/",
            "https://[::ffff:127.0.0.1]/",
            "https://[fe80::1]/",
            "https://[fc00::1]/",
            "https://[64:ff9b::7f00:1]/",
            "https://[2002:7f00:1::]/",
            "https://[::]/",
            "https://[2001:db8::1]/",
            "https://0x7f.1/",
            "https://017700000001/",
            "https://127.1/",
            "https://172.31.255.255/",
            "https://100.127.255.255/",
            "https://192.0.0.8/",
            "https://198.18.0.1/",
            "https://198.51.100.7/",
            "https://255.255.255.255/",
            "https://239.1.2.3/",
            "https://[::ffff:10.0.0.1]/",
            "https://[::ffff:169.254.169.254]/",
            "https://[::127.0.0.1]/",
            "https://[64:ff9b::a9fe:a9fe]/",
            "https://[64:ff9b:1::1]/",
            "https://[2002:a9fe:a9fe::]/",
            "https://[2001::1]/",
            "https://[febf::1]/",
            "https://[fdff::1]/",
            "https://[ff02::1]/",
        ] {
            assert!(check(&url.parse().unwrap(), Reach::Public).is_err(), "{url}");
        }
    }

    /// S23.
    #[test]
    fn only_plain_https_is_called() {
        for url in
            ["http://example.com/", "https://user@example.com/", "https://example.com:8443/", "ftp://example.com/"]
        {
            assert!(check(&url.parse().unwrap(), Reach::Public).is_err(), "{url}");
        }
        assert_eq!(check(&"https://fcm.googleapis.com/fcm/send/x".parse().unwrap(), Reach::Public), Ok(()));
    }

    #[test]
    fn loopback_is_reached_only_with_the_switch() {
        let url = "http://127.0.0.1:8080/push/x".parse().unwrap();
        assert!(check(&url, Reach::Public).is_err());
        assert_eq!(check(&url, Reach::Loopback), Ok(()));
        assert!(check(&"http://10.0.0.1/".parse().unwrap(), Reach::Loopback).is_err());
    }

    /// S23.
    #[tokio::test]
    async fn a_name_that_resolves_to_loopback_is_refused() {
        let outbound = Outbound::new(Reach::Public).unwrap();
        let request = outbound.request(reqwest::Method::GET, &"https://localhost/".parse().unwrap()).unwrap();
        let error = format!("{:?}", request.send().await.unwrap_err());
        assert!(error.contains("private or local"), "{error}");
    }

    /// S23: a name that changes its mind between two looks (DNS rebinding), or says both at once, leads to no address of ours.
    #[test]
    fn of_a_name_only_public_addresses_are_connected_to() {
        let at = |ip: &str| SocketAddr::new(ip.parse().unwrap(), 0);
        let looks = [vec!["1.1.1.1", "127.0.0.1"], vec!["169.254.169.254"], vec!["::1", "2606:4700::1111", "10.0.0.1"]];
        let said = looks.map(|look| permitted(look.into_iter().map(at), Reach::Public));
        assert_eq!(said[0], Ok(vec![at("1.1.1.1")]));
        assert!(said[1].is_err());
        assert_eq!(said[2], Ok(vec![at("2606:4700::1111")]));
    }

    /// S23, S24: a redirect is an answer like any other; nobody goes where it points, with a token or without.
    #[tokio::test]
    async fn a_redirect_is_not_followed() {
        let there = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let here = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url: Url = format!("http://{}/", here.local_addr().unwrap()).parse().unwrap();
        let outbound = Outbound::new(Reach::Loopback).unwrap();
        for to in [format!("http://{}/", there.local_addr().unwrap()), "http://169.254.169.254/latest/".into()] {
            let request = outbound.request(reqwest::Method::GET, &url).unwrap().bearer_auth("secret");
            let answer = async {
                use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
                let (mut caller, _) = here.accept().await.unwrap();
                let _ = caller.read(&mut [0; 4096]).await.unwrap();
                let said =
                    format!("HTTP/1.1 307 x\r\nlocation: {to}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
                caller.write_all(said.as_bytes()).await.unwrap();
            };
            let (answer, ()) = tokio::join!(request.send(), answer);
            assert_eq!(answer.unwrap().status(), 307, "{to}");
        }
        let came = futures_util::FutureExt::now_or_never(there.accept());
        assert!(came.is_none(), "somebody came");
    }
}
