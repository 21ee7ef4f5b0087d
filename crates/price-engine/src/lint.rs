//! The lint of a strategy before it is approved: findings that name their rows, each with a
//! counter-example.
//!
//! Holes, overlaps, unreachable rows and cells that do not parse come from the decision table's
//! own lint, which is exact. Cap and floor are checked for every product, grade, tenor, band of
//! amounts and change of law to come: within a band the floor is highest and a card's cap lowest
//! at the smallest amount (see `cost` and `cap`), so that amount decides for all of them.

use std::collections::{BTreeMap, BTreeSet};

use fairlead_decision_table as table;
use fairlead_domain::{Currency, Money, StrategyLabel};
use fairlead_proto::catalogue::v1::Product;
use fairlead_proto::control::v1 as pb;

use crate::by_strategy::names;
use crate::cap::Ceiling;
use crate::card_columns::{CardInput, Outputs};
use crate::credit::{CreditPlan, TenorPlan};
use crate::error::Checks;
use crate::offer::{Offer, Pricer};
use crate::points::Points;
use crate::rate_card::{AmountRange, CardOffer, RateCard, row_number};
use crate::rule_pack::{Binding, RuleBook};
use crate::strategy::{CreditStrategy, Family};
use crate::{Engine, Error, Source};

/// The parts of a draft that a strategy is linted with.
#[derive(Debug, Clone, Copy)]
pub struct LintContext<'a> {
    /// The draft's cost models.
    pub cost_models: &'a [pb::CostModel],
    /// The draft's guardrails.
    pub guardrails: &'a [pb::Guardrails],
    /// The draft's scorecards.
    pub risk_models: &'a [pb::RiskModel],
    /// The draft's law.
    pub rule_packs: &'a [pb::RulePack],
    /// The draft's catalogue, of which the products are checked that the strategy would price.
    pub products: &'a [Product],
    /// The strategy of products that name none, by kind.
    pub default_strategies: &'a BTreeMap<i32, String>,
    /// The instant from which the strategy would be used, Unix milliseconds: law that ends before
    /// is left out, law that begins later is held against it.
    pub as_of_ms: i64,
}

impl<'a> LintContext<'a> {
    /// Returns the parts of a draft.
    pub fn of_draft(draft: &'a pb::Release, as_of_ms: i64) -> Self {
        let catalogue = draft.catalogue.as_ref();
        Self {
            cost_models: &draft.cost_models,
            guardrails: &draft.guardrails,
            risk_models: &draft.risk_models,
            rule_packs: &draft.rule_packs,
            products: catalogue.map_or(&[], |catalogue| &catalogue.products),
            default_strategies: &draft.default_strategies,
            as_of_ms,
        }
    }
}

/// Returns every finding on a strategy of a draft. Severity "error" blocks approval.
pub fn lint(strategy: &pb::Strategy, context: &LintContext<'_>) -> Vec<pb::Finding> {
    match compile_alone(strategy, context) {
        Ok(engine) => lint_compiled(&engine, &label_of(strategy), context.as_of_ms),
        Err(errors) => {
            let errors = errors.iter().map(error_finding);
            errors.chain(findings_despite_errors(strategy)).collect()
        }
    }
}

/// Returns the findings on a strategy of a draft without those errors for which
/// [`Engine::compile`] refuses it.
pub fn lint_despite_errors(strategy: &pb::Strategy, context: &LintContext<'_>) -> Vec<pb::Finding> {
    match compile_alone(strategy, context) {
        Ok(engine) => lint_compiled(&engine, &label_of(strategy), context.as_of_ms),
        Err(_) => findings_despite_errors(strategy),
    }
}

/// Returns every finding on a strategy version of a release that compiled, or none where the
/// release does not hold it. Law that ends before `as_of_ms` (Unix milliseconds) is left out.
pub fn lint_compiled(engine: &Engine, label: &StrategyLabel, as_of_ms: i64) -> Vec<pb::Finding> {
    let lint = Lint {
        engine,
        from_ms: as_of_ms,
    };
    lint.strategy(label)
}

fn label_of(strategy: &pb::Strategy) -> StrategyLabel {
    StrategyLabel::new(&strategy.strategy_id, strategy.version)
}

/// Compiles a strategy with its cost model, its guardrails, their scorecard, the law, and the products
/// that it would price.
fn compile_alone(strategy: &pb::Strategy, context: &LintContext<'_>) -> Result<Engine, Vec<Error>> {
    let label = label_of(strategy);
    let products: Vec<Product> = context
        .products
        .iter()
        .filter(|product| uses(product, strategy, context.default_strategies))
        .cloned()
        .collect();
    let costs = context.cost_models.iter();
    let costs: Vec<pb::CostModel> = costs
        .filter(|cost| names(&cost.strategies, &label))
        .cloned()
        .collect();
    let guardrails = context.guardrails.iter();
    let guardrails: Vec<pb::Guardrails> = guardrails
        .filter(|one| names(&one.strategies, &label))
        .cloned()
        .collect();
    let gradings = guardrails.iter().filter_map(|one| one.grading.as_ref());
    let scorecards: Vec<&str> = gradings.map(|one| one.risk_model.as_str()).collect();
    let models = context.risk_models.iter();
    let models: Vec<pb::RiskModel> = models
        .filter(|model| scorecards.contains(&model.name.as_str()))
        .cloned()
        .collect();
    Engine::compile(&Source {
        strategies: std::slice::from_ref(strategy),
        default_strategies: context.default_strategies,
        cost_models: &costs,
        guardrails: &guardrails,
        rule_packs: context.rule_packs,
        risk_models: &models,
        products: &products,
    })
}

