//! The model is fed as training would feed it: for random histories of customers and
//! products, the inputs served equal those assembled offline by folding the same events.

use fairlead_proto::event::v1::{Event, EventKind};
use fairlead_proto::feature::v1::EntityState;
use fairlead_proto::ranking::v1::{ModelInputs, RankRequest};
use fairlead_registry::{Purpose, Registry};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::folder::{Folder, assembler};
use crate::support::{DAY_MS, NOW_MS, Setup, deposit, on_product, release_with, request};

fn happening() -> impl Strategy<Value = Event> {
    let kind = prop_oneof![
        Just(EventKind::Impression),
        Just(EventKind::Click),
        Just(EventKind::Conversion)
    ];
    let product = prop_oneof![Just("A"), Just("B"), Just("C")];
    (kind, product, 0..40 * DAY_MS)
        .prop_map(|(kind, product, ago_ms)| on_product(kind, product, ago_ms))
}

/// The inputs that training assembles for a customer with these events.
fn offline(customer: &[Event], products: &[Event], asked: &[String]) -> ModelInputs {
    let (registry, assembler) = (Registry::builtin(), assembler());
    let mut inputs = ModelInputs::default();
    let mut state = EntityState::default();
    for event in customer {
        registry.apply_customer(&mut state, event);
    }
    let features = registry.features_at(&state, NOW_MS, Purpose::Recommend);
    assembler
        .user(&features, &mut inputs.user_dense, &mut inputs.user_ids)
        .expect("a set of this registry");
    for id in asked {
        let mut state = EntityState::default();
        for event in products.iter().filter(|event| event.product_id == *id) {
            registry.apply_product(&mut state, event);
        }
        let counters = registry.product_features_at(&state, NOW_MS);
        let (ids, dense) = (&mut inputs.item_ids, &mut inputs.item_dense);
        assembler
            .item(&deposit(id), &counters, NOW_MS, ids, dense)
            .expect("counters of this registry");
    }
    inputs
}

#[test]
fn served_inputs_equal_offline_ones() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let root = tempfile::tempdir()?;
    // What happened to products, once for all cases; each customer is another.
    let products: Vec<Event> = [("A", EventKind::Click, 7), ("C", EventKind::Click, 3)]
        .into_iter()
        .flat_map(|(product, kind, times)| {
            (0..times).map(move |number| on_product(kind, product, number + 1))
        })
        .collect();
    let setup = runtime.block_on(async {
        let setup = Setup::start().await?;
        setup.store.happened("A", EventKind::Click, 7).await?;
        setup.store.happened("C", EventKind::Click, 3).await?;
        let model = Folder::default().write(root.path())?;
        setup.publish(release_with(1, &[model])).await;
        setup
            .until(|serving| !serving.model_version.is_empty() && serving.counters_read_ms > 0)
            .await;
        let settled = |answer: &fairlead_proto::ranking::v1::RankResponse| {
            answer
                .inputs
                .as_ref()
                .is_some_and(|inputs| inputs.item_dense == [7.0, 0.0, 3.0])
        };
        let asked = RankRequest {
            include_inputs: true,
            ..request()
        };
        setup.ask_until(asked, settled).await?;
        anyhow::Ok(setup)
    })?;
    let ids = proptest::collection::vec(prop_oneof![Just("A"), Just("B"), Just("C")], 1..12);
    let cases = (proptest::collection::vec(happening(), 0..60), ids);
    let mut runner = TestRunner::new(Config {
        cases: 200,
        failure_persistence: None,
        ..Config::default()
    });
    let outcome = runner.run(&cases, |(events, asked)| {
        let asked: Vec<String> = asked.into_iter().map(String::from).collect();
        let served = runtime.block_on(setup.ask(RankRequest {
            features: Some(crate::support::features(&events)),
            product_ids: asked.clone(),
            include_inputs: true,
            ..request()
        }));
        let served = served.map_err(|status| TestCaseError::fail(status.to_string()))?;
        prop_assert_eq!(served.inputs, Some(offline(&events, &products, &asked)));
        Ok(())
    });
    outcome.map_err(|error| anyhow::anyhow!("{error}"))
}
