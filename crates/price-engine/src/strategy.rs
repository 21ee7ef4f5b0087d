//! One version of a pricing strategy, compiled: checked once, read on every price.

use std::sync::Arc;

use fairlead_domain::{Currency, StrategyLabel};
use fairlead_proto::catalogue::v1::ProductKind;
use fairlead_proto::control::v1 as pb;

use crate::by_strategy::{ByStrategy, Found};
use crate::card_columns::Outputs;
use crate::cost::{CostModel, compile_cost_models};
use crate::error::Checks;
use crate::guardrails::{CreditGuardrails, Grading, Guardrails, compile_guardrails};
use crate::insurance::Loading;
use crate::rate_card::RateCard;
use crate::risk::compile_scorecards;
use crate::take_up::TakeUp;
use crate::{Error, Source};

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
    Deposit(Option<Arc<CostModel>>),
    /// Insurance.
    Insurance(Loading),
}

/// The parts that credit is priced with.
#[derive(Debug)]
pub(crate) struct CreditStrategy {
    pub(crate) cost: Arc<CostModel>,
    pub(crate) card: RateCard,
    /// The guardrails of its prices and limits.
    pub(crate) held: Arc<CreditGuardrails>,
}

/// The parts of a release that strategies are compiled with: the sections that hold their prices.
#[derive(Debug)]
pub(crate) struct Holding {
    pub(crate) cost_models: ByStrategy<CostModel>,
    pub(crate) guardrails: ByStrategy<Guardrails>,
}

impl Holding {
    /// Compiles the sections, adding errors to `errors`.
    pub(crate) fn compile(source: &Source<'_>, errors: &mut Vec<Error>) -> Self {
        let scorecards = compile_scorecards(source.risk_models, errors);
        Self {
            cost_models: compile_cost_models(source.cost_models, errors),
            guardrails: compile_guardrails(source.guardrails, &scorecards, errors),
        }
    }
}

impl CompiledStrategy {
    /// Checks a strategy with the sections of its release that hold its prices.
    ///
    /// # Errors
    /// Every error of the strategy at once; none where its cost model or its guardrails alone are
    /// refused, whose errors are noted with them.
    pub(crate) fn compile(strategy: &pb::Strategy, holding: &Holding) -> Result<Self, Vec<Error>> {
        let label = StrategyLabel::new(&strategy.strategy_id, strategy.version);
        let mut checks = Checks::new(format!("strategy \"{label}\""));
        let named = !strategy.strategy_id.is_empty();
        checks.present(named, "strategy_id", "an id of at least one character");
        checks.at_least("version", strategy.version, 1);
        let currency = checks.currency("currency", &strategy.currency);
        nothing_of_other_sections(strategy, &mut checks);
        let guardrails = holding.guardrails.of(&label);
        let allowed = "guardrails of the release that name the strategy";
        checks.present(guardrails.is_there(), "guardrails", allowed);
        let cost = holding.cost_models.of(&label);
        let parts = Parts {
            strategy,
            guardrails: guardrails.object(),
            cost,
            currency,
        };
        parts.check_currencies(&mut checks);
        let family = parts.family(&mut checks);
        match (family, currency, parts.guardrails, checks.clean()) {
            (Some(family), Some(currency), Some(guardrails), true) => Ok(Self {
                label,
                champion: strategy.champion,
                kinds: strategy.kinds().collect(),
                currency,
                jurisdiction: guardrails.jurisdiction.clone(),
                licence: guardrails.licence.clone(),
                standard_segment: strategy.standard_segment.clone(),
                quote_valid_seconds: guardrails.quote_valid_seconds,
                take_up: cost.object().and_then(|cost| cost.take_up),
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
        let mut names = match &credit.held.grading {
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
            crate::limit::EXPOSURE_OWN,
        ]);
        names
    }
}

/// Notes an error for each value that a strategy holds of another section: a strategy as it was stored
/// before those were sections is converted before it comes here.
fn nothing_of_other_sections(strategy: &pb::Strategy, checks: &mut Checks) {
    let guardrails = [
        ("jurisdiction", !strategy.jurisdiction.is_empty()),
        ("licence", !strategy.licence.is_empty()),
        ("grading", strategy.grading.is_some()),
        ("price_points_ppm", !strategy.price_points_ppm.is_empty()),
        ("max_change_ppm", strategy.max_change_ppm != 0),
        ("limit", strategy.limit.is_some()),
        ("quote_valid_seconds", strategy.quote_valid_seconds != 0),
    ];
    for (field, set) in guardrails {
        let allowed = "absent: it belongs to the section guardrails";
        checks.require(!set, field, "present", allowed);
    }
    let allowed = "absent: it belongs to the section cost_models";
    checks.require(strategy.cost.is_none(), "cost", "present", allowed);
}

/// A strategy with what holds its prices, while it is compiled.
#[derive(Clone, Copy)]
struct Parts<'a> {
    strategy: &'a pb::Strategy,
    /// `None` where there are none or they were refused.
    guardrails: Option<&'a Arc<Guardrails>>,
    cost: Found<'a, CostModel>,
    /// `None` where the strategy's own is none, which is an error noted before.
    currency: Option<Currency>,
}

impl Parts<'_> {
    /// Notes an error where amounts of cost or guardrails are in another currency than the strategy.
    fn check_currencies(&self, checks: &mut Checks) {
        let Some(currency) = self.currency else {
            return;
        };
        let held = [
            (
                "guardrails.currency",
                self.guardrails.map(|one| one.currency),
            ),
            (
                "cost_models.currency",
                self.cost.object().map(|one| one.currency),
            ),
        ];
        for (field, held) in held {
            let held = held.unwrap_or(currency);
            let whose = "the strategy's currency";
            checks.same_currency(field, held.code(), currency.code(), whose);
        }
    }

