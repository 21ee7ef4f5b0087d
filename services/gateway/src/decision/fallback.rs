//! The fallbacks of failed stages, and the last eligibility check before the slate.

use std::sync::Arc;
use std::time::Duration;

use fairlead_proto::catalogue::v1::Product;
use fairlead_proto::feature::v1::{EntityState, FeatureSet, Purpose};
use fairlead_proto::profile::v1::Profile;
use fairlead_proto::recall::v1::{Candidate, Drop, DropCause, RecallResponse};
use fairlead_registry::Registry;
use fairlead_release::Live;
use fairlead_release::eligibility::{EligibilityFacts, judge};

use super::Ask;

/// The most customers whose facts are remembered.
const REMEMBERED: u64 = 100_000;
/// How long they are remembered.
const REMEMBERED_FOR: Duration = Duration::from_hours(1);

/// The facts for eligibility and suitability, as last read. Without them a feature store that is away
/// would empty every page, as an unknown fact passes no check. There are no features, no segments and
/// no consent among them: an answer that rests on them is not personalised.
#[derive(Debug, Clone)]
pub(crate) struct LastKnown(moka::sync::Cache<String, Arc<Profile>>);

impl Default for LastKnown {
    fn default() -> Self {
        let cache = moka::sync::Cache::builder();
        Self(
            cache
                .max_capacity(REMEMBERED)
                .time_to_live(REMEMBERED_FOR)
                .build(),
        )
    }
}

impl LastKnown {
    /// Remembers the facts of a profile.
    pub(super) fn remember(&self, ask: &Ask, profile: &Profile) {
        let facts = Profile {
            customer_id: profile.customer_id.clone(),
            age_years: profile.age_years,
            income_monthly_minor: profile.income_monthly_minor,
            region: profile.region.clone(),
            employment: profile.employment.clone(),
            suitability_class: profile.suitability_class,
            held_product_ids: profile.held_product_ids.clone(),
            ..Profile::default()
        };
        self.0.insert(key(ask), Arc::new(facts));
    }

    /// Returns the facts last known, or a profile without any.
    fn facts(&self, ask: &Ask) -> Profile {
        self.0.get(&key(ask)).map_or_else(
            || Profile {
                customer_id: ask.customer.to_string(),
                ..Profile::default()
            },
            |facts| Profile::clone(&facts),
        )
    }
}

fn key(ask: &Ask) -> String {
    crate::topics::key(ask.tenant.as_str(), ask.customer.as_str())
}

/// Returns the profile, and apart from it its features for recommending and for pricing. Without a
/// profile these are the facts last known and the registry's defaults.
pub(super) fn with_features(
    registry: &Registry,
    last_known: &LastKnown,
    profile: Option<Profile>,
    ask: &Ask,
) -> (Profile, FeatureSet, FeatureSet) {
    let mut profile = profile.unwrap_or_else(|| last_known.facts(ask));
    let mut sets = std::mem::take(&mut profile.features);
    let mut take = |purpose: Purpose| {
        let found = sets.iter().position(|set| set.purpose() == purpose);
        found.map_or_else(
            || defaults(registry, ask.as_of_ms, purpose),
            |at| sets.swap_remove(at),
        )
    };
    let (recommend, price) = (take(Purpose::Recommend), take(Purpose::Price));
    (profile, recommend, price)
}

fn defaults(registry: &Registry, as_of_ms: i64, purpose: Purpose) -> FeatureSet {
    let empty = EntityState::default();
    let purpose = match purpose {
        Purpose::Price => fairlead_registry::Purpose::Price,
        _ => fairlead_registry::Purpose::Recommend,
    };
    registry.features_at(&empty, as_of_ms, purpose)
}

/// Checks recall's candidates again: the release may have changed in between.
pub(super) fn recheck(
    live: &Live,
    profile: &Profile,
    ask: &Ask,
    mut answer: RecallResponse,
) -> RecallResponse {
    let facts = EligibilityFacts::from_profile(profile);
    let drops = &mut answer.drops;
    answer.candidates.retain(|candidate| {
        let Some(product) = live.catalogue.get(&candidate.product_id) else {
            drops.push(drop_of(
                &candidate.product_id,
                DropCause::Inactive,
                "not in this release",
            ));
            return false;
        };
        match judge(product, &facts, ask.as_of_ms) {
            Ok(_) => true,
            Err(dropped) => {
                drops.push(drop_of(
                    &candidate.product_id,
                    dropped.cause,
                    &dropped.detail,
                ));
                false
            }
        }
    });
    answer
}

/// Returns the release's own list: its products in its order, filtered like any other candidates.
pub(super) fn own_list(live: &Live, profile: &Profile, ask: &Ask, limit: usize) -> RecallResponse {
    let facts = EligibilityFacts::from_profile(profile);
    let asked = |product: &&Product| ask.kinds.is_empty() || ask.kinds.contains(&product.kind());
    let mut answer = RecallResponse::default();
    for product in live.catalogue.products().iter().filter(asked) {
        match judge(product, &facts, ask.as_of_ms) {
            Ok(passed) => {
                answer.candidates.push(Candidate {
                    product_id: product.product_id.clone(),
                    sources: Vec::new(),
                });
                if answer.filters_passed.is_empty() {
                    answer.filters_passed = passed.iter().map(|name| (*name).to_owned()).collect();
                }
            }
            Err(dropped) => {
                let drop = drop_of(&product.product_id, dropped.cause, &dropped.detail);
                answer.drops.push(drop);
            }
        }
    }
    answer.candidates.truncate(limit);
    answer
}

fn drop_of(product_id: &str, cause: DropCause, detail: &str) -> Drop {
    Drop {
        product_id: product_id.to_owned(),
        cause: cause.into(),
        detail: detail.to_owned(),
    }
}
