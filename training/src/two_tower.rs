//! The two-tower model: customers and products as vectors whose inner product says how well they
//! go together. Trained with an in-batch softmax whose logits are corrected by the log of how often
//! a product is drawn (Yi et al., *Sampling-bias-corrected neural modeling*, RecSys 2019).

use rand::seq::SliceRandom as _;
use rand_chacha::ChaCha8Rng;
use tch::nn::{self, OptimizerConfig as _};
use tch::{Device, Kind, Tensor};

use crate::dataset::{Dataset, Items, Users};
use crate::layers::{Embedded, Mlp, product_table};
use crate::{Error, Options, Progress};

/// Width of the vectors that are compared.
pub(crate) const WIDTH: i64 = 48;
const PRODUCT_WIDTH: i64 = 32;
const CATEGORY_WIDTH: i64 = 8;
const HIDDEN: i64 = 96;
/// Inner products of unit vectors are multiplied by this before the softmax.
const SHARPNESS: f64 = 10.0;
const BATCH: usize = 512;
const EXCLUDED: f64 = -1e9;

/// Both towers.
pub(crate) struct TwoTower {
    pub(crate) variables: nn::VarStore,
    user_ids: Embedded,
    user: Mlp,
    item_ids: Embedded,
    item: Mlp,
}

/// A positive: a customer's row and a product's row.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pair {
    pub(crate) user: usize,
    pub(crate) item: usize,
}

impl TwoTower {
    pub(crate) fn new(data: &Dataset<'_>, dice: &mut ChaCha8Rng) -> Self {
        let variables = nn::VarStore::new(Device::Cpu);
        let root = &variables.root();
        let assembler = &data.assembler;
        let products = product_table(root, dice, data.products.len() as i64, PRODUCT_WIDTH);
        let (of_user, of_item) = (assembler.user_id_columns(), assembler.item_id_columns());
        let user_ids = Embedded::new(&(root / "user"), dice, &of_user, &products, CATEGORY_WIDTH);
        let item_ids = Embedded::new(&(root / "item"), dice, &of_item, &products, CATEGORY_WIDTH);
        let user_width = assembler.user_dense_width() as i64 + user_ids.width();
        let item_width = assembler.item_dense_width() as i64 + item_ids.width();
        let user = Mlp::new(&(root / "user_tower"), dice, &[user_width, HIDDEN, WIDTH]);
        let item = Mlp::new(&(root / "item_tower"), dice, &[item_width, HIDDEN, WIDTH]);
        Self {
            variables,
            user_ids,
            user,
            item_ids,
            item,
        }
    }

    /// `[U, WIDTH]`, rows of length one.
    pub(crate) fn users(&self, dense: &Tensor, ids: &Tensor) -> Tensor {
        let mut parts = vec![dense.shallow_clone()];
        parts.extend(self.user_ids.forward(ids));
        unit(&self.user.forward(&Tensor::cat(&parts, 1)))
    }

    /// `[N, WIDTH]`, rows of length one.
    pub(crate) fn items(&self, items: &Items) -> Tensor {
        let mut parts = vec![items.dense.shallow_clone()];
        parts.extend(self.item_ids.forward(&items.ids));
        unit(&self.item.forward(&Tensor::cat(&parts, 1)))
    }

    /// Trains on positives; `items` holds one row per product of the catalogue.
    #[expect(
        clippy::too_many_arguments,
        reason = "rows, how to learn, whom to tell"
    )]
    pub(crate) fn train(
        &self,
        users: &Users,
        items: &Items,
        pairs: &[Pair],
        options: &Options,
        dice: &mut ChaCha8Rng,
        progress: &dyn Progress,
    ) -> Result<(), Error> {
        let log_q = log_frequency(pairs, items.ids.size()[0] as usize);
        let mut optimiser = nn::AdamW {
            wd: 1e-4,
            ..nn::AdamW::default()
        }
        .build(&self.variables, options.learning_rate)?;
        let mut order: Vec<usize> = (0..pairs.len()).collect();
        progress.begin("two-tower", (options.epochs * pairs.len()) as u64);
        for epoch in 1..=options.epochs {
            order.shuffle(dice);
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

    fn loss(&self, users: &Users, items: &Items, batch: &[Pair], log_q: &Tensor) -> Tensor {
        let user_rows: Vec<i64> = batch.iter().map(|pair| pair.user as i64).collect();
        let item_rows: Vec<i64> = batch.iter().map(|pair| pair.item as i64).collect();
        let item_rows = Tensor::from_slice(&item_rows);
        let users = users.select(&Tensor::from_slice(&user_rows));
        let vectors = self.items(&items.select(&item_rows));
        let scores = self.users(&users.dense, &users.ids).matmul(&vectors.tr()) * SHARPNESS;
        let corrected = scores - log_q.index_select(0, &item_rows).unsqueeze(0);
        // The same product further along the batch is no negative.
        let same = item_rows.unsqueeze(0).eq_tensor(&item_rows.unsqueeze(1));
        let size = batch.len() as i64;
        let diagonal = Tensor::eye(size, (Kind::Bool, Device::Cpu));
        let twin = same.logical_and(&diagonal.logical_not());
        let target = Tensor::arange(size, (Kind::Int64, Device::Cpu));
        corrected
            .masked_fill(&twin, EXCLUDED)
            .cross_entropy_for_logits(&target)
    }
}

fn unit(vectors: &Tensor) -> Tensor {
    let length = vectors
        .square()
        .sum_dim_intlist([1_i64].as_slice(), true, Kind::Float);
    vectors / (length + 1e-6).sqrt()
}

/// Log of the share of positives that each product has; products without any count as one.
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
