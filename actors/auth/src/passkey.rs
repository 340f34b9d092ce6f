//! Passkeys (WebAuthn Level 3) with the `webauthn-rs` crate: a self-hosted oO needs no third party to sign in.

use crate::begun_store::BegunStore;
use crate::passkey_store::{Kept, PasskeyStore, StoreError, Stored};
use anyhow::Context as _;
use oo_contracts::session::{DeviceName, DoorId, PasskeyEntry};
use oo_contracts::{LogId, Timestamp};
use oo_runtime::{Person, random};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::net::IpAddr;
use url::Url;
use webauthn_rs::prelude::{
    DiscoverableAuthentication, PasskeyRegistration, PublicKeyCredential, RegisterPublicKeyCredential, Uuid,
};
use webauthn_rs::{Webauthn, WebauthnBuilder};

/// The most passkeys of one person.
const MOST: usize = 20;

/// Why a passkey is not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PasskeyError {
    /// What the browser brought does not hold; which part of it is nobody's business.
    #[error("the passkey is not taken: {0}")]
    Refused(String),
    #[error("there are {MOST} passkeys already: remove one first")]
    TooMany,
    #[error(transparent)]
    Away(#[from] StoreError),
}

/// Makes passkeys, and knows them again.
pub(crate) struct Passkeys {
    webauthn: Webauthn,
    store: PasskeyStore,
    begun: BegunStore,
}

impl Passkeys {
    /// Passkeys for the page at this address; `None` where browsers make none: they are bound to a name, over https or at
    /// localhost.
    pub(crate) fn new(page: &Url, store: PasskeyStore, begun: BegunStore) -> anyhow::Result<Option<Self>> {
        let Some(name) = page.host_str().filter(|host| host.parse::<IpAddr>().is_err() && !host.starts_with('['))
        else {
            return Ok(None);
        };
        if page.scheme() != "https" && name != "localhost" {
            return Ok(None);
        }
        let origin = Url::parse(&page.origin().ascii_serialization())?;
        let webauthn = WebauthnBuilder::new(name, &origin).and_then(|builder| builder.rp_name("oO").build());
        let webauthn = webauthn.with_context(|| format!("OO_AUTH__PUBLIC_URL {page} is no place for passkeys"))?;
        Ok(Some(Self { webauthn, store, begun }))
    }

    /// What the browser is asked to make a passkey of, and the transaction that its answer belongs to.
    pub(crate) async fn start(&self, person: &Person) -> Result<(String, String), PasskeyError> {
        let log = &person.place.log;
        let known = self.store.of(log).await?;
        if known.len() >= MOST {
            return Err(PasskeyError::TooMany);
        }
        let handle = self.store.handle(log, Uuid::from_bytes(random::bytes())).await?;
        let without = known.into_iter().map(|(_, kept)| kept.passkey.cred_id().clone()).collect();
        let (options, waiting) = self
            .webauthn
            .start_passkey_registration(handle, person.user.as_str(), "oO", Some(without))
            .map_err(|error| PasskeyError::Refused(error.to_string()))?;
        let mut options = serde_json::to_value(options).unwrap_or_default();
        // One that the browser can find without being told whose it is: nobody types a name here.
        options["publicKey"]["authenticatorSelection"]["residentKey"] = "required".into();
        options["publicKey"]["authenticatorSelection"]["requireResidentKey"] = true.into();
        let transaction = secret();
        self.begun.keep("passkey", &transaction, &(log, waiting)).await?;
        Ok((text(options), transaction))
    }

