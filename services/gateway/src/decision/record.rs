//! The answer and the decision record, from the results of the stages.

use std::time::Instant;

use fairlead_proto::decision::v1::{DecidedCandidate, DecisionRecord};
use fairlead_proto::gateway::v1::{RecommendResponse, SlateItem};
use fairlead_proto::recall::v1::{Drop, DropCause};

use super::reasons::reasons;
use super::slate::{Arranged, PlacedContender};
use super::stages::Stages;
use super::{Ask, Contending, Decided, Known};

/// The results of all stages of one decision.
pub(super) struct Results {
    pub(super) ask: Ask,
    pub(super) known: Known,
    pub(super) contending: Vec<Contending>,
    pub(super) drops: Vec<Drop>,
    pub(super) filters_passed: Vec<String>,
    pub(super) arranged: Arranged,
    pub(super) model_version: String,
    pub(super) stages: Stages,
    pub(super) seed: u64,
    pub(super) started: Instant,
}

/// Writes the answer and its record.
pub(super) fn write(results: Results) -> Decided {
    let answer = answer(&results);
    Decided {
        record: record(results, &answer),
        answer,
    }
}

fn answer(results: &Results) -> RecommendResponse {
    let Results {
        ask, known, stages, ..
    } = results;
    let placed = results.arranged.placed.iter().enumerate();
    let model_versions = Some(results.model_version.clone())
        .into_iter()
        .filter(|name| !name.is_empty());
    RecommendResponse {
        request_id: ask.request_id.to_string(),
        items: placed
            .filter_map(|(index, placed)| item(results, index, *placed))
            .collect(),
        exposures: known.exposures.clone(),
        degraded: stages.degraded.clone(),
        release_revision: known.live.revision(),
        personalised: known.personalised,
        model_versions: model_versions.collect(),
        latency_ms: results.started.elapsed().as_secs_f64() * 1e3,
        client_reference: ask.client_reference.clone(),
    }
}

fn record(results: Results, answer: &RecommendResponse) -> DecisionRecord {
    let Results {
        ask, known, stages, ..
    } = results;
    DecisionRecord {
        request_id: ask.request_id.to_string(),
        tenant: ask.tenant.to_string(),
        customer_id: ask.customer.to_string(),
        decided_at_ms: ask.as_of_ms,
        release_revision: known.live.revision(),
        model_versions: answer.model_versions.clone(),
        features: vec![known.recommend, known.price],
        exposures: known.exposures,
        candidates: decided(results.contending, &results.arranged),
        drops: results.drops,
        slate: answer
            .items
            .iter()
            .map(|item| item.product_id.clone())
            .collect(),
        degraded: stages.degraded,
        stage_ms: stages
            .took
            .into_iter()
            .map(|(stage, ms)| (stage.to_owned(), ms))
            .collect(),
        personalised: known.personalised,
        quote: None,
        refusal: None,
        item: None,
        acceptance: None,
        segments: known.profile.segments,
        seed: results.seed,
        channel: ask.channel,
        campaign: ask.campaign,
        client_reference: ask.client_reference,
    }
}

fn item(results: &Results, index: usize, placed: PlacedContender) -> Option<SlateItem> {
    let one = &results.contending[placed.index];
    let product = results
        .known
        .live
        .catalogue
        .get(&one.candidate.product_id)?;
    let price = one.price();
    Some(SlateItem {
        position: index as i32 + 1,
        product_id: product.product_id.clone(),
        name: product.name.clone(),
        kind: product.kind,
        score: one.value,
        p_click: one.chances.click,
        p_convert: one.convert_at_price,
        price: price.cloned(),
        reasons: reasons(
            &one.candidate,
            &results.filters_passed,
            price,
            &results.model_version,
            &results.known.exposures,
        ),
        propensity: placed.propensity,
        sources: one.candidate.sources.clone(),
    })
}

/// Returns every candidate with its position, or the cause for which it has none.
fn decided(contending: Vec<Contending>, arranged: &Arranged) -> Vec<DecidedCandidate> {
    let mut all: Vec<DecidedCandidate> = contending
        .into_iter()
        .map(|one| DecidedCandidate {
            drop_cause: not_contending(&one).into(),
            product_id: one.candidate.product_id,
            sources: one.candidate.sources,
            p_click: one.chances.click,
            p_convert: one.chances.convert,
            p_convert_at_price: one.convert_at_price,
            expected_value: one.value,
            position: 0,
            propensity: 0.0,
            priced: one.priced,
        })
        .collect();
    for (index, placed) in arranged.placed.iter().enumerate() {
        let candidate = &mut all[placed.index];
        candidate.position = index as i32 + 1;
        candidate.propensity = placed.propensity;
        candidate.drop_cause = DropCause::Unspecified.into();
    }
    for (index, cause) in &arranged.left_out {
        all[*index].drop_cause = (*cause).into();
    }
    all
}

/// Returns why a candidate was no contender: pricing refused it, or it was too far down to price.
fn not_contending(one: &Contending) -> DropCause {
    if one.priced.is_some() {
        DropCause::NoPrice
    } else {
        DropCause::Outranked
    }
}
