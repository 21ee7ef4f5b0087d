//! Converts a row of a catalogue to a product.

use fairlead_proto::catalogue::v1::product::Terms;
use fairlead_proto::catalogue::v1::{
    CardTerms, DepositTerms, Eligibility, FundTerms, InsuranceTerms, LoanTerms, Product,
    ProductKind, RedemptionFee, RepaymentMethod,
};
use fairlead_proto::money::v1::Money;

use super::event::word;
use crate::cell::Cell;
use crate::fields::{Fields, LATEST_MS, missing, small};
use crate::refusal::Refusal;
use crate::values;

const REPAYMENTS: &str = "annuity, equal_principal or bullet";

/// Parses a product kind: `fund`, `PRODUCT_KIND_FUND` or 4.
pub(super) fn kind(column: &str, cell: &Cell) -> Result<ProductKind, Refusal> {
    let word = word(column, cell)?;
    let name = format!("PRODUCT_KIND_{}", word.trim_start_matches("PRODUCT_KIND_"));
    let by_number = || ProductKind::try_from(word.parse::<i32>().ok()?).ok();
    let found = ProductKind::from_str_name(&name).or_else(by_number);
    let known = found.filter(|kind| *kind != ProductKind::Unspecified);
    known.ok_or_else(|| Refusal::of(column, cell.shown(), allowed_kinds()))
}

/// Returns the names of product kinds, as error messages list them.
fn allowed_kinds() -> String {
    let [others @ .., last] = ProductKind::ALL.map(ProductKind::name);
    format!("{} or {last}, or its name in the proto", others.join(", "))
}

/// Returns the product of a row; the control plane validates it.
pub(crate) fn product(fields: &Fields) -> Result<Product, Refusal> {
    let row = ProductRow {
        fields,
        currency: fields.needed_id("currency")?,
    };
    let kind_of = fields.value("kind").ok_or_else(|| missing("kind"))?;
    let kind = kind("kind", kind_of)?;
    Ok(Product {
        product_id: fields.needed_id("product_id")?,
        name: fields.text("name")?.ok_or_else(|| missing("name"))?,
        kind: kind.into(),
        category: fields.id("category")?.unwrap_or_default(),
        active: fields.flag("active")?.unwrap_or(true),
        eligibility: Some(eligibility(fields)?),
        strategy_id: fields.id("strategy_id")?.unwrap_or_default(),
        listed_at_ms: listed_at(fields)?.unwrap_or_default(),
        margin_minor: fields.integer("margin_minor")?.unwrap_or_default(),
        tags: fields.ids("tags")?,
        terms: Some(row.terms(kind)?),
        currency: row.currency,
    })
}

/// Returns the time of listing; proto JSON spells out zero where there is none.
fn listed_at(fields: &Fields) -> Result<Option<i64>, Refusal> {
    const COLUMN: &str = "listed_at_ms";
    let zero = |cell: &Cell| matches!(cell, Cell::Text(text) | Cell::Number(text) if text == "0");
    match fields.value(COLUMN) {
        Some(cell) if zero(cell) => Ok(None),
        _ => fields.instant(COLUMN, LATEST_MS),
    }
}

fn eligibility(fields: &Fields) -> Result<Eligibility, Refusal> {
    Ok(Eligibility {
        min_age_years: fields.small("eligibility.min_age_years")?,
        max_age_years: fields.small("eligibility.max_age_years")?,
        min_income_monthly_minor: fields.integer("eligibility.min_income_monthly_minor")?,
        regions: fields.ids("eligibility.regions")?,
        employment: fields.ids("eligibility.employment")?,
        new_customers_only: fields
            .flag("eligibility.new_customers_only")?
            .unwrap_or_default(),
        repeatable: fields.flag("eligibility.repeatable")?.unwrap_or_default(),
    })
}

fn column_of(amount: &str) -> String {
    format!("{amount}.minor")
}

struct ProductRow<'f> {
    fields: &'f Fields,
    currency: String,
}