    /// The browser made a passkey.
    pub(crate) async fn finish(
        &self,
        log: &LogId,
        transaction: &str,
        credential: &str,
        device: DeviceName,
        wall: Timestamp,
    ) -> Result<(), PasskeyError> {
        let begun: Option<(LogId, PasskeyRegistration)> = self.begun.take("passkey", transaction).await?;
        let Some((_, waiting)) = begun.filter(|(owner, _)| owner == log) else {
            return Err(PasskeyError::Refused("it was not begun here".into()));
        };
        let credential: RegisterPublicKeyCredential = read(credential)?;
        let passkey = self
            .webauthn
            .finish_passkey_registration(&credential, &waiting)
            .map_err(|error| PasskeyError::Refused(error.to_string()))?;
        let kept = Kept { passkey, device, added: wall, used: None };
        match self.store.add(log, &id(kept.passkey.cred_id()), &kept).await? {
            true => Ok(()),
            false => Err(PasskeyError::Refused("it is known already".into())),
        }
    }

    /// What the browser is asked to sign, and the transaction that its answer belongs to. Whose key it is, it will tell.
    pub(crate) async fn start_sign_in(&self) -> Result<(String, String), PasskeyError> {
        let (options, waiting) = self
            .webauthn
            .start_discoverable_authentication()
            .map_err(|error| PasskeyError::Refused(error.to_string()))?;
        let mut options = serde_json::to_value(options).unwrap_or_default();
        // The person pressed a button: the browser is to ask at once.
        if let Value::Object(all) = &mut options {
            all.remove("mediation");
        }
        let transaction = secret();
        self.begun.keep("passkey-sign-in", &transaction, &waiting).await?;
        Ok((text(options), transaction))
    }

    /// The browser signed: who it is.
    pub(crate) async fn finish_sign_in(
        &self,
        transaction: &str,
        credential: &str,
        wall: Timestamp,
    ) -> Result<LogId, PasskeyError> {
        let begun: Option<DiscoverableAuthentication> = self.begun.take("passkey-sign-in", transaction).await?;
        let waiting = begun.ok_or_else(|| PasskeyError::Refused("it was not begun here".into()))?;
        let credential: PublicKeyCredential = read(credential)?;
        let (handle, credential_id) = self
            .webauthn
            .identify_discoverable_authentication(&credential)
            .map_err(|error| PasskeyError::Refused(error.to_string()))?;
        let id = id(credential_id);
        let unknown = || PasskeyError::Refused("nobody here has it".into());
        let log = self.store.log_of(handle).await?.ok_or_else(unknown)?;
        let mut kept = self.store.find(&log, &id).await?.ok_or_else(unknown)?;
        let signed = self
            .webauthn
            .finish_discoverable_authentication_v2(&credential, waiting, &kept.passkey)
            .map_err(|error| PasskeyError::Refused(error.to_string()))?;
        kept.passkey.update_credential(&signed);
        kept.used = Some(wall);
        self.store.replace(&log, &id, &kept).await?;
        Ok(log)
    }

    /// A person's passkeys, as they see them.
    pub(crate) async fn list(&self, log: &LogId) -> Stored<Vec<PasskeyEntry>> {
        let kept = self.store.of(log).await?.into_iter();
        let mut entries: Vec<_> = kept
            .map(|(id, kept)| PasskeyEntry { id, device: kept.device, added: kept.added, used: kept.used })
            .collect();
        entries.sort_by_key(|entry| entry.added);
        Ok(entries)
    }

    /// Removes one; whether it was there.
    pub(crate) async fn remove(&self, log: &LogId, id: &DoorId) -> Stored<bool> {
        self.store.remove(log, id).await
    }

    /// Removes all; says how many there were.
    pub(crate) async fn clear(&self, log: &LogId) -> Stored<u32> {
        self.store.clear(log).await
    }
}

/// How an owner names a passkey: by a hash, since authenticators choose ids of any length.
fn id(credential: &[u8]) -> DoorId {
    let name = random::hex(&Sha256::digest(credential)[..16]);
    name.parse().expect("32 hexadecimal digits fit")
}

fn read<T: serde::de::DeserializeOwned>(credential: &str) -> Result<T, PasskeyError> {
    serde_json::from_str(credential).map_err(|_| PasskeyError::Refused("it cannot be read".into()))
}

fn text(options: Value) -> String {
    options.to_string()
}

/// 256 random bits.
fn secret() -> String {
    random::hex(&random::bytes::<32>())
}
