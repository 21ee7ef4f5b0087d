//! What is wrong with a strategy before anyone approves it: rows named, with a counter-example.
//!
//! Holes, overlaps, unreachable rows and cells that do not parse come from the decision table's
//! own lint, which is exact. Cap and floor are checked for every product, grade, tenor, band of
//! amounts and change of law to come: within a band the floor is highest and a card's cap lowest
//! at the smallest amount (see `cost` and `cap`), so that amount decides for all of them.

use std::collections::{BTreeMap, BTreeSet};

use fairlead_decision_table as table;
use fairlead_domain::{Currency, Money, RatePpm};
use fairlead_proto::catalogue::v1::Product;
use fairlead_proto::control::v1 as pb;

use crate::card_columns::Input;
use crate::credit::{CreditPlan, TenorPlan};
use crate::offer::{Offer, Pricer};
use crate::rate_card::{CardOffer, RateCard};
use crate::rule_pack::{Binding, RuleBook};
use crate::strategy::{CreditStrategy, Family};
use crate::{Engine, Error, Source};

/// What a strategy is linted with.
#[derive(Debug, Clone, Copy)]
pub struct LintContext<'a> {
    /// The draft's scorecards.
    pub risk_models: &'a [pb::RiskModel],
    /// The draft's law.
    pub rule_packs: &'a [pb::RulePack],
    /// The draft's catalogue: those products are checked that the strategy would price.
    pub products: &'a [Product],
    /// The strategy of products that name none, by kind.
    pub default_strategies: &'a BTreeMap<i32, String>,
    /// From when on the strategy would be used, Unix milliseconds: law that ends before is left
    /// out, law that begins later is held against it.
    pub as_of_ms: i64,
}

/// Every finding on a strategy. Severity "error" blocks approval.
pub fn lint(strategy: &pb::Strategy, context: &LintContext<'_>) -> Vec<pb::Finding> {
    let products: Vec<Product> = context
        .products
        .iter()
        .filter(|product| uses(product, strategy, context.default_strategies))
        .cloned()
        .collect();
    let engine = Engine::compile(&Source {
        strategies: std::slice::from_ref(strategy),
        default_strategies: context.default_strategies,
        rule_packs: context.rule_packs,
        risk_models: context.risk_models,
        products: &products,
    });
    match engine {
        Ok(engine) => {
            let label = format!("{}@{}", strategy.strategy_id, strategy.version);
            Lint {
                engine: &engine,
                from_ms: context.as_of_ms,
            }
            .strategy(&label)
        }
        Err(errors) => {
            let mut findings: Vec<pb::Finding> = errors.iter().map(of_error).collect();
            findings.extend(table_findings_of(strategy));
            findings
        }
    }
}

fn uses(product: &Product, strategy: &pb::Strategy, defaults: &BTreeMap<i32, String>) -> bool {
    let own = &product.strategy_id;
    let id = if own.is_empty() {
        defaults.get(&product.kind)
    } else {
        Some(own)
    };
    id.is_some_and(|id| *id == strategy.strategy_id) && product.active
}

