//! The token vault: each linked account's grant, sealed with a key of its own that the ring wraps, changed only by
//! compare-and-set on its version. Nobody else sees a token at rest.

mod sealed;

use crate::connector::Access;
use crate::store::StoreError;
use crate::vault_store::{Ended, Raw, VaultStore};
use oo_contracts::wire::{AccountStatus, Broken};
use oo_contracts::{AccountId, LogId, Provider, Timestamp, UserId};
use oo_runtime::people::PeopleError;
use oo_runtime::seal::{Envelope, Keyring, OpenError};
use oo_runtime::{People, random};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::borrow::Cow;
use std::time::Duration;
use zeroize::Zeroizing;

/// The least margin before a token's end, so that it does not end on its way to the provider.
const MARGIN: Duration = Duration::from_secs(60);
/// A refresh token that nobody uses dies, at Microsoft after 90 days and at Google after six months. Once a week is far
/// from that, and soon enough to notice one that has died unused.
const IDLE: Duration = Duration::from_secs(7 * 24 * 3600);
/// A token that lives no longer than this is renewed when it is needed, and not ahead of that.
const SHORTEST_LIFE: Duration = Duration::from_secs(2);
/// How often a change that lost to another is tried again.
const TRIES: usize = 8;

/// What a provider granted. Prints no secret.
#[derive(Debug, Clone)]
pub(crate) struct Grant {
    pub(crate) access: SecretString,
    pub(crate) refresh: Option<SecretString>,
    /// On the wall's clock; `None` for a token that lives until it is revoked.
    pub(crate) expires: Option<Timestamp>,
    /// How long it lived in all, for the margin.
    pub(crate) life_seconds: u64,
    /// When the provider gave it, on the wall's clock; not known of what an older oO kept.
    pub(crate) renewed: Option<Timestamp>,
    /// The provider's own name of the account.
    pub(crate) owner: String,
}

impl Grant {
    /// Whether the access token should still be used.
    pub(crate) fn is_fresh(&self, wall: Timestamp) -> bool {
        let Some(expires) = self.expires else { return true };
        expires.checked_sub(self.margin()).is_ok_and(|until| wall < until)
    }

    /// A tenth of its life, a minute at least; but never so much that a short-lived token would be born stale.
    fn margin(&self) -> Duration {
        let life = Duration::from_secs(self.life_seconds);
        MARGIN.max(life / 10).min(life / 2)
    }

    /// When to renew it although it still works: somewhat before its margin begins, so that nobody ever waits for a
    /// refresh; and after a week at the latest. `chance` from 0 to 1 lets accounts that were linked together drift apart.
    /// `None` where there is nothing to renew it with.
    pub(crate) fn renew_at(&self, chance: f64) -> Option<Timestamp> {
        self.refresh.as_ref()?;
        let life = Duration::from_secs(self.life_seconds);
        let ahead = self.margin().mul_f64(1.25 + 0.75 * chance).min(life * 3 / 4);
        let ends = self.expires.filter(|_| life > SHORTEST_LIFE).and_then(|expires| expires.checked_sub(ahead).ok());
        let begun = self.renewed.or_else(|| self.expires?.checked_sub(life).ok()).unwrap_or(Timestamp::UNIX_EPOCH);
        let idle = begun.checked_add(IDLE.mul_f64(0.9 + 0.1 * chance)).ok();
        [ends, idle].into_iter().flatten().min()
    }

    /// Whether both hold the same refresh token (or, without one, the same access token).
    fn continues(&self, other: &Self) -> bool {
        match (&self.refresh, &other.refresh) {
            (Some(mine), Some(theirs)) => mine.expose_secret() == theirs.expose_secret(),
            (None, None) => self.access.expose_secret() == other.access.expose_secret(),
            _ => false,
        }
    }
}

/// A linked account without its secrets.
#[derive(Debug, Clone)]
pub(crate) struct Linked {
    pub(crate) id: AccountId,
    /// The name of the person's log: all that the store knows them by.
    pub(crate) log: LogId,
    pub(crate) user: UserId,
    pub(crate) provider: Provider,
    pub(crate) status: AccountStatus,
}

/// A linked account with its grant, as of a version.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    pub(crate) linked: Linked,
    pub(crate) grant: Grant,
    pub(crate) version: u64,
    /// Sealed with a key that is no longer the ring's first.
    pub(crate) is_old: bool,
}

