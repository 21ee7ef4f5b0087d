//! The layers of the models, with weights drawn from a seeded generator of this crate: the same
//! seed gives the same model, whatever else draws from libtorch's generator.

use fairlead_registry::input::{IdColumn, IdTable};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use tch::nn::{self, Module as _};
use tch::{Kind, Tensor};

/// Draws a tensor of independent standard normals times `scale`.
fn normal(rng: &mut ChaCha8Rng, shape: &[i64], scale: f64) -> Tensor {
    let count: i64 = shape.iter().product();
    let values: Vec<f32> = (0..count)
        .map(|_| (Distribution::<f64>::sample(&StandardNormal, rng) * scale) as f32)
        .collect();
    Tensor::from_slice(&values).reshape(shape)
}

/// Makes a linear layer, He-initialised.
pub(crate) fn linear(path: &nn::Path<'_>, rng: &mut ChaCha8Rng, from: i64, to: i64) -> nn::Linear {
    let scale = (2.0 / from as f64).sqrt();
    nn::Linear {
        ws: path.var_copy("weight", &normal(rng, &[to, from], scale)),
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
    pub(crate) fn new(path: &nn::Path<'_>, rng: &mut ChaCha8Rng, widths: &[i64]) -> Self {
        let layer = |(at, pair): (usize, &[i64])| linear(&(path / at), rng, pair[0], pair[1]);
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
    pub(crate) fn new(path: &nn::Path<'_>, rng: &mut ChaCha8Rng, width: i64, rank: i64) -> Self {
        let up = linear(&(path / "up"), rng, rank, width);
        Self {
            down: linear(&(path / "down"), rng, width, rank),
            up,
        }
    }

    pub(crate) fn forward(&self, first: &Tensor, value: &Tensor) -> Tensor {
        first * self.up.forward(&self.down.forward(value)) + value
    }
}

/// The embeddings of the id columns of customers or products: one vector per row. The embedding of a
/// sequence is the sum of its entries' divided by the root of their number; columns of the
/// vocabulary share one table.
#[derive(Debug)]
pub(crate) struct IdEmbeddings {
    columns: Vec<(IdColumn, Tensor)>,
    width: i64,
}

impl IdEmbeddings {
    /// Makes the tables of columns. `products` is the shared table of the vocabulary,
    /// `[products + 1, E]`; tables of categories are `category_width` wide.
    pub(crate) fn new(
        path: &nn::Path<'_>,
        rng: &mut ChaCha8Rng,
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
                    &normal(rng, &[column.rows, category_width], 0.05),
                ),
            };
            width += table.size()[1];
            (column.clone(), table)
        };
        let columns = columns.iter().map(&mut table).collect();
        Self { columns, width }
    }

    /// Returns the sum of the columns' widths.
    pub(crate) fn width(&self) -> i64 {
        self.width
    }

    /// Embeds `ids`, `[rows, columns]`; returns one `[rows, width]` per column.
    pub(crate) fn forward(&self, ids: &Tensor) -> Vec<Tensor> {
        let embed = |(column, table): &(IdColumn, Tensor)| {
            let (start, count) = (column.columns.start as i64, column.columns.len() as i64);
            let ids = ids.narrow(1, start, count);
            let rows = Tensor::embedding(table, &ids, -1, false, false);
            if count == 1 {
                return rows.squeeze_dim(1);
            }
            // Id 0 pads a sequence: it is masked.
            let present = ids.not_equal(0).to_kind(Kind::Float).unsqueeze(-1);
            let number = present.sum_dim_intlist([1_i64].as_slice(), false, Kind::Float);
            let sum = (rows * present).sum_dim_intlist([1_i64].as_slice(), false, Kind::Float);
            sum / number.clamp_min(1.0).sqrt()
        };
        self.columns.iter().map(embed).collect()
    }
}

/// Makes the shared product table, `[products + 1, width]`; row 0 is for unknown products.
pub(crate) fn product_table(
    path: &nn::Path<'_>,
    rng: &mut ChaCha8Rng,
    products: i64,
    width: i64,
) -> Tensor {
    path.var_copy("products", &normal(rng, &[products + 1, width], 0.1))
}
