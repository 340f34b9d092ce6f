//! What all people's answers have taught: the belief that a person starts from, as the trainer fits it and a registry keeps
//! it.

use crate::bayes::{NoPrior, Prior};
use crate::features::{self, D, Feature};
use serde::{Deserialize, Serialize};

/// A model of the policy `linear`. What a person answered bends it towards that person; its prior's precision says how far.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Parts", into = "Parts")]
pub struct Model {
    version: u32,
    prior: Prior,
}

/// A model as a file has it.
#[derive(Serialize, Deserialize)]
struct Parts {
    version: u32,
    /// The version of the features that it was fitted to.
    features: u32,
    prior: Prior,
}

/// Why a model cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoModel {
    /// It was fitted to another version of the features.
    OtherFeatures(u32),
    /// It has another number of coefficients.
    OtherDimension(usize),
}

impl std::fmt::Display for NoModel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::OtherFeatures(theirs) => {
                write!(f, "the model is of features version {theirs}, this is {}: train it again", features::VERSION)
            }
            Self::OtherDimension(theirs) => write!(f, "the model has {theirs} coefficients, there are {D} features"),
        }
    }
}

impl std::error::Error for NoModel {}

/// The version of what is built in, the way the policy decides by it included: what an older one decided is not asked again.
/// Trained ones come after it.
pub const BUILT_IN: u32 = 3;

impl Model {
    /// A trained model, of this version of the features.
    ///
    /// # Errors
    /// [`NoModel::OtherDimension`] where the prior has not one coefficient for each feature.
    pub fn new(version: u32, prior: Prior) -> Result<Self, NoModel> {
        if prior.dim() != D {
            return Err(NoModel::OtherDimension(prior.dim()));
        }
        Ok(Self { version, prior })
    }

    /// Which of the policy's models this is.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// What is believed of a person before they have answered.
    pub fn prior(&self) -> &Prior {
        &self.prior
    }
}

/// What each feature is worth, and how much people are taken to differ in it. By judgement, in the spirit of the policy
/// `rules`: a point of its score is about a third of a thing done, its threshold is in the first line.
const JUDGEMENT: [(Feature, f64, f64); D] = [
    (Feature::Always, -0.05, 0.20),
    (Feature::Prepare, 0.30, 0.20),
    (Feature::Habit, 0.27, 0.20),
    (Feature::Advice, 0.22, 0.20),
    (Feature::Due, 0.33, 0.20),
    (Feature::Overdue, -0.15, 0.10),
    (Feature::Priority, 0.20, 0.15),
    (Feature::Short, 0.07, 0.20),
    (Feature::Waiting, 0.08, 0.10),
    (Feature::Gap, 0.10, 0.15),
    (Feature::AfterEvent, 0.08, 0.15),
    (Feature::Load, -0.03, 0.10),
    (Feature::Morning, 0.05, 0.25),
    (Feature::Midday, 0.05, 0.25),
    (Feature::Afternoon, 0.05, 0.25),
    (Feature::Evening, 0.05, 0.25),
    (Feature::Weekend, 0.0, 0.15),
    (Feature::Present, 0.08, 0.15),
    (Feature::Mood, 0.03, 0.10),
    (Feature::Shown, -0.40, 0.15),
    (Feature::Burden, -0.25, 0.15),
];

/// The variance of one reward: things are done or not, which alone makes a fifth on average.
const NOISE: f64 = 0.2;

impl Default for Model {
    /// The one that is built in, until one is trained.
    fn default() -> Self {
        let mean = JUDGEMENT.iter().map(|(_, mean, _)| *mean).collect();
        let sds = JUDGEMENT.map(|(.., sd)| sd);
        let prior = Prior::independent(mean, &sds, NOISE);
        let prior = prior.unwrap_or_else(|NoPrior| unreachable!("a test holds the judgement to be a prior"));
        Self { version: BUILT_IN, prior }
    }
}

impl TryFrom<Parts> for Model {
    type Error = NoModel;
    fn try_from(parts: Parts) -> Result<Self, NoModel> {
        if parts.features != features::VERSION {
            return Err(NoModel::OtherFeatures(parts.features));
        }
        Self::new(parts.version, parts.prior)
    }
}

impl From<Model> for Parts {
    fn from(model: Model) -> Self {
        Self { version: model.version, features: features::VERSION, prior: model.prior }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::FEATURES;

    #[test]
    fn the_built_in_model_has_a_line_for_each_feature_in_order() {
        assert_eq!(JUDGEMENT.map(|(feature, ..)| feature), FEATURES);
        for (place, feature) in FEATURES.into_iter().enumerate() {
            assert_eq!(feature.place(), place);
        }
        assert_eq!(Model::default().prior().dim(), D);
    }

    #[test]
    fn a_model_reads_back_and_one_of_other_features_is_refused() {
        let written = serde_json::to_value(Model::default()).unwrap();
        assert_eq!(serde_json::from_value::<Model>(written.clone()).unwrap(), Model::default());
        let mut other = written;
        other["features"] = (features::VERSION + 1).into();
        let refused = serde_json::from_value::<Model>(other).unwrap_err().to_string();
        assert!(refused.contains("train it again"), "{refused}");
        let small = Prior::independent(vec![0.0], &[1.0], 1.0).unwrap();
        assert_eq!(Model::new(2, small), Err(NoModel::OtherDimension(1)));
    }
}
