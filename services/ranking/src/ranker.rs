//! One version of the ranker: the model, and the assembler that makes its inputs.

use std::mem::take;
use std::path::Path;
use std::sync::Arc;

use fairlead_inference::{Batch, Dtype, Manifest, Model, ModelFolder, RowGroup, Scale, one_thread};
use fairlead_proto::control::v1::ModelRef;
use fairlead_proto::feature::v1::FeatureSet;
use fairlead_proto::ranking::v1::ModelInputs;
use fairlead_registry::Registry;
use fairlead_registry::input::{Assembler, InputSpec};

use crate::error::Error;

/// The role under which a release names rankers.
pub(crate) const ROLE: &str = "ranker";

const USER_DENSE: &str = "user_dense";
const USER_IDS: &str = "user_ids";
const USER_OF_ROW: &str = "user_of_row";
const ITEM_IDS: &str = "item_ids";
const ITEM_DENSE: &str = "item_dense";

/// The outputs that a ranker must have, logits or probabilities, by row.
pub(crate) const CLICK: &str = "click";
/// See [`CLICK`].
pub(crate) const CONVERT: &str = "convert";

/// A loaded and checked ranker. Immutable.
#[derive(Debug)]
pub(crate) struct Ranker {
    /// Name and version.
    pub(crate) title: String,
    /// The model.
    pub(crate) model: Arc<Model>,
    /// Makes its inputs.
    pub(crate) assembler: Assembler,
}

impl Ranker {
    /// Loads the model that a release names: files are read, golden cases run and the model is
    /// warmed as the engine will run it. Takes long: call it on a blocking thread.
    ///
    /// # Errors
    /// Files that are missing, truncated, or that do not go together; a feature schema that is not
    /// this process'.
    pub(crate) fn load(registry: &Registry, named: &ModelRef) -> Result<Self, Error> {
        one_thread();
        let path = Path::new(&named.path);
        let folder = ModelFolder::open(path)?;
        let assembler = assembler_of(registry, folder.manifest(), path, &named.version)?;
        let model = Model::load(&folder, Some(assembler.schema_hash()))?;
        Ok(Self {
            title: model.manifest().title(),
            model: Arc::new(model),
            assembler,
        })
    }

    /// The customer's part of the inputs.
    ///
    /// # Errors
    /// A feature set of another registry or purpose, or with numbers that are not finite.
    pub(crate) fn user(&self, features: &FeatureSet) -> Result<ModelInputs, Error> {
        let mut inputs = ModelInputs {
            user_dense: Vec::with_capacity(self.assembler.user_dense_width()),
            user_ids: Vec::with_capacity(self.assembler.user_ids_width()),
            ..ModelInputs::default()
        };
        let ModelInputs {
            user_dense,
            user_ids,
            ..
        } = &mut inputs;
        self.assembler.user(features, user_dense, user_ids)?;
        Ok(inputs)
    }

    /// The inputs of `rows` products as the model's batch: those that its manifest names.
    pub(crate) fn batch(&self, mut inputs: ModelInputs, rows: usize) -> Batch {
        let made = &self.assembler;
        let mut batch = Batch::new();
        for input in &self.model.manifest().inputs {
            batch = match input.name.as_str() {
                USER_DENSE => {
                    let values = take(&mut inputs.user_dense);
                    batch.f32(USER_DENSE, made.user_dense_width(), values)
                }
                USER_IDS => {
                    let values = take(&mut inputs.user_ids);
                    batch.i64(USER_IDS, made.user_ids_width(), values)
                }
                ITEM_IDS => {
                    let values = take(&mut inputs.item_ids);
                    batch.i64(ITEM_IDS, made.item_ids_width(), values)
                }
                ITEM_DENSE => {
                    let values = take(&mut inputs.item_dense);
                    batch.f32(ITEM_DENSE, made.item_dense_width(), values)
                }
                // The only name left that `check_inputs` lets through: all rows are of one user.
                _ => batch.index(USER_OF_ROW, vec![0; rows]),
            };
        }
        batch
    }
}

/// The assembler of a manifest's inputs, where the manifest is that of a ranker of this version.
fn assembler_of(
    registry: &Registry,
    manifest: &Manifest,
    path: &Path,
    version: &str,
) -> Result<Assembler, Error> {
    let refuse = |reason: String| Error::Artefact {
        path: path.to_path_buf(),
        reason,
    };
    if manifest.version != version {
        return Err(refuse(format!(
            "manifest.json: version {:?}; allowed: {version:?}, the version in the release",
            manifest.version
        )));
    }
    let spec: InputSpec = serde_json::from_value(manifest.features.clone())
        .map_err(|error| refuse(format!("manifest.json: features: {error}")))?;
    let assembler = Assembler::new(registry, spec, &manifest.vocabulary.products)?;
    check_inputs(manifest, &assembler).map_err(refuse)?;
    check_outputs(manifest).map_err(refuse)?;
    Ok(assembler)
}

/// The inputs that the spec in a manifest makes: name, type, columns, what a row stands for.
fn inputs_of(made: &Assembler) -> [(&'static str, Dtype, Option<usize>, RowGroup); 5] {
    use Dtype::{F32, I64};
    use RowGroup::{Row, User};
    [
        (USER_DENSE, F32, Some(made.user_dense_width()), User),
        (USER_IDS, I64, Some(made.user_ids_width()), User),
        (USER_OF_ROW, I64, None, Row),
        (ITEM_IDS, I64, Some(made.item_ids_width()), Row),
        (ITEM_DENSE, F32, Some(made.item_dense_width()), Row),
    ]
}

/// A model takes some of the inputs that its spec makes, and no others.
fn check_inputs(manifest: &Manifest, made: &Assembler) -> Result<(), String> {
    let made = inputs_of(made);
    for input in &manifest.inputs {
        let found = (input.dtype, input.columns, input.rows);
        let index = input.index_of == Some(RowGroup::User);
        let fits = made.iter().any(|&(name, dtype, columns, rows)| {
            input.name == name && found == (dtype, columns, rows) && index == (name == USER_OF_ROW)
        });
        if !fits {
            let one = |&(name, dtype, columns, rows): &(&str, Dtype, Option<usize>, RowGroup)| {
                let columns =
                    columns.map_or("one dimension".to_owned(), |n| format!("{n} columns"));
                format!("{name} ({dtype}, {columns}, by {rows})")
            };
            return Err(format!(
                "manifest.json: input {:?} ({}, {:?} columns, by {}); allowed by its features: {}",
                input.name,
                input.dtype,
                input.columns,
                input.rows,
                made.iter().map(one).collect::<Vec<_>>().join(", ")
            ));
        }
    }
    Ok(())
}

fn check_outputs(manifest: &Manifest) -> Result<(), String> {
    for name in [CLICK, CONVERT] {
        let fits = manifest.outputs.iter().any(|output| {
            output.name == name
                && output.rows == RowGroup::Row
                && output.columns.is_none()
                && output.scale != Scale::Value
        });
        if !fits {
            return Err(format!(
                "manifest.json: outputs; allowed: {CLICK:?} and {CONVERT:?}, by row, one value \
                 each, of scale logit or probability; {name:?} is not"
            ));
        }
    }
    Ok(())
}
