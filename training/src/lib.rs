//! Training: from the history in the event log to model folders that the services load.
//!
//! Invariants: features come from the registry's own window code and assembler, as they were when
//! something was shown, so that what is learnt from is what was served; the same history, catalogue
//! and seed give the same models; a model is measured on what it has not seen, beside popularity on
//! the same rows; nothing is tuned on what measures it.
//! With inference this is the only home of `tch`. It depends on no service.

mod companions;
mod dataset;
mod error;
mod export;
mod history;
mod layers;
mod learn;
pub mod metrics;
mod progress;
mod ranker;
mod replay;
mod two_tower;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use fairlead_proto::catalogue::v1::Product;
use fairlead_registry::Registry;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use tch::Tensor;

use companions::Baskets;
use dataset::{Batch, Dataset, Group, Items, Users};
use export::Described;
use learn::Positives;

pub use error::Error;
pub use history::History;
pub use progress::{Progress, Silent};

/// What the ranker learns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Objective {
    /// Clicks and conversions of what was shown, by request.
    #[default]
    Logged,
    /// The holding that was left out, among all that is not held.
    Held,
}

/// How to train.
#[derive(Debug, Clone)]
pub struct Options {
    /// Same seed, same models.
    pub seed: u64,
    /// Passes over the data.
    pub epochs: usize,
    /// Step size of AdamW.
    pub learning_rate: f64,
    /// Weight decay of AdamW.
    pub weight_decay: f64,
    /// Share of the events, oldest first, that is learnt from; the rest measures.
    pub train_share: f64,
    /// What the ranker learns.
    pub objective: Objective,
    /// How many positives the two towers are measured on at most.
    pub measured: usize,
    /// Version given to both models.
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

/// A model that was written.
#[derive(Debug, Clone)]
pub struct Trained {
    /// "two-tower" or "ranker".
    pub role: &'static str,
    /// Its folder.
    pub folder: PathBuf,
    /// Its offline metrics, popularity's beside them.
    pub metrics: serde_json::Map<String, serde_json::Value>,
    /// Schema hash of its inputs.
    pub schema_hash: String,
}

/// Trains both models from a history and writes them to `out/two-tower-VERSION` and
/// `out/ranker-VERSION`. Blocks; run it on a thread of its own.
pub fn train(
    registry: &Registry,
    history: &History,
    products: &[Product],
    out: &Path,
    options: &Options,
    progress: &dyn Progress,
) -> Result<Vec<Trained>, Error> {
    // Small matrices: a second thread would wait for the first more than it helps.
    fairlead_inference::one_thread();
    progress.begin("replay", history.events().len() as u64);
    let replayed = replay::replay(registry, history);
    progress.advance(history.events().len() as u64, "");
    progress.end();
    let split_ms = history.split_at(options.train_share);
    let data = Dataset::new(registry, products, &replayed, split_ms)?;
    let customers = customers_of(&replayed);
    let baskets = Baskets::of(&data, &customers, split_ms);
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

/// The customer that each moment belongs to, numbered.
fn customers_of(replayed: &replay::Replayed) -> Vec<usize> {
    let mut numbers: HashMap<&str, usize> = HashMap::new();
    replayed
        .customer
        .iter()
        .map(|id| {
            let next = numbers.len();
            *numbers.entry(id.as_str()).or_insert(next)
        })
        .collect()
}

/// One training run.
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
    fn dice(&self, model: u64) -> ChaCha8Rng {
        ChaCha8Rng::seed_from_u64(
            self.options
                .seed
                .wrapping_mul(1_000_003)
                .wrapping_add(model),
        )
    }

    fn described(
        &self,
        name: &'static str,
        metrics: serde_json::Map<String, serde_json::Value>,
    ) -> Described<'_> {
        let (from, _) = self.history.window();
        let version = &self.options.version;
        Described {
            data: self.data,
            name,
            version,
            window_ms: (from, self.split_ms),
            metrics,
        }
    }

    fn two_tower(&self) -> Result<Trained, Error> {
        let mut dice = self.dice(1);
        let positives = Positives::of(self.data, self.split_ms);
        enough("positives before the split", positives.train.len(), 2)?;
        let users = Users::assemble(&self.data.assembler, &self.data.replayed.moments)?;
        let items = self.catalogue_items()?;
        let model = two_tower::TwoTower::new(self.data, &mut dice);
        model.train(
            &users,
            &items,
            &positives.train,
            self.options,
            &mut dice,
            self.progress,
        )?;
        let vectors = tch::no_grad(|| model.items(&items));
        let popularity = self.baskets.counts(self.data.products.len());
        let metrics = positives.measure(&model, &users, &vectors, &popularity, self.options)?;
        let folder = self.out.join(format!("two-tower-{}", self.options.version));
        let sample: Vec<i64> = (0..users.dense.size()[0].min(8)).collect();
        let sample = users.select(&Tensor::from_slice(&sample));
        let described = self.described("two-tower", metrics.clone());
        let written = export::two_tower(&folder, model, &described, &sample)?;
        companions::write(&folder, self.data, &vectors, &self.baskets)?;
        let schema_hash = written.manifest().schema_hash.clone();
        Ok(Trained {
            role: "two-tower",
            folder,
            metrics,
            schema_hash,
        })
    }

    fn ranker(&self) -> Result<Trained, Error> {
        let mut dice = self.dice(2);
        let rows = match self.options.objective {
            Objective::Logged => learn::logged(self.data, self.split_ms)?,
            Objective::Held => learn::held(self.data, self.registry, &mut dice)?,
        };
        enough("groups to learn from", rows.train.len(), 2)?;
        let model = ranker::Ranker::new(self.data, &mut dice);
        let learning = ranker::Learning {
            users: &rows.users,
            items: &rows.items,
            groups: &rows.train,
            labels: &rows.labels,
        };
        model.train(&learning, self.options, &mut dice, self.progress)?;
        let popularity = self.baskets.counts(self.data.products.len());
        let metrics = rows.measure(&model, &popularity)?;
        let folder = self.out.join(format!("ranker-{}", self.options.version));
        let sample: Vec<&Group> = rows.train.iter().take(3).collect();
        let sample = Batch::of(&sample, &rows.users, &rows.items);
        let described = self.described("ranker", metrics.clone());
        let written = export::ranker(&folder, model, &described, &sample)?;
        let schema_hash = written.manifest().schema_hash.clone();
        Ok(Trained {
            role: "ranker",
            folder,
            metrics,
            schema_hash,
        })
    }

    /// Every product once, with its newest counters before the split.
    fn catalogue_items(&self) -> Result<Items, Error> {
        let none = vec![0.0; self.registry.product_layout().number_names().len()];
        let mut newest: Vec<&[f64]> = vec![&none; self.data.products.len()];
        for shown in &self.data.replayed.shown {
            let before = self.data.at_ms(shown.moment) < self.split_ms;
            if let Some(row) = self
                .data
                .row_of
                .get(shown.product.as_str())
                .filter(|_| before)
            {
                newest[*row] = &self.data.replayed.counters[shown.counters];
            }
        }
        let rows = self.data.products.iter().zip(newest);
        Items::assemble(
            &self.data.assembler,
            rows.map(|(product, counters)| (product, counters, self.split_ms)),
        )
    }
}

fn enough(what: &'static str, found: usize, needed: usize) -> Result<(), Error> {
    if found < needed {
        return Err(Error::TooLittle {
            what,
            found,
            needed,
        });
    }
    Ok(())
}