impl ProductRow<'_> {
    fn terms(&self, kind: ProductKind) -> Result<Terms, Refusal> {
        let (prefix, terms) = match kind {
            ProductKind::CashLoan | ProductKind::InstalmentPlan => {
                ("loan.", Terms::Loan(self.loan()?))
            }
            ProductKind::CreditCard => ("card.", Terms::Card(self.card()?)),
            ProductKind::Fund => ("fund.", Terms::Fund(self.fund()?)),
            ProductKind::Deposit => ("deposit.", Terms::Deposit(self.deposit()?)),
            ProductKind::Insurance => ("insurance.", Terms::Insurance(self.insurance()?)),
            ProductKind::Unspecified => {
                return Err(missing("kind"));
            }
        };
        for other in ["loan.", "card.", "fund.", "deposit.", "insurance."] {
            if other != prefix && self.fields.any_with_prefix(other) {
                let message = format!("{other}* is not allowed: a {kind:?} has {prefix}* alone");
                return Err(Refusal::from_message(&message));
            }
        }
        Ok(terms)
    }

    fn money(&self, name: &str) -> Result<Option<Money>, Refusal> {
        let column = column_of(name);
        let currency = self.fields.id(&format!("{name}.currency"))?;
        let money = |minor| Money {
            minor,
            currency: currency.unwrap_or_else(|| self.currency.clone()),
        };
        Ok(self.fields.integer(&column)?.map(money))
    }

    fn needed_money(&self, name: &str) -> Result<Option<Money>, Refusal> {
        match self.money(name)? {
            None => Err(missing(&column_of(name))),
            money => Ok(money),
        }
    }

    fn needed(&self, column: &str) -> Result<i64, Refusal> {
        let number = self.fields.integer(column)?;
        number.ok_or_else(|| missing(column))
    }

    fn or_none(&self, column: &str) -> Result<i64, Refusal> {
        Ok(self.fields.integer(column)?.unwrap_or_default())
    }

    fn needed_small(&self, column: &str) -> Result<i32, Refusal> {
        let number = self.fields.small(column)?;
        number.ok_or_else(|| missing(column))
    }

    fn loan(&self) -> Result<LoanTerms, Refusal> {
        let column = "loan.tenors_months";
        let months = |item: &Cell| {
            let months = values::integer(column, item, self.fields.rules());
            months
                .and_then(|months| small(column, months))
                .map_err(|_| Refusal::of(column, item.shown(), "months, as 3;6;12"))
        };
        let tenors: Vec<i32> = self
            .fields
            .list(column)
            .iter()
            .map(months)
            .collect::<Result<_, _>>()?;
        if tenors.is_empty() {
            return Err(missing(column));
        }
        Ok(LoanTerms {
            min_amount: self.needed_money("loan.min_amount")?,
            max_amount: self.needed_money("loan.max_amount")?,
            amount_step_minor: self.needed("loan.amount_step_minor")?,
            tenors_months: tenors,
            repayment: self.repayment()?.into(),
            origination_fee_ppm: self.or_none("loan.origination_fee_ppm")?,
        })
    }

    fn repayment(&self) -> Result<RepaymentMethod, Refusal> {
        let column = "loan.repayment";
        let cell = self.fields.value(column).ok_or_else(|| missing(column))?;
        let word = word(column, cell)?;
        let plain = word.trim_start_matches("REPAYMENT_METHOD_");
        let method = RepaymentMethod::from_str_name(&format!("REPAYMENT_METHOD_{plain}"));
        let known = method.filter(|method| *method != RepaymentMethod::Unspecified);
        known.ok_or_else(|| Refusal::of(column, cell.shown(), REPAYMENTS))
    }

    fn card(&self) -> Result<CardTerms, Refusal> {
        let free = Money {
            minor: 0,
            currency: self.currency.clone(),
        };
        Ok(CardTerms {
            min_limit: self.needed_money("card.min_limit")?,
            max_limit: self.needed_money("card.max_limit")?,
            limit_step_minor: self.needed("card.limit_step_minor")?,
            annual_fee: self.money("card.annual_fee")?.or(Some(free)),
        })
    }

    fn fund(&self) -> Result<FundTerms, Refusal> {
        Ok(FundTerms {
            risk_class: self.needed_small("fund.risk_class")?,
            subscription_fee_ppm: self.or_none("fund.subscription_fee_ppm")?,
            min_amount: self.needed_money("fund.min_amount")?,
            redemption_fees: self.redemption_fees()?,
            trailing_fee_ppm: self.or_none("fund.trailing_fee_ppm")?,
        })
    }

    fn redemption_fees(&self) -> Result<Vec<RedemptionFee>, Refusal> {
        let column = "fund.redemption_fees";
        let refused =
            |item: &Cell| Refusal::of(column, item.shown(), "DAYS:PPM, as 0:15000;7:5000");
        let step = |item: &Cell| {
            let (days, ppm) = match item {
                Cell::Text(text) => {
                    let (days, ppm) = text.split_once(':').ok_or_else(|| refused(item))?;
                    (Cell::trimmed(days, &[]), Cell::trimmed(ppm, &[]))
                }
                Cell::Record(fields) => {
                    let field = |names: [&str; 2]| {
                        let found = fields
                            .iter()
                            .find(|(name, _)| names.contains(&name.as_str()));
                        Some(found.map_or(Cell::Number("0".to_owned()), |(_, cell)| cell.clone()))
                    };
                    (
                        field(["from_days", "fromDays"]),
                        field(["fee_ppm", "feePpm"]),
                    )
                }
                _ => (None, None),
            };
            let whole = |cell: Option<Cell>| {
                let cell = cell.ok_or_else(|| refused(item))?;
                values::integer(column, &cell, self.fields.rules()).map_err(|_| refused(item))
            };
            Ok(RedemptionFee {
                from_days: small(column, whole(days)?)?,
                fee_ppm: whole(ppm)?,
            })
        };
        self.fields.list(column).iter().map(step).collect()
    }

    fn deposit(&self) -> Result<DepositTerms, Refusal> {
        Ok(DepositTerms {
            yield_ppm: self.needed("deposit.yield_ppm")?,
            tenor_months: self.needed_small("deposit.tenor_months")?,
            min_amount: self.needed_money("deposit.min_amount")?,
        })
    }

    fn insurance(&self) -> Result<InsuranceTerms, Refusal> {
        Ok(InsuranceTerms {
            claim_frequency_ppm: self.needed("insurance.claim_frequency_ppm")?,
            claim_severity: self.needed_money("insurance.claim_severity")?,
            filed_min_premium: self.needed_money("insurance.filed_min_premium")?,
            filed_max_premium: self.needed_money("insurance.filed_max_premium")?,
            sum_insured: self.needed_money("insurance.sum_insured")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::tests::of_cells;

    fn read(cells: &[(&str, &str)]) -> Result<Product, Refusal> {
        product(&of_cells(cells))
    }

    const LOAN: &[(&str, &str)] = &[
        ("product_id", "L-1"),
        ("name", "Loan"),
        ("kind", "cash_loan"),
        ("currency", "CNY"),
        ("loan.min_amount.minor", "100000"),
        ("loan.max_amount.minor", "5000000"),
        ("loan.amount_step_minor", "10000"),
        ("loan.tenors_months", "3;6;12"),
        ("loan.repayment", "annuity"),
        ("eligibility.regions", "north; south"),
        ("eligibility.min_age_years", "18"),
    ];

    fn changed(column: &str, value: &str) -> Result<Product, Refusal> {
        let mut cells: Vec<(&str, &str)> = LOAN.to_vec();
        match cells.iter_mut().find(|cell| cell.0 == column) {
            Some(cell) => cell.1 = value,
            None => cells.push((column, value)),
        }
        read(&cells)
    }

    #[test]
    fn cells_become_a_product_that_a_release_takes() {
        let product = read(LOAN).expect("a product");
        assert_eq!(fairlead_release::check_product(&product), []);
        let Some(Terms::Loan(terms)) = &product.terms else {
            panic!("loan terms")
        };
        assert_eq!(terms.tenors_months, [3, 6, 12]);
        assert_eq!(
            product.eligibility.as_ref().expect("bounds").regions,
            ["north", "south"]
        );
        assert!(product.active);
    }

    #[test]
    fn what_is_wrong_is_named_with_column_value_and_what_is_allowed() {
        for (column, value, expected) in [
            (
                "kind",
                "mortgage",
                "kind `mortgage` is not allowed: cash_loan",
            ),
            ("kind", "", "kind is missing"),
            ("product_id", "", "product_id is missing"),
            (
                "loan.min_amount.minor",
                "1.5",
                "loan.min_amount.minor `1.5`",
            ),
            (
                "loan.min_amount.minor",
                "",
                "loan.min_amount.minor is missing",
            ),
            ("loan.tenors_months", "3,6", "loan.tenors_months `3,6`"),
            (
                "loan.repayment",
                "weekly",
                "loan.repayment `weekly` is not allowed: annuity",
            ),
            (
                "active",
                "maybe",
                "active `maybe` is not allowed: true or false",
            ),
            ("card.limit_step_minor", "5", "card.* is not allowed"),
            (
                "eligibility.max_age_years",
                "9999999999",
                "eligibility.max_age_years",
            ),
        ] {
            let error = changed(column, value).expect_err(expected).to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