/// Returns whether the strategy would price a product.
fn uses(product: &Product, strategy: &pb::Strategy, defaults: &BTreeMap<i32, String>) -> bool {
    let own = &product.strategy_id;
    let id = if own.is_empty() {
        defaults.get(&product.kind)
    } else {
        Some(own)
    };
    id.is_some_and(|id| *id == strategy.strategy_id) && product.active
}

/// Returns the findings on a card that parses, though its strategy does not compile.
fn findings_despite_errors(strategy: &pb::Strategy) -> Vec<pb::Finding> {
    let mut checks = Checks::new("lint");
    let (Some(card), Ok(currency)) = (&strategy.rate_card, Currency::new(&strategy.currency))
    else {
        return Vec::new();
    };
    let outputs = if card.outputs.iter().any(|column| column.name == "rate") {
        Outputs::Rate
    } else {
        Outputs::Discount
    };
    RateCard::compile(card, outputs, currency, &mut checks)
        .map(|card| table_findings(&card))
        .unwrap_or_default()
}

fn error(rule: &str, rows: Vec<i32>, message: String, counter_example: String) -> pb::Finding {
    pb::Finding {
        severity: "error".to_owned(),
        rule: rule.to_owned(),
        rows,
        message,
        counter_example,
    }
}

fn error_finding(found: &Error) -> pb::Finding {
    match found {
        Error::RateCard { row, .. } => {
            let rows = row.map(row_number).into_iter().collect();
            error("parse", rows, found.to_string(), String::new())
        }
        Error::NotMonotone {
            better_row,
            worse_row,
            example,
            ..
        } => {
            let rows = [*better_row, *worse_row].map(row_number);
            let message = found.to_string();
            error("not-monotone", rows.to_vec(), message, example.clone())
        }
        _ => error("strategy", Vec::new(), found.to_string(), String::new()),
    }
}

/// Returns the findings of the decision table's own lint.
fn table_findings(card: &RateCard) -> Vec<pb::Finding> {
    table::lint(card.table())
        .iter()
        .map(|finding| {
            let rule = match finding.check() {
                table::LintCheck::Conflict | table::LintCheck::Duplicate => "overlap",
                table::LintCheck::Unreachable => "unreachable",
                table::LintCheck::Hole => "hole",
                table::LintCheck::Monotone => "not-monotone",
            };
            let severity = match finding.severity() {
                table::Severity::Error => "error",
                table::Severity::Warning => "warning",
            };
            pb::Finding {
                severity: severity.to_owned(),
                rule: rule.to_owned(),
                rows: finding.rows().into_iter().map(row_number).collect(),
                message: finding.to_string(),
                counter_example: finding
                    .counter_example()
                    .map(ToString::to_string)
                    .unwrap_or_default(),
            }
        })
        .collect()
}

struct Lint<'a> {
    engine: &'a Engine,
    from_ms: i64,
}

/// One product under the strategy, at one instant of law.
#[derive(Clone, Copy)]
struct Case<'a> {
    product: &'a str,
    credit: &'a CreditStrategy,
    plan: &'a CreditPlan,
    book: &'a RuleBook,
    binding: Binding,
}

