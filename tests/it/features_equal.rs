//! Serving and training use the same features: the model inputs of 1,000 decisions, as the ranking
//! service computed them, equal those folded offline from the event log.

use std::collections::HashMap;

use fairlead_event_log::Position;
use fairlead_inference::ModelFolder;
use fairlead_proto::event::v1::Event;
use fairlead_proto::feature::v1::{EntityState, Purpose as WirePurpose};
use fairlead_proto::profile::v1::GetProfileRequest;
use fairlead_proto::profile::v1::profile_service_client::ProfileServiceClient;
use fairlead_proto::ranking::v1::ranking_service_client::RankingServiceClient;
use fairlead_proto::ranking::v1::{ModelInputs, RankRequest};
use fairlead_registry::Purpose;
use fairlead_registry::input::{Assembler, InputSpec};
use prost::Message as _;

use crate::fixture::{Fixture, runtime, shared};

const DECISIONS: usize = 1_000;

/// Returns every customer's state, folded from the log here.
async fn folded(fixture: &Fixture) -> HashMap<String, EntityState> {
    let (log, registry) = (&fixture.server.log, &fixture.server.registry);
    let topic = fairlead_gateway::topics::EVENTS;
    let mut states: HashMap<String, EntityState> = HashMap::new();
    for range in log.offsets(topic).await.expect("offsets") {
        let mut offset = range.start;
        while offset < range.end {
            let from = Position {
                partition: range.partition,
                offset,
            };
            for one in log.read(topic, from, 5_000).await.expect("records") {
                offset = one.position.offset + 1;
                let event = Event::decode(one.record.payload).expect("an event");
                let state = states.entry(event.customer_id.clone()).or_default();
                registry.apply_customer(state, &event);
            }
        }
    }
    states
}

/// Returns the model inputs of a customer and products, as the ranking service computes them.
async fn served(
    fixture: &Fixture,
    customer: &str,
    products: &[String],
    as_of_ms: i64,
) -> ModelInputs {
    let inner = &fixture.server.inner;
    let request = GetProfileRequest {
        tenant: fixture.server.tenant.to_string(),
        customer_id: customer.to_owned(),
        as_of_ms,
        purposes: vec![WirePurpose::Recommend.into()],
    };
    let mut profiles = ProfileServiceClient::new(inner.profile.clone());
    let profile = profiles.get_profile(request).await.expect("a profile");
    let profile = profile.into_inner().profile.expect("a profile");
    let request = RankRequest {
        tenant: fixture.server.tenant.to_string(),
        request_id: "features".to_owned(),
        features: profile.features.into_iter().next(),
        product_ids: products.to_vec(),
        include_inputs: true,
        ..RankRequest::default()
    };
    let mut ranking = RankingServiceClient::new(inner.ranking.clone());
    let ranked = ranking.rank(request).await.expect("scores");
    ranked.into_inner().inputs.expect("inputs")
}

#[test]
fn served_and_offline_inputs_are_equal_for_a_thousand_decisions() {
    runtime().block_on(async {
        let fixture = shared().await;
        let states = folded(fixture).await;
        let live = fixture.server.releases.first().await;
        let folder =
            ModelFolder::open(&live.model("ranker", "").expect("a ranker").path).expect("a folder");
        let manifest = folder.manifest();
        let spec: InputSpec = serde_json::from_value(manifest.features.clone()).expect("a spec");
        let registry = &fixture.server.registry;
        let assembler =
            Assembler::new(registry, spec, &manifest.vocabulary.products).expect("an assembler");
        let products: Vec<String> = live
            .catalogue
            .products()
            .iter()
            .take(5)
            .map(|p| p.product_id.clone())
            .collect();
        let as_of_ms = fixture.server.clock.now_ms();
        let mut compared = 0;
        for customer in fixture
            .customers
            .iter()
            .filter(|id| states.contains_key(*id))
            .take(DECISIONS)
        {
            let inputs = served(fixture, customer, &products, as_of_ms).await;
            let offline = registry.features_at(&states[customer], as_of_ms, Purpose::Recommend);
            let (mut dense, mut ids) = (Vec::new(), Vec::new());
            assembler
                .user(&offline, &mut dense, &mut ids)
                .expect("assembled");
            assert_eq!(inputs.user_dense, dense, "{customer}");
            assert_eq!(inputs.user_ids, ids, "{customer}");
            compared += 1;
        }
        assert_eq!(compared, DECISIONS, "the population is large enough");
    });
}
