//! What answers for a seat: a policy of our own, or somebody else's server.

use crate::onnx::Onnx;
use crate::remote::Remote;
use oo_contracts::decision::{Ask, Fault, PolicyName, Recommendation, Shadow};
use oo_domain::policy::{ONNX, Policy, REMOTE};
use std::sync::Arc;

/// Answers asks. A clone is the same one.
#[derive(Clone)]
pub enum Engine {
    /// In this process.
    Own(Arc<dyn Policy + Send + Sync>),
    /// In this process, from a file.
    Onnx(Arc<Onnx>),
    /// Behind `POST /recommend`.
    Remote(Arc<Remote>),
    /// It should be here and is not: its model is missing, or cannot be read.
    Missing(PolicyName),
}

impl Engine {
    /// As settings and line-ups name it.
    pub fn name(&self) -> PolicyName {
        match self {
            Self::Own(policy) => policy.name(),
            Self::Onnx(_) => named(ONNX),
            Self::Remote(_) => named(REMOTE),
            Self::Missing(name) => name.clone(),
        }
    }

    /// Its answer, if it is one.
    pub async fn recommend(&self, ask: &Ask) -> Result<Recommendation, Fault> {
        match self {
            Self::Own(policy) => checked(ask, policy.recommend(ask)).map_err(|wrong| {
                tracing::error!(policy = policy.name().as_str(), wrong, "a policy answered what it may not");
                Fault::Wrong
            }),
            Self::Onnx(model) => model.recommend(ask),
            Self::Remote(remote) => remote.recommend(ask).await,
            Self::Missing(_) => Err(Fault::Gone),
        }
    }

    /// What it would have done, where it can tell.
    pub async fn shadow(&self, ask: &Ask) -> Option<Shadow> {
        let answer = self.recommend(ask).await.ok()?;
        Some(Shadow {
            policy: answer.policy,
            version: answer.version,
            candidate: answer.tip.map(|choice| choice.candidate),
            propensity: answer.propensity,
        })
    }
}

/// A name of ours.
pub(crate) fn named(name: &'static str) -> PolicyName {
    name.parse().expect("short, and of letters and dashes")
}

/// A policy's answer, if it is one: others write policies too.
pub(crate) fn checked(ask: &Ask, answer: Recommendation) -> Result<Recommendation, &'static str> {
    if !(answer.propensity > 0.0 && answer.propensity <= 1.0) {
        return Err("its propensity is not in (0, 1]");
    }
    match &answer.tip {
        None if answer.silence.is_none() => Err("it gives neither a tip nor a silence"),
        Some(choice)
            if ask.candidates.get(usize::from(choice.candidate)).map(|candidate| &candidate.subject)
                != Some(&choice.subject) =>
        {
            Err("it chose something that it was not offered")
        }
        Some(choice) if choice.reasons.iter().any(|reason| !reason.weight.is_finite()) => {
            Err("a reason's weight is no number")
        }
        _ => Ok(answer),
    }
}
