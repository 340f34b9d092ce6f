//! The servers of a house whose services do not run: for what is done to all that is kept.

use crate::data::{self, Data};
use crate::house;
use oo_runtime::engines::Server;
use oo_runtime::{Context, Source, nats_users};
use oo_subjects::access::OPERATOR;
use std::path::Path;
use tokio_util::sync::CancellationToken;

/// The servers, reached as the operator.
pub(crate) struct Servers {
    pub(crate) ctx: Context,
    /// The data folder and our own servers, where the settings name no others.
    own: Option<(Data, Server, Server)>,
}

impl Servers {
    /// Whether the settings name servers that run already.
    pub(crate) fn are_named() -> bool {
        Source::from_env().get("OO_NATS__URL").is_some()
    }

    /// Those that the settings name; else those of the data folder, started.
    pub(crate) async fn open(name: &'static str, data: &Path) -> anyhow::Result<Self> {
        let (env, stop) = (Source::from_env(), CancellationToken::new());
        if Self::are_named() {
            return Ok(Self { ctx: Context::new(name, env, stop).await?, own: None });
        }
        let data = Data::open(data)?;
        let given = Source::from_iter(data::env_local()?).with(env.pairs());
        let (source, nats, redis) = house::servers(&given, &data).await?;
        let secrets = data.secrets();
        let files = [("OO_KEYS__FILE", "keys"), ("OO_NOTIFIER__VAPID_FILE", "vapid.pem")];
        let source = source
            .with(nats_users::settings(&secrets, OPERATOR))
            .with(files.map(|(name, file)| (name, secrets.join(file).display().to_string())));
        Ok(Self { ctx: Context::new(name, source, stop).await?, own: Some((data, nats, redis)) })
    }

    /// The data folder, where they are our own.
    pub(crate) fn data(&self) -> Option<&Data> {
        self.own.as_ref().map(|(data, ..)| data)
    }

    pub(crate) async fn close(self) {
        if let Some((_data, mut nats, mut redis)) = self.own {
            redis.stop().await;
            nats.stop().await;
        }
    }
}