impl Account {
    /// When to renew its grant although it still works. The same for all processes that look at the same grant.
    pub(crate) fn renew_at(&self) -> Option<Timestamp> {
        let hash = Sha256::digest(format!("{}|{:?}", self.linked.id, self.grant.expires));
        self.grant.renew_at(f64::from(u16::from_le_bytes([hash[0], hash[1]])) / f64::from(u16::MAX))
    }

    /// What a call to the provider needs.
    pub(crate) fn access(&self) -> Access {
        let Grant { access, owner, .. } = &self.grant;
        Access { account: self.linked.id.clone(), owner: owner.clone(), token: access.clone() }
    }
}

/// What became of a new grant.
#[derive(Debug)]
pub(crate) enum Kept {
    New(Linked),
    /// It was linked already, by the same person: all but the grant stays.
    Again(Linked),
    /// Somebody else has linked this account.
    Elsewhere,
    /// There is nobody by that name; they may have been erased meanwhile.
    Nobody,
}

/// What is left of an ended link.
pub(crate) struct Ending {
    pub(crate) row: Ended,
    /// `None` where the record cannot be read.
    pub(crate) left: Option<Left>,
}

/// What a record says after its end.
pub(crate) struct Left {
    pub(crate) log: LogId,
    pub(crate) provider: Provider,
    /// The account as it was; `None` once its person was erased.
    pub(crate) linked: Option<Linked>,
    /// `None` where it does not open any more.
    pub(crate) grant: Option<Grant>,
}

/// What became of a refreshed grant.
#[derive(Debug)]
pub(crate) enum Saved {
    Mine(Account),
    /// Somebody else wrote another grant meanwhile: theirs counts.
    Theirs(Account),
    /// The link was ended meanwhile.
    Ended,
}

/// What became of a grant that the provider calls dead.
#[derive(Debug)]
pub(crate) enum Dead {
    Marked,
    /// It was marked before.
    Already,
    /// The link was ended.
    Ended,
    /// Somebody else has renewed it: it lives.
    Theirs(Box<Account>),
}

/// Why the vault does not do it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum VaultError {
    #[error(transparent)]
    Away(#[from] StoreError),
    #[error(transparent)]
    People(#[from] PeopleError),
    #[error(transparent)]
    Sealed(#[from] OpenError),
    #[error("a vault record cannot be read")]
    Garbled,
    #[error("a vault record changes too often")]
    Contended,
}

/// A record as it rests.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Record {
    log: LogId,
    provider: Provider,
    status: AccountStatus,
    sealed: Envelope,
}

/// A grant as it is sealed. Exists for the moment of sealing and opening.
#[derive(Serialize, Deserialize)]
struct Plain<'a> {
    #[serde(borrow)]
    access: Cow<'a, str>,
    #[serde(borrow)]
    refresh: Option<Cow<'a, str>>,
    expires: Option<Timestamp>,
    life_seconds: u64,
    #[serde(default)]
    renewed: Option<Timestamp>,
    #[serde(borrow)]
    owner: Cow<'a, str>,
}

/// The vault.
#[derive(Clone)]
pub(crate) struct Vault {
    store: VaultStore,
    ring: Keyring,
    people: People,
}

impl Vault {
    pub(crate) fn new(store: VaultStore, ring: Keyring, people: People) -> Self {
        Self { store, ring, people }
    }

    /// Keeps a new grant: a new account, or a known one of the same person again.
    pub(crate) async fn keep(
        &self,
        user: &UserId,
        provider: Provider,
        grant: &Grant,
        wall: Timestamp,
    ) -> Result<Kept, VaultError> {
        let owner = owner_key(provider, &grant.owner);
        let Some(person) = self.people.find(user).await? else { return Ok(Kept::Nobody) };
        let log = person.place.log.clone();
        let linked = |id| Linked { id, log: log.clone(), user: user.clone(), provider, status: AccountStatus::Active };
        for _ in 0..TRIES {
            if let Some(id) = self.store.of_owner(&owner).await? {
                let Some((version, record)) = self.record(&id).await? else { continue };
                if record.log != log {
                    return Ok(Kept::Elsewhere);
                }
                let linked = linked(id);
                if self.swap(&linked, version, grant).await? {
                    return Ok(Kept::Again(linked));
                }
                continue;
            }
            // Random, so that an account linked again after its end is another one: nothing of the old comes back.
            let linked = linked(random::token().parse().map_err(|_| VaultError::Garbled)?);
            let raw = self.seal(&linked, grant)?;
            if self.store.create(&linked.id, &log, &owner, &raw, wall).await? {
                if self.people.has_left(&log) {
                    // Erased while it was kept: it is taken back as all of theirs.
                    self.end(&linked.id).await?;
                    return Ok(Kept::Nobody);
                }
                return Ok(Kept::New(linked));
            }
        }
        Err(VaultError::Contended)
    }

