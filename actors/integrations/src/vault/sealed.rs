//! Walks over all that this service seals: which keys of the ring wrap it, wrapped again where asked to. A data key is
//! wrapped anew without a look at the token that it seals.

use super::{Record, Vault, VaultError, belongs, encode};
use oo_contracts::AccountId;
use oo_runtime::people::PeopleError;
use oo_runtime::seal::{Envelope, Tally, Walk, Wrapped};

/// What the proof belongs to; it says nothing.
const PROOF: &str = "oo/proof/v1";

impl Vault {
    /// Whether the ring opens what was sealed here. With another one everything would look lost, and what is sealed from
    /// then on would be lost to the right one.
    pub(crate) async fn opens(&self) -> Result<bool, VaultError> {
        if let Some(proof) = self.store.proof().await? {
            let proof: Envelope = serde_json::from_str(&proof).map_err(|_| VaultError::Garbled)?;
            return Ok(proof.open(&self.ring, PROOF).is_ok());
        }
        // The first start; or the first with a proof, and then any account is one.
        if let Some(id) = self.store.all().await?.first()
            && let Err(VaultError::Sealed(_) | VaultError::People(PeopleError::Sealed(_))) = self.read(id).await
        {
            return Ok(false);
        }
        let proof = Envelope::seal(&self.ring, PROOF, b"");
        self.store.put_proof(&serde_json::to_string(&proof).map_err(|_| VaultError::Garbled)?).await?;
        Ok(true)
    }

    /// The proof.
    pub(crate) async fn sealed_proof(&self, walk: Walk) -> Result<Tally, VaultError> {
        let mut tally = Tally::default();
        let Some(old) = self.store.proof().await? else { return Ok(tally) };
        let proof: Envelope = serde_json::from_str(&old).map_err(|_| VaultError::Garbled)?;
        let write = async |key| {
            let new = Envelope { key, ..proof.clone() };
            let new = serde_json::to_string(&new).map_err(|_| VaultError::Garbled)?;
            Ok::<_, VaultError>(self.store.swap_proof(&old, &new).await?)
        };
        tally.take(&self.ring, walk, PROOF, &proof.key, write).await?;
        Ok(tally)
    }

    /// The linked accounts. One that a refresh or a status changes in this moment is left to the next walk.
    pub(crate) async fn sealed(&self, walk: Walk) -> Result<Tally, VaultError> {
        let mut tally = Tally::default();
        for id in self.store.all().await? {
            let Some((version, record)) = self.record(&id).await? else { continue };
            let write = async |key| Ok::<_, VaultError>(self.store.swap(&id, version, &moved(&record, key)?).await?);
            tally.take(&self.ring, walk, &place(&record, &id), &record.sealed.key, write).await?;
        }
        Ok(tally)
    }

    /// Ended links of which something is left to do.
    pub(crate) async fn sealed_ended(&self, walk: Walk) -> Result<Tally, VaultError> {
        let mut tally = Tally::default();
        for ended in self.store.ended().await? {
            // What cannot be read is forgotten by its own worker.
            let Ok(record) = serde_json::from_str::<Record>(&ended.record) else { continue };
            let write = async |key| {
                let new = moved(&record, key)?;
                Ok::<_, VaultError>(self.store.swap_ended(&ended.account, &ended.record, &new).await?)
            };
            tally.take(&self.ring, walk, &place(&record, &ended.account), &record.sealed.key, write).await?;
        }
        Ok(tally)
    }
}

fn place(record: &Record, id: &AccountId) -> String {
    belongs(&record.log, record.provider, id)
}

/// The record with its data key in another wrap.
fn moved(record: &Record, key: Wrapped) -> Result<String, VaultError> {
    let Record { log, provider, status, sealed } = record.clone();
    encode(&Record { log, provider, status, sealed: Envelope { key, ..sealed } })
}
