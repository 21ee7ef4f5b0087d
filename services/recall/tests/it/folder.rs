//! A two-tower folder as training writes it, small enough to reckon by hand: vectors of one
//! dimension, and a user tower that is a linear model.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use fairlead_inference::{
    Batch, Dtype, GoldenCase, InputSpec as ModelInput, LinearModel, LinearTerms, Manifest,
    ModelFolder, OutputSpec, RowGroup, Scale, Vocabulary,
};
use fairlead_proto::control::v1::ModelRef;
use fairlead_registry::Registry;
use fairlead_registry::input::{Assembler, InputSpec, Transform, UserNumber};
use fairlead_release_follow::model_folder_hash;
use fairlead_vector_index::IndexBuilder;
use serde_json::{Value, json};

/// The content of a model folder.
pub(crate) struct Folder {
    pub(crate) version: &'static str,
    /// Products with their vectors.
    pub(crate) vectors: Vec<(&'static str, f32)>,
    /// The customer's vector: this, and for each click of the last day `per_click` more.
    pub(crate) base: f64,
    pub(crate) per_click: f64,
    pub(crate) item_to_item: Value,
    pub(crate) popularity: Value,
}

impl Default for Folder {
    fn default() -> Self {
        Self {
            version: "1",
            vectors: vec![("A", 1.0), ("B", 2.0), ("C", 3.0), ("gone", 9.0)],
            base: 1.0,
            per_click: 0.0,
            item_to_item: json!({"A": [["B", 0.5], ["gone", 0.4]], "C": [["A", 0.25]]}),
            popularity: json!({"A": 6, "B": 3, "C": 1}),
        }
    }
}

impl Folder {
    /// Writes it under `root` and says how a release names it.
    pub(crate) fn write(&self, root: &Path) -> anyhow::Result<ModelRef> {
        let path = root.join(format!("two-tower-{}", self.version));
        let manifest = self.manifest()?;
        let batch = Batch::new().f32("user_dense", 1, vec![2.0]);
        let expected = (self.base + 2.0 * self.per_click) as f32;
        let case = GoldenCase::record(
            "two",
            &manifest,
            &batch,
            &[("embedding", &[expected])],
            1e-6,
        )?;
        let terms = LinearTerms {
            base: self.base,
            weights: [("user_dense".to_owned(), vec![self.per_click])].into(),
            points: BTreeMap::new(),
        };
        let linear = LinearModel {
            outputs: [("embedding".to_owned(), terms)].into(),
        };
        ModelFolder::write_linear(&path, &manifest, &[case], &linear)?;
        let mut builder = IndexBuilder::new(1)?;
        builder.extend(
            &self
                .vectors
                .iter()
                .map(|(_, value)| *value)
                .collect::<Vec<_>>(),
        )?;
        builder.build()?.save(&path.join("items.index"))?;
        std::fs::write(
            path.join("item_to_item.json"),
            self.item_to_item.to_string(),
        )?;
        std::fs::write(path.join("popularity.json"), self.popularity.to_string())?;
        named(&path, self.version)
    }

    fn manifest(&self) -> anyhow::Result<Manifest> {
        let spec = InputSpec {
            user_numbers: vec![UserNumber {
                feature: "clicks_1d".into(),
                transform: Transform::default(),
                observed_flag: false,
            }],
            ..InputSpec::default()
        };
        let products: Vec<String> = self
            .vectors
            .iter()
            .map(|(id, _)| (*id).to_owned())
            .collect();
        let assembler = Assembler::new(&Registry::builtin(), spec.clone(), &products)?;
        Ok(Manifest {
            name: "two-tower".into(),
            version: self.version.into(),
            kind: "two_tower_user".into(),
            schema_hash: assembler.schema_hash().to_owned(),
            inputs: vec![ModelInput {
                name: "user_dense".into(),
                dtype: Dtype::F32,
                columns: Some(1),
                rows: RowGroup::User,
                index_of: None,
                below: None,
            }],
            outputs: vec![OutputSpec {
                name: "embedding".into(),
                rows: RowGroup::User,
                columns: None,
                scale: Scale::Value,
            }],
            calibration: BTreeMap::new(),
            training_window: None,
            metrics: serde_json::Map::new(),
            vocabulary: Vocabulary { products },
            features: serde_json::to_value(&spec)?,
        })
    }
}

/// Returns the reference by which a release names the folder as it is now.
pub(crate) fn named(path: &Path, version: &str) -> anyhow::Result<ModelRef> {
    Ok(ModelRef {
        role: "two-tower".into(),
        name: "two-tower".into(),
        version: version.into(),
        path: path.display().to_string(),
        content_hash: model_folder_hash(path)?,
        default_for_role: true,
        ..ModelRef::default()
    })
}

/// Returns the address of the folder in a release.
pub(crate) fn path_of(model: &ModelRef) -> PathBuf {
    PathBuf::from(&model.path)
}
