//! The floors of a request: CPU of the parts that it cannot do without, each called directly. They
//! are one search of the index, one pass of each model (200 rows), one read of a profile from
//! Redis, and twenty prices.

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::Context as _;
use fairlead_domain::CustomerId;
use fairlead_inference::{Batch, Model, ModelFolder};
use fairlead_price_engine::{Accepted, Features, Inputs};
use fairlead_proto::feature::v1::FeatureSet;
use fairlead_registry::input::{Assembler, InputSpec};
use fairlead_registry::{FeatureReader, Purpose};
use fairlead_release::Live;
use fairlead_server::Server;
use fairlead_vector_index::{Searchable as _, VectorIndex};

use super::cpu;

const ROUNDS: usize = 400;
/// Candidates that a request ranks.
const RANKED: usize = 200;
const PRICED: usize = 20;

/// The floors, in microseconds of CPU per request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Floors {
    search: f64,
    user_tower: f64,
    ranker: f64,
    redis: f64,
    prices: f64,
}

impl Floors {
    /// Returns each floor with its name.
    pub(crate) fn named(&self) -> [(&'static str, f64); 5] {
        [
            ("FAISS search", self.search),
            ("libtorch user tower", self.user_tower),
            ("libtorch ranker, 200 rows", self.ranker),
            ("Redis trip", self.redis),
            ("20 prices", self.prices),
        ]
    }

    /// Returns the sum of the floors, in microseconds.
    pub(crate) fn sum_us(&self) -> f64 {
        self.named().iter().map(|(_, micros)| micros).sum()
    }
}

/// The release and the features that the floors are measured on.
struct Material {
    live: std::sync::Arc<Live>,
    sets: Vec<[FeatureSet; 2]>,
}

/// Measures every floor on the live release and its customers.
pub(crate) async fn measure(server: &Server, customers: &[String]) -> anyhow::Result<Floors> {
    let (sets, redis) = read_profiles(server, customers).await?;
    let material = Material {
        live: server.releases.first().await,
        sets,
    };
    let registry = server.registry.clone();
    let now_ms = server.clock.now_ms();
    let rest = tokio::task::spawn_blocking(move || -> anyhow::Result<_> {
        let (user_tower, search) = two_tower(&registry, &material)?;
        let ranker = ranker(&registry, &material, now_ms)?;
        let prices = prices(&registry, &material, now_ms)?;
        Ok((search, user_tower, ranker, prices))
    });
    let (search, user_tower, ranker, prices) = rest.await??;
    Ok(Floors {
        search,
        user_tower,
        ranker,
        redis,
        prices,
    })
}

/// Returns the mean CPU time of `round` over the rounds, in microseconds, on this thread.
fn on_thread(mut round: impl FnMut(usize) -> anyhow::Result<()>) -> anyhow::Result<f64> {
    for warm in 0..ROUNDS / 10 {
        round(warm)?;
    }
    let before = cpu::of_thread()?;
    for at in 0..ROUNDS {
        round(at)?;
    }
    let spent = cpu::of_thread()?.saturating_sub(before);
    Ok(spent.as_secs_f64() * 1e6 / ROUNDS as f64)
}

/// Reads profiles one by one. Returns them, and the CPU time of a read in this process, in
/// microseconds; that of Redis is not counted.
async fn read_profiles(
    server: &Server,
    customers: &[String],
) -> anyhow::Result<(Vec<[FeatureSet; 2]>, f64)> {
    let ids: Vec<CustomerId> = customers
        .iter()
        .take(ROUNDS)
        .map(|id| CustomerId::new(id))
        .collect::<Result<_, _>>()?;
    let now_ms = server.clock.now_ms();
    let mut sets = Vec::new();
    let before = cpu::of_process("self")?;
    let started = Instant::now();
    let mut trips = 0_u32;
    // CPU time of a process is counted in hundredths of a second: two seconds make that exact
    // enough.
    while started.elapsed().as_secs_f64() < 2.0 {
        for id in &ids {
            let state = server
                .store
                .read_customer(&server.tenant, id)
                .await?
                .unwrap_or_default();
            trips += 1;
            if sets.len() < ids.len() {
                sets.push(
                    [Purpose::Recommend, Purpose::Price]
                        .map(|purpose| server.registry.features_at(&state, now_ms, purpose)),
                );
            }
        }
    }
    let spent = cpu::of_process("self")?.saturating_sub(before);
    Ok((sets, spent.as_secs_f64() * 1e6 / f64::from(trips.max(1))))
}

fn load(live: &Live, role: &str) -> anyhow::Result<(ModelFolder, Model)> {
    let named = live
        .model(role, "")
        .with_context(|| format!("no {role} in the release"))?;
    let folder = ModelFolder::open(&named.path)?;
    let model = Model::load(&folder, None)?;
    Ok((folder, model))
}

fn assembler(
    registry: &fairlead_registry::Registry,
    folder: &ModelFolder,
) -> anyhow::Result<Assembler> {
    let manifest = folder.manifest();
    let spec: InputSpec = serde_json::from_value(manifest.features.clone())?;
    Ok(Assembler::new(
        registry,
        spec,
        &manifest.vocabulary.products,
    )?)
}

fn two_tower(
    registry: &fairlead_registry::Registry,
    material: &Material,
) -> anyhow::Result<(f64, f64)> {
    let (folder, model) = load(&material.live, "two-tower")?;
    let assembler = assembler(registry, &folder)?;
    let index = VectorIndex::load(&folder.path().join("items.index"))?;
    let batches = material.sets.iter().map(|[set, _]| {
        let (mut dense, mut ids) = (Vec::new(), Vec::new());
        assembler.user(set, &mut dense, &mut ids)?;
        Ok(Batch::new()
            .f32("user_dense", assembler.user_dense_width(), dense)
            .i64("user_ids", assembler.user_ids_width(), ids))
    });
    let batches: Vec<Batch> = batches.collect::<anyhow::Result<_>>()?;
    let mut vectors = Vec::new();
    let tower = on_thread(|at| {
        let outputs = model.forward_once(&batches[at % batches.len()])?;
        vectors.push(outputs.get("embedding")?.to_vec());
        Ok(())
    })?;
    let limit = material.live.parameters.recall.two_tower_limit;
    let search = on_thread(|at| {
        index.search(&vectors[at % vectors.len()], limit, None)?;
        Ok(())
    })?;
    Ok((tower, search))
}

fn ranker(
    registry: &fairlead_registry::Registry,
    material: &Material,
    now_ms: i64,
) -> anyhow::Result<f64> {
    let (folder, model) = load(&material.live, "ranker")?;
    let assembler = assembler(registry, &folder)?;
    let none = vec![0.0; registry.product_layout().number_names().len()];
    let (mut item_ids, mut item_dense) = (Vec::new(), Vec::new());
    for product in material
        .live
        .catalogue
        .products()
        .iter()
        .cycle()
        .take(RANKED)
    {
        assembler.item(product, &none, now_ms, &mut item_ids, &mut item_dense)?;
    }
    let batches = material.sets.iter().take(50).map(|[set, _]| {
        let (mut dense, mut ids) = (Vec::new(), Vec::new());
        assembler.user(set, &mut dense, &mut ids)?;
        Ok(Batch::new()
            .f32("user_dense", assembler.user_dense_width(), dense)
            .i64("user_ids", assembler.user_ids_width(), ids)
            .index("user_of_row", vec![0; RANKED])
            .i64("item_ids", assembler.item_ids_width(), item_ids.clone())
            .f32(
                "item_dense",
                assembler.item_dense_width(),
                item_dense.clone(),
            ))
    });
    let batches: Vec<Batch> = batches.collect::<anyhow::Result<_>>()?;
    on_thread(|at| {
        model.forward_once(&batches[at % batches.len()])?;
        Ok(())
    })
}

/// Reads features through the registry, as the pricing service does.
struct ReaderFeatures<'r>(FeatureReader<'r>);

