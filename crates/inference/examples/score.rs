//! Writes a linear model as a folder, loads it, and scores two requests at once.
//!
//! `cargo run --release -p fairlead-inference --example score`

use std::collections::BTreeMap;
use std::sync::Arc;

use fairlead_inference::{
    Batch, Engine, EngineOptions, GoldenCase, LinearModel, LinearTerms, Manifest, Model,
    ModelFolder,
};

const MANIFEST: &str = r#"{
  "name": "take-up", "version": "2024-06-01", "kind": "ranker", "schema_hash": "00",
  "inputs": [{"name": "offer", "dtype": "f32", "columns": 2, "rows": "row"}],
  "outputs": [{"name": "convert", "rows": "row", "scale": "logit"}]
}"#;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    // Log-odds of taking up a loan: the higher the monthly rate (percent), the fewer; a customer
    // who borrowed before (1) is likelier to.
    let manifest: Manifest = serde_json::from_str(MANIFEST)?;
    let terms = LinearTerms {
        base: -1.5,
        weights: BTreeMap::from([("offer".to_owned(), vec![-0.2, 1.0])]),
        points: BTreeMap::new(),
    };
    let linear = LinearModel {
        outputs: BTreeMap::from([("convert".to_owned(), terms)]),
    };
    let offer = |rate: f32, borrowed: f32| Batch::new().f32("offer", 2, vec![rate, borrowed]);
    let golden = GoldenCase::record(
        "5 percent, borrowed before",
        &manifest,
        &offer(5.0, 1.0),
        &[("convert", &[-1.5])],
        1e-6,
    )?;

    let models = tempfile::tempdir()?;
    let path = models.path().join("take-up");
    ModelFolder::write_linear(&path, &manifest, &[golden], &linear)?;
    let model = Arc::new(Model::load(&ModelFolder::open(&path)?, Some("00"))?);

    let engine = Engine::start(EngineOptions {
        threads: 1,
        max_rows: 64,
        max_wait_us: 0,
        queue: 16,
    })?;
    let (cheap, dear) = tokio::join!(
        engine.run(Arc::clone(&model), offer(4.0, 1.0), None),
        engine.run(Arc::clone(&model), offer(12.0, 1.0), None),
    );
    for (rate, outputs) in [(4.0, cheap?), (12.0, dear?)] {
        let take_up = outputs.probabilities("convert")?[0];
        println!(
            "at {rate:>4} % a month: {:.1} % take it up",
            take_up * 100.0
        );
    }
    Ok(())
}
