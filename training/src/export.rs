//! Export: writes a trained network as a model folder: traced, described, with golden cases.

use std::path::Path;

use fairlead_inference::{
    Batch as GoldenBatch, Dtype, GoldenCase, InputSpec, Manifest, ModelFolder, OutputSpec,
    RowGroup, Scale, TrainingWindow, Vocabulary,
};
use fairlead_registry::input::IdColumn;
use tch::{CModule, Kind, Tensor};

use crate::Error;
use crate::dataset::{Batch, Dataset, Items, Users};
use crate::ranker::Ranker;
use crate::two_tower::{TwoTower, WIDTH};

/// The largest difference of an output from a golden one, for float32 sums in another order.
const TOLERANCE: f64 = 1e-4;

/// The name of a model and the metadata of its manifest.
pub(crate) struct ModelDescription<'d> {
    pub(crate) data: &'d Dataset<'d>,
    pub(crate) name: &'static str,
    pub(crate) version: &'d str,
    /// The first and the last event time of the training window.
    pub(crate) window_ms: (i64, i64),
    pub(crate) metrics: serde_json::Map<String, serde_json::Value>,
}

impl ModelDescription<'_> {
    /// Makes the manifest.
    fn manifest(&self, kind: &str, inputs: Vec<InputSpec>, outputs: Vec<OutputSpec>) -> Manifest {
        let assembler = &self.data.assembler;
        let instant = |ms: i64| {
            jiff::Timestamp::from_millisecond(ms)
                .unwrap_or(jiff::Timestamp::UNIX_EPOCH)
                .to_string()
        };
        Manifest {
            name: self.name.to_owned(),
            version: self.version.to_owned(),
            kind: kind.to_owned(),
            schema_hash: assembler.schema_hash().to_owned(),
            inputs,
            outputs,
            calibration: std::collections::BTreeMap::new(),
            training_window: Some(TrainingWindow {
                from: instant(self.window_ms.0),
                to: instant(self.window_ms.1),
            }),
            metrics: self.metrics.clone(),
            vocabulary: Vocabulary {
                products: self
                    .data
                    .products
                    .iter()
                    .map(|p| p.product_id.clone())
                    .collect(),
            },
            features: serde_json::to_value(assembler.spec()).unwrap_or_default(),
        }
    }

    /// Returns the specification of the customers' inputs.
    fn user_inputs(&self) -> Vec<InputSpec> {
        let assembler = &self.data.assembler;
        vec![
            numbers("user_dense", assembler.user_dense_width(), RowGroup::User),
            ids("user_ids", &assembler.user_id_columns(), RowGroup::User),
        ]
    }

    /// Returns the specification of the ranker's inputs.
    fn ranker_inputs(&self) -> Vec<InputSpec> {
        let assembler = &self.data.assembler;
        let mut inputs = self.user_inputs();
        inputs.push(InputSpec {
            name: "user_of_row".to_owned(),
            dtype: Dtype::I64,
            columns: None,
            rows: RowGroup::Row,
            index_of: Some(RowGroup::User),
            below: None,
        });
        inputs.push(ids("item_ids", &assembler.item_id_columns(), RowGroup::Row));
        inputs.push(numbers(
            "item_dense",
            assembler.item_dense_width(),
            RowGroup::Row,
        ));
        inputs
    }
}

/// Returns the specification of an input of numbers.
fn numbers(name: &str, columns: usize, rows: RowGroup) -> InputSpec {
    InputSpec {
        name: name.to_owned(),
        dtype: Dtype::F32,
        columns: Some(columns),
        rows,
        index_of: None,
        below: None,
    }
}

/// Returns the specification of an input of ids, each bounded by the rows of its table.
fn ids(name: &str, columns: &[IdColumn], rows: RowGroup) -> InputSpec {
    let below: Vec<i64> = columns
        .iter()
        .flat_map(|column| column.columns.clone().map(|_| column.rows))
        .collect();
    InputSpec {
        name: name.to_owned(),
        dtype: Dtype::I64,
        columns: Some(below.len()),
        rows,
        index_of: None,
        below: Some(below),
    }
}

