//! Models and line-ups: a key-value bucket that the trainer writes and the recommender follows.
//!
//! A model is written once and never again. A line-up is replaced only by who has seen the one that stands there.

use async_nats::jetstream::consumer::DeliverPolicy;
use async_nats::jetstream::kv;
use futures_util::{Stream, StreamExt as _};
use oo_contracts::decision::PolicyName;
use oo_contracts::model::{Lineup, Model, Tenant};
use oo_subjects::{Bus, streams};
use serde::de::DeserializeOwned;

/// Why models cannot be had, or a change was not made.
#[derive(Debug, thiserror::Error)]
pub enum ModelsError {
    #[error("models cannot be reached: {0}")]
    Away(String),
    #[error("{0} cannot be read: {1}")]
    Garbled(String, String),
    #[error("somebody else changed {0} meanwhile: look again and repeat")]
    Changed(String),
}

/// A line-up and the revision that a change of it must name.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    pub lineup: Option<Lineup>,
    revision: u64,
}

/// The bucket.
#[derive(Debug, Clone)]
pub struct Models {
    bus: Bus,
    bucket: kv::Store,
}

impl Models {
    /// Opens the bucket; [`streams::set_up`] makes it.
    pub async fn open(bus: &Bus) -> Result<Self, ModelsError> {
        let bucket = bus.jetstream().get_key_value(streams::MODELS).await.map_err(away)?;
        Ok(Self { bus: bus.clone(), bucket })
    }

    /// One model.
    pub async fn get(&self, tenant: &Tenant, policy: &PolicyName, version: u32) -> Result<Option<Model>, ModelsError> {
        self.read(&key(tenant, policy, version)).await
    }

    /// All models of a tenant, the oldest first.
    pub async fn all(&self, tenant: &Tenant) -> Result<Vec<Model>, ModelsError> {
        let mut all = Vec::new();
        let ours = format!("{}{}.model.>", self.bucket.prefix, tenant.as_str());
        let mut subjects = self.bucket.stream.info_with_subjects(ours).await.map_err(away)?;
        while let Some(subject) = subjects.next().await {
            let (subject, _) = subject.map_err(away)?;
            let key = subject.strip_prefix(&self.bucket.prefix).unwrap_or(&subject);
            all.extend(self.read::<Model>(key).await?);
        }
        all.sort_by_key(|model| (model.trained_at, model.version));
        Ok(all)
    }

    /// Keeps a model.
    ///
    /// # Errors
    /// [`ModelsError::Changed`] where this version is there already: models are immutable.
    pub async fn add(&self, model: &Model) -> Result<(), ModelsError> {
        let key = key(&model.tenant, &model.policy, model.version);
        let bytes = serde_json::to_vec(model).map_err(|error| ModelsError::Garbled(key.clone(), error.to_string()))?;
        self.bucket.create(&key, bytes.into()).await.map(drop).map_err(|error| match error.kind() {
            kv::CreateErrorKind::AlreadyExists => ModelsError::Changed(key),
            _ => away(error),
        })
    }

    /// A tenant's line-up.
    pub async fn standing(&self, tenant: &Tenant) -> Result<Standing, ModelsError> {
        let key = lineup_key(tenant);
        let entry = self.bucket.entry(&key).await.map_err(away)?;
        let revision = entry.as_ref().map_or(0, |entry| entry.revision);
        let lineup = match entry {
            Some(entry) if entry.operation == kv::Operation::Put => Some(parse(&key, &entry.value)?),
            _ => None,
        };
        Ok(Standing { lineup, revision })
    }

    /// Puts a line-up in the place of one that was seen.
    ///
    /// # Errors
    /// [`ModelsError::Changed`] where another stands there by now.
    pub async fn replace(&self, tenant: &Tenant, seen: &Standing, lineup: &Lineup) -> Result<(), ModelsError> {
        let key = lineup_key(tenant);
        let bytes = serde_json::to_vec(lineup).map_err(|error| ModelsError::Garbled(key.clone(), error.to_string()))?;
        self.bucket.update(&key, bytes.into(), seen.revision).await.map(drop).map_err(|error| match error.kind() {
            kv::UpdateErrorKind::WrongLastRevision => ModelsError::Changed(key),
            _ => away(error),
        })
    }

    /// Line-ups as they stand, then as they change.
    pub async fn lineups(
        &self,
    ) -> Result<impl Stream<Item = Result<(Tenant, Lineup), ModelsError>> + Send + use<>, ModelsError> {
        let told = self.bus.follow(&self.bucket, "*.lineup", DeliverPolicy::LastPerSubject).await.map_err(away)?;
        Ok(told.filter_map(|change| async {
            let (key, value) = match change {
                Ok(change) => change,
                Err(error) => return Some(Err(away(error))),
            };
            let tenant = key.strip_suffix(".lineup")?.parse().ok()?;
            value.map(|value| parse(&key, &value).map(|lineup| (tenant, lineup)))
        }))
    }

    async fn read<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, ModelsError> {
        let bytes = self.bucket.get(key).await.map_err(away)?;
        bytes.map(|bytes| parse(key, &bytes)).transpose()
    }
}

fn parse<T: DeserializeOwned>(key: &str, bytes: &[u8]) -> Result<T, ModelsError> {
    serde_json::from_slice(bytes).map_err(|error| ModelsError::Garbled(key.to_owned(), error.to_string()))
}

fn key(tenant: &Tenant, policy: &PolicyName, version: u32) -> String {
    format!("{}.model.{}.{version}", tenant.as_str(), policy.as_str())
}

fn lineup_key(tenant: &Tenant) -> String {
    format!("{}.lineup", tenant.as_str())
}

fn away(error: impl std::fmt::Display) -> ModelsError {
    ModelsError::Away(error.to_string())
}
