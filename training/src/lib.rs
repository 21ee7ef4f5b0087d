//! Training: learns models from the history in the event log, and writes the model folders that the
//! services load.
//!
//! # Invariants
//! - Features come from the registry's window code and assembler, as they were at the impression, so
//!   that training and serving use the same inputs.
//! - The same history, catalogue and seed give the same models.
//! - A model is evaluated on later events than it was trained on (or on other customers), beside
//!   popularity on the same rows. No option is tuned on the rows of the evaluation.
//!
//! # Must not depend on
//! Any service. Besides `fairlead-inference`, only this crate depends on `tch`.

mod dataset;
mod error;
mod export;
mod history;
mod layers;
pub mod metrics;
mod progress;
mod ranker;
mod ranker_data;
mod recall_files;
mod replay;
mod tower_data;
mod two_tower;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use fairlead_proto::catalogue::v1::Product;
use fairlead_registry::Registry;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use tch::Tensor;

use dataset::{Batch, Dataset, Group, ItemInput, Items, Users};
use export::ModelDescription;
use ranker_data::RankerData;
use recall_files::Baskets;
use tower_data::Positives;
use two_tower::TowerExamples;

pub use error::Error;
pub use history::History;
pub use progress::{Progress, Silent};

/// The objective of the ranker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Objective {
    /// The clicks and conversions of logged impressions, by request.
    #[default]
    Logged,
    /// A holding that is left out, among products that are not held.
    LeaveOneOut,
}

/// The options of a training run.
#[derive(Debug, Clone)]
pub struct Options {
    /// The seed: the same seed gives the same models.
    pub seed: u64,
    /// The number of passes over the data.
    pub epochs: usize,
    /// The learning rate of AdamW.
    pub learning_rate: f64,
    /// The weight decay of AdamW.
    pub weight_decay: f64,
    /// The share of the events, oldest first, that is for training; the others are for evaluation.
    pub train_share: f64,
    /// The objective of the ranker.
    pub objective: Objective,
    /// The largest number of positives that the two towers are evaluated on.
    pub measured: usize,
    /// The version of both models.
    pub version: String,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            seed: 1,
            epochs: 3,
            learning_rate: 2e-3,
            weight_decay: 1e-4,
            train_share: 0.8,
            objective: Objective::Logged,
            measured: 20_000,
            version: "1".to_owned(),
        }
    }
}

/// A trained model, written to its folder.
#[derive(Debug, Clone)]
pub struct Trained {
    /// The role: "two-tower" or "ranker".
    pub role: &'static str,
    /// Its folder.
    pub folder: PathBuf,
    /// Its offline metrics, with those of popularity.
    pub metrics: serde_json::Map<String, serde_json::Value>,
    /// The schema hash of its inputs.
    pub schema_hash: String,
}

/// Trains both models from a history and writes them to `out/two-tower-VERSION` and
/// `out/ranker-VERSION`. It blocks; call it on a thread of its own.
///
/// # Errors
/// Returns [`Error::TooLittle`] if the history is too short, [`Error::Diverged`] if a loss is not
/// finite, and the errors of features, libtorch and files.
pub fn train(
    registry: &Registry,
    history: &History,
    products: &[Product],
    out: &Path,
    options: &Options,
    progress: &dyn Progress,
) -> Result<Vec<Trained>, Error> {
    // Matrices are small: a second thread would cost more in synchronisation than it gains.
    fairlead_inference::one_thread();
    progress.begin("replay", history.events().len() as u64);
    let replayed = replay::replay(registry, history);
    progress.advance(history.events().len() as u64, "");
    progress.end();
    let split_ms = history.split_at(options.train_share);
    let data = Dataset::new(registry, products, &replayed, split_ms)?;
    let customers = customers_of(&replayed);
    let baskets = Baskets::new(&data, &customers, split_ms);
    let run = Run {
        registry,
        history,
        data: &data,
        baskets,
        split_ms,
        out,
        options,
        progress,
    };
    Ok(vec![run.two_tower()?, run.ranker()?])
}

/// Returns the number of the customer of each snapshot.
fn customers_of(replayed: &replay::ReplayedHistory) -> Vec<usize> {
    let mut numbers: HashMap<&str, usize> = HashMap::new();
    replayed
        .customers
        .iter()
        .map(|id| {
            let next = numbers.len();
            *numbers.entry(id.as_str()).or_insert(next)
        })
        .collect()
}

/// A training run.
struct Run<'r> {
    registry: &'r Registry,
    history: &'r History,
    data: &'r Dataset<'r>,
    baskets: Baskets,
    split_ms: i64,
    out: &'r Path,
    options: &'r Options,
    progress: &'r dyn Progress,
}

