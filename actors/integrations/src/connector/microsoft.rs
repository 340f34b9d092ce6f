//! What Microsoft To Do and Outlook Calendar share: calls to Graph, its pages and links, subscriptions.

mod notices;
mod zones;

pub(super) use notices::hear;
pub(super) use zones::zone;

use super::{Access, App, Channel, Opening, Perhaps, below, readable};
use crate::http::{CallError, Http};
use jiff::civil;
use jiff::tz::TimeZone;
use notices::CHANNEL;
use oo_contracts::Timestamp;
use reqwest::Method;
use secrecy::{ExposeSecret as _, SecretString};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Deserializer};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::time::Duration;
use url::Url;

/// Pages are small so that one lost answer costs little; times come in UTC whatever the mailbox is set to.
const PREFER: &str = r#"odata.maxpagesize=100, outlook.timezone="UTC""#;
/// Twenty thousand objects in one list or window; more is nothing that a person has.
const MAX_PAGES: usize = 200;

/// Graph, for one of the two.
pub(super) struct Graph {
    pub(super) app: App,
    /// How long a subscription should live.
    life: Duration,
}

/// All pages of a listing.
pub(super) struct Listed<T> {
    pub(super) items: Vec<T>,
    /// Where the next listing goes on; only `delta` has one.
    pub(super) delta: Option<String>,
}

/// What changed about an object, as far as merging wants to know.
pub(super) trait Versioned {
    fn id(&self) -> &str;
    fn modified(&self) -> Option<Timestamp>;
}

#[derive(Deserialize)]
struct Page<T> {
    #[serde(default = "Vec::new")]
    value: Vec<Perhaps<T>>,
    #[serde(default, rename = "@odata.nextLink")]
    next: Option<String>,
    #[serde(default, rename = "@odata.deltaLink")]
    delta: Option<String>,
}

/// A time as Graph writes it: a wall clock, and of where.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct When {
    date_time: String,
    #[serde(default)]
    time_zone: Option<String>,
}

/// There, whatever it holds: `@removed`, `recurrence`.
#[derive(Debug, Default)]
pub(super) struct There(pub(super) bool);

impl<'de> Deserialize<'de> for There {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(Self(Option::<IgnoredAny>::deserialize(from)?.is_some()))
    }
}

#[derive(Deserialize)]
struct Me {
    id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Subscribed {
    id: String,
    #[serde(default)]
    resource: String,
    expiration_date_time: Timestamp,
}

impl Graph {
    pub(super) fn new(app: App, life: Duration) -> Self {
        Self { app, life }
    }

    /// An address below Graph's.
    pub(super) fn at(&self, parts: &[&str]) -> Url {
        below(&self.app.api_url, parts)
    }

    /// A link that Graph gave, if it leads to Graph: the token goes nowhere else.
    pub(super) fn link(&self, link: &str) -> Result<Url, CallError> {
        let url = Url::parse(link).map_err(|_| CallError::Garbled)?;
        if url.origin() == self.app.api_url.origin() {
            Ok(url)
        } else {
            Err(CallError::Forbade("a link leads away from the provider and is not followed".into()))
        }
    }

    pub(super) async fn get<T: DeserializeOwned>(
        &self,
        http: &Http,
        access: &Access,
        url: &Url,
    ) -> Result<T, CallError> {
        http.json(http.with_token(Method::GET, url, &access.token)?.header("prefer", PREFER)).await
    }

    /// All pages from this one on.
    pub(super) async fn list<T: DeserializeOwned>(
        &self,
        http: &Http,
        access: &Access,
        first: Url,
    ) -> Result<Listed<T>, CallError> {
        let mut items = Vec::new();
        let mut url = first;
        for _ in 0..MAX_PAGES {
            let page: Page<T> = self.get(http, access, &url).await?;
            // A page may be empty and not the last.
            items.extend(readable(page.value));
            match page.next {
                Some(next) => url = self.link(&next)?,
                None => {
                    if let Some(delta) = &page.delta {
                        self.link(delta)?;
                    }
                    return Ok(Listed { items, delta: page.delta });
                }
            }
        }
        Err(CallError::Garbled)
    }

    /// The account's own id: of the directory for work and school, of Microsoft for a person's own.
    pub(super) async fn owner(&self, http: &Http, token: &SecretString) -> Result<String, CallError> {
        let mut url = self.at(&["me"]);
        url.query_pairs_mut().append_pair("$select", "id");
        let me: Me = http.json(http.with_token(Method::GET, &url, token)?).await?;
        if me.id.is_empty() { Err(CallError::Garbled) } else { Ok(me.id) }
    }

