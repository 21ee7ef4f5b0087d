//! Changes that move no price.

use std::collections::BTreeMap;

use fairlead_proto::control::v1::{
    Campaign, Experiment, ExperimentPlan, Layer, Release, Segmentation, Strategy,
};

use crate::old_form::current_form;
use crate::section::{Section, sections_changed};

/// The input column of a rate card that reads the campaign.
const CAMPAIGN: &str = "campaign";

/// Returns why a change from one release to another may move a price, or who may set one, or `None` if
/// it holds nothing but campaigns that no rate card reads, segmentations that prices may not read, and
/// experiments whose arms name no strategy version, without overrides.
pub fn moves_prices(before: &Release, after: &Release) -> Option<String> {
    let (before, after) = (&*current_form(before), &*current_form(after));
    let sections = sections_changed(before, after);
    sections.into_iter().find_map(|section| match section {
        Section::Campaigns => campaign(before, after),
        Section::Segmentations => segmentation(before, after),
        Section::Experiments => experiment(before, after),
        other => Some(format!("it changes the section {other}")),
    })
}

/// Returns the objects by id whose content differs, in either of the two lists.
fn differing<'o, T: PartialEq>(
    before: &'o [T],
    after: &'o [T],
    id: fn(&T) -> &str,
) -> Vec<(&'o str, Option<&'o T>, Option<&'o T>)> {
    let mut both: BTreeMap<&str, (Option<&T>, Option<&T>)> = BTreeMap::new();
    for one in before {
        both.entry(id(one)).or_default().0 = Some(one);
    }
    for one in after {
        both.entry(id(one)).or_default().1 = Some(one);
    }
    let each = both.into_iter().filter(|(_, (old, new))| old != new);
    each.map(|(id, (old, new))| (id, old, new)).collect()
}

/// Returns the reason if a campaign changes that a rate card of either release reads.
fn campaign(before: &Release, after: &Release) -> Option<String> {
    let strategies = || before.strategies.iter().chain(&after.strategies);
    let id: fn(&Campaign) -> &str = |one| &one.campaign_id;
    let changed = differing(&before.campaigns, &after.campaigns, id);
    changed.into_iter().find_map(|(id, ..)| {
        let reader = strategies().find(|strategy| reads_campaign(strategy, id))?;
        let (strategy, version) = (&reader.strategy_id, reader.version);
        let reader = format!("the rate card of {strategy}@{version}");
        Some(format!("{reader} reads the campaign {id:?}"))
    })
}

/// Returns true if a campaign is among those that the rate card's column of campaigns lists.
fn reads_campaign(strategy: &Strategy, campaign: &str) -> bool {
    let inputs = strategy.rate_card.iter().flat_map(|card| &card.inputs);
    let mut kinds = inputs.filter(|column| column.name == CAMPAIGN);
    // "category(none, spring)": a name between the brackets and the commas.
    kinds.any(|column| {
        let names = column.kind.split(['(', ')', ',']);
        names
            .map(|name| name.trim().trim_matches('"'))
            .any(|name| name == campaign)
    })
}

/// Returns the reason if a segmentation changes that prices may read.
fn segmentation(before: &Release, after: &Release) -> Option<String> {
    let read = |release: &Release| -> Vec<Segmentation> {
        let all = release.segmentations.iter();
        all.filter(|one| one.allow_price).cloned().collect()
    };
    let (old, new) = (read(before), read(after));
    if old == new {
        return None;
    }
    let changed = differing(&old, &new, |one| &one.segmentation_id);
    let first = changed.first().map(|(id, ..)| *id);
    Some(match first {
        Some(id) => format!("prices may read the segmentation {id:?}"),
        None => "prices read segmentations in their order, which changes".to_owned(),
    })
}

/// Returns the reason if an experiment changes whose arms name strategy versions, or what decides who
/// takes part in one: its layer and the holdout.
fn experiment(before: &Release, after: &Release) -> Option<String> {
    let none = ExperimentPlan::default();
    let old = before.experiments.as_ref().unwrap_or(&none);
    let new = after.experiments.as_ref().unwrap_or(&none);
    let changed = differing(&old.experiments, &new.experiments, |one| &one.experiment_id);
    let priced = changed.iter().find(|(_, old, new)| {
        let mut either = old.iter().chain(new);
        either.any(|experiment| names_strategies(experiment))
    });
    if let Some((id, ..)) = priced {
        return Some(format!("it changes {}", named(id)));
    }
    // Of these each is the same in both.
    let mut priced = new.experiments.iter().filter(|one| names_strategies(one));
    let holdout = |plan: &ExperimentPlan| (plan.holdout_ppm, plan.holdout_salt.clone());
    if holdout(old) != holdout(new)
        && let Some(experiment) = priced.next()
    {
        let id = &experiment.experiment_id;
        return Some(format!(
            "the holdout decides who takes part in {}",
            named(id)
        ));
    }
    let layer: fn(&Layer) -> &str = |one| &one.layer_id;
    let layers = differing(&old.layers, &new.layers, layer);
    let mut priced = new.experiments.iter().filter(|one| names_strategies(one));
    let inside = priced.find(|one| layers.iter().any(|(id, ..)| *id == one.layer_id))?;
    let (layer, id) = (&inside.layer_id, &inside.experiment_id);
    let who = format!(
        "the layer {layer:?} decides who takes part in {}",
        named(id)
    );
    Some(who)
}

fn named(experiment: &str) -> String {
    format!("the experiment {experiment:?}, whose arms name strategy versions")
}

fn names_strategies(experiment: &Experiment) -> bool {
    let mut arms = experiment.arms.iter();
    arms.any(|arm| !arm.strategy_versions.is_empty())
}

#[cfg(test)]
#[path = "unpriced_tests.rs"]
mod tests;