/// Writes the user tower.
pub(crate) fn two_tower(
    folder: &Path,
    mut model: TwoTower,
    description: &ModelDescription<'_>,
    sample: &Users,
) -> Result<ModelFolder, Error> {
    model.variables.freeze();
    let manifest = description.manifest(
        "two_tower_user",
        description.user_inputs(),
        vec![OutputSpec {
            name: "embedding".to_owned(),
            rows: RowGroup::User,
            columns: Some(WIDTH as usize),
            scale: Scale::Value,
        }],
    );
    let expected = f32_values(&model.users(&sample.dense, &sample.ids))?;
    let batch = user_batch(GoldenBatch::new(), sample)?;
    let golden = GoldenCase::record(
        "sample",
        &manifest,
        &batch,
        &[("embedding", &expected)],
        TOLERANCE,
    )?;
    let arguments = [sample.dense.shallow_clone(), sample.ids.shallow_clone()];
    let mut forward = |inputs: &[Tensor]| vec![model.users(&inputs[0], &inputs[1])];
    let traced = CModule::create_by_tracing("user_tower", "forward", &arguments, &mut forward)?;
    Ok(ModelFolder::write(folder, &manifest, &[golden], |path| {
        Ok(traced.save(path)?)
    })?)
}

/// Writes the ranker.
pub(crate) fn ranker(
    folder: &Path,
    mut model: Ranker,
    description: &ModelDescription<'_>,
    sample: &Batch,
) -> Result<ModelFolder, Error> {
    model.variables.freeze();
    let output = |name: &str| OutputSpec {
        name: name.to_owned(),
        rows: RowGroup::Row,
        columns: None,
        scale: Scale::Logit,
    };
    let outputs = vec![output("click"), output("convert")];
    let manifest = description.manifest("ranker", description.ranker_inputs(), outputs);
    let golden = ranker_case(&model, &manifest, sample)?;
    let traced = trace_ranker(&model, sample)?;
    Ok(ModelFolder::write(folder, &manifest, &[golden], |path| {
        Ok(traced.save(path)?)
    })?)
}

/// Records the scores of a sample as a golden case.
fn ranker_case(model: &Ranker, manifest: &Manifest, sample: &Batch) -> Result<GoldenCase, Error> {
    let scores = model.forward(&sample.users, &sample.user_of_row, &sample.items);
    let click = f32_values(&scores.select(1, 0))?;
    let convert = f32_values(&scores.select(1, 1))?;
    let items = &sample.items;
    let batch = user_batch(GoldenBatch::new(), &sample.users)?
        .index("user_of_row", i64_values(&sample.user_of_row)?)
        .i64("item_ids", columns(&items.ids), i64_values(&items.ids)?)
        .f32(
            "item_dense",
            columns(&items.dense),
            f32_values(&items.dense)?,
        );
    let expected: [(&str, &[f32]); 2] = [("click", &click), ("convert", &convert)];
    Ok(GoldenCase::record(
        "sample", manifest, &batch, &expected, TOLERANCE,
    )?)
}

/// Traces the ranker on a sample.
fn trace_ranker(model: &Ranker, sample: &Batch) -> Result<CModule, Error> {
    let arguments = [
        sample.users.dense.shallow_clone(),
        sample.users.ids.shallow_clone(),
        sample.user_of_row.shallow_clone(),
        sample.items.ids.shallow_clone(),
        sample.items.dense.shallow_clone(),
    ];
    let mut forward = |inputs: &[Tensor]| {
        let [user_dense, user_ids, user_of_row, item_ids, item_dense] = inputs else {
            return Vec::new();
        };
        let users = Users {
            dense: user_dense.shallow_clone(),
            ids: user_ids.shallow_clone(),
        };
        let items = Items {
            ids: item_ids.shallow_clone(),
            dense: item_dense.shallow_clone(),
        };
        // One tensor `[N, 2]`: its columns are the outputs, in the manifest's order.
        vec![model.forward(&users, user_of_row, &items)]
    };
    Ok(CModule::create_by_tracing(
        "ranker",
        "forward",
        &arguments,
        &mut forward,
    )?)
}

/// Adds the customers' inputs to a batch.
fn user_batch(batch: GoldenBatch, users: &Users) -> Result<GoldenBatch, Error> {
    Ok(batch
        .f32(
            "user_dense",
            columns(&users.dense),
            f32_values(&users.dense)?,
        )
        .i64("user_ids", columns(&users.ids), i64_values(&users.ids)?))
}

/// Returns the number of columns of a matrix.
fn columns(matrix: &Tensor) -> usize {
    matrix.size()[1] as usize
}

/// Copies the values of a tensor of numbers.
fn f32_values(tensor: &Tensor) -> Result<Vec<f32>, Error> {
    Ok(Vec::try_from(
        tensor.detach().to_kind(Kind::Float).reshape([-1]),
    )?)
}

/// Copies the values of a tensor of ids.
fn i64_values(tensor: &Tensor) -> Result<Vec<i64>, Error> {
    Ok(Vec::try_from(tensor.reshape([-1]))?)
}
