//! Who answers: the line-up of each tenant as engines, swapped as a whole while the pool goes on.

use crate::engine::Engine;
use oo_contracts::decision::{Ask, Exposure, Fallback, Recommendation};
use oo_contracts::model::{Experiment, Tenant};
use oo_domain::experiment;
use std::collections::HashMap;
use std::sync::Arc;

/// The engines of one tenant.
#[derive(Clone)]
pub struct Engines {
    pub live: Engine,
    pub shadow: Option<Engine>,
    /// With an engine for each of its arms.
    pub experiment: Option<(Experiment, Vec<Engine>)>,
}

/// Everybody's engines.
#[derive(Clone)]
pub struct Lineups {
    /// For a tenant without a line-up: what the settings say, and no model of another tenant.
    pub usual: Arc<Engines>,
    pub of: HashMap<Tenant, Arc<Engines>>,
    /// Answers where another fails. A policy of our own, so that it does not.
    pub fallback: Engine,
}

impl Lineups {
    /// An answer, and how it came to be whose it is.
    ///
    /// # Errors
    /// What was wrong with the fallback's answer; with a policy of our own that is a defect of ours.
    pub async fn recommend(&self, ask: &Ask) -> Result<Recommendation, oo_contracts::decision::Fault> {
        let tenant = ask.tenant.clone().unwrap_or_default();
        let engines = self.of.get(&tenant).unwrap_or(&self.usual);
        let (engine, exposure) = engines.for_whom(ask);
        // The shadow is asked meanwhile: it may cost its own time limit, never more than that.
        let shadow = async {
            match &engines.shadow {
                Some(shadow) => shadow.shadow(ask).await,
                None => None,
            }
        };
        let (answer, shadow) = tokio::join!(engine.recommend(ask), shadow);
        let mut answer = match answer {
            Ok(answer) => answer,
            Err(fault) => {
                let mut answer = self.fallback.recommend(ask).await?;
                answer.provenance.fallback = Some(Fallback { policy: engine.name(), fault });
                answer
            }
        };
        answer.provenance.shadow = shadow;
        answer.provenance.exposure = exposure;
        Ok(answer)
    }
}

impl Engines {
    /// Only a live engine.
    pub fn only(live: Engine) -> Self {
        Self { live, shadow: None, experiment: None }
    }

    fn for_whom(&self, ask: &Ask) -> (&Engine, Option<Exposure>) {
        let assigned = self.experiment.as_ref().zip(ask.unit.as_ref()).and_then(|((experiment, arms), unit)| {
            let arm = experiment::assign(experiment, unit)?;
            let exposure = Exposure { experiment: experiment.name.clone(), arm: u16::try_from(arm).ok()? };
            Some((arms.get(arm)?, exposure))
        });
        match assigned {
            Some((engine, exposure)) => (engine, Some(exposure)),
            None => (&self.live, None),
        }
    }
}
