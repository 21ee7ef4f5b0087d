//! The decision: profile, experiments, candidates, scores, prices, slate, record.
//!
//! One deadline for the whole; each stage has a share of what is left and a fallback:
//! no profile: the facts last known, nothing personal, the standard rate card; no recall: the release's own
//! list; no ranking: recall's order; no pricing: no priced product is shown.

mod experiments;
mod fallback;
mod reasons;
mod record;
mod slate;
mod stages;
mod value;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Instant;

use fairlead_chassis::deadline::Deadline;
use fairlead_chassis::link::Link;
use fairlead_domain::{CustomerId, RequestId, TenantId};
use fairlead_proto::catalogue::v1::ProductKind;
use fairlead_proto::decision::v1::{DecisionRecord, Exposure};
use fairlead_proto::feature::v1::{FeatureSet, Purpose};
use fairlead_proto::gateway::v1::RecommendResponse;
use fairlead_proto::pricing::v1::pricing_service_client::PricingServiceClient;
use fairlead_proto::pricing::v1::{PriceItem, PriceManyRequest, Priced, PricingContext};
use fairlead_proto::profile::v1::profile_service_client::ProfileServiceClient;
use fairlead_proto::profile::v1::{GetProfileRequest, Profile};
use fairlead_proto::ranking::v1::ranking_service_client::RankingServiceClient;
use fairlead_proto::ranking::v1::{RankRequest, Scored};
use fairlead_proto::recall::v1::recall_service_client::RecallServiceClient;
use fairlead_proto::recall::v1::{Candidate, RecallRequest, RecallResponse};
use fairlead_registry::Registry;
use fairlead_release::{Live, Overrides, Parameters};
use fairlead_release_follow::ReleaseHandle;
use tonic::Status;

use crate::Error;
use crate::config::StageShares;
pub(crate) use fallback::LastKnown;
use slate::{Contender, arrange};
use stages::{Stage, Stages};
use value::Chances;

/// A checked request for a slate.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    pub(crate) tenant: TenantId,
    pub(crate) customer: CustomerId,
    pub(crate) request_id: RequestId,
    pub(crate) slate_size: usize,
    pub(crate) kinds: Vec<ProductKind>,
    pub(crate) channel: String,
    pub(crate) campaign: String,
    pub(crate) without_prices: bool,
    pub(crate) as_of_ms: i64,
    pub(crate) deadline: Deadline,
}

/// An answer with its record.
#[derive(Debug)]
pub(crate) struct Decided {
    pub(crate) answer: RecommendResponse,
    pub(crate) record: DecisionRecord,
}

/// Runs decisions.
#[derive(Debug, Clone)]
pub(crate) struct Decider {
    pub(crate) registry: Registry,
    pub(crate) last_known: LastKnown,
    pub(crate) releases: ReleaseHandle,
    pub(crate) profile: ProfileServiceClient<Link>,
    pub(crate) recall: RecallServiceClient<Link>,
    pub(crate) ranking: RankingServiceClient<Link>,
    pub(crate) pricing: PricingServiceClient<Link>,
    pub(crate) shares: StageShares,
    pub(crate) candidates: u32,
}

/// A candidate on its way to the slate.
#[derive(Debug, Clone, Default)]
struct Contending {
    candidate: Candidate,
    chances: Chances,
    convert_at_price: f64,
    value: f64,
    priced: Option<Priced>,
}

/// What the stages before ranking found out.
struct Known {
    live: Arc<Live>,
    profile: Profile,
    recommend: FeatureSet,
    price: FeatureSet,
    personalised: bool,
    exposures: Vec<Exposure>,
    overrides: Overrides,
    parameters: Parameters,
}

impl Decider {
    /// Decides one slate.
    pub(crate) async fn decide(&self, ask: Ask) -> Result<Decided, Status> {
        let started = Instant::now();
        let mut stages = Stages::new(ask.deadline);
        let known = self.know(&ask, &mut stages).await?;
        let found = self.recall(&ask, &known, &mut stages).await?;
        let (mut contending, model_version) = self
            .rank(&ask, &known, found.candidates, &mut stages)
            .await?;
        if !ask.without_prices {
            self.price(&ask, &known, &mut contending, &mut stages)
                .await?;
        }
        let arranging = Instant::now();
        let seed = seed(&ask.request_id);
        let ranked = !model_version.is_empty();
        let arranged = place(&known, &contending, &ask, ranked, seed);
        stages.measure("slate", arranging.elapsed());
        Ok(record::write(record::Making {
            ask,
            known,
            contending,
            drops: found.drops,
            filters_passed: found.filters_passed,
            arranged,
            model_version,
            stages,
            seed,
            started,
        }))
    }

