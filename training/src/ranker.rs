//! The ranker: predicts a click, and a conversion after it, for each product and customer.
//!
//! Wide and deep: a low-rank inner product of customer and product with a bias per product (all
//! pairwise co-occurrence), beside cross layers (DCN v2, Wang et al., WWW 2021) and a perceptron
//! over features, embeddings and the products' interactions with the customer's sequences.
//! The customer's part is computed once per request, whatever the number of products.

use rand::seq::SliceRandom as _;
use rand_chacha::ChaCha8Rng;
use tch::nn::{self, Module as _, OptimizerConfig as _};
use tch::{Device, Kind, Reduction, Tensor};

use crate::dataset::{Batch, Dataset, Group, Items, Users};
use crate::layers::{Cross, IdEmbeddings, Mlp, linear, product_table};
use crate::{Error, Options, Progress};

const PRODUCT_WIDTH: i64 = 24;
const CATEGORY_WIDTH: i64 = 8;
const USER_WIDTH: i64 = 64;
const CROSS_RANK: i64 = 32;
const HIDDEN: [i64; 2] = [96, 48];
/// The width of the inner product of each task.
const WIDE: i64 = 32;
/// The optimiser group of the weights that only conversions have.
const CONVERT_GROUP: usize = 1;
const GROUPS_PER_BATCH: usize = 128;

/// The labels of rows.
pub(crate) enum Labels {
    /// `[rows]` each: clicked, converted after the click.
    Logged { clicked: Tensor, converted: Tensor },
    /// Groups of `width` rows of which the one at `target[group.user]` was left out; rows with
    /// `excluded[row]` do not compete.
    LeaveOneOut {
        width: i64,
        target: Vec<i64>,
        excluded: Tensor,
    },
}

/// The examples that the ranker is trained on.
pub(crate) struct RankerExamples<'l> {
    pub(crate) users: &'l Users,
    pub(crate) items: &'l Items,
    pub(crate) groups: &'l [Group],
    pub(crate) labels: &'l Labels,
}

/// The network.
pub(crate) struct Ranker {
    pub(crate) variables: nn::VarStore,
    user_ids: IdEmbeddings,
    item_ids: IdEmbeddings,
    /// The positions of the user's id columns that are sequences of products.
    sequences: Vec<usize>,
    user: Mlp,
    cross: [Cross; 2],
    deep: Mlp,
    click: Head,
    convert: Head,
    /// The weight of the click's log-odds in those of the conversion.
    click_weight: Tensor,
}

/// The layers of one task: a score of the deep part, an inner product of customer and product, a
/// bias per product.
struct Head {
    deep: nn::Linear,
    user: nn::Linear,
    item: Tensor,
    bias: Tensor,
}

impl Head {
    fn new(path: &nn::Path<'_>, rng: &mut ChaCha8Rng, user_width: i64, products: i64) -> Self {
        let zeros = Tensor::zeros([products + 1, 1], (Kind::Float, Device::Cpu));
        Self {
            deep: linear(&(path / "deep"), rng, HIDDEN[1], 1),
            user: linear(&(path / "user"), rng, user_width, WIDE),
            item: product_table(path, rng, products, WIDE),
            bias: path.var_copy("bias", &zeros),
        }
    }

    /// Returns log-odds `[N, 1]`; `to_rows` copies the customers' values to their rows.
    fn forward(
        &self,
        hidden: &Tensor,
        user: &Tensor,
        product: &Tensor,
        to_rows: impl Fn(&Tensor) -> Tensor,
    ) -> Tensor {
        let wide = to_rows(&self.user.forward(user)) * self.item.index_select(0, product);
        self.deep.forward(hidden)
            + wide.sum_dim_intlist([1_i64].as_slice(), true, Kind::Float)
            + self.bias.index_select(0, product)
    }
}

impl Ranker {
    pub(crate) fn new(data: &Dataset<'_>, rng: &mut ChaCha8Rng) -> Self {
        let variables = nn::VarStore::new(Device::Cpu);
        let root = &variables.root();
        let assembler = &data.assembler;
        let rows = data.products.len() as i64;
        let products = product_table(root, rng, rows, PRODUCT_WIDTH);
        let user_columns = assembler.user_id_columns();
        let user_ids = IdEmbeddings::new(
            &(root / "user"),
            rng,
            &user_columns,
            &products,
            CATEGORY_WIDTH,
        );
        let item_columns = assembler.item_id_columns();
        let item_ids = IdEmbeddings::new(
            &(root / "item"),
            rng,
            &item_columns,
            &products,
            CATEGORY_WIDTH,
        );
        let sequences: Vec<usize> = (0..user_columns.len())
            .filter(|at| user_columns[*at].columns.len() > 1)
            .collect();
        let user_width = assembler.user_dense_width() as i64 + user_ids.width();
        let user = Mlp::new(
            &(root / "user_part"),
            rng,
            &[user_width, 2 * USER_WIDTH, USER_WIDTH],
        );
        let row_width = USER_WIDTH
            + assembler.item_dense_width() as i64
            + item_ids.width()
            + PRODUCT_WIDTH * sequences.len() as i64;
        let cross = [0, 1].map(|at| Cross::new(&(root / "cross" / at), rng, row_width, CROSS_RANK));
        let deep = Mlp::new(&(root / "deep"), rng, &[row_width, HIDDEN[0], HIDDEN[1]]);
        let click = Head::new(&(root / "click"), rng, user_width, rows);
        let convert_path = (root / "convert").set_group(CONVERT_GROUP);
        let convert = Head::new(&convert_path, rng, user_width, rows);
        let click_weight = root.var_copy("click_weight", &Tensor::from(0.5_f32));
        Self {
            variables,
            user_ids,
            item_ids,
            sequences,
            user,
            cross,
            deep,
            click,
            convert,
            click_weight,
        }
    }