    /// An account with its grant.
    pub(crate) async fn read(&self, id: &AccountId) -> Result<Option<Account>, VaultError> {
        let Some((version, record)) = self.record(id).await? else { return Ok(None) };
        let Some(linked) = self.linked(id, &record).await? else { return Ok(None) };
        let grant = self.open(id, &record)?;
        let is_old = self.ring.is_old(&record.sealed.key);
        Ok(Some(Account { linked, grant, version, is_old }))
    }

    /// An account without its grant.
    pub(crate) async fn look(&self, id: &AccountId) -> Result<Option<Linked>, VaultError> {
        match self.record(id).await? {
            Some((_, record)) => self.linked(id, &record).await,
            None => Ok(None),
        }
    }

    /// A person's accounts.
    pub(crate) async fn of_user(&self, user: &UserId) -> Result<Vec<Linked>, VaultError> {
        let mut all = Vec::new();
        let Some(person) = self.people.find(user).await? else { return Ok(all) };
        for id in self.store.of_log(&person.place.log).await? {
            all.extend(self.look(&id).await?);
        }
        Ok(all)
    }

    /// Ends all links of an erased person; says how many there were.
    pub(crate) async fn end_all(&self, log: &LogId) -> Result<u32, VaultError> {
        let mut ended = 0;
        for id in self.store.of_log(log).await? {
            ended += u32::from(self.end(&id).await?);
        }
        Ok(ended)
    }

    /// The account that a provider calls so.
    pub(crate) async fn of_owner(&self, provider: Provider, owner: &str) -> Result<Option<AccountId>, VaultError> {
        Ok(self.store.of_owner(&owner_key(provider, owner)).await?)
    }

    /// Keeps a refreshed grant in place of the one in `from`. A status that changed meanwhile is no obstacle; a grant is.
    pub(crate) async fn save(&self, from: &Account, grant: &Grant) -> Result<Saved, VaultError> {
        let mut current = from.clone();
        for _ in 0..TRIES {
            let mut linked = current.linked.clone();
            if matches!(linked.status, AccountStatus::ReconnectNeeded { .. }) {
                linked.status = AccountStatus::Active;
            }
            if self.swap(&linked, current.version, grant).await? {
                return Ok(Saved::Mine(Account {
                    linked,
                    grant: grant.clone(),
                    version: current.version + 1,
                    is_old: false,
                }));
            }
            match self.read(&current.linked.id).await? {
                None => return Ok(Saved::Ended),
                Some(theirs) if !theirs.grant.continues(&from.grant) => return Ok(Saved::Theirs(theirs)),
                Some(same) => current = same,
            }
        }
        Err(VaultError::Contended)
    }

    /// Seals the record again with the ring's first key. Does nothing if the record changed meanwhile: it was sealed anew then.
    pub(crate) async fn rewrap(&self, account: &Account) -> Result<(), VaultError> {
        self.swap(&account.linked, account.version, &account.grant).await.map(|_| ())
    }

    /// Says how an account stands, unless it says so already; whether that changed anything.
    pub(crate) async fn set_status(
        &self,
        id: &AccountId,
        next: impl Fn(&AccountStatus) -> Option<AccountStatus>,
    ) -> Result<bool, VaultError> {
        for _ in 0..TRIES {
            let Some((version, mut record)) = self.record(id).await? else { return Ok(false) };
            let Some(status) = next(&record.status) else { return Ok(false) };
            record.status = status;
            if self.store.swap(id, version, &encode(&record)?).await? {
                return Ok(true);
            }
        }
        Err(VaultError::Contended)
    }

    /// Marks a grant as dead, if it still is the one in `seen`: a loser must not end what a winner renewed.
    pub(crate) async fn mark_dead(&self, seen: &Account, since: Timestamp, why: Broken) -> Result<Dead, VaultError> {
        for _ in 0..TRIES {
            let Some(now) = self.read(&seen.linked.id).await? else { return Ok(Dead::Ended) };
            if matches!(now.linked.status, AccountStatus::ReconnectNeeded { .. }) {
                return Ok(Dead::Already);
            }
            if !now.grant.continues(&seen.grant) {
                return Ok(Dead::Theirs(Box::new(now)));
            }
            let Some((version, mut record)) = self.record(&seen.linked.id).await? else { return Ok(Dead::Ended) };
            if version != now.version {
                continue;
            }
            record.status = AccountStatus::ReconnectNeeded { since, why: Some(why) };
            if self.store.swap(&seen.linked.id, version, &encode(&record)?).await? {
                return Ok(Dead::Marked);
            }
        }
        Err(VaultError::Contended)
    }

