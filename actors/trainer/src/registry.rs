//! The registry: models as they were fitted, and who of them answers. Nothing of it needs a service to restart.

use crate::evaluation::{Estimate, Rules};
use crate::examples::Example;
use crate::judgement::{NoJudgement, judge};
use jiff::Timestamp;
use oo_contracts::decision::PolicyName;
use oo_contracts::model::{Arm, Experiment, ExperimentName, Lineup, Model, Replaced, Retired, Seat, Tenant};
use oo_domain::model;
use oo_domain::policy::{self, Policy, linear};
use oo_runtime::{Models, ModelsError};

/// Where a model stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Fitted and judged; nobody asked for it yet.
    Candidate,
    /// Asked beside the live one, without effect.
    Shadow,
    /// An arm of the experiment that runs.
    InExperiment,
    Live,
    /// It was live before.
    Retired,
}

impl State {
    /// As a table has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Candidate => "candidate",
            Self::Shadow => "shadow",
            Self::InExperiment => "in experiment",
            Self::Live => "live",
            Self::Retired => "retired",
        }
    }

    /// Of a seat in a line-up.
    pub fn of(seat: &Seat, lineup: Option<&Lineup>) -> Self {
        let Some(lineup) = lineup else { return Self::Candidate };
        let arms = lineup.experiment.iter().flat_map(|experiment| &experiment.arms);
        if lineup.live == *seat {
            Self::Live
        } else if arms.clone().any(|arm| arm.seat == *seat) {
            Self::InExperiment
        } else if lineup.shadow.as_ref() == Some(seat) {
            Self::Shadow
        } else if lineup.past.iter().any(|retired| retired.seat == *seat) {
            Self::Retired
        } else {
            Self::Candidate
        }
    }
}

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum NoChange {
    #[error(transparent)]
    Models(#[from] ModelsError),
    #[error("the registry has no model {version} of {policy}: see `oo models`")]
    NoModel { policy: String, version: u32 },
    #[error("it is live already")]
    IsLive,
    #[error(
        "off-policy, {name} is worth {:+.4} [{:+.4}, {:+.4}] and the live one {live:+.4}: its lower bound does not beat \
         that. Train on more, let it run as a shadow, or give --by-hand to promote it all the same",
        value.value, value.low, value.high
    )]
    NotBetter { name: String, value: Estimate, live: f64 },
    #[error("off-policy evaluation refuses: {0}. Give --by-hand to promote it all the same")]
    Refused(NoJudgement),
    #[error("{0} is not built in, so it cannot be asked here")]
    NotOurs(String),
    #[error("there is no policy {0}: there are {all}", all = [&policy::NAMES[..], &policy::ELSEWHERE[..]].concat().join(", "))]
    Unknown(String),
    #[error("{policy} {version} cannot be used: {why}")]
    Unusable { policy: String, version: u32, why: String },
    #[error("nobody was live before")]
    NobodyBefore,
    #[error("an experiment runs already: {0}. Stop it first")]
    Runs(String),
    #[error("no experiment runs")]
    NoneRuns,
    #[error("an experiment compares at least two arms")]
    TooFewArms,
}

/// A seat as people write it: `rules`, or a model of a policy as `linear:3`.
pub fn seat_name(seat: &Seat) -> String {
    seat.model.map_or_else(|| seat.policy.to_string(), |version| format!("{}:{version}", seat.policy))
}

/// Models and line-up of one tenant.
pub struct Registry {
    models: Models,
    tenant: Tenant,
    /// Who is live where the registry names nobody: what the recommender's settings say.
    usual: Seat,
}

impl Registry {
    pub fn new(models: Models, tenant: Tenant, usual: PolicyName) -> Self {
        Self { models, tenant, usual: Seat { policy: usual, model: None } }
    }

    /// All models, the oldest first.
    pub async fn all(&self) -> Result<Vec<Model>, ModelsError> {
        self.models.all(&self.tenant).await
    }

    /// The line-up that stands.
    pub async fn lineup(&self) -> Result<Lineup, ModelsError> {
        Ok(self.models.standing(&self.tenant).await?.lineup.unwrap_or_else(|| self.unset()))
    }

    /// The policy of a seat.
    pub async fn policy(&self, seat: &Seat) -> Result<Box<dyn Policy + Send + Sync>, NoChange> {
        let name = seat.policy.to_string();
        let Some(version) = seat.model else {
            return policy::named(&name).ok_or_else(|| match policy::ELSEWHERE.contains(&name.as_str()) {
                true => NoChange::NotOurs(name),
                false => NoChange::Unknown(name),
            });
        };
        let unusable = |why: String| NoChange::Unusable { policy: name.clone(), version, why };
        let missing = || NoChange::NoModel { policy: name.clone(), version };
        let model = self.models.get(&self.tenant, &seat.policy, version).await?.ok_or_else(missing)?;
        if name != linear::NAME {
            return Err(unusable(format!("only the policy {} reads a model", linear::NAME)));
        }
        let model: model::Model =
            serde_json::from_str(model.body.as_str()).map_err(|error| unusable(error.to_string()))?;
        Ok(Box::new(linear::Linear::new(model)))
    }

