//! The decision: profile, experiments, candidates, scores, prices, slate, record.
//!
//! A decision has one deadline; each stage has a share of what is left, and a fallback:
//! no profile: the facts last known, nothing personal, the standard rate card; no recall: the release's own
//! list; no ranking: recall's order; no pricing: no priced product is shown.

mod candidates;
mod experiments;
mod fallback;
mod prices;
mod reasons;
mod record;
mod slate;
mod stages;
mod value;

use std::sync::Arc;
use std::time::Instant;

use fairlead_chassis::deadline::Deadline;
use fairlead_chassis::status::CallError;
use fairlead_domain::{CustomerId, RequestId, TenantId};
use fairlead_proto::catalogue::v1::ProductKind;
use fairlead_proto::decision::v1::{DecisionRecord, Exposure};
use fairlead_proto::feature::v1::{FeatureSet, Purpose};
use fairlead_proto::gateway::v1::RecommendResponse;
use fairlead_proto::pricing::v1::{CustomerFacts, Price, Priced, PricingContext, priced};
use fairlead_proto::profile::v1::{GetProfileRequest, Profile};
use fairlead_proto::recall::v1::Candidate;
use fairlead_registry::Registry;
use fairlead_release::{Live, Overrides, Parameters, SlateOrder};
use fairlead_release_follow::ReleaseHandle;
use tonic::Status;

use crate::Error;
use crate::backends::Backends;
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
    pub(crate) client_reference: String,
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

/// The basis of a firm quote or its acceptance: its customer and circumstances.
#[derive(Debug)]
pub(crate) struct FirmBasis {
    /// The context that it is priced with.
    pub(crate) context: PricingContext,
    /// The facts that decide whether the customer may have the product.
    pub(crate) facts: CustomerFacts,
    /// The experiment arms that the context follows.
    pub(crate) exposures: Vec<Exposure>,
    /// The release that the arms are of.
    pub(crate) release_revision: i64,
}

/// Runs decisions.
#[derive(Debug, Clone)]
pub(crate) struct Decider {
    pub(crate) registry: Registry,
    pub(crate) last_known: LastKnown,
    pub(crate) releases: ReleaseHandle,
    pub(crate) backends: Backends,
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

/// The facts that a decision rests on: the release, the profile with its features, the arms.
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
        let arranged = arrange_slate(&known, &contending, &ask, ranked, seed);
        stages.measure("slate", arranging.elapsed());
        Ok(record::write(record::Results {
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

    /// Returns what a firm quote or its acceptance rests on.
    ///
    /// # Errors
    /// The profile cannot be read: neither must rest on a customer whom nobody could read.
    pub(crate) async fn firm(&self, ask: &Ask) -> Result<FirmBasis, Status> {
        let mut stages = Stages::new(ask.deadline);
        let known = self.know(ask, &mut stages).await?;
        if !stages.degraded.is_empty() {
            return Err(CallError::unavailable(
                "profile",
                "no firm quote or acceptance without it",
            )
            .into());
        }
        Ok(FirmBasis {
            context: known.pricing_context(ask),
            facts: facts(&known.profile),
            release_revision: known.live.revision(),
            exposures: known.exposures,
        })
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

    /// Reads the profile, or returns `None` if the stage failed. Its facts are remembered for calls that
    /// cannot read it.
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
        let calling = async |by| {
            let answer = self.backends.profile(by).get_profile(request).await?;
            let profile = answer.into_inner().profile;
            profile.ok_or_else(|| Status::internal("profile answered without a profile"))
        };
        let profile = stages.run(stage, calling).await?;
        if let Some(profile) = &profile {
            self.last_known.remember(ask, profile);
        }
        Ok(profile)
    }
}

/// Returns the facts of a profile by which pricing judges a firm quote.
fn facts(profile: &Profile) -> CustomerFacts {
    CustomerFacts {
        age_years: profile.age_years,
        income_monthly_minor: profile.income_monthly_minor,
        region: profile.region.clone(),
        employment: profile.employment.clone(),
        suitability_class: profile.suitability_class,
        held_product_ids: profile.held_product_ids.clone(),
    }
}

impl Contending {
    fn price(&self) -> Option<&Price> {
        match self.priced.as_ref()?.outcome.as_ref()? {
            priced::Outcome::Price(price) => Some(price),
            priced::Outcome::Refusal(_) => None,
        }
    }
}

/// Arranges the candidates that may be shown. Without scores, recall's order is kept.
fn arrange_slate(
    known: &Known,
    contending: &[Contending],
    ask: &Ask,
    ranked: bool,
    seed: u64,
) -> slate::Arranged {
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

/// Returns the seed of a request's exploration. The id decides, so that a replay explores alike.
fn seed(request_id: &RequestId) -> u64 {
    xxhash_rust::xxh3::xxh3_64(request_id.as_str().as_bytes())
}
