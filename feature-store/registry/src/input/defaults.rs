//! The default spec: all features that the purpose recommend gets.

use fairlead_proto::catalogue::v1::ProductKind;
use fairlead_proto::event::v1::EventKind;

use crate::definition::{Aggregate, Feature};
use crate::input::spec::{
    InputSpec, ItemNumber, ItemSource, ProductTerm, UserCategory, UserNumber, UserSequence,
};
use crate::input::transform::Transform;
use crate::purpose::{Entity, Purpose};
use crate::registry::Registry;

/// Gives few collisions for some hundreds of values, and a table smaller than the products'.
const CATEGORY_BUCKETS: u32 = 2_048;
const ITEM_CATEGORY_BUCKETS: u32 = 512;
const SEQUENCE_LENGTH: usize = 30;
/// The click or take-up rate assumed of a product without observations.
const PRIOR_RATE: f64 = 0.02;
const PRIOR_WEIGHT: f64 = 50.0;

impl InputSpec {
    /// Returns the spec with all features of the purpose recommend but consents, with the terms and
    /// counters of the product and the rates between its counters. It is not standardised
    /// ([`crate::input::Fitter`] does that), and serves the ranker and both towers.
    pub fn default_for(registry: &Registry) -> Self {
        let features = || {
            registry.features().iter().filter(|feature| {
                feature.entity == Entity::Customer
                    && feature.purposes.contains(Purpose::Recommend)
                    && !feature.source.contains(&EventKind::ConsentChanged)
            })
        };
        let layout = registry.layout(Purpose::Recommend);
        Self {
            user_numbers: features()
                .filter(|feature| layout.number(&feature.name).is_some())
                .map(user_number)
                .collect(),
            user_categories: features()
                .filter(|feature| layout.category(&feature.name).is_some())
                .map(|feature| UserCategory {
                    feature: feature.name.clone(),
                    buckets: CATEGORY_BUCKETS,
                })
                .collect(),
            user_sequences: features()
                .filter(|feature| layout.sequence(&feature.name).is_some())
                .map(|feature| UserSequence {
                    feature: feature.name.clone(),
                    length: SEQUENCE_LENGTH,
                    kinds: Vec::new(),
                })
                .collect(),
            item_numbers: item_numbers(registry),
            item_category_buckets: ITEM_CATEGORY_BUCKETS,
        }
    }
}

fn user_number(feature: &Feature) -> UserNumber {
    let spreads = ["events", "minor units", "hours", "days", "count"];
    let windowed = matches!(
        feature.aggregate,
        Aggregate::Count { .. } | Aggregate::Sum { .. }
    );
    UserNumber {
        feature: feature.name.clone(),
        transform: Transform {
            log1p: spreads.contains(&feature.unit.as_str()),
            ..Transform::default()
        },
        observed_flag: !windowed,
    }
}

fn item_numbers(registry: &Registry) -> Vec<ItemNumber> {
    let plain = |source| ItemNumber {
        source,
        transform: Transform::default(),
    };
    let spread = |source| ItemNumber {
        source,
        transform: Transform::log1p(),
    };
    let layout = registry.product_layout();
    let kinds = ProductKind::ALL.map(|kind| plain(ItemSource::Kind(kind.name().to_owned())));
    let terms = ProductTerm::ALL.into_iter().map(|term| {
        let source = ItemSource::Term(term);
        if term.is_amount() {
            spread(source)
        } else {
            plain(source)
        }
    });
    let counters = layout
        .number_names()
        .map(|name| spread(ItemSource::Counter(name.to_owned())));
    let ratios = ["7d", "30d"].into_iter().flat_map(|window| {
        [("clicks", "impressions"), ("conversions", "clicks")]
            .map(|(of, to)| (format!("{of}_{window}"), format!("{to}_{window}")))
    });
    let ratios = ratios
        .filter(|(of, to)| layout.number(of).is_some() && layout.number(to).is_some())
        .map(|(numerator, denominator)| {
            plain(ItemSource::Ratio {
                numerator,
                denominator,
                rate: PRIOR_RATE,
                weight: PRIOR_WEIGHT,
            })
        });
    kinds
        .into_iter()
        .chain(terms)
        .chain(std::iter::once(spread(ItemSource::AgeDays)))
        .chain(counters)
        .chain(ratios)
        .collect()
}
