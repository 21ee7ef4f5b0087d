//! Explain: from the gateway's own memory, from the index, not yet, and unknown.

use fairlead_chassis::status::{info, retry_after};
use fairlead_event_log::{EventLog as _, Position, Record};
use fairlead_gateway::topics::DECISIONS;
use fairlead_proto::decision::v1::DecisionRecord;
use fairlead_proto::gateway::v1::{ExplainRequest, ExplainResponse};
use fairlead_proto::profile::v1::FindDecisionResponse;
use prost::Message as _;
use tonic::{Code, Status};

use crate::http_client::HttpCall;
use crate::log_valve::Valve;
use crate::setup::{PATIENCE, Setup};
use crate::slates::request;

async fn explain(setup: &Setup, tenant: &str, request_id: &str) -> Result<DecisionRecord, Status> {
    let ask = ExplainRequest {
        tenant: tenant.to_owned(),
        request_id: request_id.to_owned(),
    };
    let answer = setup.recommendations().explain(ask).await?;
    let ExplainResponse { record } = answer.into_inner();
    Ok(record.expect("an answer holds a record"))
}

fn reason(status: &Status) -> String {
    info(status).map(|(reason, _)| reason).unwrap_or_default()
}

/// Appends a record as another gateway would.
async fn logged(setup: &Setup, tenant: &str, request_id: &str) -> Position {
    let record = DecisionRecord {
        tenant: tenant.to_owned(),
        request_id: request_id.to_owned(),
        ..DecisionRecord::default()
    };
    let record = Record::new(format!("{tenant}/{request_id}"), record.encode_to_vec());
    let appended = setup.log.append(DECISIONS, vec![record]).await;
    appended.expect("appended")[0]
}

fn indexed_at(position: Position) -> FindDecisionResponse {
    FindDecisionResponse {
        offset: Some(position.offset),
        indexed_offset: Some(position.offset),
        indexed_time_ms: 1,
    }
}

#[tokio::test]
async fn the_record_of_another_gateways_answer_is_read_at_the_indexs_offset() {
    let setup = Setup::start().await;
    let position = logged(&setup, "acme", "r-1").await;
    let find = &setup.stubs.find_decision;
    find.answer(move |_| Ok(indexed_at(position)));
    let record = explain(&setup, "", "r-1").await.expect("a record");
    assert_eq!((&*record.tenant, &*record.request_id), ("acme", "r-1"));
    let asked = find.last_call();
    assert_eq!(
        (&*asked.message.tenant, asked.message.partition),
        ("acme", position.partition)
    );
    assert!(asked.time_left.is_some(), "the index has a deadline");
}

#[tokio::test]
async fn what_stands_at_the_offset_for_another_request_is_told_to_nobody() {
    let setup = Setup::start().await;
    let position = logged(&setup, "other", "r-1").await;
    // The log has dropped the record that the index names: the next one that is kept is another's.
    setup
        .stubs
        .find_decision
        .answer(move |_| Ok(indexed_at(position)));
    let refused = explain(&setup, "acme", "r-1").await.expect_err("dropped");
    assert_eq!(refused.code(), Code::NotFound, "{refused:?}");
    assert_eq!(reason(&refused), "UNKNOWN_REQUEST");
    assert!(refused.message().contains("older than the log's retention"));
}

#[tokio::test]
async fn an_unknown_request_is_unknown_only_to_an_index_that_is_complete() {
    let setup = Setup::start().await;
    let new = ulid::Ulid::new().to_string();
    let old = ulid::Ulid::from_parts(1_700_000_000_000, 7).to_string();
    let last = logged(&setup, "acme", &old).await;
    let behind = FindDecisionResponse::default();
    let at_the_end = FindDecisionResponse {
        indexed_offset: Some(last.offset),
        ..behind
    };
    let later_than_old = FindDecisionResponse {
        indexed_offset: Some(last.offset - 1),
        indexed_time_ms: 1_700_000_010_000,
        ..behind
    };
    let table = [
        (&*old, behind, "NOT_YET"),
        (&*old, at_the_end, "UNKNOWN_REQUEST"),
        (&*old, later_than_old, "UNKNOWN_REQUEST"),
        // It may wait in another gateway's buffer.
        (&*new, at_the_end, "NOT_YET"),
    ];
    for (request_id, index, expected) in table {
        setup.stubs.find_decision.answer(move |_| Ok(index));
        let refused = explain(&setup, "acme", request_id)
            .await
            .expect_err(expected);
        assert_eq!(reason(&refused), expected, "{request_id}: {index:?}");
        let told = retry_after(&refused).is_some();
        assert_eq!(told, expected == "NOT_YET", "{refused:?}");
    }
}

#[tokio::test]
async fn over_rest_not_yet_is_202_and_unknown_is_404() {
    let setup = Setup::start().await;
    let new = ulid::Ulid::new().to_string();
    let path = format!("/v1/decisions/{new}");
    let answer = HttpCall::get(path).send(setup.address).await;
    assert_eq!(answer.status, 202);
    assert_eq!(answer.headers["retry-after"], "1");
    assert_eq!(answer.json()["error"]["reason"], "NOT_YET");
    let answer = HttpCall::get("/v1/decisions/never")
        .send(setup.address)
        .await;
    assert_eq!(answer.status, 404);
    assert!(!answer.headers.contains_key("retry-after"));
    assert_eq!(answer.json()["error"]["reason"], "UNKNOWN_REQUEST");
}

#[tokio::test]
async fn a_record_that_waits_for_the_log_is_not_yet_there_and_then_is() {
    let setup = Setup::start().await;
    setup.log.set(Valve::Away);
    let answer = setup.recommendations().recommend(request("c-1")).await;
    let request_id = answer.expect("a slate").into_inner().request_id;
    let refused = explain(&setup, "", &request_id).await.expect_err("waiting");
    assert_eq!(
        (refused.code(), &*reason(&refused)),
        (Code::Unavailable, "NOT_YET")
    );
    setup.log.set(Valve::Open);
    let found = async {
        loop {
            match explain(&setup, "", &request_id).await {
                Ok(record) => return record,
                Err(status) => assert_eq!(reason(&status), "NOT_YET"),
            }
        }
    };
    let found = tokio::time::timeout(PATIENCE, found).await;
    assert_eq!(found.expect("in time").request_id, request_id);
    // The gateway remembers what it wrote itself.
    assert!(setup.stubs.find_decision.calls().is_empty());
}

#[tokio::test]
async fn an_index_that_is_away_is_named() {
    let setup = Setup::start().await;
    setup.stubs.find_decision.fail(Code::Unavailable);
    let refused = explain(&setup, "", "r-1").await.expect_err("away");
    assert_eq!(
        (refused.code(), &*reason(&refused)),
        (Code::Unavailable, "UNAVAILABLE")
    );
    assert!(refused.message().starts_with("index of decision records"));
}