    /// Reads the profile and finds the experiment arms.
    async fn know(&self, ask: &Ask, stages: &mut Stages) -> Result<Known, Status> {
        let live = self.releases.live().ok_or(Error::NoRelease)?;
        let profile = self.read_profile(ask, stages).await?;
        let (profile, recommend, price) =
            fallback::with_features(&self.registry, &self.last_known, profile, ask);
        let personalised = profile.personalisation_consent;
        let (exposures, overrides) = if personalised {
            experiments::assign(&live, &ask.customer, &profile)
        } else {
            (Vec::new(), Overrides::default())
        };
        let parameters = live
            .parameters
            .with(&overrides.parameters)
            .unwrap_or_else(|findings| {
                // The release was checked with every arm: this cannot happen to a live one.
                tracing::error!(count = findings.len(), "arm parameters refused");
                live.parameters.clone()
            });
        Ok(Known {
            live,
            profile,
            recommend,
            price,
            personalised,
            exposures,
            overrides,
            parameters,
        })
    }

    async fn read_profile(
        &self,
        ask: &Ask,
        stages: &mut Stages,
    ) -> Result<Option<Profile>, Status> {
        let stage = Stage {
            name: "profile",
            share: self.shares.profile,
            fallback: "facts last known, nothing personal, standard rate card",
        };
        let request = GetProfileRequest {
            tenant: ask.tenant.to_string(),
            customer_id: ask.customer.to_string(),
            as_of_ms: ask.as_of_ms,
            purposes: vec![Purpose::Recommend.into(), Purpose::Price.into()],
        };
        let mut client = self.profile.clone();
        let answer = stages
            .run(stage, request, |request| async move {
                client.get_profile(request).await
            })
            .await?;
        let profile = answer.and_then(|answer| answer.profile);
        if let Some(profile) = &profile {
            self.last_known.keep(ask, profile);
        }
        Ok(profile)
    }

    /// Reads a profile for another call of the gateway (quotes), with the same fallback.
    pub(crate) async fn profile_for(
        &self,
        ask: &Ask,
    ) -> Result<(Profile, FeatureSet, bool), Status> {
        let mut stages = Stages::new(ask.deadline);
        let profile = self.read_profile(ask, &mut stages).await?;
        let degraded = profile.is_none();
        let (profile, _, price) =
            fallback::with_features(&self.registry, &self.last_known, profile, ask);
        Ok((profile, price, degraded))
    }

    /// The strategy versions that the arms of a customer price with.
    pub(crate) fn strategy_versions(
        &self,
        ask: &Ask,
        profile: &Profile,
    ) -> Result<BTreeMap<String, i64>, Error> {
        let live = self.releases.live().ok_or(Error::NoRelease)?;
        if !profile.personalisation_consent {
            return Ok(BTreeMap::new());
        }
        let (_, overrides) = experiments::assign(&live, &ask.customer, profile);
        Ok(overrides.strategy_versions)
    }

    async fn recall(
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
        let mut client = self.recall.clone();
        let answer = stages
            .run(stage, request, |request| async move {
                client.recall(request).await
            })
            .await?;
        Ok(match answer {
            Some(answer) => fallback::recheck(&known.live, &known.profile, ask, answer),
            None => fallback::own_list(&known.live, &known.profile, ask, self.candidates as usize),
        })
    }

    /// Scores the candidates; without consent or without a ranker they stay in recall's order.
    async fn rank(
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
        let mut client = self.ranking.clone();
        let answer = stages
            .run(stage, request, |request| async move {
                client.rank(request).await
            })
            .await?;
        Ok(answer.map(|answer| (answer.scored, answer.model_version)))
    }