    /// Ends an account in one step: record, cursors and indexes go; what is left to say and to revoke is kept for [`crate::unlink`].
    pub(crate) async fn end(&self, id: &AccountId) -> Result<bool, VaultError> {
        let Some((_, record)) = self.record(id).await? else { return Ok(false) };
        // A record that does not open can be ended all the same, but then its owner's index is found by nobody.
        let owner = self.open(id, &record).ok().map(|grant| owner_key(record.provider, &grant.owner));
        Ok(self.store.end(id, &record.log, owner.as_deref()).await?)
    }

    /// Ended accounts of which something is left to say or to revoke.
    pub(crate) async fn ended(&self) -> Result<Vec<Ending>, VaultError> {
        let mut all = Vec::new();
        for row in self.store.ended().await? {
            let left = match serde_json::from_str::<Record>(&row.record) {
                Ok(record) => Some(Left {
                    linked: self.linked(&row.account, &record).await?,
                    grant: self.open(&row.account, &record).ok(),
                    log: record.log,
                    provider: record.provider,
                }),
                Err(_) => None,
            };
            all.push(Ending { row, left });
        }
        Ok(all)
    }

    /// The store, for what is kept beside the records.
    pub(crate) fn store(&self) -> &VaultStore {
        &self.store
    }

    async fn record(&self, id: &AccountId) -> Result<Option<(u64, Record)>, VaultError> {
        let Some(Raw { version, record }) = self.store.load(id).await? else { return Ok(None) };
        Ok(Some((version, serde_json::from_str(&record).map_err(|_| VaultError::Garbled)?)))
    }

    /// Whose record it is. Of somebody who was erased there are no accounts any more, whatever still stands in the store.
    async fn linked(&self, id: &AccountId, record: &Record) -> Result<Option<Linked>, VaultError> {
        let Record { log, provider, status, .. } = record.clone();
        let person = self.people.of_log(&log).await?;
        Ok(person.map(|person| Linked { id: id.clone(), log, user: person.user.clone(), provider, status }))
    }

    async fn swap(&self, linked: &Linked, version: u64, grant: &Grant) -> Result<bool, VaultError> {
        let raw = self.seal(linked, grant)?;
        Ok(self.store.swap(&linked.id, version, &raw).await?)
    }

    fn seal(&self, linked: &Linked, grant: &Grant) -> Result<String, VaultError> {
        let plain = Plain {
            access: grant.access.expose_secret().into(),
            refresh: grant.refresh.as_ref().map(|token| token.expose_secret().into()),
            expires: grant.expires,
            life_seconds: grant.life_seconds,
            renewed: grant.renewed,
            owner: grant.owner.as_str().into(),
        };
        let plain = Zeroizing::new(serde_json::to_vec(&plain).map_err(|_| VaultError::Garbled)?);
        let sealed = Envelope::seal(&self.ring, &belongs(&linked.log, linked.provider, &linked.id), &plain);
        let Linked { log, provider, status, .. } = linked.clone();
        encode(&Record { log, provider, status, sealed })
    }

    fn open(&self, id: &AccountId, record: &Record) -> Result<Grant, VaultError> {
        let plain = record.sealed.open(&self.ring, &belongs(&record.log, record.provider, id))?;
        let plain: Plain<'_> = serde_json::from_slice(&plain).map_err(|_| VaultError::Garbled)?;
        Ok(Grant {
            access: plain.access.as_ref().into(),
            refresh: plain.refresh.map(|token| token.as_ref().into()),
            expires: plain.expires,
            life_seconds: plain.life_seconds,
            renewed: plain.renewed,
            owner: plain.owner.into_owned(),
        })
    }
}

/// A record opens for its own person, provider and account only. Its version is not part of it: whoever could put an old
/// record back could put its version back as well.
fn belongs(log: &LogId, provider: Provider, account: &AccountId) -> String {
    format!("oo/vault/v2|{log}|{}|{account}", provider.slug())
}

/// By what an account is found from the provider's own name of it, which need not stand in a key.
fn owner_key(provider: Provider, owner: &str) -> String {
    random::hex(&Sha256::digest(format!("oo/owner/v1|{}|{owner}", provider.slug())))
}

fn encode(record: &Record) -> Result<String, VaultError> {
    serde_json::to_string(record).map_err(|_| VaultError::Garbled)
}