impl Features for ReaderFeatures<'_> {
    fn number(&self, name: &str) -> Option<f64> {
        self.0.number(name)
    }

    fn category(&self, name: &str) -> Option<&str> {
        self.0.category(name)
    }
}

fn prices(
    registry: &fairlead_registry::Registry,
    material: &Material,
    now_ms: i64,
) -> anyhow::Result<f64> {
    let engine = &material.live.prices;
    let products: Vec<&str> = material
        .live
        .catalogue
        .products()
        .iter()
        .filter(|product| product.active)
        .map(|product| product.product_id.as_str())
        .collect();
    let versions = BTreeMap::new();
    on_thread(|at| {
        let set = &material.sets[at % material.sets.len()][1];
        let features = ReaderFeatures(FeatureReader::new(registry, set)?);
        for place in 0..PRICED {
            let inputs = Inputs {
                product_id: products[(at * PRICED + place * 7) % products.len()],
                amount: None,
                tenor_months: None,
                last_rate_ppm: None,
                accepted: Accepted::default(),
                channel: "app",
                segment: Some("standard"),
                campaign: "",
                personalised: true,
                as_of_ms: now_ms,
                strategy_versions: &versions,
                features: &features,
            };
            // A refusal is an answer too, and its cost counts.
            let _ = std::hint::black_box(engine.price(&inputs));
        }
        Ok(())
    })
}