    /// Prices the best candidates, a batch at a time, until enough have a price for the slate.
    async fn price(
        &self,
        ask: &Ask,
        known: &Known,
        contending: &mut [Contending],
        stages: &mut Stages,
    ) -> Result<(), Status> {
        let depth = known.parameters.slate.price_depth.max(ask.slate_size);
        let mut priced = 0;
        let mut next = 0;
        while priced < ask.slate_size && next < contending.len() {
            let until = contending.len().min(next + depth);
            let batch = &mut contending[next..until];
            if !self.price_batch(ask, known, batch, stages).await? {
                return Ok(());
            }
            priced += batch.iter().filter(|one| one.price().is_some()).count();
            next = until;
        }
        Ok(())
    }

    /// Prices one batch; false where pricing is away.
    async fn price_batch(
        &self,
        ask: &Ask,
        known: &Known,
        batch: &mut [Contending],
        stages: &mut Stages,
    ) -> Result<bool, Status> {
        let stage = Stage {
            name: "pricing",
            share: self.shares.pricing,
            fallback: "no priced product is shown",
        };
        let item = |one: &Contending| PriceItem {
            product_id: one.candidate.product_id.clone(),
            ..PriceItem::default()
        };
        let request = PriceManyRequest {
            context: Some(known.pricing_context(ask)),
            items: batch.iter().map(item).collect(),
            without_schedule: true,
        };
        let mut client = self.pricing.clone();
        let answer = stages
            .run(stage, request, |request| async move {
                client.price_many(request).await
            })
            .await?;
        let Some(answer) = answer else {
            return Ok(false);
        };
        for (one, priced) in batch.iter_mut().zip(answer.priced) {
            one.take_price(priced);
        }
        Ok(true)
    }
}

impl Known {
    fn pricing_context(&self, ask: &Ask) -> PricingContext {
        PricingContext {
            tenant: ask.tenant.to_string(),
            request_id: ask.request_id.to_string(),
            customer_id: ask.customer.to_string(),
            features: Some(self.price.clone()),
            segments: self.profile.segments.clone(),
            channel: ask.channel.clone(),
            campaign: ask.campaign.clone(),
            strategy_versions: self.overrides.strategy_versions.clone(),
            personalised: self.personalised,
            as_of_ms: ask.as_of_ms,
        }
    }
}

impl Contending {
    fn price(&self) -> Option<&fairlead_proto::pricing::v1::Price> {
        use fairlead_proto::pricing::v1::priced::Outcome;
        match self.priced.as_ref()?.outcome.as_ref()? {
            Outcome::Price(price) => Some(price),
            Outcome::Refusal(_) => None,
        }
    }

    fn take_price(&mut self, priced: Priced) {
        self.priced = Some(priced);
        let Some(price) = self.price() else { return };
        let take_up = self.priced.as_ref().and_then(|one| one.take_up.as_ref());
        let convert = value::convert_at_price(self.chances.convert, price, take_up);
        let expected = value::expected_value(self.chances.click, convert, price);
        self.convert_at_price = convert;
        self.value = expected;
    }
}

/// Arranges those that may be shown. Without scores, recall's order is kept.
fn place(
    known: &Known,
    contending: &[Contending],
    ask: &Ask,
    ranked: bool,
    seed: u64,
) -> slate::Arranged {
    use fairlead_release::SlateOrder;
    let by_value =
        ranked && !ask.without_prices && known.parameters.slate.order == SlateOrder::ExpectedValue;
    let value = |index: usize, one: &Contending| match (ranked, by_value) {
        (false, _) => -(index as f64),
        (true, true) => one.value,
        (true, false) => one.chances.click * one.convert_at_price,
    };
    let contenders = contending.iter().enumerate().filter_map(|(index, one)| {
        let product = known.live.catalogue.get(&one.candidate.product_id)?;
        let shown = ask.without_prices || one.price().is_some();
        shown.then(|| Contender {
            index,
            kind: product.kind,
            category: &product.category,
            value: value(index, one),
            utility: one.chances.click * one.convert_at_price,
        })
    });
    let mut rules = known.parameters.slate.clone();
    if !known.personalised {
        // The non-personalised order is the same for everyone: nothing is tried on anyone.
        rules.exploration = 0.0;
    }
    arrange(contenders.collect(), ask.slate_size, &rules, seed)
}

/// The seed of a request's exploration: its id decides, so that a replay explores alike.
fn seed(request_id: &RequestId) -> u64 {
    xxhash_rust::xxh3::xxh3_64(request_id.as_str().as_bytes())
}