/// What the table's lint says of a card that parses, though its strategy does not compile.
fn table_findings_of(strategy: &pb::Strategy) -> Vec<pb::Finding> {
    let mut checks = crate::error::Checks::of("lint");
    let (Some(card), Ok(currency)) = (&strategy.rate_card, Currency::new(&strategy.currency))
    else {
        return Vec::new();
    };
    let outputs = if card.outputs.iter().any(|column| column.name == "rate") {
        crate::card_columns::Outputs::Rate
    } else {
        crate::card_columns::Outputs::Discount
    };
    RateCard::compile(card, (outputs, currency), &mut checks)
        .map(|card| of_table(&card))
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

fn row_number(row: usize) -> i32 {
    i32::try_from(row).unwrap_or(i32::MAX)
}

fn of_error(found: &Error) -> pb::Finding {
    match found {
        Error::RateCard { row, .. } => {
            let rows = row.map(row_number).into_iter().collect();
            error("parse", rows, found.to_string(), String::new())
        }
        Error::NotMonotone { rows, example, .. } => {
            let rows = vec![row_number(rows.0), row_number(rows.1)];
            error("not-monotone", rows, found.to_string(), example.clone())
        }
        _ => error("strategy", Vec::new(), found.to_string(), String::new()),
    }
}

fn of_table(card: &RateCard) -> Vec<pb::Finding> {
    table::lint(card.table())
        .iter()
        .map(|finding| {
            let rule = match finding.check() {
                table::Check::Conflict | table::Check::Duplicate => "overlap",
                table::Check::Unreachable => "unreachable",
                table::Check::Hole => "hole",
                table::Check::Monotone => "not-monotone",
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
    currency: Currency,
}

impl Lint<'_> {
    fn strategy(&self, label: &str) -> Vec<pb::Finding> {
        let Some(strategy) = self.engine.strategy(label) else {
            return Vec::new();
        };
        let mut findings = match &strategy.family {
            Family::Credit(credit) => of_table(&credit.card),
            Family::Fund(Some(card)) => of_table(card),
            Family::Fund(None) | Family::Deposit(_) | Family::Insurance(_) => Vec::new(),
        };
        let offers = self.engine.offers_of(label);
        for (product, offer) in &offers {
            findings.extend(self.law(product, offer));
        }
        if let Family::Credit(credit) = &strategy.family {
            findings.extend(off_points(credit));
            findings.extend(self.rows(credit, strategy.currency, &offers));
        }
        findings
    }

    /// A product that no rule pack covers at some time to come cannot be priced then.
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

    /// The first case by which each row breaks the floor or the cap.
    fn rows(
        &self,
        credit: &CreditStrategy,
        currency: Currency,
        offers: &BTreeMap<&str, &Offer>,
    ) -> Vec<pb::Finding> {
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
                    currency,
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

/// Targets that are no approved point are moved to one: worth a look.
fn off_points(credit: &CreditStrategy) -> Vec<pb::Finding> {
    let crate::points::Points::Listed(points) = &credit.points else {
        return Vec::new();
    };
    let rows = credit.card.rows();
    rows.filter(|(_, offer)| points.binary_search(&offer.net_ppm()).is_err())
        .map(|(_, offer)| pb::Finding {
            severity: "warning".to_owned(),
            rule: "price-point".to_owned(),
            rows: vec![offer.row],
            message: format!(
                "row {}: {} after discount is no approved price point",
                offer.row,
                RatePpm::new(offer.net_ppm()).unwrap_or_default()
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
            if !card.takes(row, Input::Product, &self.product.into()) {
                continue;
            }
            let amounts: Vec<i64> = card
                .amounts(row)
                .into_iter()
                .filter_map(|range| self.smallest(range))
                .collect();
            for tenor in &self.plan.tenors {
                let months = i64::from(tenor.months);
                if !self.plan.is_card && !card.takes(row, Input::Tenor, &months.into()) {
                    continue;
                }
                for (place, grade) in self.credit.grades.names().enumerate() {
                    if card.takes(row, Input::Grade, &grade.into()) {
                        let found = amounts
                            .iter()
                            .filter_map(|amount| self.bound((tenor, place), *amount, offer));
                        findings.extend(found);
                    }
                }
            }
        }
        findings
    }

    /// The smallest amount on offer within a range.
    fn smallest(&self, (low, high): (i64, i64)) -> Option<i64> {
        let step = self.plan.step;
        let least = low.max(self.plan.min);
        let amount = least + (step - least.rem_euclid(step)) % step;
        (amount <= high.min(self.plan.max)).then_some(amount)
    }

    /// Whether a row's rate breaks the floor or the cap of one grade, tenor and amount.
    fn bound(
        &self,
        (tenor, place): (&TenorPlan, usize),
        amount: i64,
        offer: CardOffer,
    ) -> Option<pb::Finding> {
        let grade = self.credit.grades.names().nth(place).unwrap_or_default();
        let rows = vec![offer.row];
        let rate = RatePpm::new(offer.net_ppm()).unwrap_or_default();
        let example = || {
            format!(
                "product = {}, grade = {grade}, tenor = {}, amount = {}",
                self.product,
                tenor.months,
                Money::new(amount, self.currency)
            )
        };
        let floor = tenor.costs[place].floor(self.plan.upfront(amount));
        let covered = floor.is_some_and(|floor| rate >= floor);
        if !covered {
            let floor = floor.map_or("any rate".to_owned(), |floor| floor.to_string());
            let message = format!(
                "row {}: {rate} after discount is below the floor, {floor}",
                offer.row
            );
            return Some(error("below-floor", rows, message, example()));
        }
        let ceiling = self.plan.ceiling(tenor, &self.binding, amount)?;
        let lawful = ceiling.is_some_and(|ceiling| rate <= ceiling);
        if lawful {
            return None;
        }
        let pack = &self.book.pack(self.binding.named).id;
        let most = ceiling.map_or("the fee alone breaks it".to_owned(), |most| {
            format!("at most {most}")
        });
        let message = format!(
            "row {}: {rate} after discount is beyond the cap of {pack}: {most}",
            offer.row
        );
        Some(error("beyond-cap", rows, message, example()))
    }
}