    /// Whether a seat may be given to anybody. Policies that answer elsewhere may have one, though they cannot be asked here.
    async fn can_answer(&self, seat: &Seat) -> Result<(), NoChange> {
        match self.policy(seat).await {
            Ok(_) | Err(NoChange::NotOurs(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Puts a seat in the place of the live one where, on these decisions, the lower bound of its worth beats the worth of
    /// the live one; and says what it is worth, and what the live one is.
    pub async fn promote_better(
        &self,
        seat: &Seat,
        examples: &[Example],
        at: Timestamp,
    ) -> Result<(Estimate, Estimate), NoChange> {
        let live = self.policy(&self.lineup().await?.live).await?;
        let policy = self.policy(seat).await?;
        let judge = |policy: &dyn Policy| judge(policy, examples, &Rules::default()).map_err(NoChange::Refused);
        let (value, standing) = (judge(policy.as_ref())?.value(), judge(live.as_ref())?.value());
        if value.low <= standing.value {
            return Err(NoChange::NotBetter { name: seat_name(seat), value, live: standing.value });
        }
        self.promote(seat, Replaced::Better, at).await?;
        Ok((value, standing))
    }

    /// Puts a seat in the place of the live one.
    pub async fn promote(&self, seat: &Seat, why: Replaced, at: Timestamp) -> Result<(), NoChange> {
        self.can_answer(seat).await?;
        self.change(|lineup| {
            if lineup.live == *seat {
                return Err(NoChange::IsLive);
            }
            let before = std::mem::replace(&mut lineup.live, seat.clone());
            lineup.past.push(Retired { seat: before, at, why });
            if lineup.shadow.as_ref() == Some(seat) {
                lineup.shadow = None;
            }
            Ok(())
        })
        .await
    }

    /// Takes the live one back, and puts the one before it in its place.
    pub async fn rollback(&self, at: Timestamp) -> Result<Seat, NoChange> {
        let mut back = self.usual.clone();
        self.change(|lineup| {
            let before = lineup.past.iter().rposition(|retired| retired.why != Replaced::RolledBack);
            let before = lineup.past.remove(before.ok_or(NoChange::NobodyBefore)?).seat;
            let taken_back = std::mem::replace(&mut lineup.live, before.clone());
            lineup.past.push(Retired { seat: taken_back, at, why: Replaced::RolledBack });
            back = before;
            Ok(())
        })
        .await?;
        Ok(back)
    }

    /// Lets a seat run beside the live one; `None` ends that.
    pub async fn shadow(&self, seat: Option<Seat>) -> Result<(), NoChange> {
        if let Some(seat) = &seat {
            self.can_answer(seat).await?;
        }
        self.change(|lineup| {
            lineup.shadow = seat.clone();
            Ok(())
        })
        .await
    }

    /// Begins an experiment.
    pub async fn begin(&self, name: ExperimentName, arms: Vec<Arm>, since: Timestamp) -> Result<(), NoChange> {
        if arms.len() < 2 {
            return Err(NoChange::TooFewArms);
        }
        for arm in &arms {
            self.can_answer(&arm.seat).await?;
        }
        self.change(|lineup| {
            if let Some(runs) = &lineup.experiment {
                return Err(NoChange::Runs(runs.name.to_string()));
            }
            lineup.experiment = Some(Experiment { name: name.clone(), since, arms: arms.clone() });
            Ok(())
        })
        .await
    }

    /// Ends the experiment that runs; everybody has the live one again.
    pub async fn end(&self) -> Result<Experiment, NoChange> {
        let mut ended = None;
        self.change(|lineup| {
            ended = lineup.experiment.take();
            ended.as_ref().map(drop).ok_or(NoChange::NoneRuns)
        })
        .await?;
        ended.ok_or(NoChange::NoneRuns)
    }

    async fn change(&self, change: impl FnOnce(&mut Lineup) -> Result<(), NoChange>) -> Result<(), NoChange> {
        let standing = self.models.standing(&self.tenant).await?;
        let mut lineup = standing.lineup.clone().unwrap_or_else(|| self.unset());
        change(&mut lineup)?;
        Ok(self.models.replace(&self.tenant, &standing, &lineup).await?)
    }

    fn unset(&self) -> Lineup {
        Lineup { live: self.usual.clone(), shadow: None, experiment: None, past: vec![] }
    }
}
