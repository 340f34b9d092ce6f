//! Follows the registry: a line-up that changes is made into engines, and the pool answers with them from then on.

use crate::Settings;
use crate::engine::Engine;
use crate::lineup::{Engines, Lineups};
use crate::onnx::Onnx;
use crate::remote::Remote;
use anyhow::Context as _;
use futures_util::StreamExt as _;
use oo_contracts::model::{Lineup, Seat, Tenant};
use oo_domain::model::Model;
use oo_domain::policy::{self, ONNX, REMOTE, linear};
use oo_runtime::{Context, Models};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// Before a bucket that cannot be followed is tried again.
const FOLLOW_AGAIN: Duration = Duration::from_secs(1);

/// What engines are made from, besides the registry.
pub(crate) struct Workshop {
    remote: Option<Arc<Remote>>,
    onnx: Option<PathBuf>,
}

impl Workshop {
    /// Remote policies are asked where the settings say.
    pub(crate) fn new(settings: &Settings) -> anyhow::Result<Self> {
        let within = Duration::from_millis(settings.remote_within_ms);
        let remote = settings.remote_url.clone().map(|url| Remote::new(url, within)).transpose();
        let remote = remote.context("set OO_RECOMMENDER__REMOTE_URL right")?.map(Arc::new);
        Ok(Self { remote, onnx: settings.onnx_file.clone() })
    }

    /// A policy that needs no registry.
    pub(crate) fn built_in(&self, name: &str) -> anyhow::Result<Engine> {
        if name == REMOTE {
            let remote = self.remote.clone().context("set OO_RECOMMENDER__REMOTE_URL: the policy remote needs it")?;
            return Ok(Engine::Remote(remote));
        }
        if name == ONNX {
            let file = self.onnx.as_ref().context("set OO_RECOMMENDER__ONNX_FILE: the policy onnx needs it")?;
            let model = Onnx::read(file).context("set OO_RECOMMENDER__ONNX_FILE right")?;
            return Ok(Engine::Onnx(Arc::new(model)));
        }
        let known = policy::NAMES.join(", ");
        let policy = policy::named(name)
            .with_context(|| format!("there is no policy {name:?}: choose {known}, {ONNX} or {REMOTE}"))?;
        Ok(Engine::Own(policy.into()))
    }

    /// The settings' own line-up.
    pub(crate) fn usual(&self, settings: &Settings) -> anyhow::Result<Lineups> {
        let set =
            |field: &str, name: &str| self.built_in(name).with_context(|| format!("set OO_RECOMMENDER__{field} right"));
        let shadow = settings.shadow.as_deref().map(|name| set("SHADOW", name)).transpose()?;
        let (live, fallback) = (set("POLICY", &settings.policy)?, set("FALLBACK", &settings.fallback)?);
        anyhow::ensure!(
            matches!(fallback, Engine::Own(_)),
            "set OO_RECOMMENDER__FALLBACK to a policy that is built in: it answers when a remote one does not"
        );
        let usual = Arc::new(Engines { live, shadow, experiment: None });
        Ok(Lineups { usual, of: [].into(), fallback })
    }

    async fn engines(&self, models: &Models, tenant: &Tenant, lineup: &Lineup) -> Engines {
        let mut engines = Engines::only(self.engine(models, tenant, &lineup.live).await);
        if let Some(seat) = &lineup.shadow {
            engines.shadow = Some(self.engine(models, tenant, seat).await);
        }
        if let Some(experiment) = &lineup.experiment {
            let mut arms = Vec::new();
            for arm in &experiment.arms {
                arms.push(self.engine(models, tenant, &arm.seat).await);
            }
            engines.experiment = Some((experiment.clone(), arms));
        }
        engines
    }

    /// The engine of a seat; one that cannot be made is missing, and the fallback answers for it.
    async fn engine(&self, models: &Models, tenant: &Tenant, seat: &Seat) -> Engine {
        let made = match seat.model {
            None => self.built_in(seat.policy.as_str()),
            Some(version) => trained(models, tenant, seat, version).await,
        };
        made.unwrap_or_else(|error| {
            tracing::error!(
                tenant = tenant.as_str(),
                policy = seat.policy.as_str(),
                model = seat.model,
                error = format!("{error:#}"),
                "a model cannot be used; the fallback answers"
            );
            Engine::Missing(seat.policy.clone())
        })
    }
}

async fn trained(models: &Models, tenant: &Tenant, seat: &Seat, version: u32) -> anyhow::Result<Engine> {
    anyhow::ensure!(seat.policy.as_str() == linear::NAME, "only the policy {} reads a model", linear::NAME);
    let model = models.get(tenant, &seat.policy, version).await?.context("it is not in the registry")?;
    let model: Model = serde_json::from_str(model.body.as_str()).context("it is no model of this policy")?;
    Ok(Engine::Own(Arc::new(linear::Linear::new(model))))
}

/// Follows the registry until told to stop.
pub(crate) async fn follow(ctx: Context, workshop: Workshop, lineups: watch::Sender<Arc<Lineups>>) {
    while !ctx.shutdown.is_cancelled() {
        tokio::select! {
            followed = follow_once(&ctx, &workshop, &lineups) => {
                if let Err(error) = followed {
                    tracing::debug!(error = format!("{error:#}"), "following the models again");
                }
            }
            () = ctx.shutdown.cancelled() => return,
        }
        tokio::select! {
            () = tokio::time::sleep(FOLLOW_AGAIN) => {}
            () = ctx.shutdown.cancelled() => {}
        }
    }
}

async fn follow_once(ctx: &Context, workshop: &Workshop, lineups: &watch::Sender<Arc<Lineups>>) -> anyhow::Result<()> {
    let models = Models::open(&ctx.bus).await?;
    let mut changes = std::pin::pin!(models.lineups().await?);
    while let Some(change) = changes.next().await {
        let (tenant, lineup) = change?;
        let engines = Arc::new(workshop.engines(&models, &tenant, &lineup).await);
        tracing::info!(
            tenant = tenant.as_str(),
            policy = lineup.live.policy.as_str(),
            model = lineup.live.model,
            "line-up taken"
        );
        lineups.send_modify(|all| {
            let mut next = Lineups::clone(all);
            next.of.insert(tenant, engines);
            *all = Arc::new(next);
        });
    }
    Ok(())
}
