//! What is served is what is learnt from: the model input of 1,000 decisions, as the ranking
//! service fed it, equals the one folded offline from the event log.

use std::collections::HashMap;

use fairlead_event_log::Position;
use fairlead_inference::ModelFolder;
use fairlead_proto::event::v1::Event;
use fairlead_proto::feature::v1::{EntityState, Purpose as WirePurpose};
use fairlead_proto::profile::v1::GetProfileRequest;
use fairlead_proto::profile::v1::profile_service_client::ProfileServiceClient;
use fairlead_proto::ranking::v1::RankRequest;
use fairlead_proto::ranking::v1::ranking_service_client::RankingServiceClient;
use fairlead_registry::Purpose;
use fairlead_registry::input::{Assembler, InputSpec};
use prost::Message as _;

use crate::house::{House, runtime, shared};

const DECISIONS: usize = 1_000;

/// Every customer's state, folded from the log by hand.
async fn folded(house: &House) -> HashMap<String, EntityState> {
    let (log, registry) = (&house.running.log, &house.running.registry);
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

#[test]
fn served_and_offline_inputs_are_equal_for_a_thousand_decisions() {
    runtime().block_on(async {
        let house = shared().await;
        let states = folded(house).await;
        let live = house.running.releases.first().await;
        let folder =
            ModelFolder::open(&live.model("ranker", "").expect("a ranker").path).expect("a folder");
        let manifest = folder.manifest();
        let spec: InputSpec = serde_json::from_value(manifest.features.clone()).expect("a spec");
        let registry = &house.running.registry;
        let assembler =
            Assembler::new(registry, spec, &manifest.vocabulary.products).expect("an assembler");
        let mut profiles = ProfileServiceClient::new(house.running.inner.profile.clone());
        let mut ranking = RankingServiceClient::new(house.running.inner.ranking.clone());
        let products: Vec<String> = live
            .catalogue
            .products()
            .iter()
            .take(5)
            .map(|p| p.product_id.clone())
            .collect();
        let as_of_ms = house.running.clock.now_ms();
        let mut compared = 0;
        for customer in house
            .customers
            .iter()
            .filter(|id| states.contains_key(*id))
            .take(DECISIONS)
        {
            let request = GetProfileRequest {
                tenant: house.running.tenant.to_string(),
                customer_id: customer.clone(),
                as_of_ms,
                purposes: vec![WirePurpose::Recommend.into()],
            };
            let profile = profiles
                .get_profile(request)
                .await
                .expect("a profile")
                .into_inner()
                .profile;
            let served = RankRequest {
                tenant: house.running.tenant.to_string(),
                request_id: "features".to_owned(),
                features: profile.expect("a profile").features.into_iter().next(),
                product_ids: products.clone(),
                include_inputs: true,
                ..RankRequest::default()
            };
            let inputs = ranking
                .rank(served)
                .await
                .expect("scores")
                .into_inner()
                .inputs
                .expect("inputs");
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
