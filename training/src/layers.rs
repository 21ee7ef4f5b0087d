//! The few layers that the models are made of, with weights drawn from our own dice: the same seed
//! gives the same model, whatever else draws from libtorch.

use fairlead_registry::input::{IdColumn, IdTable};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use tch::nn::{self, Module as _};
use tch::{Kind, Tensor};

/// A tensor of independent normals times `scale`.
fn normal(dice: &mut ChaCha8Rng, shape: &[i64], scale: f64) -> Tensor {
    let count: i64 = shape.iter().product();
    let values: Vec<f32> = (0..count)
        .map(|_| (Distribution::<f64>::sample(&StandardNormal, dice) * scale) as f32)
        .collect();
    Tensor::from_slice(&values).reshape(shape)
}

/// A linear layer, He-initialised.
pub(crate) fn linear(path: &nn::Path<'_>, dice: &mut ChaCha8Rng, from: i64, to: i64) -> nn::Linear {
    let scale = (2.0 / from as f64).sqrt();
    nn::Linear {
        ws: path.var_copy("weight", &normal(dice, &[to, from], scale)),
        bs: Some(path.var_copy(
            "bias",
            &Tensor::zeros([to], (Kind::Float, tch::Device::Cpu)),
        )),
    }
}

/// Linear layers with ReLU between them, none after the last.
#[derive(Debug)]
pub(crate) struct Mlp(Vec<nn::Linear>);

impl Mlp {
    pub(crate) fn new(path: &nn::Path<'_>, dice: &mut ChaCha8Rng, widths: &[i64]) -> Self {
        let layer = |(at, pair): (usize, &[i64])| linear(&(path / at), dice, pair[0], pair[1]);
        Self(widths.windows(2).enumerate().map(layer).collect())
    }

    pub(crate) fn forward(&self, input: &Tensor) -> Tensor {
        let mut value = input.shallow_clone();
        for (at, layer) in self.0.iter().enumerate() {
            value = layer.forward(&value);
            if at + 1 < self.0.len() {
                value = value.relu();
            }
        }
        value
    }
}

/// A cross layer of DCN v2: `x0 * (W x + b) + x`, with W of low rank.
#[derive(Debug)]
pub(crate) struct Cross {
    down: nn::Linear,
    up: nn::Linear,
}

impl Cross {
    pub(crate) fn new(path: &nn::Path<'_>, dice: &mut ChaCha8Rng, width: i64, rank: i64) -> Self {
        let up = linear(&(path / "up"), dice, rank, width);
        Self {
            down: linear(&(path / "down"), dice, width, rank),
            up,
        }
    }

    pub(crate) fn forward(&self, first: &Tensor, value: &Tensor) -> Tensor {
        first * self.up.forward(&self.down.forward(value)) + value
    }
}

/// Embeddings of the id columns of customers or products: one vector a row. A sequence is the sum
/// of its entries over the root of their number; columns of the vocabulary share one table.
#[derive(Debug)]
pub(crate) struct Embedded {
    columns: Vec<(IdColumn, Tensor)>,
    width: i64,
}

impl Embedded {
    /// `products` is the shared table of the vocabulary, `[products + 1, E]`; tables of categories
    /// are `category_width` wide.
    pub(crate) fn new(
        path: &nn::Path<'_>,
        dice: &mut ChaCha8Rng,
        columns: &[IdColumn],
        products: &Tensor,
        category_width: i64,
    ) -> Self {
        let mut width = 0;
        let mut table = |column: &IdColumn| {
            let table = match column.table {
                IdTable::Vocabulary => products.shallow_clone(),
                IdTable::Own => path.var_copy(
                    &column.name,
                    &normal(dice, &[column.rows, category_width], 0.05),
                ),
            };
            width += table.size()[1];
            (column.clone(), table)
        };
        let columns = columns.iter().map(&mut table).collect();
        Self { columns, width }
    }

    pub(crate) fn width(&self) -> i64 {
        self.width
    }

    /// `ids` is `[rows, columns]`; gives one `[rows, width]` a column.
    pub(crate) fn forward(&self, ids: &Tensor) -> Vec<Tensor> {
        let embed = |(column, table): &(IdColumn, Tensor)| {
            let (start, count) = (column.columns.start as i64, column.columns.len() as i64);
            let ids = ids.narrow(1, start, count);
            let rows = Tensor::embedding(table, &ids, -1, false, false);
            if count == 1 {
                return rows.squeeze_dim(1);
            }
            // Id 0 fills a sequence up: it counts for nothing.
            let there = ids.not_equal(0).to_kind(Kind::Float).unsqueeze(-1);
            let number = there.sum_dim_intlist([1_i64].as_slice(), false, Kind::Float);
            let sum = (rows * there).sum_dim_intlist([1_i64].as_slice(), false, Kind::Float);
            sum / number.clamp_min(1.0).sqrt()
        };
        self.columns.iter().map(embed).collect()
    }
}

/// The shared product table, `[products + 1, width]`; row 0 is for unknown products.
pub(crate) fn product_table(
    path: &nn::Path<'_>,
    dice: &mut ChaCha8Rng,
    products: i64,
    width: i64,
) -> Tensor {
    path.var_copy("products", &normal(dice, &[products + 1, width], 0.1))
}
