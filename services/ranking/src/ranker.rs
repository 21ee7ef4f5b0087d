//! One version of the ranker: the model, and the assembler that makes its inputs.

use std::mem::take;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fairlead_inference::{Batch, Dtype, Manifest, Model, ModelFolder, ModelSlot, RowGroup, Scale};
use fairlead_proto::control::v1::ModelRef;
use fairlead_proto::feature::v1::FeatureSet;
use fairlead_proto::ranking::v1::ModelInputs;
use fairlead_registry::Registry;
use fairlead_registry::input::{Assembler, InputSpec};
use fairlead_release_follow::model_folder_hash;

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
    /// The release's hash of the folder that it was loaded from.
    pub(crate) content_hash: String,
    /// The model.
    pub(crate) model: Arc<Model>,
    /// Makes its inputs.
    pub(crate) assembler: Assembler,
}

impl Ranker {
    /// Loads the model that a release names: files are read, golden cases run and the model is
    /// warmed on blocking threads, as the engine will run it.
    ///
    /// # Errors
    /// Files that are missing, truncated, not those the release was published with, or that do
    /// not go together; a feature schema that is not this process'.
    pub(crate) async fn load(registry: Registry, named: ModelRef) -> Result<Self, Error> {
        let path = PathBuf::from(&named.path);
        let prepare = move || Prepared::of(&registry, &named);
        let prepared = tokio::task::spawn_blocking(prepare).await;
        let prepared = prepared.map_err(|died| Error::Artefact {
            path: path.clone(),
            reason: format!("reading it died: {died}"),
        })??;
        let schema_hash = prepared.assembler.schema_hash().to_owned();
        let slot = ModelSlot::empty(ROLE);
        let model = slot.load_in_background(path, Some(schema_hash)).await?;
        Ok(Self {
            title: model.manifest().title(),
            content_hash: prepared.content_hash,
            model,
            assembler: prepared.assembler,
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

/// A folder whose files were found in order; its program is not loaded yet.
struct Prepared {
    content_hash: String,
    assembler: Assembler,
}

impl Prepared {
    fn of(registry: &Registry, named: &ModelRef) -> Result<Self, Error> {
        let path = Path::new(&named.path);
        let refuse = |reason: String| Error::Artefact {
            path: path.to_path_buf(),
            reason,
        };
        let found = model_folder_hash(path)?;
        if !found.eq_ignore_ascii_case(&named.content_hash) {
            return Err(refuse(format!(
                "its files have hash {found}; allowed: {}, the hash in the release",
                named.content_hash
            )));
        }
        let folder = ModelFolder::open(path)?;
        let manifest = folder.manifest();
        if manifest.version != named.version {
            return Err(refuse(format!(
                "manifest.json: version {:?}; allowed: {:?}, the version in the release",
                manifest.version, named.version
            )));
        }
        let spec: InputSpec = serde_json::from_value(manifest.features.clone())
            .map_err(|error| refuse(format!("manifest.json: features: {error}")))?;
        let assembler = Assembler::new(registry, spec, &manifest.vocabulary.products)?;
        check_inputs(manifest, &assembler).map_err(&refuse)?;
        check_outputs(manifest).map_err(&refuse)?;
        Ok(Self {
            content_hash: found,
            assembler,
        })
    }
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
