//! Walks over all that this service seals: which keys of the ring wrap it, wrapped again where asked to. A data key is
//! wrapped anew without a look at the token that it seals.

use super::{Record, Vault, VaultError, belongs, encode};
use oo_contracts::AccountId;
use oo_runtime::seal::{Envelope, Tally, Walk, Wrapped};

impl Vault {
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
    belongs(&record.user, record.provider, id)
}

/// The record with its data key in another wrap.
fn moved(record: &Record, key: Wrapped) -> Result<String, VaultError> {
    let Record { user, provider, status, sealed } = record.clone();
    encode(&Record { user, provider, status, sealed: Envelope { key, ..sealed } })
}