    /// Subscribes to changes of a resource. Before it answers, Graph asks at our address whether it is ours.
    pub(super) async fn subscribe(
        &self,
        http: &Http,
        access: &Access,
        opening: &Opening<'_>,
        webhook: &Url,
        resource: &str,
    ) -> Result<Channel, CallError> {
        let mut address = webhook.clone();
        address.query_pairs_mut().append_pair(CHANNEL, opening.id);
        let body = json!({
            "changeType": "created,updated,deleted",
            "notificationUrl": address,
            // It cannot be added later.
            "lifecycleNotificationUrl": address,
            "resource": resource,
            "expirationDateTime": self.until(opening.wall),
            "clientState": opening.token.expose_secret(),
        });
        let request = http.with_token(Method::POST, &self.at(&["subscriptions"]), &access.token)?.json(&body);
        let made: Subscribed = http.json(request).await?;
        Ok(Channel { id: made.id, resource: made.resource, expires: made.expiration_date_time })
    }

    /// Lengthens a subscription's life.
    pub(super) async fn renew(
        &self,
        http: &Http,
        token: &SecretString,
        id: &str,
        wall: Timestamp,
    ) -> Result<Timestamp, CallError> {
        let body = json!({"expirationDateTime": self.until(wall)});
        let url = self.at(&["subscriptions", id]);
        let renewed: Subscribed = http.json(http.with_token(Method::PATCH, &url, token)?.json(&body)).await?;
        Ok(renewed.expiration_date_time)
    }

    pub(super) async fn unsubscribe(&self, http: &Http, token: &SecretString, id: &str) -> Result<(), CallError> {
        let request = http.with_token(Method::DELETE, &self.at(&["subscriptions", id]), token)?;
        match http.done(request).await {
            Ok(_) | Err(CallError::Missing | CallError::Gone) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn until(&self, wall: Timestamp) -> String {
        wall.checked_add(self.life).unwrap_or(wall).to_string()
    }
}

impl When {
    /// The wall clock that it shows.
    pub(super) fn civil(&self) -> Option<civil::DateTime> {
        self.date_time.trim_end_matches('Z').parse().ok()
    }

    /// Whose wall clock it is; UTC where it does not say.
    pub(super) fn zone(&self) -> Option<TimeZone> {
        self.time_zone.as_deref().map_or(Some(TimeZone::UTC), zone)
    }

    pub(super) fn instant(&self) -> Option<Timestamp> {
        Some(self.civil()?.to_zoned(self.zone()?).ok()?.timestamp())
    }
}

/// The last word on each object: an object may come twice, and the pages in any order.
pub(super) fn latest<T: Versioned>(all: Vec<T>) -> Vec<T> {
    let mut kept: Vec<T> = Vec::with_capacity(all.len());
    let mut place: HashMap<String, usize> = HashMap::new();
    for one in all {
        match place.get(one.id()) {
            Some(&at) => {
                let is_older = one.modified().zip(kept[at].modified()).is_some_and(|(one, kept)| one < kept);
                if !is_older {
                    kept[at] = one;
                }
            }
            None => {
                place.insert(one.id().to_owned(), kept.len());
                kept.push(one);
            }
        }
    }
    kept
}

/// A short name for a long one.
pub(super) fn short(name: &str) -> String {
    oo_runtime::random::hex(&Sha256::digest(name)[..8])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_in_its_own_zone() {
        let at = |zone: Option<&str>| {
            let when = When { date_time: "2026-11-24T09:00:00.0000000".into(), time_zone: zone.map(str::to_owned) };
            when.instant().map(|at| at.to_string())
        };
        assert_eq!(at(Some("UTC")).unwrap(), "2026-11-24T09:00:00Z");
        assert_eq!(at(None).unwrap(), "2026-11-24T09:00:00Z");
        assert_eq!(at(Some("W. Europe Standard Time")).unwrap(), "2026-11-24T08:00:00Z");
        assert_eq!(at(Some("Europe/Zurich")).unwrap(), "2026-11-24T08:00:00Z");
        assert_eq!(at(Some("Customized Time Zone")), None);
    }

    #[test]
    fn the_last_word_counts_whatever_the_order() {
        struct One(&'static str, Option<&'static str>, u8);
        impl Versioned for One {
            fn id(&self) -> &str {
                self.0
            }
            fn modified(&self) -> Option<Timestamp> {
                self.1.map(|at| at.parse().unwrap())
            }
        }
        let (old, new) = (Some("2026-11-24T09:00:00Z"), Some("2026-11-24T09:00:01Z"));
        let kept = |all| latest::<One>(all).iter().map(|one| (one.0, one.2)).collect::<Vec<_>>();
        assert_eq!(kept(vec![One("a", new, 1), One("b", old, 2), One("a", old, 3)]), [("a", 1), ("b", 2)]);
        assert_eq!(kept(vec![One("a", old, 1), One("a", new, 2)]), [("a", 2)]);
        assert_eq!(kept(vec![One("a", old, 1), One("a", None, 2)]), [("a", 2)], "a removal bears no date");
    }
}
