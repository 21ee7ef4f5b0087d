//! One version of a pricing strategy, compiled: checked once, read on every price.

use std::sync::Arc;

use fairlead_domain::{Currency, RatePpm};
use fairlead_proto::catalogue::v1::ProductKind;
use fairlead_proto::control::v1 as pb;

use crate::Error;
use crate::card_columns::Outputs;
use crate::cost::CostModel;
use crate::error::Checks;
use crate::insurance::Loading;
use crate::limit::LimitRules;
use crate::points::Points;
use crate::rate_card::RateCard;
use crate::risk::{Grades, Scorecard};

/// A strategy that can be priced with.
#[derive(Debug)]
pub struct CompiledStrategy {
    pub(crate) id: String,
    pub(crate) version: i64,
    pub(crate) champion: bool,
    /// "cash-loan@3".
    pub(crate) label: String,
    pub(crate) kinds: Vec<ProductKind>,
    pub(crate) currency: Currency,
    pub(crate) jurisdiction: String,
    pub(crate) licence: String,
    pub(crate) standard_segment: String,
    pub(crate) quote_valid_seconds: i64,
    pub(crate) family: Family,
}

/// What a family of kinds needs; a strategy prices one family.
#[derive(Debug)]
pub(crate) enum Family {
    /// Loans, instalment plans and cards.
    Credit(Box<CreditStrategy>),
    /// Funds: an optional card of discounts.
    Fund(Option<RateCard>),
    /// Deposits: an optional cost model, for the margin.
    Deposit(Option<Box<CostModel>>),
    /// Insurance.
    Insurance(Loading),
}

/// Everything that credit is priced with.
#[derive(Debug)]
pub(crate) struct CreditStrategy {
    pub(crate) grading: Grading,
    pub(crate) grades: Grades,
    pub(crate) cost: CostModel,
    pub(crate) card: RateCard,
    pub(crate) points: Points,
    pub(crate) max_change_ppm: Option<i64>,
    pub(crate) limit: LimitRules,
}

/// How a grade is found.
#[derive(Debug)]
pub(crate) enum Grading {
    /// By the probability of default of a scorecard.
    Model(Arc<Scorecard>),
    /// As a category feature carries it.
    Feature(String),
}

impl CompiledStrategy {
    /// Checks a strategy with the risk models of its release; every error at once.
    pub fn compile(
        strategy: &pb::Strategy,
        risk_models: &[pb::RiskModel],
    ) -> Result<Self, Vec<Error>> {
        let label = format!("{}@{}", strategy.strategy_id, strategy.version);
        let mut checks = Checks::of(format!("strategy {label}"));
        checks.require(
            !strategy.strategy_id.is_empty(),
            "strategy_id",
            "",
            "a name",
        );
        let currency = Currency::new(&strategy.currency).ok();
        checks.require(
            currency.is_some(),
            "currency",
            &strategy.currency,
            "an ISO 4217 code such as CNY",
        );
        checks.require(
            !strategy.jurisdiction.is_empty(),
            "jurisdiction",
            "",
            "a jurisdiction such as CN",
        );
        let week = 7 * 86_400;
        checks.between("quote_valid_seconds", strategy.quote_valid_seconds, 1, week);
        let family = family_of(strategy, risk_models, currency, &mut checks);
        match (family, currency, checks.clean()) {
            (Some(family), Some(currency), true) => Ok(Self {
                id: strategy.strategy_id.clone(),
                version: strategy.version,
                champion: strategy.champion,
                label,
                kinds: strategy.kinds().collect(),
                currency,
                jurisdiction: strategy.jurisdiction.clone(),
                licence: strategy.licence.clone(),
                standard_segment: strategy.standard_segment.clone(),
                quote_valid_seconds: strategy.quote_valid_seconds,
                family,
            }),
            _ => Err(checks.into_errors()),
        }
    }

    /// Strategy and version: "cash-loan@3".
    pub fn label(&self) -> &str {
        &self.label
    }

    /// How long a firm quote stands, seconds.
    pub fn quote_valid_seconds(&self) -> i64 {
        self.quote_valid_seconds
    }

    /// Names of the features that it reads: of risk, grade and limit.
    pub fn features(&self) -> Vec<&str> {
        let Family::Credit(credit) = &self.family else {
            return Vec::new();
        };
        let mut names = match &credit.grading {
            Grading::Feature(name) => vec![name.as_str()],
            Grading::Model(card) => {
                let characteristics = card.characteristics.iter();
                characteristics.map(|one| one.feature.as_str()).collect()
            }
        };
        names.extend([
            crate::limit::INCOME,
            crate::limit::DEBT_SERVICE,
            crate::limit::EXPOSURE,
        ]);
        names
    }
}