impl Run<'_> {
    /// Returns the generator of a model, seeded by the options and the model's number.
    fn rng(&self, model: u64) -> ChaCha8Rng {
        ChaCha8Rng::seed_from_u64(
            self.options
                .seed
                .wrapping_mul(1_000_003)
                .wrapping_add(model),
        )
    }

    /// Describes a model for its manifest.
    fn description(
        &self,
        name: &'static str,
        metrics: serde_json::Map<String, serde_json::Value>,
    ) -> ModelDescription<'_> {
        let (from, _) = self.history.window();
        let version = &self.options.version;
        ModelDescription {
            data: self.data,
            name,
            version,
            window_ms: (from, self.split_ms),
            metrics,
        }
    }

    /// Trains, evaluates and writes the two towers.
    fn two_tower(&self) -> Result<Trained, Error> {
        let mut rng = self.rng(1);
        let positives = Positives::new(self.data, self.split_ms);
        require("positives before the split", positives.train.len(), 2)?;
        let users = Users::assemble(&self.data.assembler, &self.data.replayed.snapshots)?;
        let items = self.catalogue_items()?;
        let model = two_tower::TwoTower::new(self.data, &mut rng);
        let examples = TowerExamples {
            users: &users,
            items: &items,
            pairs: &positives.train,
        };
        model.train(&examples, self.options, &mut rng, self.progress)?;
        let vectors = tch::no_grad(|| model.items(&items));
        let popularity = self.baskets.counts(self.data.products.len());
        let metrics = positives.evaluate(&model, &users, &vectors, &popularity, self.options)?;
        let folder = self.out.join(format!("two-tower-{}", self.options.version));
        let sample: Vec<i64> = (0..users.dense.size()[0].min(8)).collect();
        let sample = users.select(&Tensor::from_slice(&sample));
        let description = self.description("two-tower", metrics.clone());
        let written = export::two_tower(&folder, model, &description, &sample)?;
        recall_files::write(&folder, self.data, &vectors, &self.baskets)?;
        let schema_hash = written.manifest().schema_hash.clone();
        Ok(Trained {
            role: "two-tower",
            folder,
            metrics,
            schema_hash,
        })
    }

    /// Trains, evaluates and writes the ranker.
    fn ranker(&self) -> Result<Trained, Error> {
        let mut rng = self.rng(2);
        let rows = match self.options.objective {
            Objective::Logged => RankerData::from_impressions(self.data, self.split_ms)?,
            Objective::LeaveOneOut => {
                RankerData::leave_one_out(self.data, self.registry, &mut rng)?
            }
        };
        require("groups to learn from", rows.train.len(), 2)?;
        let model = ranker::Ranker::new(self.data, &mut rng);
        model.train(&rows.examples(), self.options, &mut rng, self.progress)?;
        let popularity = self.baskets.counts(self.data.products.len());
        let metrics = rows.evaluate(&model, &popularity)?;
        let folder = self.out.join(format!("ranker-{}", self.options.version));
        let sample: Vec<&Group> = rows.train.iter().take(3).collect();
        let sample = Batch::gather(&sample, &rows.users, &rows.items);
        let description = self.description("ranker", metrics.clone());
        let written = export::ranker(&folder, model, &description, &sample)?;
        let schema_hash = written.manifest().schema_hash.clone();
        Ok(Trained {
            role: "ranker",
            folder,
            metrics,
            schema_hash,
        })
    }

    /// Assembles every product once, with its newest counters before the split.
    fn catalogue_items(&self) -> Result<Items, Error> {
        let none = vec![0.0; self.registry.product_layout().number_names().len()];
        let mut newest: Vec<&[f64]> = vec![&none; self.data.products.len()];
        for impression in &self.data.replayed.impressions {
            let before = self.data.at_ms(impression.snapshot) < self.split_ms;
            if let Some(row) = self
                .data
                .row_of
                .get(impression.product.as_str())
                .filter(|_| before)
            {
                newest[*row] = &self.data.replayed.counters[impression.counters];
            }
        }
        let rows = self.data.products.iter().zip(newest);
        Items::assemble(
            &self.data.assembler,
            rows.map(|(product, counters)| ItemInput {
                product,
                counters,
                as_of_ms: self.split_ms,
            }),
        )
    }
}

/// Returns [`Error::TooLittle`] if `found` is less than `needed`.
fn require(what: &'static str, found: usize, needed: usize) -> Result<(), Error> {
    if found < needed {
        return Err(Error::TooLittle {
            what,
            found,
            needed,
        });
    }
    Ok(())
}
