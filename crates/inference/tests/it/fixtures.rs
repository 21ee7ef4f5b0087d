//! A small ranker, as TorchScript and as plain Rust, and models that misbehave.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crossbeam_channel::{Receiver, Sender};
use fairlead_inference::{
    Batch, CheckedBatch, Dtype, Error, Forward, GoldenCase, InputSpec, Manifest, Model,
    ModelFolder, OutputSpec, RowGroup, Scale, Values, Vocabulary,
};
use tch::{CModule, Kind, Tensor};

pub(crate) const SCHEMA: &str = "5eed01";
pub(crate) const USER_CATEGORIES: i64 = 5;
pub(crate) const ITEM_CATEGORIES: i64 = 7;

pub(crate) fn input(name: &str, dtype: Dtype, columns: Option<usize>, rows: RowGroup) -> InputSpec {
    InputSpec {
        name: name.to_owned(),
        dtype,
        columns,
        rows,
        index_of: None,
        below: None,
    }
}

pub(crate) fn output(
    name: &str,
    rows: RowGroup,
    columns: Option<usize>,
    scale: Scale,
) -> OutputSpec {
    OutputSpec {
        name: name.to_owned(),
        rows,
        columns,
        scale,
    }
}

pub(crate) fn manifest(kind: &str, inputs: Vec<InputSpec>, outputs: Vec<OutputSpec>) -> Manifest {
    Manifest {
        name: kind.replace('_', "-"),
        version: "v1".to_owned(),
        kind: kind.to_owned(),
        schema_hash: SCHEMA.to_owned(),
        inputs,
        outputs,
        calibration: BTreeMap::new(),
        training_window: None,
        metrics: serde_json::Map::new(),
        vocabulary: Vocabulary::default(),
        features: serde_json::Value::Null,
    }
}

/// The contract of a ranker, small: two dense and one category per user, three and one per item.
pub(crate) fn ranker_manifest() -> Manifest {
    let inputs = vec![
        input("user_dense", Dtype::F32, Some(2), RowGroup::User),
        InputSpec {
            below: Some(vec![USER_CATEGORIES]),
            ..input("user_ids", Dtype::I64, Some(1), RowGroup::User)
        },
        InputSpec {
            index_of: Some(RowGroup::User),
            ..input("user_of_row", Dtype::I64, None, RowGroup::Row)
        },
        InputSpec {
            below: Some(vec![ITEM_CATEGORIES]),
            ..input("item_ids", Dtype::I64, Some(1), RowGroup::Row)
        },
        input("item_dense", Dtype::F32, Some(3), RowGroup::Row),
    ];
    let outputs = vec![
        output("click", RowGroup::Row, None, Scale::Logit),
        output("convert", RowGroup::Row, None, Scale::Logit),
    ];
    manifest("ranker", inputs, outputs)
}

/// One request of a ranker, as numbers.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// Per user: two values and a category.
    pub(crate) users: Vec<([f32; 2], i64)>,
    /// Per row: its user, a category and three values.
    pub(crate) rows: Vec<(usize, i64, [f32; 3])>,
}

impl Request {
    pub(crate) fn batch(&self) -> Batch {
        Batch::new()
            .f32(
                "user_dense",
                2,
                self.users.iter().flat_map(|user| user.0).collect(),
            )
            .i64(
                "user_ids",
                1,
                self.users.iter().map(|user| user.1).collect(),
            )
            .index(
                "user_of_row",
                self.rows
                    .iter()
                    .map(|row| i64::try_from(row.0).unwrap())
                    .collect(),
            )
            .i64("item_ids", 1, self.rows.iter().map(|row| row.1).collect())
            .f32(
                "item_dense",
                3,
                self.rows.iter().flat_map(|row| row.2).collect(),
            )
    }

    /// Returns what [`trace_ranker`]'s network gives, computed without it: per row `(click, convert)`.
    pub(crate) fn expected(&self, shift: f32) -> (Vec<f32>, Vec<f32>) {
        let hidden = |row: &(usize, i64, [f32; 3])| {
            let (dense, category) = self.users[row.0];
            let fit: f32 = (0..2)
                .map(|j| user_table(category, j) * item_table(row.1, j))
                .sum();
            fit + dense[0] * row.2[0] - dense[1] * row.2[1] + 0.5 * row.2[2]
        };
        let click = self
            .rows
            .iter()
            .map(|row| hidden(row).tanh() + shift)
            .collect();
        let convert = self
            .rows
            .iter()
            .map(|row| 0.25 * hidden(row) - 1.0)
            .collect();
        (click, convert)
    }
}

fn user_table(category: i64, column: i64) -> f32 {
    0.1 * (1 + category) as f32 - 0.2 * column as f32
}

fn item_table(category: i64, column: i64) -> f32 {
    0.3 - 0.05 * category as f32 + 0.1 * column as f32
}

fn table(categories: i64, value: fn(i64, i64) -> f32) -> Tensor {
    let values: Vec<f32> = (0..categories)
        .flat_map(|category| [value(category, 0), value(category, 1)])
        .collect();
    Tensor::from_slice(&values).view([categories, 2])
}

/// Traces `forward` over inputs of the given shapes.
pub(crate) fn trace(inputs: &[Tensor], forward: impl Fn(&[Tensor]) -> Vec<Tensor>) -> CModule {
    let _no_grad = tch::no_grad_guard();
    let mut forward = |inputs: &[Tensor]| forward(inputs);
    CModule::create_by_tracing("Model", "forward", inputs, &mut forward).unwrap()
}

