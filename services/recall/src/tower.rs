//! The two-tower model's folder: the user tower, the index of item vectors, and two tables that
//! training wrote beside them.
//!
//! ```text
//! model.pt, manifest.json, golden.json   user_dense, user_ids -> embedding
//! items.index/                           row i is the vector of vocabulary product i
//! item_to_item.json                      {product: [[product, score], ...]}
//! popularity.json                        {product: weight}
//! ```

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use fairlead_inference::{Batch, Dtype, Manifest, Model, ModelFolder, RowGroup, Scale, one_thread};
use fairlead_proto::control::v1::ModelRef;
use fairlead_proto::feature::v1::FeatureSet;
use fairlead_registry::Registry;
use fairlead_registry::input::{Assembler, InputSpec};
use fairlead_vector_index::{Searchable as _, VectorIndex};
use serde::de::DeserializeOwned;

use crate::error::Error;

/// The role under which a release names the model.
pub(crate) const ROLE: &str = "two-tower";

/// The tower's one output.
const EMBEDDING: &str = "embedding";

/// A loaded and checked two-tower model. Immutable.
#[derive(Debug)]
pub(crate) struct Tower {
    /// Name and version.
    pub(crate) title: String,
    /// The user tower.
    pub(crate) model: Arc<Model>,
    /// The other contents of its folder.
    pub(crate) companions: Companions,
}

/// The contents of a model folder apart from the program.
#[derive(Debug)]
pub(crate) struct Companions {
    /// The item vectors.
    pub(crate) index: Arc<VectorIndex>,
    /// The similar products of each product, with their scores, by product id.
    pub(crate) item_to_item: BTreeMap<String, Vec<(String, f32)>>,
    /// The popularity in the training data, by product id.
    pub(crate) popularity: BTreeMap<String, f64>,
    assembler: Assembler,
}

impl Tower {
    /// Loads the model that a release names: files are read, golden cases run and the tower is
    /// warmed as the engine will run it. It may take seconds: call it on a blocking thread.
    ///
    /// # Errors
    /// Files that are missing, truncated or inconsistent, or a feature schema other than this
    /// process's.
    pub(crate) fn load(registry: &Registry, named: &ModelRef) -> Result<Self, Error> {
        one_thread();
        let path = Path::new(&named.path);
        let folder = ModelFolder::open(path)?;
        let companions = Companions::read(registry, path, folder.manifest())?;
        let model = Model::load(&folder, Some(companions.assembler.schema_hash()))?;
        Ok(Self {
            title: model.manifest().title(),
            model: Arc::new(model),
            companions,
        })
    }

    /// Returns the product ids of the index's rows.
    pub(crate) fn row_ids(&self) -> &[String] {
        &self.model.manifest().vocabulary.products
    }

    /// Returns the tower's inputs for one customer.
    ///
    /// # Errors
    /// A feature set of another registry or purpose, or with numbers that are not finite.
    pub(crate) fn inputs(&self, features: &FeatureSet) -> Result<Batch, Error> {
        let assembler = &self.companions.assembler;
        let (dense, ids) = (assembler.user_dense_width(), assembler.user_ids_width());
        let mut user_dense = Vec::with_capacity(dense);
        let mut user_ids = Vec::with_capacity(ids);
        assembler.user(features, &mut user_dense, &mut user_ids)?;
        let mut batch = Batch::new();
        if dense > 0 {
            batch = batch.f32("user_dense", dense, user_dense);
        }
        if ids > 0 {
            batch = batch.i64("user_ids", ids, user_ids);
        }
        Ok(batch)
    }
}

