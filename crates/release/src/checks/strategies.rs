//! The strategies that a release uses by default, and those that its products name.

use std::collections::BTreeMap;

use fairlead_proto::catalogue::v1::{Product, ProductKind};
use fairlead_proto::control::v1::{Release, Strategy};

use super::strategy_of;
use crate::catalogue::Catalogue;
use crate::finding::{Finding, Rule, one_of};
use crate::plan::champions;

/// Checks that the default strategies are there, price their kinds and have a champion.
pub(super) fn defaults(release: &Release, findings: &mut Vec<Finding>) {
    let champions = champions(&release.strategies);
    for (number, id) in &release.default_strategies {
        let thing = format!("default_strategies[{number}]");
        let kind = ProductKind::try_from(*number).unwrap_or_default();
        if kind == ProductKind::Unspecified {
            let allowed = "a product kind as a number, 1 to 6";
            let thing = "default_strategies: kind";
            findings.push(Finding::error(Rule::Unknown, thing, number, allowed));
            continue;
        }
        match champions.get(id.as_str()) {
            None => {
                let allowed = one_of(champions.keys().copied());
                findings.push(Finding::error(Rule::Unknown, &*thing, id, allowed));
            }
            Some(0) => no_champion(&thing, id, findings),
            Some(_) => {}
        }
        let versions = release.strategies.iter();
        for strategy in versions.filter(|one| one.strategy_id == *id) {
            prices(&thing, strategy, kind, findings);
        }
    }
}

/// Checks that a strategy version prices a kind.
fn prices(thing: &str, strategy: &Strategy, kind: ProductKind, findings: &mut Vec<Finding>) {
    if !strategy.kinds.contains(&kind.into()) {
        let kinds = one_of(strategy.kinds().map(|kind| kind.as_str_name()));
        let thing = format!("{thing}, version {}: kind", strategy.version);
        let kind = kind.as_str_name();
        findings.push(Finding::error(Rule::Contradiction, thing, kind, kinds));
    }
}

/// Checks that the strategies that products name have a champion, and warns of products that no
/// strategy prices.
pub(super) fn products(release: &Release, catalogue: &Catalogue, findings: &mut Vec<Finding>) {
    let champions = champions(&release.strategies);
    let mut unpriced: BTreeMap<i32, Vec<&Product>> = BTreeMap::new();
    for product in catalogue.products() {
        match strategy_of(release, product) {
            Some(id) if !product.strategy_id.is_empty() && champions.get(id) == Some(&0) => {
                let thing = format!("product {:?}: strategy_id", product.product_id);
                no_champion(&thing, id, findings);
            }
            None if product.active => unpriced.entry(product.kind).or_default().push(product),
            _ => {}
        }
    }
    for (kind, products) in unpriced {
        let thing = format!(
            "default_strategies[{kind}], for {} products",
            products.len()
        );
        let first = products
            .first()
            .map_or("", |product| product.product_id.as_str());
        let allowed =
            format!("a strategy here or in each product, as {first:?}, or no price is shown");
        findings.push(Finding::warning(Rule::Missing, thing, "", allowed));
    }
}

fn no_champion(thing: &str, id: &str, findings: &mut Vec<Finding>) {
    let allowed = "a strategy of which one version is the champion";
    findings.push(Finding::error(Rule::Contradiction, thing, id, allowed));
}
