//! What is done when a stage gives nothing, and the last check before the slate.

use fairlead_proto::catalogue::v1::Product;
use fairlead_proto::feature::v1::{EntityState, FeatureSet, Purpose};
use fairlead_proto::profile::v1::Profile;
use fairlead_proto::recall::v1::{Candidate, Drop, DropCause, RecallResponse};
use fairlead_registry::Registry;
use fairlead_release::Live;
use fairlead_release::eligibility::{EligibilityFacts, judge};

use super::Ask;

/// The profile with its two feature sets taken out; where there is none, the anonymous one with
/// the defaults of the registry.
pub(super) fn with_features(
    registry: &Registry,
    profile: Option<Profile>,
    ask: &Ask,
) -> (Profile, FeatureSet, FeatureSet) {
    let mut profile = profile.unwrap_or_else(|| Profile {
        customer_id: ask.customer.to_string(),
        ..Profile::default()
    });
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
    let nothing = EntityState::default();
    let purpose = match purpose {
        Purpose::Price => fairlead_registry::Purpose::Price,
        _ => fairlead_registry::Purpose::Recommend,
    };
    registry.features_at(&nothing, as_of_ms, purpose)
}

/// Recall's candidates, judged again: a release may have changed between the two.
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

/// The release's own list: its products in its order, filtered like any other candidates.
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
