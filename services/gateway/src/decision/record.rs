//! The answer and the decision record, from what the stages made.

use std::time::Instant;

use fairlead_proto::decision::v1::{DecidedCandidate, DecisionRecord};
use fairlead_proto::gateway::v1::{RecommendResponse, SlateItem};
use fairlead_proto::recall::v1::{Drop, DropCause};

use super::reasons::reasons;
use super::slate::{Arranged, Placed};
use super::stages::Stages;
use super::{Ask, Contending, Decided, Known};

/// Everything that one decision made.
pub(super) struct Making {
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

/// The answer and its record.
pub(super) fn write(making: Making) -> Decided {
    let items: Vec<SlateItem> = making
        .arranged
        .placed
        .iter()
        .enumerate()
        .filter_map(|(place, placed)| item(&making, place, *placed))
        .collect();
    let Making {
        ask, known, stages, ..
    } = &making;
    let model_versions: Vec<String> = Some(making.model_version.clone())
        .into_iter()
        .filter(|name| !name.is_empty())
        .collect();
    let answer = RecommendResponse {
        request_id: ask.request_id.to_string(),
        exposures: known.exposures.clone(),
        degraded: stages.degraded.clone(),
        release_revision: known.live.revision(),
        personalised: known.personalised,
        model_versions: model_versions.clone(),
        latency_ms: making.started.elapsed().as_secs_f64() * 1e3,
        items,
    };
    let slate = answer
        .items
        .iter()
        .map(|item| item.product_id.clone())
        .collect();
    let Making {
        ask,
        known,
        contending,
        arranged,
        drops,
        stages,
        seed,
        ..
    } = making;
    let record = DecisionRecord {
        request_id: ask.request_id.to_string(),
        tenant: ask.tenant.to_string(),
        customer_id: ask.customer.to_string(),
        decided_at_ms: ask.as_of_ms,
        release_revision: known.live.revision(),
        model_versions,
        features: vec![known.recommend, known.price],
        exposures: known.exposures,
        candidates: decided(contending, &arranged),
        drops,
        slate,
        degraded: stages.degraded,
        stage_ms: stages
            .took
            .into_iter()
            .map(|(stage, ms)| (stage.to_owned(), ms))
            .collect(),
        personalised: known.personalised,
        quote: None,
        segments: known.profile.segments,
        seed,
        channel: ask.channel,
        campaign: ask.campaign,
    };
    Decided { answer, record }
}

fn item(making: &Making, place: usize, placed: Placed) -> Option<SlateItem> {
    let one = &making.contending[placed.index];
    let product = making.known.live.catalogue.get(&one.candidate.product_id)?;
    let price = one.price();
    Some(SlateItem {
        position: place as i32 + 1,
        product_id: product.product_id.clone(),
        name: product.name.clone(),
        kind: product.kind,
        score: one.value,
        p_click: one.chances.click,
        p_convert: one.convert_at_price,
        price: price.cloned(),
        reasons: reasons(
            &one.candidate,
            &making.filters_passed,
            price,
            &making.model_version,
            &making.known.exposures,
        ),
        propensity: placed.propensity,
        sources: one.candidate.sources.clone(),
    })
}

/// Every candidate with its fate.
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
    for (place, placed) in arranged.placed.iter().enumerate() {
        let candidate = &mut all[placed.index];
        candidate.position = place as i32 + 1;
        candidate.propensity = placed.propensity;
        candidate.drop_cause = DropCause::Unspecified.into();
    }
    for (index, cause) in &arranged.left_out {
        all[*index].drop_cause = (*cause).into();
    }
    all
}

/// Why a candidate never came up for a place: pricing refused it, or it was too far down to price.
fn not_contending(one: &Contending) -> DropCause {
    if one.priced.is_some() {
        DropCause::NoPrice
    } else {
        DropCause::Outranked
    }
}
