//! Strategies, rule packs and scorecards: that they are named right. Whether a strategy prices
//! well is the lint's business, in the price engine.

use std::collections::BTreeMap;

use fairlead_domain::Currency;
use fairlead_proto::catalogue::v1::{Product, ProductKind};
use fairlead_proto::control::v1::{Characteristic, Release, RiskModel, RulePack, Strategy};

use super::{period, rate, strategy_of, unique};
use crate::catalogue::Catalogue;
use crate::finding::{Finding, Rule, one_of};
use crate::plan::champions;

/// Ids, versions and what strategies name; the defaults by kind.
pub(super) fn strategies(release: &Release, findings: &mut Vec<Finding>) {
    let versions = release
        .strategies
        .iter()
        .map(|one| format!("{}@{}", one.strategy_id, one.version));
    unique("strategy version", versions, findings);
    for strategy in &release.strategies {
        check_strategy(strategy, release, findings);
    }
    let champions = champions(&release.strategies);
    for (kind, id) in &release.default_strategies {
        let thing = format!("default_strategies[{kind}]");
        match ProductKind::try_from(*kind) {
            Ok(ProductKind::Unspecified) | Err(_) => {
                let allowed = "a product kind as a number, 1 to 6";
                findings.push(Finding::error(
                    Rule::Unknown,
                    "default_strategies: kind",
                    kind,
                    allowed,
                ));
            }
            Ok(kind) => named(&thing, id, kind, None, release, findings),
        }
        if champions.get(id.as_str()) == Some(&0) {
            no_champion(&thing, id, findings);
        }
    }
}

fn check_strategy(strategy: &Strategy, release: &Release, findings: &mut Vec<Finding>) {
    let name = format!("strategy \"{}@{}\"", strategy.strategy_id, strategy.version);
    if strategy.strategy_id.is_empty() {
        let allowed = "an id of at least one character";
        findings.push(Finding::error(
            Rule::Missing,
            format!("{name}: strategy_id"),
            "",
            allowed,
        ));
    }
    if strategy.version < 1 {
        let thing = format!("{name}: version");
        findings.push(Finding::error(
            Rule::Range,
            thing,
            strategy.version,
            "1 or more",
        ));
    }
    if let Err(error) = Currency::new(&strategy.currency) {
        let thing = format!("{name}: currency");
        findings.push(Finding::error(
            Rule::Currency,
            thing,
            &strategy.currency,
            error.allowed,
        ));
    }
    let wanted = strategy
        .grading
        .as_ref()
        .map_or("", |grading| &grading.risk_model);
    let models = || release.risk_models.iter().map(|model| model.name.as_str());
    if !wanted.is_empty() && !models().any(|model| model == wanted) {
        let thing = format!("{name}: grading.risk_model");
        findings.push(Finding::error(
            Rule::Unknown,
            thing,
            wanted,
            one_of(models()),
        ));
    }
}

