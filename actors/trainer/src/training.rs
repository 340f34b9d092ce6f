//! Training: from what was gathered to a model with its card. What is too little is refused, not fitted.

use crate::archive::{self, Found, Wanted};
use crate::evaluation::Rules;
use crate::examples::{Example, LeftOut};
use crate::fit;
use crate::judgement::{Judgement, NoJudgement, judge_fitted};
use jiff::Timestamp;
use oo_contracts::decision::PolicyName;
use oo_contracts::model::{Measures, Model, ModelBody, Tenant};
use oo_domain::bayes::Prior;
use oo_domain::features;
use oo_domain::model::{self, BUILT_IN};
use oo_domain::policy::linear;
use oo_runtime::{Context, Models};
use std::collections::BTreeSet;

/// A prior is what people have in common and how they differ: two say nothing of that, and each part of the judgement needs
/// somebody.
pub const FEWEST_PEOPLE: usize = 5;
/// Tips with what came of them: some five for each coefficient.
pub const FEWEST_TIPS: usize = 100;

/// Why no model was fitted.
#[derive(Debug, thiserror::Error)]
pub enum NoTraining {
    #[error("only {found} people, and it takes {needed}: a model for all is what people have in common")]
    TooFewPeople { found: usize, needed: usize },
    #[error("only {found} tips with what came of them, and it takes {needed}: choose a longer range, or wait")]
    TooFewTips { found: usize, needed: usize },
    #[error("what was fitted cannot be judged: {0}")]
    NotJudged(#[from] NoJudgement),
    #[error("what was fitted is no model: {0}")]
    NoModel(String),
    #[error(transparent)]
    Other(#[from] anyhow::Error),
}

/// A model that was fitted, and what is known of it.
#[derive(Debug)]
pub struct Trained {
    pub model: Model,
    pub judgement: Judgement,
    pub left_out: LeftOut,
}

/// A fitted prior and its judgement.
///
/// # Errors
/// A [`NoTraining`] where there is too little.
pub fn fit(examples: &[Example], rules: &Rules) -> Result<(Prior, Judgement), NoTraining> {
    let people = examples.iter().map(|example| example.person).collect::<BTreeSet<_>>().len();
    if people < FEWEST_PEOPLE {
        return Err(NoTraining::TooFewPeople { found: people, needed: FEWEST_PEOPLE });
    }
    let tips = examples.iter().filter(|example| example.answer.tip.is_some()).count();
    if tips < FEWEST_TIPS {
        return Err(NoTraining::TooFewTips { found: tips, needed: FEWEST_TIPS });
    }
    let judgement = judge_fitted(examples, rules)?;
    Ok((fit::prior(examples), judgement))
}

/// Gathers, fits, judges and registers.
///
/// # Errors
/// A [`NoTraining`]; nothing is registered then.
pub async fn train(
    ctx: &Context,
    models: &Models,
    wanted: &Wanted,
    each: impl FnMut(u64, u64),
) -> Result<Trained, NoTraining> {
    let found = archive::gather(ctx, wanted, each).await?;
    register(ctx, models, &wanted.tenant, found).await
}

/// Fits, judges and registers what a community's decisions teach.
pub(crate) async fn register(
    ctx: &Context,
    models: &Models,
    tenant: &Tenant,
    found: Found,
) -> Result<Trained, NoTraining> {
    let (prior, judgement) = fit(&found.examples, &Rules::default())?;
    let policy: PolicyName = linear::NAME.parse().map_err(|_| NoTraining::NoModel("its policy has no name".into()))?;
    let before = models.all(tenant).await.map_err(anyhow::Error::from)?;
    let newest = before.iter().filter(|one| one.policy == policy).map(|one| one.version).max();
    let version = newest.unwrap_or(BUILT_IN) + 1;
    let model = card(tenant, policy, version, prior, &judgement, ctx.clock.now())?;
    models.add(&model).await.map_err(anyhow::Error::from)?;
    Ok(Trained { model, judgement, left_out: found.left_out })
}

fn card(
    tenant: &Tenant,
    policy: PolicyName,
    version: u32,
    prior: Prior,
    judgement: &Judgement,
    now: Timestamp,
) -> Result<Model, NoTraining> {
    let no_model = |error: &dyn std::fmt::Display| NoTraining::NoModel(error.to_string());
    let body = model::Model::new(version, prior).map_err(|error| no_model(&error))?;
    let body = serde_json::to_string(&body).map_err(|error| no_model(&error))?;
    let value = judgement.value();
    Ok(Model {
        tenant: tenant.clone(),
        policy,
        version,
        features: features::VERSION,
        trained_at: now,
        from: judgement.from,
        to: judgement.to,
        people: u32::try_from(judgement.people).unwrap_or(u32::MAX),
        decisions: judgement.decisions as u64,
        code: env!("CARGO_PKG_VERSION").into(),
        measures: Measures {
            value: value.value,
            lower: value.low,
            upper: value.high,
            logged: judgement.logged.value,
            effective: judgement.weights.effective,
        },
        body: ModelBody::try_from(body).map_err(|error| no_model(&error))?,
    })
}