fn family_of(
    strategy: &pb::Strategy,
    risk_models: &[pb::RiskModel],
    currency: Option<Currency>,
    checks: &mut Checks,
) -> Option<Family> {
    let kinds: Vec<ProductKind> = strategy.kinds().collect();
    let all = |wanted: &[ProductKind]| {
        !kinds.is_empty() && kinds.iter().all(|kind| wanted.contains(kind))
    };
    let credit = [
        ProductKind::CashLoan,
        ProductKind::InstalmentPlan,
        ProductKind::CreditCard,
    ];
    if all(&credit) {
        return credit_family(strategy, risk_models, currency, checks);
    }
    let no_card = strategy
        .rate_card
        .as_ref()
        .is_none_or(|card| card.rows.is_empty());
    if all(&[ProductKind::Fund]) {
        let card = strategy.rate_card.as_ref().filter(|_| !no_card);
        let card =
            card.and_then(|card| RateCard::compile(card, (Outputs::Discount, currency?), checks));
        return Some(Family::Fund(card));
    }
    if all(&[ProductKind::Deposit]) {
        checks.require(
            no_card,
            "rate_card",
            "present",
            "absent: a deposit's yield is its product's",
        );
        let cost = strategy.cost.as_ref();
        let cost = cost.map(|cost| Box::new(CostModel::compile(cost, checks)));
        return Some(Family::Deposit(cost));
    }
    if all(&[ProductKind::Insurance]) {
        checks.require(
            no_card,
            "rate_card",
            "present",
            "absent: premiums follow the loadings",
        );
        let Some(loading) = &strategy.insurance else {
            checks.require(false, "insurance", "absent", "loadings");
            return None;
        };
        return Some(Family::Insurance(Loading::compile(loading, checks)));
    }
    checks.require(
        false,
        "kinds",
        format!("{kinds:?}"),
        "kinds of one family: credit (loans, plans, cards), funds, deposits, or insurance",
    );
    None
}

fn credit_family(
    strategy: &pb::Strategy,
    risk_models: &[pb::RiskModel],
    currency: Option<Currency>,
    checks: &mut Checks,
) -> Option<Family> {
    let grading = strategy.grading.as_ref();
    checks.require(
        grading.is_some_and(|grading| !grading.grades.is_empty()),
        "grading.grades",
        "none",
        "one grade at least",
    );
    let grades = grading.map_or(&[][..], |grading| &grading.grades);
    let by_pd = grading.is_some_and(|grading| grading.grade_feature.is_empty());
    let grades = Grades::compile(grades, by_pd, checks);
    let grading = grading.and_then(|grading| grading_of(grading, risk_models, checks));
    let cost = strategy
        .cost
        .as_ref()
        .map(|cost| CostModel::compile(cost, checks));
    checks.require(cost.is_some(), "cost", "absent", "a cost model");
    if strategy.kinds().any(|kind| kind == ProductKind::CreditCard) {
        let utilisation = strategy
            .cost
            .as_ref()
            .map_or(0, |cost| cost.utilisation_ppm);
        checks.between("cost.utilisation_ppm", utilisation, 1, 1_000_000);
    }
    let limit = strategy.limit.as_ref();
    checks.require(limit.is_some(), "limit", "absent", "limit rules");
    let limit = limit.map(|limit| LimitRules::compile(limit, &grades, checks));
    checks.require(
        strategy.rate_card.is_some(),
        "rate_card",
        "absent",
        "a rate card",
    );
    let card = strategy.rate_card.as_ref();
    let card = card.and_then(|card| RateCard::compile(card, (Outputs::Rate, currency?), checks))?;
    card.check_grades(&grades, checks);
    let points = points_of(&strategy.price_points_ppm, checks);
    checks.between(
        "max_change_ppm",
        strategy.max_change_ppm,
        0,
        RatePpm::MAX.ppm(),
    );
    Some(Family::Credit(Box::new(CreditStrategy {
        grading: grading?,
        grades,
        cost: cost?,
        card,
        points,
        max_change_ppm: (strategy.max_change_ppm > 0).then_some(strategy.max_change_ppm),
        limit: limit?,
    })))
}

fn grading_of(
    grading: &pb::Grading,
    risk_models: &[pb::RiskModel],
    checks: &mut Checks,
) -> Option<Grading> {
    let one = grading.risk_model.is_empty() != grading.grade_feature.is_empty();
    checks.require(
        one,
        "grading",
        format!(
            "risk_model `{}`, grade_feature `{}`",
            grading.risk_model, grading.grade_feature
        ),
        "exactly one of the two",
    );
    if !grading.grade_feature.is_empty() {
        return Some(Grading::Feature(grading.grade_feature.clone()));
    }
    let Some(model) = risk_models
        .iter()
        .find(|model| model.name == grading.risk_model)
    else {
        checks.missing("grading.risk_model", &grading.risk_model);
        return None;
    };
    match Scorecard::compile(model) {
        Ok(card) => Some(Grading::Model(Arc::new(card))),
        Err(errors) => {
            checks.extend(errors);
            None
        }
    }
}

fn points_of(points: &[i64], checks: &mut Checks) -> Points {
    checks.require(
        points.is_sorted_by(|a, b| a < b),
        "price_points_ppm",
        format!("{points:?}"),
        "ascending, each once",
    );
    for point in points {
        checks.between("price_points_ppm", *point, 0, RatePpm::MAX.ppm());
    }
    if points.is_empty() {
        Points::Any
    } else {
        Points::Listed(points.to_vec())
    }
}