pub(crate) fn ranker_example() -> [Tensor; 5] {
    [
        Tensor::from_slice(&[0.1f32, 0.2, 0.3, 0.4]).view([2, 2]),
        Tensor::from_slice(&[0i64, 1]).view([2, 1]),
        Tensor::from_slice(&[0i64, 1, 1]),
        Tensor::from_slice(&[0i64, 1, 2]).view([3, 1]),
        Tensor::from_slice(&[0.1f32; 9]).view([3, 3]),
    ]
}

/// The network: embeddings multiplied, dense parts crossed; `shift` tells versions apart.
pub(crate) fn trace_ranker(shift: f32) -> CModule {
    let users = table(USER_CATEGORIES, user_table);
    let items = table(ITEM_CATEGORIES, item_table);
    let signs = Tensor::from_slice(&[1.0f32, -1.0]).view([1, 2]);
    trace(&ranker_example(), |inputs| {
        let of_row = &inputs[2];
        let user = Tensor::embedding(&users, &inputs[1].squeeze_dim(1), -1, false, false)
            .index_select(0, of_row);
        let item = Tensor::embedding(&items, &inputs[3].squeeze_dim(1), -1, false, false);
        let dense = inputs[0].index_select(0, of_row) * inputs[4].narrow(1, 0, 2) * &signs;
        let third = inputs[4].select(1, 2) * 0.5;
        let hidden = (user * item).sum_dim_intlist([1i64].as_slice(), false, Kind::Float)
            + dense.sum_dim_intlist([1i64].as_slice(), false, Kind::Float)
            + third;
        let click = hidden.tanh() + f64::from(shift);
        vec![Tensor::stack(&[click, hidden * 0.25 - 1.0], 1)]
    })
}

pub(crate) fn request() -> Request {
    Request {
        users: vec![([0.5, -0.25], 3), ([1.5, 0.75], 0)],
        rows: vec![
            (1, 6, [0.1, 0.2, 0.3]),
            (0, 2, [-1.0, 0.4, 2.0]),
            (1, 0, [0.0, 0.5, -0.5]),
        ],
    }
}

pub(crate) fn golden(manifest: &Manifest, shift: f32) -> GoldenCase {
    let request = request();
    let (click, convert) = request.expected(shift);
    let expected = [("click", click.as_slice()), ("convert", convert.as_slice())];
    GoldenCase::record("two users", manifest, &request.batch(), &expected, 1e-5).unwrap()
}

/// Writes the ranker as `version`, whose click is shifted by `shift`.
pub(crate) fn write_ranker(path: &Path, version: &str, shift: f32) -> Result<ModelFolder, Error> {
    let mut manifest = ranker_manifest();
    version.clone_into(&mut manifest.version);
    let golden = golden(&manifest, shift);
    ModelFolder::write(path, &manifest, &[golden], |path| {
        Ok(trace_ranker(shift).save(path)?)
    })
}

pub(crate) fn load_ranker(version: &str, shift: f32) -> Model {
    let folder = tempfile::tempdir().unwrap();
    let folder = write_ranker(&folder.path().join(version), version, shift).unwrap();
    Model::load(&folder, Some(SCHEMA)).unwrap()
}

pub(crate) fn assert_close(got: &[f32], expected: &[f32]) {
    assert_eq!(got.len(), expected.len());
    for (got, expected) in got.iter().zip(expected) {
        assert!((got - expected).abs() <= 1e-5, "{got} is not {expected}");
    }
}

/// A manifest of one number in, one number out, per row.
pub(crate) fn number_manifest() -> Manifest {
    let inputs = vec![input("x", Dtype::F32, Some(1), RowGroup::Row)];
    manifest(
        "number",
        inputs,
        vec![output("y", RowGroup::Row, None, Scale::Value)],
    )
}

pub(crate) fn number(x: f32) -> Batch {
    Batch::new().f32("x", 1, vec![x])
}

/// Gives `-x`; on the number 13 it panics, on 14 it gives NaN. Counts its forward passes, and waits
/// for a permit before each, so that a test decides when a thread is busy.
pub(crate) struct Gated {
    entered: Sender<usize>,
    permits: Receiver<()>,
    passes: Arc<AtomicUsize>,
}

pub(crate) struct Gate {
    pub(crate) model: Arc<Model>,
    /// The rows of each forward pass, as it begins.
    pub(crate) entered: Receiver<usize>,
    pub(crate) permit: Sender<()>,
    pub(crate) passes: Arc<AtomicUsize>,
}

impl Gate {
    pub(crate) fn new() -> Self {
        let (entered, has_entered) = crossbeam_channel::bounded(64);
        let (permit, permits) = crossbeam_channel::bounded(64);
        let passes = Arc::new(AtomicUsize::new(0));
        let gated = Gated {
            entered,
            permits,
            passes: Arc::clone(&passes),
        };
        let model = Model::with_program(number_manifest(), Box::new(gated)).unwrap();
        Self {
            model: Arc::new(model),
            entered: has_entered,
            permit,
            passes,
        }
    }

    pub(crate) fn allow(&self, passes: usize) {
        (0..passes).for_each(|_| self.permit.send(()).unwrap());
    }
}

impl Forward for Gated {
    fn forward(&self, _: &Manifest, batch: &CheckedBatch) -> Result<Vec<Vec<f32>>, Error> {
        self.passes.fetch_add(1, Ordering::SeqCst);
        self.entered.send(batch.rows().row).unwrap();
        self.permits.recv().unwrap();
        let Values::F32(values) = &batch.values()[0] else {
            unreachable!("the manifest says f32")
        };
        assert!(!values.contains(&13.0), "thirteen");
        let negative = |&x: &f32| if (x - 14.0).abs() < 0.5 { f32::NAN } else { -x };
        Ok(vec![values.iter().map(negative).collect()])
    }
}