    /// Returns log-odds `[N, 2]`: of a click, and of a conversion after a click.
    pub(crate) fn forward(&self, users: &Users, user_of_row: &Tensor, items: &Items) -> Tensor {
        let to_rows = |tensor: &Tensor| tensor.index_select(0, user_of_row);
        let embedded = self.user_ids.forward(&users.ids);
        let mut parts = vec![users.dense.shallow_clone()];
        parts.extend(embedded.iter().map(Tensor::shallow_clone));
        let user = Tensor::cat(&parts, 1);
        let item_parts = self.item_ids.forward(&items.ids);
        let mut row = vec![
            to_rows(&self.user.forward(&user).relu()),
            items.dense.shallow_clone(),
        ];
        row.extend(
            self.sequences
                .iter()
                .map(|at| to_rows(&embedded[*at]) * &item_parts[0]),
        );
        row.extend(item_parts);
        let first = Tensor::cat(&row, 1);
        let crossed = self
            .cross
            .iter()
            .fold(first.shallow_clone(), |x, cross| cross.forward(&first, &x));
        let hidden = self.deep.forward(&crossed).relu();
        let product = items.ids.select(1, 0);
        let click = self.click.forward(&hidden, &user, &product, to_rows);
        let own = self.convert.forward(&hidden, &user, &product, to_rows);
        let convert = own + &click * &self.click_weight;
        Tensor::cat(&[click, convert], 1)
    }

    /// Trains on groups of rows.
    pub(crate) fn train(
        &self,
        examples: &RankerExamples<'_>,
        options: &Options,
        rng: &mut ChaCha8Rng,
        progress: &dyn Progress,
    ) -> Result<(), Error> {
        let RankerExamples {
            users,
            items,
            groups,
            labels,
        } = examples;
        let mut optimiser = nn::AdamW {
            wd: options.weight_decay,
            ..nn::AdamW::default()
        }
        .build(&self.variables, options.learning_rate)?;
        let mut order: Vec<usize> = (0..groups.len()).collect();
        progress.begin("ranker", (options.epochs * groups.len()) as u64);
        for epoch in 1..=options.epochs {
            // The rate falls to a tenth along a cosine, so that late epochs converge.
            let elapsed = (epoch - 1) as f64 / options.epochs as f64;
            let share = 0.1 + 0.45 * (1.0 + (std::f64::consts::PI * elapsed).cos());
            optimiser.set_lr(options.learning_rate * share);
            let convert_rate = options.learning_rate * share * labels.convert_rate_factor();
            optimiser.set_lr_group(CONVERT_GROUP, convert_rate);
            order.shuffle(rng);
            for chosen in order.chunks(GROUPS_PER_BATCH) {
                let batch_groups: Vec<&Group> = chosen.iter().map(|at| &groups[*at]).collect();
                let batch = Batch::gather(&batch_groups, users, items);
                let scores = self.forward(&batch.users, &batch.user_of_row, &batch.items);
                let loss = labels.loss(&scores, &batch.rows, &batch_groups);
                let value = loss.double_value(&[]);
                if !value.is_finite() {
                    return Err(Error::Diverged {
                        model: "ranker",
                        loss: value,
                        epoch,
                    });
                }
                optimiser.backward_step_clip_norm(&loss, 5.0);
                progress.advance(
                    chosen.len() as u64,
                    &format!("epoch {epoch} loss {value:.3}"),
                );
            }
        }
        progress.end();
        Ok(())
    }
}

impl Labels {
    /// Returns the learning rate of the conversion's own weights relative to the others: logged
    /// conversions are few, and a high rate would overfit to them.
    fn convert_rate_factor(&self) -> f64 {
        match self {
            Self::Logged { .. } => 0.1,
            Self::LeaveOneOut { .. } => 1.0,
        }
    }

    /// Returns the loss of a batch's scores.
    fn loss(&self, scores: &Tensor, rows: &Tensor, groups: &[&Group]) -> Tensor {
        match self {
            Self::Logged { clicked, converted } => {
                let clicked = clicked.index_select(0, rows);
                let converted = converted.index_select(0, rows);
                let (click, convert) = (scores.select(1, 0), scores.select(1, 1));
                // Over all impressions, as Ma et al. 2018 ("Entire Space Multi-Task Model"):
                // log P(click and convert) is the sum of the two logarithms.
                let both = click.log_sigmoid() + convert.log_sigmoid();
                let neither = (both.exp().neg() + 1.0).clamp_min(1e-6).log();
                let taken = &both * &converted + &neither * (converted.neg() + 1.0);
                let opened = click.binary_cross_entropy_with_logits::<Tensor>(
                    &clicked,
                    None,
                    None,
                    Reduction::Mean,
                );
                opened - taken.mean(Kind::Float)
            }
            Self::LeaveOneOut {
                width,
                target,
                excluded,
            } => {
                let target: Vec<i64> = groups.iter().map(|group| target[group.user]).collect();
                let target = Tensor::from_slice(&target);
                let excluded = excluded.index_select(0, rows).reshape([-1, *width]);
                // Slates are ordered by the probability of a click and a conversion.
                let both =
                    scores
                        .log_sigmoid()
                        .sum_dim_intlist([1_i64].as_slice(), false, Kind::Float);
                both.reshape([-1, *width])
                    .masked_fill(&excluded, -1e9)
                    .cross_entropy_for_logits(&target)
            }
        }
    }
}
