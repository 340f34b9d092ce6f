//! Which shard a log belongs to: a stable hash over the number of shards, which `reshard.rs` may double.

use oo_contracts::LogId;

/// One shard: a stream and the nodes that pull it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Shard(pub u16);

impl Shard {
    /// The shard of a log among `shards`.
    ///
    /// FNV-1a 32 modulo n, as the server's own `partition(n, …)` computes it.
    pub fn of(log: &LogId, shards: u16) -> Self {
        let hash =
            log.as_str().bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
        Self((hash % u32::from(shards.max(1))) as u16)
    }

    /// The stream that holds this shard's logs.
    pub fn stream(self) -> String {
        format!("OO_LOG_{}", self.0)
    }
}

/// Where a person's log is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Place {
    pub shard: Shard,
    pub log: LogId,
}

impl Place {
    /// The place of a log among `shards`.
    pub fn new(log: LogId, shards: u16) -> Self {
        Self { shard: Shard::of(&log, shards), log }
    }

    /// All entries of this person, of any kind.
    pub fn all(&self) -> String {
        format!("oo.v1.log.{}.{}.>", self.shard.0, self.log)
    }

    /// The person's next wake-up.
    pub fn agenda(&self) -> String {
        format!("oo.v1.agenda.{}.{}", self.shard.0, self.log)
    }

    /// The person's decisions.
    pub fn decisions(&self) -> String {
        format!("oo.v1.decision.{}.{}", self.shard.0, self.log)
    }

    /// What stands in the place of older entries.
    pub fn checkpoint(&self) -> String {
        format!("oo.v1.checkpoint.{}", self.log)
    }

    /// Where this log may have been when there were fewer shards, in powers of two, the fewest first and this place last.
    pub fn earlier(&self) -> Vec<Self> {
        let mut shards: Vec<Shard> = (0..u16::BITS).map(|bits| Shard(self.shard.0 & ((1 << bits) - 1))).collect();
        shards.push(self.shard);
        shards.dedup();
        shards.into_iter().map(|shard| Self { shard, log: self.log.clone() }).collect()
    }

    /// The claims on the person's pushes, all of which begin so.
    pub fn claims(&self) -> String {
        format!("oo.v1.push.claim.{}", self.log)
    }

    /// Reads a log subject back: whose entry, and of which kind.
    pub fn parse(subject: &str) -> Option<(Self, &str)> {
        let mut parts = subject.strip_prefix("oo.v1.log.")?.split('.');
        let shard = parts.next()?.parse().ok()?;
        let log = parts.next()?.parse().ok()?;
        let kind = parts.next()?;
        parts.next().is_none().then_some((Self { shard: Shard(shard), log }, kind))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_like_the_server() {
        // FNV-1a 32 test vectors of its authors: "a" and "foobar".
        let fnv = |text: &str| text.bytes().fold(0x811c_9dc5_u32, |h, b| (h ^ u32::from(b)).wrapping_mul(0x0100_0193));
        assert_eq!(fnv("a"), 0xe40c_292c);
        assert_eq!(fnv("foobar"), 0xbf9c_f968);
        let log: LogId = "abcdefghijklmnop".parse().unwrap();
        assert_eq!(u32::from(Shard::of(&log, 16).0), fnv("abcdefghijklmnop") % 16);
    }

    #[test]
    fn a_log_is_looked_for_where_it_was_with_fewer_shards() {
        let log: LogId = "abcdefghijklmnop".parse().unwrap();
        let now = Place::new(log.clone(), 64);
        let places = now.earlier();
        for shards in [1, 2, 16, 32] {
            assert!(places.contains(&Place::new(log.clone(), shards)), "{shards}");
        }
        assert_eq!(places.last(), Some(&now));
        assert_eq!(Place::new(log, 1).earlier().len(), 1);
    }

    #[test]
    fn a_subject_reads_back() {
        let place = Place::new("abcdefghijklmnop".parse().unwrap(), 16);
        let subject = crate::TIPS.of(&place);
        assert_eq!(Place::parse(&subject), Some((place, "tip")));
        assert_eq!(Place::parse("oo.v1.log.3.abcdefghijklmnop.tip.more"), None);
        assert_eq!(Place::parse("oo.v1.agenda.3.abcdefghijklmnop"), None);
    }
}
