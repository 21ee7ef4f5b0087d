//! One version of a pricing strategy, compiled: checked once, read on every price.

use std::sync::Arc;

use fairlead_domain::{Currency, RatePpm, StrategyLabel};
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
use crate::risk::{Grades, Scorecard, Scorecards};
use crate::take_up::TakeUp;

/// The kinds that credit is priced as.
const CREDIT_KINDS: [ProductKind; 3] = [
    ProductKind::CashLoan,
    ProductKind::InstalmentPlan,
    ProductKind::CreditCard,
];

/// A strategy that can be priced with.
#[derive(Debug)]
pub struct CompiledStrategy {
    pub(crate) label: StrategyLabel,
    pub(crate) champion: bool,
    pub(crate) kinds: Vec<ProductKind>,
    pub(crate) currency: Currency,
    pub(crate) jurisdiction: String,
    pub(crate) licence: String,
    pub(crate) standard_segment: String,
    quote_valid_seconds: i64,
    take_up: Option<TakeUp>,
    pub(crate) family: Family,
}

/// The parts that a family of kinds is priced with; a strategy prices one family.
#[derive(Debug)]
pub(crate) enum Family {
    /// Loans, instalment plans and cards.
    Credit(Box<CreditStrategy>),
    /// Funds, with an optional card of discounts.
    Fund(Option<RateCard>),
    /// Deposits, with an optional cost model for the margin.
    Deposit(Option<Box<CostModel>>),
    /// Insurance.
    Insurance(Loading),
}

/// The parts that credit is priced with.
#[derive(Debug)]
pub(crate) struct CreditStrategy {
    pub(crate) grading: Grading,
    pub(crate) grades: Grades,
    pub(crate) cost: CostModel,
    pub(crate) card: RateCard,
    pub(crate) points: Points,
    /// The largest change against the last quote, or `None` where it is not bounded.
    pub(crate) max_change: Option<RatePpm>,
    pub(crate) limit: LimitRules,
}

/// The source of a grade.
#[derive(Debug)]
pub(crate) enum Grading {
    /// The probability of default of a scorecard.
    Model(Arc<Scorecard>),
    /// A category feature that carries it.
    Feature(String),
}

impl CompiledStrategy {
    /// Checks a strategy with the scorecards of its release.
    ///
    /// # Errors
    /// Every error of the strategy at once; none where its scorecard alone is refused, whose errors
    /// are noted with it.
    pub(crate) fn compile(
        strategy: &pb::Strategy,
        scorecards: &Scorecards,
    ) -> Result<Self, Vec<Error>> {
        let label = StrategyLabel::new(&strategy.strategy_id, strategy.version);
        let mut checks = Checks::new(format!("strategy \"{label}\""));
        let named = !strategy.strategy_id.is_empty();
        checks.present(named, "strategy_id", "an id of at least one character");
        checks.at_least("version", strategy.version, 1);
        let currency = checks.currency("currency", &strategy.currency);
        let somewhere = !strategy.jurisdiction.is_empty();
        checks.present(somewhere, "jurisdiction", "a jurisdiction such as CN");
        let week = 7 * 86_400;
        checks.within(
            "quote_valid_seconds",
            strategy.quote_valid_seconds,
            1..=week,
        );
        let cost = strategy.cost.as_ref();
        let take_up = cost.and_then(|cost| TakeUp::compile(cost, &mut checks));
        let family = family(strategy, scorecards, currency, &mut checks);
        match (family, currency, checks.clean()) {
            (Some(family), Some(currency), true) => Ok(Self {
                label,
                champion: strategy.champion,
                kinds: strategy.kinds().collect(),
                currency,
                jurisdiction: strategy.jurisdiction.clone(),
                licence: strategy.licence.clone(),
                standard_segment: strategy.standard_segment.clone(),
                quote_valid_seconds: strategy.quote_valid_seconds,
                take_up,
                family,
            }),
            _ => Err(checks.into_errors()),
        }
    }

    /// Returns the strategy and its version.
    pub fn label(&self) -> &StrategyLabel {
        &self.label
    }

    /// Returns for how many seconds a firm quote stands.
    pub fn quote_valid_seconds(&self) -> i64 {
        self.quote_valid_seconds
    }

    /// Returns the shift of take-up by price, or `None` where the strategy knows none.
    pub fn take_up(&self) -> Option<TakeUp> {
        self.take_up
    }

