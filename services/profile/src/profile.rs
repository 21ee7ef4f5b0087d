//! From the stored state of a customer to the profile: pure.

use std::collections::BTreeMap;

use fairlead_proto::event::v1::EventKind;
use fairlead_proto::feature::v1::{EntityState, FeatureSet, SequenceEntry};
use fairlead_proto::profile::v1::{Profile, ShownCount};
use fairlead_registry::{Error as RegistryError, FeatureReader, Purpose, Registry};

use crate::segments::Segmentations;
use crate::targeting::targeting;

/// The time for which impressions count towards caps on repetition.
const SHOWN_WITHIN_MS: i64 = 7 * 24 * 60 * 60 * 1000;

/// The attributes by which the bank states what is owed here.
const COVERING: [&str; 2] = ["exposure_own_minor", "debt_service_monthly_minor"];

/// Whose profile, at which instant, with which feature sets.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    /// The customer, as the tenant names them.
    pub(crate) customer_id: &'a str,
    /// Unix milliseconds.
    pub(crate) as_of_ms: i64,
    /// One feature set each, in this order.
    pub(crate) purposes: &'a [Purpose],
}

/// Builds the profile of a state. Without one it is the anonymous profile: feature defaults, no
/// consent to personalisation, no segments but those for all other customers.
///
/// # Errors
/// None with the registry's own layouts; the type says so because feature sets are read back.
pub(crate) fn build(
    registry: &Registry,
    segmentations: &Segmentations,
    asked: Asked<'_>,
    state: Option<&EntityState>,
) -> Result<Profile, RegistryError> {
    let unobserved = EntityState::default();
    let sets = Sets::read(registry, state.unwrap_or(&unobserved), asked, segmentations);
    // Eligibility, suitability and caps serve the choice of what to recommend.
    let facts = FeatureReader::new(registry, sets.of(Purpose::Recommend))?;
    let analytics = FeatureReader::new(registry, sets.of(Purpose::Analytics))?;
    let known = state.is_some();
    let number = |name: &str| facts.number(name);
    let text = |name: &str| facts.category(name).unwrap_or_default().to_owned();
    let held = facts.sequence("holdings").iter();
    let segments = segmentations.assign(&analytics, sets.price(registry)?.as_ref());
    Ok(Profile {
        customer_id: asked.customer_id.to_owned(),
        known,
        // Opt-out: who is known and never said anything has not withdrawn.
        personalisation_consent: number("consent_personalisation")
            .map_or(known, |given| given > 0.5),
        suitability_class: number("suitability_class").map_or(0, |class| class as i32),
        held_product_ids: held.map(|entry| entry.product_id.clone()).collect(),
        age_years: number("age_years").map(|years| years as i32),
        income_monthly_minor: number("income_monthly_minor").map(|income| income as i64),
        region: text("region"),
        employment: text("employment"),
        targeting: targeting(&analytics, known),
        segments,
        shown: shown(facts.sequence("recent"), asked.as_of_ms),
        last_event_time_ms: state.map_or(0, |state| state.last_event_time_ms),
        stated_ms: state.map(stated_ms).unwrap_or_default(),
        features: sets.into_asked(asked.purposes),
    })
}

/// Returns the event time of the newest statement of each feature that covers accepted lending.
fn stated_ms(state: &EntityState) -> BTreeMap<String, i64> {
    let stated = COVERING.iter().filter_map(|name| {
        let stored = state.attributes.get(*name)?;
        Some(((*name).to_owned(), stored.event_time_ms))
    });
    stated.collect()
}

/// Returns how often each product was shown within seven days, by product id.
fn shown(recent: &[SequenceEntry], as_of_ms: i64) -> Vec<ShownCount> {
    let from = as_of_ms.saturating_sub(SHOWN_WITHIN_MS);
    let mut counts: BTreeMap<&str, i32> = BTreeMap::new();
    let impressions = recent.iter().filter(|entry| {
        entry.event_kind == EventKind::Impression as i32 && entry.event_time_ms > from
    });
    for entry in impressions {
        *counts.entry(&entry.product_id).or_default() += 1;
    }
    let count = |(product_id, count): (&str, i32)| ShownCount {
        product_id: product_id.to_owned(),
        count,
    };
    counts.into_iter().map(count).collect()
}

/// The feature sets that the profile is made from: those asked for and those that it reads.
struct Sets(Vec<(Purpose, FeatureSet)>);

impl Sets {
    fn read(
        registry: &Registry,
        state: &EntityState,
        asked: Asked<'_>,
        segmentations: &Segmentations,
    ) -> Self {
        let needed = |purpose: &Purpose| match purpose {
            Purpose::Recommend | Purpose::Analytics => true,
            Purpose::Price => segmentations.read_price() || asked.purposes.contains(purpose),
            Purpose::Fraud => asked.purposes.contains(purpose),
        };
        let purposes = Purpose::ALL.into_iter().filter(needed);
        let read = |purpose| {
            (
                purpose,
                registry.features_at(state, asked.as_of_ms, purpose),
            )
        };
        Self(purposes.map(read).collect())
    }

    fn find(&self, purpose: Purpose) -> Option<&FeatureSet> {
        let found = self.0.iter().find(|(of, _)| *of == purpose);
        found.map(|(_, set)| set)
    }

    /// Returns a set that is always read.
    fn of(&self, purpose: Purpose) -> &FeatureSet {
        self.find(purpose)
            .expect("recommend and analytics are read for every profile")
    }

    fn price<'a>(
        &'a self,
        registry: &'a Registry,
    ) -> Result<Option<FeatureReader<'a>>, RegistryError> {
        let set = self.find(Purpose::Price);
        set.map(|set| FeatureReader::new(registry, set)).transpose()
    }

    /// Returns the sets asked for, each once, in the order asked.
    fn into_asked(mut self, purposes: &[Purpose]) -> Vec<FeatureSet> {
        let mut take = |purpose: &Purpose| {
            let at = self.0.iter().position(|(of, _)| of == purpose)?;
            Some(self.0.swap_remove(at).1)
        };
        purposes.iter().filter_map(&mut take).collect()
    }
}
