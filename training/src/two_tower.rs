//! The two-tower model: maps customers and products to vectors whose inner product is the strength
//! of their match. It is trained with an in-batch softmax whose logits are corrected by the log of
//! each product's frequency in the sample (Yi et al., *Sampling-bias-corrected neural modeling*, RecSys 2019).

use rand::seq::SliceRandom as _;
use rand_chacha::ChaCha8Rng;
use tch::nn::{self, OptimizerConfig as _};
use tch::{Device, Kind, Tensor};

use crate::dataset::{Dataset, Items, Users};
use crate::layers::{IdEmbeddings, Mlp, product_table};
use crate::{Error, Options, Progress};

/// The width of the vectors that are compared.
pub(crate) const WIDTH: i64 = 48;
const PRODUCT_WIDTH: i64 = 32;
const CATEGORY_WIDTH: i64 = 8;
const HIDDEN: i64 = 96;
/// The inverse temperature: inner products of unit vectors are multiplied by it before the softmax.
const INVERSE_TEMPERATURE: f64 = 10.0;
const BATCH: usize = 512;
const EXCLUDED: f64 = -1e9;

/// The network: both towers.
pub(crate) struct TwoTower {
    pub(crate) variables: nn::VarStore,
    user_ids: IdEmbeddings,
    user: Mlp,
    item_ids: IdEmbeddings,
    item: Mlp,
}

/// A positive: a customer's row and a product's row.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pair {
    pub(crate) user: usize,
    pub(crate) item: usize,
}

/// The examples that the towers are trained on.
pub(crate) struct TowerExamples<'t> {
    pub(crate) users: &'t Users,
    /// One row per product of the catalogue.
    pub(crate) items: &'t Items,
    pub(crate) pairs: &'t [Pair],
}

impl TwoTower {
    pub(crate) fn new(data: &Dataset<'_>, rng: &mut ChaCha8Rng) -> Self {
        let variables = nn::VarStore::new(Device::Cpu);
        let root = &variables.root();
        let assembler = &data.assembler;
        let products = product_table(root, rng, data.products.len() as i64, PRODUCT_WIDTH);
        let (of_user, of_item) = (assembler.user_id_columns(), assembler.item_id_columns());
        let user_ids =
            IdEmbeddings::new(&(root / "user"), rng, &of_user, &products, CATEGORY_WIDTH);
        let item_ids =
            IdEmbeddings::new(&(root / "item"), rng, &of_item, &products, CATEGORY_WIDTH);
        let user_width = assembler.user_dense_width() as i64 + user_ids.width();
        let item_width = assembler.item_dense_width() as i64 + item_ids.width();
        let user = Mlp::new(&(root / "user_tower"), rng, &[user_width, HIDDEN, WIDTH]);
        let item = Mlp::new(&(root / "item_tower"), rng, &[item_width, HIDDEN, WIDTH]);
        Self {
            variables,
            user_ids,
            user,
            item_ids,
            item,
        }
    }

    /// Returns the customers' vectors, `[U, WIDTH]`, of length one.
    pub(crate) fn users(&self, dense: &Tensor, ids: &Tensor) -> Tensor {
        let mut parts = vec![dense.shallow_clone()];
        parts.extend(self.user_ids.forward(ids));
        unit(&self.user.forward(&Tensor::cat(&parts, 1)))
    }

    /// Returns the products' vectors, `[N, WIDTH]`, of length one.
    pub(crate) fn items(&self, items: &Items) -> Tensor {
        let mut parts = vec![items.dense.shallow_clone()];
        parts.extend(self.item_ids.forward(&items.ids));
        unit(&self.item.forward(&Tensor::cat(&parts, 1)))
    }

    /// Trains on pairs.
    pub(crate) fn train(
        &self,
        examples: &TowerExamples<'_>,
        options: &Options,
        rng: &mut ChaCha8Rng,
        progress: &dyn Progress,
    ) -> Result<(), Error> {
        let TowerExamples {
            users,
            items,
            pairs,
        } = *examples;
        let log_q = log_frequency(pairs, items.ids.size()[0] as usize);
        let mut optimiser = nn::AdamW {
            wd: 1e-4,
            ..nn::AdamW::default()
        }
        .build(&self.variables, options.learning_rate)?;
        let mut order: Vec<usize> = (0..pairs.len()).collect();
        progress.begin("two-tower", (options.epochs * pairs.len()) as u64);
        for epoch in 1..=options.epochs {
            order.shuffle(rng);
            for batch in order.chunks(BATCH).filter(|batch| batch.len() > 1) {
                let batch: Vec<Pair> = batch.iter().map(|at| pairs[*at]).collect();
                let loss = self.loss(users, items, &batch, &log_q);
                let value = loss.double_value(&[]);
                if !value.is_finite() {
                    return Err(Error::Diverged {
                        model: "two-tower",
                        loss: value,
                        epoch,
                    });
                }
                optimiser.backward_step(&loss);
                progress.advance(
                    batch.len() as u64,
                    &format!("epoch {epoch} loss {value:.3}"),
                );
            }
        }
        progress.end();
        Ok(())
    }

    /// Returns the loss of a batch of pairs.
    fn loss(&self, users: &Users, items: &Items, batch: &[Pair], log_q: &Tensor) -> Tensor {
        let user_rows: Vec<i64> = batch.iter().map(|pair| pair.user as i64).collect();
        let item_rows: Vec<i64> = batch.iter().map(|pair| pair.item as i64).collect();
        let item_rows = Tensor::from_slice(&item_rows);
        let users = users.select(&Tensor::from_slice(&user_rows));
        let vectors = self.items(&items.select(&item_rows));
        let scores =
            self.users(&users.dense, &users.ids).matmul(&vectors.tr()) * INVERSE_TEMPERATURE;
        let corrected = scores - log_q.index_select(0, &item_rows).unsqueeze(0);
        // The same product in another pair of the batch is not a negative.
        let same = item_rows.unsqueeze(0).eq_tensor(&item_rows.unsqueeze(1));
        let size = batch.len() as i64;
        let diagonal = Tensor::eye(size, (Kind::Bool, Device::Cpu));
        let duplicate = same.logical_and(&diagonal.logical_not());
        let target = Tensor::arange(size, (Kind::Int64, Device::Cpu));
        corrected
            .masked_fill(&duplicate, EXCLUDED)
            .cross_entropy_for_logits(&target)
    }
}

/// Scales vectors to length one.
fn unit(vectors: &Tensor) -> Tensor {
    let length = vectors
        .square()
        .sum_dim_intlist([1_i64].as_slice(), true, Kind::Float);
    vectors / (length + 1e-6).sqrt()
}

/// Returns the log of each product's share of the pairs; a product without pairs counts as one.
fn log_frequency(pairs: &[Pair], products: usize) -> Tensor {
    let mut counts = vec![0_u32; products];
    for pair in pairs {
        counts[pair.item] += 1;
    }
    let total = pairs.len().max(1) as f32;
    let logs: Vec<f32> = counts
        .iter()
        .map(|count| ((*count).max(1) as f32 / total).ln())
        .collect();
    Tensor::from_slice(&logs)
}
