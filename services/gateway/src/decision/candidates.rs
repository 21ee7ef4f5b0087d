//! The candidates of a decision: found by recall, scored by ranking.

use std::collections::HashMap;

use fairlead_proto::ranking::v1::{RankRequest, Scored};
use fairlead_proto::recall::v1::{Candidate, RecallRequest, RecallResponse};
use tonic::Status;

use super::stages::{Stage, Stages};
use super::value::Chances;
use super::{Ask, Contending, Decider, Known, fallback};

impl Decider {
    /// Asks recall for candidates; without it the release's own list is taken.
    pub(super) async fn recall(
        &self,
        ask: &Ask,
        known: &Known,
        stages: &mut Stages,
    ) -> Result<RecallResponse, Status> {
        let stage = Stage {
            name: "recall",
            share: self.shares.recall,
            fallback: "the release's own list",
        };
        let request = RecallRequest {
            tenant: ask.tenant.to_string(),
            request_id: ask.request_id.to_string(),
            profile: Some(known.profile.clone()),
            features: Some(known.recommend.clone()),
            personalised: known.personalised,
            limit: self.candidates as i32,
            kinds: ask.kinds.iter().map(|kind| (*kind).into()).collect(),
            parameters: known.overrides.parameters.clone(),
        };
        let calling = async |by| {
            let answer = self.backends.recall(by).recall(request).await?;
            Ok(answer.into_inner())
        };
        let answer = stages.run(stage, calling).await?;
        Ok(match answer {
            Some(answer) => fallback::recheck(&known.live, &known.profile, ask, answer),
            None => fallback::own_list(&known.live, &known.profile, ask, self.candidates as usize),
        })
    }

    /// Scores the candidates; without consent or without a ranker they stay in recall's order.
    pub(super) async fn rank(
        &self,
        ask: &Ask,
        known: &Known,
        candidates: Vec<Candidate>,
        stages: &mut Stages,
    ) -> Result<(Vec<Contending>, String), Status> {
        let scored = if known.personalised && !candidates.is_empty() {
            self.score(ask, known, &candidates, stages).await?
        } else {
            None
        };
        let (scores, model_version) = scored.unwrap_or_default();
        let by_product: HashMap<&str, &Scored> = scores
            .iter()
            .map(|scored| (scored.product_id.as_str(), scored))
            .collect();
        let contending = candidates.into_iter().map(|candidate| {
            let chances = by_product.get(candidate.product_id.as_str()).map_or_else(
                Chances::default,
                |scored| Chances {
                    click: scored.p_click,
                    convert: scored.p_convert,
                },
            );
            let value = chances.click * chances.convert;
            Contending {
                candidate,
                chances,
                convert_at_price: chances.convert,
                value,
                priced: None,
            }
        });
        let mut contending: Vec<Contending> = contending.collect();
        if !model_version.is_empty() {
            contending.sort_by(|a, b| b.value.total_cmp(&a.value));
        }
        Ok((contending, model_version))
    }

    async fn score(
        &self,
        ask: &Ask,
        known: &Known,
        candidates: &[Candidate],
        stages: &mut Stages,
    ) -> Result<Option<(Vec<Scored>, String)>, Status> {
        let stage = Stage {
            name: "ranking",
            share: self.shares.ranking,
            fallback: "recall's order",
        };
        let request = RankRequest {
            tenant: ask.tenant.to_string(),
            request_id: ask.request_id.to_string(),
            features: Some(known.recommend.clone()),
            product_ids: candidates
                .iter()
                .map(|candidate| candidate.product_id.clone())
                .collect(),
            model_version: known.parameters.ranking.model_version.clone(),
            include_inputs: false,
        };
        let calling = async |by| {
            let answer = self.backends.ranking(by).rank(request).await?;
            Ok(answer.into_inner())
        };
        let answer = stages.run(stage, calling).await?;
        Ok(answer.map(|answer| (answer.scored, answer.model_version)))
    }
}
