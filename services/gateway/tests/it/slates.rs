//! Slates when everything works: the answer, and its record in the log.

use fairlead_proto::decision::v1::DecisionRecord;
use fairlead_proto::gateway::v1::{ExplainRequest, RecommendRequest, RecommendResponse};
use prost::Message as _;
use tonic::Code;

use crate::releases::live;
use crate::setup::{PATIENCE, Setup};
use crate::stubs::found;

/// A request of one customer for a slate.
pub(crate) fn request(customer_id: &str) -> RecommendRequest {
    RecommendRequest {
        customer_id: customer_id.to_owned(),
        ..RecommendRequest::default()
    }
}

/// The products of a slate, in order.
pub(crate) fn ids(answer: &RecommendResponse) -> Vec<&str> {
    answer.items.iter().map(|item| &*item.product_id).collect()
}

#[tokio::test]
async fn a_slate_is_ordered_by_value_and_priced() {
    let setup = Setup::start().await;
    let answer = setup.recommendations().recommend(request("c-1")).await;
    let answer = answer.expect("a slate").into_inner();
    assert_eq!(ids(&answer), ["fund-1", "adults-only", "deposit-1"]);
    assert!(answer.degraded.is_empty(), "{:?}", answer.degraded);
    assert!(answer.personalised && !answer.request_id.is_empty());
    assert_eq!(answer.model_versions, ["ranker@1"]);
    assert_eq!(answer.release_revision, 1);
    for (index, item) in answer.items.iter().enumerate() {
        assert_eq!(item.position as usize, index + 1);
        assert_eq!(
            item.price.as_ref().map(|price| price.rate_ppm),
            Some(15_000)
        );
    }
    let priced = setup.stubs.price_many.last_call().message;
    let context = priced.context.expect("a context");
    assert_eq!(context.tenant, "acme");
    assert_eq!(context.customer_id, "c-1");
    assert_eq!(context.channel, "app");
    assert_eq!(context.segments["value"], "high");
    assert!(context.personalised && priced.without_schedule);
}

#[tokio::test]
async fn a_slate_can_be_explained_and_an_unknown_request_id_cannot() {
    let setup = Setup::start().await;
    let mut client = setup.recommendations();
    let answer = client.recommend(request("c-1")).await.expect("a slate");
    let answer = answer.into_inner();
    let explain = ExplainRequest {
        request_id: answer.request_id.clone(),
        ..ExplainRequest::default()
    };
    // The record is on its way through the buffer.
    let explained = async {
        loop {
            match client.explain(explain.clone()).await {
                Ok(explained) => return explained.into_inner().record.expect("a record"),
                Err(status) => assert_eq!(status.code(), Code::Unavailable, "{status:?}"),
            }
        }
    };
    let record = tokio::time::timeout(PATIENCE, explained)
        .await
        .expect("logged in time");
    assert_eq!(record.request_id, answer.request_id);
    assert_eq!(record.slate, ids(&answer));
    assert_eq!(record.customer_id, "c-1");
    let unknown = ExplainRequest {
        request_id: "no-such".to_owned(),
        ..ExplainRequest::default()
    };
    let refused = client.explain(unknown).await.expect_err("unknown");
    assert_eq!(refused.code(), Code::NotFound);
    assert!(refused.message().contains("no-such"), "{refused:?}");
}

#[tokio::test]
async fn the_gateway_alone_makes_request_ids_and_the_seed_follows_from_them() {
    let setup = Setup::start().await;
    let asked = RecommendRequest {
        client_reference: "order 17 / ü".to_owned(),
        ..request("c-1")
    };
    let mut answered = Vec::new();
    for _ in 0..2 {
        let answer = setup.recommendations().recommend(asked.clone()).await;
        let answer = answer.expect("a slate").into_inner();
        assert_eq!(answer.client_reference, "order 17 / ü");
        answered.push(answer.request_id);
    }
    assert_ne!(answered[0], answered[1]);
    let (log, _folder) = setup.flush().await;
    let records = log.records(fairlead_gateway::topics::DECISIONS).await;
    for one in records {
        let record = DecisionRecord::decode(one.record.payload).expect("a record");
        assert!(answered.contains(&record.request_id), "{record:?}");
        assert_eq!(record.client_reference, "order 17 / ü");
        // A replay of the record explores as the answer did.
        let seed = xxhash_rust::xxh3::xxh3_64(record.request_id.as_bytes());
        assert_eq!(record.seed, seed);
    }
}

#[tokio::test]
async fn every_slate_is_in_the_log_once_the_gateway_has_ended() {
    let setup = Setup::start().await;
    let mut client = setup.recommendations();
    let mut answered = Vec::new();
    for customer in ["c-1", "c-2", "c-3"] {
        let answer = client.recommend(request(customer)).await.expect("a slate");
        answered.push(answer.into_inner().request_id);
    }
    drop(client);
    let (log, _folder) = setup.flush().await;
    let records = log.records(fairlead_gateway::topics::DECISIONS).await;
    let keys: Vec<String> = records
        .iter()
        .map(|one| String::from_utf8(one.record.key.to_vec()).expect("text"))
        .collect();
    for request_id in answered {
        assert!(keys.contains(&format!("acme/{request_id}")), "{keys:?}");
    }
}

#[tokio::test]
async fn a_product_that_fails_eligibility_is_not_shown_even_if_recall_finds_it() {
    let setup = Setup::start().await;
    let stubs = &setup.stubs;
    stubs.get_profile.answer(|asked| {
        let profile = fairlead_proto::profile::v1::Profile {
            age_years: Some(17),
            ..crate::stubs::profile(&asked.customer_id)
        };
        Ok(fairlead_proto::profile::v1::GetProfileResponse {
            profile: Some(profile),
        })
    });
    stubs
        .recall
        .answer(|_| Ok(found(&["adults-only", "withdrawn-yesterday", "deposit-1"])));
    let answer = setup.recommendations().recommend(request("c-1")).await;
    assert_eq!(ids(&answer.expect("a slate").into_inner()), ["deposit-1"]);
}

#[tokio::test]
async fn a_new_release_is_what_the_next_slate_is_made_from() {
    let setup = Setup::start().await;
    assert!(setup.releases.put(live(2)));
    let answer = setup.recommendations().recommend(request("c-1")).await;
    assert_eq!(answer.expect("a slate").into_inner().release_revision, 2);
}