impl Lint<'_> {
    fn strategy(&self, label: &StrategyLabel) -> Vec<pb::Finding> {
        let Some(strategy) = self.engine.strategy(label) else {
            return Vec::new();
        };
        let mut findings = match &strategy.family {
            Family::Credit(credit) => table_findings(&credit.card),
            Family::Fund(Some(card)) => table_findings(card),
            Family::Fund(None) | Family::Deposit(_) | Family::Insurance(_) => Vec::new(),
        };
        let offers = self.engine.offers_of(label);
        for (product, offer) in &offers {
            findings.extend(self.law(product, offer));
        }
        if let Family::Credit(credit) = &strategy.family {
            findings.extend(off_points(credit));
            findings.extend(self.rows(credit, &offers));
        }
        findings
    }

    /// Returns an error where no rule pack covers the product at some time to come: it cannot be
    /// priced then.
    fn law(&self, product: &str, offer: &Offer) -> Option<pb::Finding> {
        let book = self.engine.book();
        let instants = book.instants(&offer.matching, self.from_ms);
        let gap = instants
            .into_iter()
            .find(|at| book.binding(&offer.matching, *at).is_none())?;
        let message = format!("no rule pack is valid for product {product}");
        Some(error(
            "no-rule-pack",
            Vec::new(),
            message,
            format!("product = {product}, at {gap}"),
        ))
    }

    /// Returns the first case in which each row breaks the floor or the cap.
    fn rows(&self, credit: &CreditStrategy, offers: &BTreeMap<&str, &Offer>) -> Vec<pb::Finding> {
        let book = self.engine.book();
        let mut said: BTreeSet<(String, Vec<i32>)> = BTreeSet::new();
        let mut findings = Vec::new();
        for (product, offer) in offers {
            let Pricer::Credit(plan) = &offer.pricer else {
                continue;
            };
            for at in book.instants(&offer.matching, self.from_ms) {
                let Some(binding) = book.binding(&offer.matching, at) else {
                    continue;
                };
                let case = Case {
                    product,
                    credit,
                    plan,
                    book,
                    binding,
                };
                for finding in case.findings() {
                    if said.insert((finding.rule.clone(), finding.rows.clone())) {
                        findings.push(finding);
                    }
                }
            }
        }
        findings
    }
}

/// Returns a warning for each target that is no approved point: the price will be another.
fn off_points(credit: &CreditStrategy) -> Vec<pb::Finding> {
    let Points::Listed(points) = &credit.held.points else {
        return Vec::new();
    };
    let rows = credit.card.rows();
    rows.filter(|(_, offer)| points.binary_search(&offer.net_rate()).is_err())
        .map(|(_, offer)| pb::Finding {
            severity: "warning".to_owned(),
            rule: "price-point".to_owned(),
            rows: vec![offer.row],
            message: format!(
                "row {}: {} after discount is no approved price point",
                offer.row,
                offer.net_rate()
            ),
            counter_example: String::new(),
        })
        .collect()
}

impl Case<'_> {
    fn findings(self) -> Vec<pb::Finding> {
        let card = &self.credit.card;
        let mut findings = Vec::new();
        for (row, offer) in card.rows() {
            if !card.takes(row, CardInput::Product, &self.product.into()) {
                continue;
            }
            let amounts: Vec<Money> = card
                .amounts(row)
                .into_iter()
                .filter_map(|range| self.smallest(range))
                .collect();
            for tenor in &self.plan.tenors {
                let months = i64::from(tenor.months);
                if !self.plan.is_card && !card.takes(row, CardInput::Tenor, &months.into()) {
                    continue;
                }
                for (place, grade) in self.credit.held.grades.names().enumerate() {
                    if card.takes(row, CardInput::Grade, &grade.into()) {
                        let found = amounts
                            .iter()
                            .filter_map(|amount| self.broken_bound(tenor, place, *amount, offer));
                        findings.extend(found);
                    }
                }
            }
        }
        findings
    }

    /// Returns the smallest amount on offer within a range, or `None` where there is none.
    fn smallest(&self, range: AmountRange) -> Option<Money> {
        let CreditPlan { min, max, step, .. } = *self.plan;
        let step = step.minor();
        let least = range.low.minor().max(min.minor());
        let amount = least.checked_add((step - least.rem_euclid(step)) % step)?;
        let most = range.high.minor().min(max.minor());
        (amount <= most).then_some(Money::new(amount, min.currency()))
    }

    /// Returns the bound, floor or cap, that a row's rate breaks for one tenor, grade (by its
    /// place) and amount, or `None` where it keeps both.
    fn broken_bound(
        &self,
        tenor: &TenorPlan,
        grade: usize,
        amount: Money,
        offer: CardOffer,
    ) -> Option<pb::Finding> {
        let name = self
            .credit
            .held
            .grades
            .names()
            .nth(grade)
            .unwrap_or_default();
        let rows = vec![offer.row];
        let rate = offer.net_rate();
        let example = || {
            format!(
                "product = {}, grade = {name}, tenor = {}, amount = {amount}",
                self.product, tenor.months,
            )
        };
        let floor = tenor.costs[grade].floor(self.plan.upfront(amount));
        let covered = floor.is_some_and(|floor| rate >= floor);
        if !covered {
            let floor = floor.map_or("any rate".to_owned(), |floor| floor.to_string());
            let message = format!(
                "row {}: {rate} after discount is below the floor, {floor}",
                offer.row
            );
            return Some(error("below-floor", rows, message, example()));
        }
        let most = match self.plan.ceiling(tenor, &self.binding, amount) {
            ceiling if ceiling.allows(rate) => return None,
            Ceiling::At(most) => format!("at most {most}"),
            Ceiling::Unlawful | Ceiling::Uncapped => "the fee alone breaks it".to_owned(),
        };
        let pack = &self.book.pack(self.binding.named).id;
        let message = format!(
            "row {}: {rate} after discount is beyond the cap of {pack}: {most}",
            offer.row
        );
        Some(error("beyond-cap", rows, message, example()))
    }
}