    /// Returns the names of the features that it reads, for risk, grade and limit.
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

/// Returns the parts that the strategy's kinds are priced with; notes errors and returns `None`
/// where they are not of one family. `currency` is `None` where the strategy's own is none, which
/// is an error noted before.
fn family(
    strategy: &pb::Strategy,
    scorecards: &Scorecards,
    currency: Option<Currency>,
    checks: &mut Checks,
) -> Option<Family> {
    let kinds: Vec<ProductKind> = strategy.kinds().collect();
    let all = |wanted: &[ProductKind]| {
        !kinds.is_empty() && kinds.iter().all(|kind| wanted.contains(kind))
    };
    if all(&CREDIT_KINDS) {
        return credit_family(strategy, scorecards, currency, checks);
    }
    // For the checks of a strategy that is refused without one.
    let some_currency = currency.unwrap_or(Currency::NONE);
    let card = strategy.rate_card.as_ref();
    let card = card.filter(|card| !card.rows.is_empty());
    if all(&[ProductKind::Fund]) {
        let card =
            card.and_then(|card| RateCard::compile(card, Outputs::Discount, currency?, checks));
        return Some(Family::Fund(card));
    }
    if all(&[ProductKind::Deposit]) {
        no_card(card, "absent: a deposit's yield is its product's", checks);
        let cost = strategy.cost.as_ref();
        let cost = cost.map(|cost| Box::new(CostModel::compile(cost, some_currency, checks)));
        return Some(Family::Deposit(cost));
    }
    if all(&[ProductKind::Insurance]) {
        no_card(card, "absent: premiums follow the loadings", checks);
        let Some(loading) = &strategy.insurance else {
            checks.present(false, "insurance", "loadings");
            return None;
        };
        let loading = Loading::compile(loading, some_currency, checks);
        return Some(Family::Insurance(loading));
    }
    checks.require(
        false,
        "kinds",
        format!("{kinds:?}"),
        "kinds of one family: credit (loans, plans, cards), funds, deposits, or insurance",
    );
    None
}

/// Notes an error where a family that has no rate card is given one.
fn no_card(card: Option<&pb::RateCard>, allowed: &str, checks: &mut Checks) {
    checks.require(card.is_none(), "rate_card", "present", allowed);
}

fn credit_family(
    strategy: &pb::Strategy,
    scorecards: &Scorecards,
    currency: Option<Currency>,
    checks: &mut Checks,
) -> Option<Family> {
    let grading = strategy.grading.as_ref();
    checks.present(
        grading.is_some_and(|grading| !grading.grades.is_empty()),
        "grading.grades",
        "one grade at least",
    );
    let grades = grading.map_or(&[][..], |grading| &grading.grades);
    let by_pd = grading.is_some_and(|grading| grading.grade_feature.is_empty());
    let grades = Grades::compile(grades, by_pd, checks);
    let grading = grading.and_then(|one| compile_grading(one, scorecards, checks));
    let cost = strategy.cost.as_ref();
    checks.present(cost.is_some(), "cost", "a cost model");
    // For the checks of a strategy that is refused without one.
    let some_currency = currency.unwrap_or(Currency::NONE);
    let cost = cost.map(|cost| CostModel::compile(cost, some_currency, checks));
    if strategy.kinds().any(|kind| kind == ProductKind::CreditCard) {
        let utilisation = strategy.cost.as_ref();
        let utilisation = utilisation.map_or(0, |cost| cost.utilisation_ppm);
        checks.within("cost.utilisation_ppm", utilisation, 1..=1_000_000);
    }
    let limit = strategy.limit.as_ref();
    checks.present(limit.is_some(), "limit", "limit rules");
    let limit = limit.map(|limit| LimitRules::compile(limit, &grades, some_currency, checks));
    let card = strategy.rate_card.as_ref();
    checks.present(card.is_some(), "rate_card", "a rate card");
    let card = RateCard::compile(card?, Outputs::Rate, currency?, checks)?;
    card.check_grades(&grades, checks);
    let points = points(&strategy.price_points_ppm, checks);
    let most = RatePpm::MAX.ppm();
    let max_change = checks.rate("max_change_ppm", strategy.max_change_ppm, 0..=most);
    Some(Family::Credit(Box::new(CreditStrategy {
        grading: grading?,
        grades,
        cost: cost?,
        card,
        points,
        max_change: (max_change > RatePpm::ZERO).then_some(max_change),
        limit: limit?,
    })))
}

fn compile_grading(
    grading: &pb::Grading,
    scorecards: &Scorecards,
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
    let Some(card) = scorecards.get(&grading.risk_model) else {
        let known = scorecards.keys().map(String::as_str);
        checks.missing("grading.risk_model", &grading.risk_model, known);
        return None;
    };
    card.clone().map(Grading::Model)
}

fn points(points: &[i64], checks: &mut Checks) -> Points {
    checks.require(
        points.is_sorted_by(|a, b| a < b),
        "price_points_ppm",
        format!("{points:?}"),
        "ascending, each once",
    );
    if points.is_empty() {
        return Points::Any;
    }
    let most = RatePpm::MAX.ppm();
    let point = |ppm: &i64| checks.rate("price_points_ppm", *ppm, 0..=most);
    Points::Listed(points.iter().map(point).collect())
}