    /// Returns the parts that the strategy's kinds are priced with; notes errors and returns `None`
    /// where they are not of one family.
    fn family(&self, checks: &mut Checks) -> Option<Family> {
        let strategy = self.strategy;
        let kinds: Vec<ProductKind> = strategy.kinds().collect();
        let all = |wanted: &[ProductKind]| {
            !kinds.is_empty() && kinds.iter().all(|kind| wanted.contains(kind))
        };
        if all(&CREDIT_KINDS) {
            return self.credit(checks);
        }
        let card = strategy.rate_card.as_ref();
        let card = card.filter(|card| !card.rows.is_empty());
        if all(&[ProductKind::Fund]) {
            let card = card.and_then(|card| {
                RateCard::compile(card, Outputs::Discount, self.currency?, checks)
            });
            return Some(Family::Fund(card));
        }
        if all(&[ProductKind::Deposit]) {
            no_card(card, "absent: a deposit's yield is its product's", checks);
            return Some(Family::Deposit(self.cost.object().cloned()));
        }
        if all(&[ProductKind::Insurance]) {
            no_card(card, "absent: premiums follow the loadings", checks);
            let Some(loading) = &strategy.insurance else {
                checks.present(false, "insurance", "loadings");
                return None;
            };
            // For the checks of a strategy that is refused without one.
            let currency = self.currency.unwrap_or(Currency::NONE);
            let loading = Loading::compile(loading, currency, checks);
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

    fn credit(&self, checks: &mut Checks) -> Option<Family> {
        let strategy = self.strategy;
        let allowed = "a cost model of the release that names the strategy";
        checks.present(self.cost.is_there(), "cost_models", allowed);
        let cost = self.cost.object();
        if strategy.kinds().any(|kind| kind == ProductKind::CreditCard) {
            let utilisation = cost.map_or(1, |cost| cost.utilisation.ppm());
            checks.within("cost_models.utilisation_ppm", utilisation, 1..=1_000_000);
        }
        if let Some(guardrails) = self.guardrails {
            let allowed = "guardrails with grading and limit";
            checks.present(guardrails.credit.is_some(), "guardrails.grading", allowed);
        }
        let card = strategy.rate_card.as_ref();
        checks.present(card.is_some(), "rate_card", "a rate card");
        let card = RateCard::compile(card?, Outputs::Rate, self.currency?, checks)?;
        let held = self.guardrails?.credit.as_ref()?;
        card.check_grades(&held.grades, checks);
        Some(Family::Credit(Box::new(CreditStrategy {
            cost: Arc::clone(cost?),
            card,
            held: Arc::clone(held),
        })))
    }
}

/// Notes an error where a family that has no rate card is given one.
fn no_card(card: Option<&pb::RateCard>, allowed: &str, checks: &mut Checks) {
    checks.require(card.is_none(), "rate_card", "present", allowed);
}
