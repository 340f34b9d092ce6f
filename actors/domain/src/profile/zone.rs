//! A person's time zone: its name, and what it means.

use jiff::tz::TimeZone;
use oo_contracts::signal::ZoneName;
use serde::{Deserialize, Serialize};

/// A zone that exists.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(from = "ZoneName", into = "ZoneName")]
pub(crate) struct Zone {
    pub(crate) name: ZoneName,
    pub(crate) tz: TimeZone,
}

impl Zone {
    /// Where nobody said otherwise.
    pub(crate) fn utc() -> Self {
        let name = ZoneName::try_from("UTC".to_owned()).unwrap_or_else(|_| unreachable!("UTC is within the limits"));
        Self { name, tz: TimeZone::UTC }
    }

    /// The zone of that name; `None` for a name that is in no database.
    pub(crate) fn named(name: &ZoneName) -> Option<Self> {
        Some(Self { name: name.clone(), tz: zone_of(name)? })
    }
}

/// What a name means, from the database that is built in.
pub(crate) fn zone_of(name: &ZoneName) -> Option<TimeZone> {
    TimeZone::get(name.as_str()).ok()
}

impl PartialEq for Zone {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl From<ZoneName> for Zone {
    fn from(name: ZoneName) -> Self {
        Self::named(&name).unwrap_or_else(Self::utc)
    }
}

impl From<Zone> for ZoneName {
    fn from(zone: Zone) -> Self {
        zone.name
    }
}
