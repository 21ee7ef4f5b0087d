//! The strategies that differ: the version in use against the one before, row by row of its rate card.

use std::collections::{BTreeMap, BTreeSet};

use fairlead_proto::catalogue::v1::ProductKind;
use fairlead_proto::control::v1::{RateCard, Release, Row, Strategy};

use super::collect::Collector;
use super::json;
use super::value::Parts;
use crate::plan::champions;
use crate::section::Section;

const SECTION: Section = Section::Strategies;

/// Notes what differs between the strategies of two releases, and between the strategies that are used
/// by default.
pub(super) fn compare(before: &Release, after: &Release, found: &mut Collector) {
    let (old, new) = (in_use(before), in_use(after));
    let ids: BTreeSet<&str> = old.keys().chain(new.keys()).copied().collect();
    for id in ids {
        match (old.get(id), new.get(id)) {
            (Some(was), Some(is)) => against(id, was, is, found),
            (was, is) => {
                let version = |one: Option<&&Strategy>| one.map(|one| label(one));
                found.note(SECTION, id, "", version(was), version(is));
            }
        }
    }
    challengers(before, after, &new, found);
    defaults(before, after, found);
}

/// Returns the version in use of each strategy: its champion, else its newest.
fn in_use(release: &Release) -> BTreeMap<&str, &Strategy> {
    let champions = champions(&release.strategies);
    let mut in_use: BTreeMap<&str, &Strategy> = BTreeMap::new();
    for strategy in &release.strategies {
        let id = strategy.strategy_id.as_str();
        let champion = champions.get(id) == Some(&strategy.version);
        let newer = |other: &&Strategy| other.version < strategy.version;
        let without = champions.get(id) == Some(&0);
        if champion || without && in_use.get(id).is_none_or(newer) {
            in_use.insert(id, strategy);
        }
    }
    in_use
}

/// Notes the versions that are no longer or newly there beside those in use, a new one with what it
/// has of its own.
fn challengers(
    before: &Release,
    after: &Release,
    in_use_after: &BTreeMap<&str, &Strategy>,
    found: &mut Collector,
) {
    let beside = |release: &Release| -> BTreeMap<String, Strategy> {
        let used: BTreeSet<String> = in_use(release).values().map(|one| label(one)).collect();
        let each = release
            .strategies
            .iter()
            .map(|one| (label(one), one.clone()));
        each.filter(|(label, _)| !used.contains(label)).collect()
    };
    let (old, new) = (beside(before), beside(after));
    for label in old.keys().filter(|label| !new.contains_key(*label)) {
        let version = Some("a challenger".to_owned());
        found.note(SECTION, label, "", version, None);
    }
    for (name, challenger) in new.iter().filter(|(name, _)| !old.contains_key(*name)) {
        let version = Some("a challenger".to_owned());
        found.note(SECTION, name, "", None, version);
        if let Some(champion) = in_use_after.get(challenger.strategy_id.as_str()) {
            let object = format!("{name} against {}", label(champion));
            content(&object, champion, challenger, found);
        }
    }
}

/// Notes the strategy of each kind that differs.
fn defaults(before: &Release, after: &Release, found: &mut Collector) {
    let (old, new) = (&before.default_strategies, &after.default_strategies);
    let kinds: BTreeSet<i32> = old.keys().chain(new.keys()).copied().collect();
    for kind in kinds
        .into_iter()
        .filter(|kind| old.get(kind) != new.get(kind))
    {
        let words = ProductKind::try_from(kind).unwrap_or_default().words();
        let object = format!("default of {words}");
        let id = |of: &BTreeMap<i32, String>| of.get(&kind).cloned();
        found.note(SECTION, &object, "", id(old), id(new));
    }
}

fn label(strategy: &Strategy) -> String {
    format!("{}@{}", strategy.strategy_id, strategy.version)
}

/// Notes what differs between the versions of a strategy that are in use before and after.
fn against(id: &str, was: &Strategy, is: &Strategy, found: &mut Collector) {
    if was == is {
        return;
    }
    if was.version != is.version {
        let versions = (Some(was.version.to_string()), Some(is.version.to_string()));
        found.note(SECTION, id, "version", versions.0, versions.1);
    }
    content(id, was, is, found);
}

/// Notes what two versions differ in: the rate card by row, the rest by field.
fn content(object: &str, was: &Strategy, is: &Strategy, found: &mut Collector) {
    let bare = |strategy: &Strategy| {
        let mut bare = strategy.clone();
        (bare.version, bare.champion) = (0, false);
        if let Some(card) = &mut bare.rate_card {
            card.rows.clear();
        }
        json(&bare)
    };
    let parts = Parts {
        section: SECTION,
        object,
    };
    parts.compare(String::new(), &bare(was), &bare(is), found);
    rows(object, was.rate_card.as_ref(), is.rate_card.as_ref(), found);
}

/// Notes the rows that differ: one is known by its inputs, its value are its outputs.
fn rows(object: &str, was: Option<&RateCard>, is: Option<&RateCard>, found: &mut Collector) {
    let old = was.map(by_inputs).unwrap_or_default();
    let new = is.map(by_inputs).unwrap_or_default();
    let added = new.keys().filter(|key| !old.contains_key(*key));
    let mut pairs: Vec<_> = old
        .keys()
        .chain(added)
        .map(|key| (&key.0, old.get(key), new.get(key)))
        .filter(|(_, was, is)| was.map(|row| &row.outputs) != is.map(|row| &row.outputs))
        .collect();
    let number = |was: Option<&NumberedRow>, is: Option<&NumberedRow>| {
        is.or(was).map_or(0, |row| row.number)
    };
    pairs.sort_by_key(|(_, was, is)| number(*was, *is));
    for (inputs, was, is) in pairs {
        let part = format!("row {} ({inputs})", number(was, is));
        let outputs = |row: Option<&NumberedRow>| row.map(|row| row.outputs.clone());
        found.note(SECTION, object, &part, outputs(was), outputs(is));
    }
}

/// A row of a rate card.
struct NumberedRow {
    /// Its number, from 1.
    number: usize,
    /// Its outputs, joined.
    outputs: String,
}

/// Returns the rows of a card by their inputs, joined, and how many rows with the same came before.
fn by_inputs(card: &RateCard) -> BTreeMap<(String, usize), NumberedRow> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut rows = BTreeMap::new();
    for (place, Row { cells }) in card.rows.iter().enumerate() {
        let (inputs, outputs) = cells.split_at(card.inputs.len().min(cells.len()));
        let inputs = inputs.join(", ");
        let again = seen.entry(inputs.clone()).or_default();
        let row = NumberedRow {
            number: place + 1,
            outputs: outputs.join(", "),
        };
        rows.insert((inputs, *again), row);
        *again += 1;
    }
    rows
}