impl Companions {
    fn read(registry: &Registry, path: &Path, manifest: &Manifest) -> Result<Self, Error> {
        let spec: InputSpec = serde_json::from_value(manifest.features.clone())
            .map_err(|error| refuse(path, format!("manifest.json: features: {error}")))?;
        let assembler = Assembler::new(registry, spec, &manifest.vocabulary.products)?;
        check_inputs(manifest, &assembler).map_err(|reason| refuse(path, reason))?;
        let width = embedding_width(manifest).map_err(|reason| refuse(path, reason))?;
        let index = VectorIndex::load(&path.join("items.index"))?;
        let products = manifest.vocabulary.products.len();
        if index.dimension() != width || index.rows() as usize != products {
            return Err(refuse(
                path,
                format!(
                    "items.index holds {} rows of {}; allowed: {products} rows of {width}, as the \
                 vocabulary and the tower say",
                    index.rows(),
                    index.dimension()
                ),
            ));
        }
        Ok(Self {
            index: Arc::new(index),
            item_to_item: item_to_item(&path.join("item_to_item.json"))?,
            popularity: popularity(&path.join("popularity.json"))?,
            assembler,
        })
    }
}

fn refuse(path: &Path, reason: String) -> Error {
    Error::Artefact {
        path: path.to_path_buf(),
        reason,
    }
}

/// Checks that the tower takes exactly the inputs that the spec in its manifest makes.
fn check_inputs(manifest: &Manifest, assembler: &Assembler) -> Result<(), String> {
    let made = [
        ("user_dense", Dtype::F32, assembler.user_dense_width()),
        ("user_ids", Dtype::I64, assembler.user_ids_width()),
    ];
    let made: Vec<_> = made.into_iter().filter(|(.., width)| *width > 0).collect();
    for input in &manifest.inputs {
        let fits = made.iter().any(|&(name, dtype, width)| {
            input.name == name
                && input.dtype == dtype
                && input.columns == Some(width)
                && input.rows == RowGroup::User
        });
        if !fits {
            return Err(format!(
                "manifest.json: input {:?} is {} {:?}; allowed by its features: {}",
                input.name,
                input.dtype,
                input.columns,
                in_words(&made)
            ));
        }
    }
    if manifest.inputs.len() != made.len() {
        let (found, all) = (manifest.inputs.len(), in_words(&made));
        return Err(format!(
            "manifest.json: {found} inputs; allowed by its features: {all}"
        ));
    }
    Ok(())
}

fn in_words(made: &[(&str, Dtype, usize)]) -> String {
    let one = |(name, dtype, width): &(&str, Dtype, usize)| format!("{name} {dtype} [{width}]");
    made.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn embedding_width(manifest: &Manifest) -> Result<usize, String> {
    match manifest.outputs.as_slice() {
        [only]
            if only.name == EMBEDDING
                && only.rows == RowGroup::User
                && only.scale == Scale::Value =>
        {
            Ok(only.columns.unwrap_or(1))
        }
        _ => Err(format!(
            "manifest.json: outputs; allowed: one, {EMBEDDING:?}, of scale value, by user"
        )),
    }
}

fn item_to_item(path: &Path) -> Result<BTreeMap<String, Vec<(String, f32)>>, Error> {
    let table: BTreeMap<String, Vec<(String, f32)>> = read(path)?;
    for (product, others) in &table {
        if let Some((other, score)) = others.iter().find(|(_, score)| !score.is_finite()) {
            return Err(refuse(
                path,
                format!("score of {other:?} with {product:?} is {score}; allowed: a finite number"),
            ));
        }
    }
    Ok(table)
}

fn popularity(path: &Path) -> Result<BTreeMap<String, f64>, Error> {
    let table: BTreeMap<String, f64> = read(path)?;
    match table
        .iter()
        .find(|(_, weight)| !(weight.is_finite() && **weight >= 0.0))
    {
        None => Ok(table),
        Some((product, weight)) => Err(refuse(
            path,
            format!("weight of {product:?} is {weight}; allowed: a finite number from 0"),
        )),
    }
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<T, Error> {
    let text = std::fs::read(path).map_err(|source| Error::File {
        path: path.to_path_buf(),
        source,
    })?;
    serde_json::from_slice(&text).map_err(|error| refuse(path, error.to_string()))
}
