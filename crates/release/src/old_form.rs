//! Strategies as they were stored before cost models and guardrails were sections of their own.
//!
//! A release is immutable: one in the old form keeps its bytes and its hash, and is read as if its
//! sections had been there. Each version keeps exactly the cost and the guardrails that it had.

use std::borrow::Cow;
use std::collections::BTreeMap;

use fairlead_domain::StrategyLabel;
use fairlead_proto::control::v1::{CostModel, Guardrails, Release, Strategy};

/// The sections that were taken out of strategies.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Held {
    /// The cost models that strategies had.
    pub cost_models: Vec<CostModel>,
    /// The guardrails that they had.
    pub guardrails: Vec<Guardrails>,
}

/// Returns the release with cost models and guardrails as sections: itself if it has them so.
pub fn current_form(release: &Release) -> Cow<'_, Release> {
    if !release.strategies.iter().any(is_old) {
        return Cow::Borrowed(release);
    }
    let mut current = release.clone();
    let held = take_held(&mut current.strategies);
    // Sections that are there were written for these strategies.
    if current.cost_models.is_empty() {
        current.cost_models = held.cost_models;
    }
    if current.guardrails.is_empty() {
        current.guardrails = held.guardrails;
    }
    Cow::Owned(current)
}

/// Takes what belongs to other sections out of strategies, and returns it as those sections.
///
/// What the version in use has is named for its strategy as a whole, so that it holds later versions
/// too; what another version has of its own is named for that version.
pub fn take_held<'s>(strategies: impl IntoIterator<Item = &'s mut Strategy>) -> Held {
    let mut by_id: BTreeMap<String, Vec<Version>> = BTreeMap::new();
    for strategy in strategies {
        if is_old(strategy) {
            let versions = by_id.entry(strategy.strategy_id.clone()).or_default();
            versions.push(take(strategy));
        }
    }
    let mut held = Held::default();
    for (id, mut versions) in by_id {
        // The one in use comes first.
        versions.sort_by_key(|one| std::cmp::Reverse((one.champion, one.label.version)));
        let costs = versions.iter().map(|one| (&one.label, one.cost.as_ref()));
        for (strategies, cost) in named(&id, costs) {
            held.cost_models.push(CostModel {
                cost_model_id: strategies.first().cloned().unwrap_or_default(),
                strategies,
                ..cost
            });
        }
        let guardrails = versions
            .iter()
            .map(|one| (&one.label, Some(&one.guardrails)));
        for (strategies, guardrails) in named(&id, guardrails) {
            held.guardrails.push(Guardrails {
                guardrails_id: strategies.first().cloned().unwrap_or_default(),
                strategies,
                ..guardrails
            });
        }
    }
    held
}

/// The cost and guardrails of one version of a strategy.
struct Version {
    label: StrategyLabel,
    champion: bool,
    cost: Option<CostModel>,
    guardrails: Guardrails,
}

/// Returns true if a strategy holds what belongs to other sections.
fn is_old(strategy: &Strategy) -> bool {
    let mut bare = strategy.clone();
    let taken = take(&mut bare);
    let nothing = Guardrails {
        currency: strategy.currency.clone(),
        ..Guardrails::default()
    };
    taken.cost.is_some() || taken.guardrails != nothing
}

fn take(strategy: &mut Strategy) -> Version {
    let currency = strategy.currency.clone();
    Version {
        label: StrategyLabel::new(&strategy.strategy_id, strategy.version),
        champion: strategy.champion,
        cost: strategy.cost.take().map(|cost| CostModel {
            currency: currency.clone(),
            ..cost
        }),
        guardrails: Guardrails {
            currency,
            jurisdiction: std::mem::take(&mut strategy.jurisdiction),
            licence: std::mem::take(&mut strategy.licence),
            grading: strategy.grading.take(),
            price_points_ppm: std::mem::take(&mut strategy.price_points_ppm),
            max_change_ppm: std::mem::take(&mut strategy.max_change_ppm),
            limit: strategy.limit.take(),
            quote_valid_seconds: std::mem::take(&mut strategy.quote_valid_seconds),
            ..Guardrails::default()
        },
    }
}

/// Returns each content once, with the names of the strategies that have it. `versions` begins with
/// the one in use, whose content is that of the strategy as a whole, unless some version has none.
fn named<'v, T: PartialEq + Clone + 'v>(
    id: &str,
    versions: impl Iterator<Item = (&'v StrategyLabel, Option<&'v T>)>,
) -> Vec<(Vec<String>, T)> {
    let versions: Vec<_> = versions.collect();
    let for_all = versions.iter().all(|(_, content)| content.is_some());
    let mut found: Vec<(Vec<String>, T)> = Vec::new();
    for (place, (label, content)) in versions.into_iter().enumerate() {
        let Some(content) = content else {
            continue;
        };
        let same = found.iter().position(|(_, other)| other == content);
        match same {
            // Held by the strategy's own name already.
            Some(0) if for_all => {}
            Some(at) => found[at].0.push(label.to_string()),
            None if for_all && place == 0 => found.push((vec![id.to_owned()], content.clone())),
            None => found.push((vec![label.to_string()], content.clone())),
        }
    }
    found
}

#[cfg(test)]
#[path = "old_form_tests.rs"]
mod tests;
