//! A model that was trained elsewhere, read from an ONNX file: `[n, features]` of single floats in, `n` expected rewards out.

use anyhow::{Context as _, ensure};
use oo_contracts::decision::{Ask, Fault, Recommendation};
use oo_domain::features::{D, FEATURES, Feature};
use oo_domain::policy::{ONNX, scored};
use std::path::Path;
use tract_onnx::prelude::*;

/// Of this way to ask a model; the file tells no version of its own.
const VERSION: u32 = 1;

type Plan = TypedRunnableModel<TypedModel>;

/// A model that was read and checked.
pub struct Onnx {
    plan: Plan,
}

impl Onnx {
    /// Reads a file, and tries it.
    ///
    /// # Errors
    /// Where it is none, takes something else than our features, or gives something else than a number for each row.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let names = || FEATURES.map(Feature::name).join(", ");
        let refused = || format!("{} is no model of our {D} features ({})", path.display(), names());
        let model = Self { plan: plan(path).with_context(refused)? };
        model.worths(&[[0.0; D], [1.0; D]]).with_context(refused)?;
        Ok(model)
    }

    /// Its answer.
    ///
    /// # Errors
    /// [`Fault::Wrong`] where the model cannot make one of this ask.
    pub fn recommend(&self, ask: &Ask) -> Result<Recommendation, Fault> {
        scored::recommend(ONNX, VERSION, ask, |rows| self.worths(rows)).map_err(|error| {
            tracing::error!(error = format!("{error:#}"), "a model cannot be run");
            Fault::Wrong
        })
    }

    fn worths(&self, rows: &[[f64; D]]) -> anyhow::Result<Vec<f64>> {
        let numbers: Vec<f32> = rows.iter().flatten().map(|value| *value as f32).collect();
        let input = Tensor::from_shape(&[rows.len(), D], &numbers)?;
        let outputs = self.plan.run(tvec!(input.into()))?;
        let told = outputs.first().context("it gives nothing")?;
        let worths: Vec<f64> = told.as_slice::<f32>()?.iter().map(|worth| f64::from(*worth)).collect();
        ensure!(worths.len() == rows.len(), "it gives {} numbers for {} rows", worths.len(), rows.len());
        ensure!(worths.iter().all(|worth| worth.is_finite()), "it gives what is no number");
        Ok(worths)
    }
}

fn plan(path: &Path) -> anyhow::Result<Plan> {
    let model = onnx().model_for_path(path)?;
    let rows = model.symbols.sym("N");
    let input = InferenceFact::dt_shape(f32::datum_type(), tvec!(rows.to_dim(), D.to_dim()));
    model.with_input_fact(0, input)?.into_optimized()?.into_runnable()
}