/// Every product's strategy is there, may price the kind, and reckons in the product's currency.
pub(super) fn product_strategies(
    release: &Release,
    catalogue: &Catalogue,
    findings: &mut Vec<Finding>,
) {
    let champions = champions(&release.strategies);
    let mut unpriced: BTreeMap<i32, Vec<&Product>> = BTreeMap::new();
    for product in catalogue.products() {
        let thing = format!("product {:?}: strategy_id", product.product_id);
        match strategy_of(release, product) {
            Some(id) => {
                let currency = Some(product.currency.as_str());
                named(&thing, id, product.kind(), currency, release, findings);
                if !product.strategy_id.is_empty() && champions.get(id) == Some(&0) {
                    no_champion(&thing, id, findings);
                }
            }
            None if product.active => unpriced.entry(product.kind).or_default().push(product),
            None => {}
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

/// What is wrong where `thing` names strategy `id` for a kind and a currency.
fn named(
    thing: &str,
    id: &str,
    kind: ProductKind,
    currency: Option<&str>,
    release: &Release,
    findings: &mut Vec<Finding>,
) {
    let mut versions = release
        .strategies
        .iter()
        .filter(|one| one.strategy_id == id)
        .peekable();
    if versions.peek().is_none() {
        let mut ids: Vec<_> = release
            .strategies
            .iter()
            .map(|one| one.strategy_id.as_str())
            .collect();
        ids.dedup();
        findings.push(Finding::error(Rule::Unknown, thing, id, one_of(ids)));
    }
    for strategy in versions {
        let name = format!("{thing}, version {}", strategy.version);
        if !strategy.kinds.is_empty() && !strategy.kinds.contains(&kind.into()) {
            let kinds = one_of(strategy.kinds().map(|kind| kind.as_str_name()));
            let thing = format!("{name}: kind");
            findings.push(Finding::error(
                Rule::Contradiction,
                thing,
                kind.as_str_name(),
                kinds,
            ));
        }
        if let Some(currency) = currency.filter(|currency| *currency != strategy.currency) {
            let allowed = format!("{}, the strategy's currency", strategy.currency);
            let thing = format!("{name}: currency");
            findings.push(Finding::error(Rule::Currency, thing, currency, allowed));
        }
    }
}

fn no_champion(thing: &str, id: &str, findings: &mut Vec<Finding>) {
    let allowed = "a strategy of which one version is the champion";
    findings.push(Finding::error(Rule::Contradiction, thing, id, allowed));
}

/// Rule packs: law as data.
pub(super) fn rule_packs(packs: &[RulePack], findings: &mut Vec<Finding>) {
    unique(
        "rule_pack_id",
        packs.iter().map(|pack| pack.rule_pack_id.as_str()),
        findings,
    );
    for pack in packs {
        let name = format!("rule pack {:?}", pack.rule_pack_id);
        period(&name, pack.valid_from_ms, pack.valid_to_ms, findings);
        for (field, text) in [
            ("jurisdiction", &pack.jurisdiction),
            ("source", &pack.source),
        ] {
            if text.is_empty() {
                let allowed = "where the rule holds, and where it is written";
                let thing = format!("{name}: {field}");
                findings.push(Finding::error(Rule::Missing, thing, "", allowed));
            }
        }
        rate(
            format!("{name}: max_all_in_ppm"),
            pack.max_all_in_ppm.unwrap_or(0),
            findings,
        );
        if let Some(exposure) = pack.max_exposure_minor {
            if exposure < 0 {
                let thing = format!("{name}: max_exposure_minor");
                findings.push(Finding::error(Rule::Range, thing, exposure, "0 or more"));
            }
            if let Err(error) = Currency::new(&pack.currency) {
                let thing = format!("{name}: currency");
                findings.push(Finding::error(
                    Rule::Currency,
                    thing,
                    &pack.currency,
                    error.allowed,
                ));
            }
        }
        if let Some(months) = pack.max_bullet_months.filter(|months| *months < 0) {
            let thing = format!("{name}: max_bullet_months");
            findings.push(Finding::error(Rule::Range, thing, months, "0 or more"));
        }
        for step in &pack.min_redemption_fees {
            rate(
                format!("{name}: min_redemption_fees"),
                step.fee_ppm,
                findings,
            );
        }
    }
}

/// Scorecards: finite points, ascending bins, the last one open.
pub(super) fn risk_models(models: &[RiskModel], findings: &mut Vec<Finding>) {
    unique(
        "risk model",
        models.iter().map(|model| model.name.as_str()),
        findings,
    );
    for model in models {
        let name = format!("risk model {:?}", model.name);
        finite(&format!("{name}: intercept"), model.intercept, findings);
        let features = model.characteristics.iter().map(|one| one.feature.as_str());
        unique(&format!("{name}: feature"), features, findings);
        for characteristic in &model.characteristics {
            check_bins(
                &format!("{name}: {:?}", characteristic.feature),
                characteristic,
                findings,
            );
        }
    }
}

fn check_bins(name: &str, characteristic: &Characteristic, findings: &mut Vec<Finding>) {
    let bins = &characteristic.bins;
    let bounds: Vec<f64> = bins
        .iter()
        .map(|bin| bin.upto.unwrap_or(f64::INFINITY))
        .collect();
    let last_open = bins.last().is_some_and(|bin| bin.upto.is_none());
    if !last_open || !bounds.is_sorted_by(|one, next| one < next) {
        let allowed = "bins ascending in upto, the last without";
        let thing = format!("{name}: bins");
        findings.push(Finding::error(
            Rule::Contradiction,
            thing,
            format!("{bounds:?}"),
            allowed,
        ));
    }
    let missing = characteristic.missing_points.iter().copied();
    for points in bins.iter().map(|bin| bin.points).chain(missing) {
        finite(&format!("{name}: points"), points, findings);
    }
}

fn finite(thing: &str, value: f64, findings: &mut Vec<Finding>) {
    if !value.is_finite() {
        findings.push(Finding::error(Rule::Range, thing, value, "a finite number"));
    }
}
