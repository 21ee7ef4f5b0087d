//! A ranker's folder, small enough to reckon by hand: a linear model over the clicks of a customer,
//! the product, and the product's own clicks.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use fairlead_inference::{
    Batch, Calibration, Dtype, GoldenCase, InputSpec as ModelInput, LinearModel, LinearTerms,
    Manifest, ModelFolder, OutputSpec, RowGroup, Scale, Vocabulary,
};
use fairlead_proto::control::v1::ModelRef;
use fairlead_registry::Registry;
use fairlead_registry::input::{
    Assembler, InputSpec, ItemNumber, ItemSource, Transform, UserNumber,
};
use fairlead_release_follow::model_folder_hash;

/// The products that the model knows.
const KNOWN: [&str; 2] = ["A", "B"];

/// The content of a model folder.
pub(crate) struct Folder {
    pub(crate) version: &'static str,
    /// Log-odds of a click: this,
    pub(crate) base: f64,
    /// more for each click of the customer in a day,
    pub(crate) per_click: f64,
    /// more for each click on the product in seven days,
    pub(crate) per_product_click: f64,
    /// and for products that the model does not know, A and B.
    pub(crate) points: [f64; 3],
    pub(crate) calibration: BTreeMap<String, Calibration>,
}

/// Log-odds of a conversion, whatever the inputs.
pub(crate) const CONVERT: f64 = -2.0;

impl Default for Folder {
    fn default() -> Self {
        Self {
            version: "1",
            base: -1.0,
            per_click: 0.5,
            per_product_click: 0.25,
            points: [0.0, 1.0, 2.0],
            calibration: BTreeMap::new(),
        }
    }
}

pub(crate) fn spec() -> InputSpec {
    InputSpec {
        user_numbers: vec![UserNumber {
            feature: "clicks_1d".into(),
            transform: Transform::default(),
            observed_flag: false,
        }],
        item_numbers: vec![ItemNumber {
            source: ItemSource::Counter("clicks_7d".into()),
            transform: Transform::default(),
        }],
        ..InputSpec::default()
    }
}

pub(crate) fn assembler() -> Assembler {
    let known = KNOWN.map(String::from);
    Assembler::new(&Registry::builtin(), spec(), &known).expect("a spec that can be followed")
}

impl Folder {
    /// Returns the score that the model makes of so many clicks of the customer and on the product `place` of A, B
    /// and C.
    pub(crate) fn p_click(&self, clicks: i64, place: usize, product_clicks: i64) -> f64 {
        let points = self.points[(place + 1) % 3];
        let log_odds = self.base
            + self.per_click * clicks as f64
            + self.per_product_click * product_clicks as f64
            + points;
        logistic(log_odds)
    }

    /// Writes it under `root` and says how a release names it.
    pub(crate) fn write(&self, root: &Path) -> anyhow::Result<ModelRef> {
        let path = root.join(format!("ranker-{}", self.version));
        let manifest = self.manifest()?;
        // One customer with two clicks; B with four, an unknown product with none.
        let batch = Batch::new()
            .f32("user_dense", 1, vec![2.0])
            .index("user_of_row", vec![0, 0])
            .i64("item_ids", 1, vec![2, 0])
            .f32("item_dense", 1, vec![4.0, 0.0]);
        let user = self.base + 2.0 * self.per_click;
        let b = user + 4.0 * self.per_product_click + self.points[2];
        let click = [b as f32, (user + self.points[0]) as f32];
        let convert = [CONVERT as f32; 2];
        let expected: [(&str, &[f32]); 2] = [("click", &click), ("convert", &convert)];
        let case = GoldenCase::record("by hand", &manifest, &batch, &expected, 1e-5)?;
        let weights = [
            ("user_dense", self.per_click),
            ("item_dense", self.per_product_click),
        ];
        let terms = LinearTerms {
            base: self.base,
            weights: weights
                .map(|(name, weight)| (name.to_owned(), vec![weight]))
                .into(),
            points: [("item_ids".to_owned(), vec![self.points.to_vec()])].into(),
        };
        let level = LinearTerms {
            base: CONVERT,
            weights: BTreeMap::new(),
            points: BTreeMap::new(),
        };
        let linear = LinearModel {
            outputs: [("click".to_owned(), terms), ("convert".to_owned(), level)].into(),
        };
        ModelFolder::write_linear(&path, &manifest, &[case], &linear)?;
        named(&path, self.version)
    }

    fn manifest(&self) -> anyhow::Result<Manifest> {
        use RowGroup::{Row, User};
        let output = |name: &str| OutputSpec {
            name: name.into(),
            rows: Row,
            columns: None,
            scale: Scale::Logit,
        };
        let rows = assembler().item_id_columns()[0].rows;
        let item_ids = ModelInput {
            below: Some(vec![rows]),
            ..input("item_ids", Dtype::I64, Some(1), Row)
        };
        let user_of_row = ModelInput {
            index_of: Some(User),
            ..input("user_of_row", Dtype::I64, None, Row)
        };
        Ok(Manifest {
            name: "ranker".into(),
            version: self.version.into(),
            kind: "ranker".into(),
            schema_hash: assembler().schema_hash().to_owned(),
            inputs: vec![
                input("user_dense", Dtype::F32, Some(1), User),
                user_of_row,
                item_ids,
                input("item_dense", Dtype::F32, Some(1), Row),
            ],
            outputs: vec![output("click"), output("convert")],
            calibration: self.calibration.clone(),
            training_window: None,
            metrics: serde_json::Map::new(),
            vocabulary: Vocabulary {
                products: KNOWN.map(String::from).into(),
            },
            features: serde_json::to_value(spec())?,
        })
    }
}

fn input(name: &str, dtype: Dtype, columns: Option<usize>, rows: RowGroup) -> ModelInput {
    ModelInput {
        name: name.into(),
        dtype,
        columns,
        rows,
        index_of: None,
        below: None,
    }
}

pub(crate) fn logistic(log_odds: f64) -> f64 {
    1.0 / (1.0 + (-log_odds).exp())
}

/// Returns the reference by which a release names the folder as it is now.
pub(crate) fn named(path: &Path, version: &str) -> anyhow::Result<ModelRef> {
    Ok(ModelRef {
        role: "ranker".into(),
        name: "ranker".into(),
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
