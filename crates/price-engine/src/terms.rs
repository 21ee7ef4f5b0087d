//! The terms of a product, read from the wire and checked by themselves: the same for every
//! strategy that prices it, and for a product that none prices.

use fairlead_domain::{Currency, Money, RatePpm, Share};
use fairlead_proto::catalogue::v1::{self as pb, Product, ProductKind, product::Terms};
use fairlead_proto::money::v1::Money as WireMoney;

use crate::Error;
use crate::error::Checks;
use crate::redemption::RedemptionStep;
use crate::schedule::{MAX_AMOUNT_MINOR, Repayment};

/// The longest tenor of a product, months: 40 years.
const MAX_TENOR: i64 = 480;

/// Returns every error in the kind, the currency and the terms of a product.
pub fn check_terms(product: &Product) -> Vec<Error> {
    let checked = CheckedProduct::new(product);
    checked.err().unwrap_or_default()
}

/// A product whose terms are in order.
#[derive(Debug)]
pub(crate) struct CheckedProduct {
    pub(crate) kind: ProductKind,
    pub(crate) currency: Currency,
    pub(crate) terms: CheckedTerms,
}

/// The terms of a product, amounts in its currency.
#[derive(Debug)]
pub(crate) enum CheckedTerms {
    Loan(LoanTerms),
    Card(CardTerms),
    Fund(FundTerms),
    Deposit(DepositTerms),
    Insurance(InsuranceTerms),
}

/// The terms of a loan or an instalment plan.
#[derive(Debug)]
pub(crate) struct LoanTerms {
    pub(crate) min: Money,
    pub(crate) max: Money,
    pub(crate) step: Money,
    /// In months, ascending, one at least.
    pub(crate) tenors: Vec<i32>,
    pub(crate) repayment: Repayment,
    /// The fee at the start, less than the amount.
    pub(crate) origination_fee: Share,
}

/// The terms of a credit card.
#[derive(Debug)]
pub(crate) struct CardTerms {
    pub(crate) min: Money,
    pub(crate) max: Money,
    pub(crate) step: Money,
    pub(crate) annual_fee: Money,
}

/// The terms of a fund.
#[derive(Debug)]
pub(crate) struct FundTerms {
    pub(crate) subscription_fee: Share,
    pub(crate) trailing_fee: Share,
    pub(crate) min_amount: Money,
    /// Ascending in days.
    pub(crate) redemption: Vec<RedemptionStep>,
}

/// The terms of a deposit.
#[derive(Debug)]
pub(crate) struct DepositTerms {
    pub(crate) yield_rate: RatePpm,
    /// 0: on demand.
    pub(crate) months: i32,
    pub(crate) min_amount: Money,
}

/// The terms of a policy.
#[derive(Debug)]
pub(crate) struct InsuranceTerms {
    pub(crate) claim_frequency_ppm: i64,
    pub(crate) claim_severity: Money,
    pub(crate) filed_min_premium: Money,
    pub(crate) filed_max_premium: Money,
    pub(crate) sum_insured: Money,
}

impl CheckedProduct {
    /// Reads a product.
    ///
    /// # Errors
    /// Every error in its kind, its currency and its terms.
    pub(crate) fn new(product: &Product) -> Result<Self, Vec<Error>> {
        let mut checks = Checks::new(format!("product {:?}", product.product_id));
        let currency = checks.currency("currency", &product.currency);
        let mut reader = TermReader {
            checks: &mut checks,
            code: &product.currency,
            // For the checks of a product that is refused without one.
            currency: currency.unwrap_or(Currency::NONE),
        };
        let terms = reader.terms(product);
        match (currency, terms) {
            (Some(currency), Some(terms)) if checks.clean() => Ok(Self {
                kind: product.kind(),
                currency,
                terms,
            }),
            _ => Err(checks.into_errors()),
        }
    }
}

/// Reads the terms of a product and notes errors. What it returns is `None` where there is one.
pub(crate) struct TermReader<'c> {
    pub(crate) checks: &'c mut Checks,
    /// The product's currency as written, which every amount must be in.
    pub(crate) code: &'c str,
    pub(crate) currency: Currency,
}

impl TermReader<'_> {
    fn terms(&mut self, product: &Product) -> Option<CheckedTerms> {
        use ProductKind::{
            CashLoan, CreditCard, Deposit, Fund, InstalmentPlan, Insurance, Unspecified,
        };
        match (product.kind(), &product.terms) {
            (CashLoan | InstalmentPlan, Some(Terms::Loan(terms))) => {
                self.loan(terms).map(CheckedTerms::Loan)
            }
            (CreditCard, Some(Terms::Card(terms))) => self.card(terms).map(CheckedTerms::Card),
            (Fund, Some(Terms::Fund(terms))) => self.fund(terms).map(CheckedTerms::Fund),
            (Deposit, Some(Terms::Deposit(terms))) => {
                self.deposit(terms).map(CheckedTerms::Deposit)
            }
            (Insurance, Some(Terms::Insurance(terms))) => {
                self.insurance(terms).map(CheckedTerms::Insurance)
            }
            (Unspecified, _) => {
                let allowed = "one of the six kinds, as PRODUCT_KIND_CASH_LOAN (1) to \
                               PRODUCT_KIND_INSURANCE (6)";
                self.checks.unset("kind", product.kind, allowed);
                None
            }
            (kind, None) => {
                self.checks.present(false, "terms", terms_of(kind));
                None
            }
            (kind, Some(terms)) => {
                let allowed = format!("{}, for kind {}", terms_of(kind), kind.as_str_name());
                self.checks.require(false, "terms", name_of(terms), allowed);
                None
            }
        }
    }

    pub(crate) fn loan(&mut self, terms: &pb::LoanTerms) -> Option<LoanTerms> {
        let min = self.amount("loan.min_amount", terms.min_amount.as_ref(), 1);
        let max = self.amount("loan.max_amount", terms.max_amount.as_ref(), 1);
        self.ordered("loan.max_amount", min, max);
        let step = terms.amount_step_minor;
        let step = self.step("loan.amount_step_minor", step, [min, max]);
        let tenors = &terms.tenors_months;
        let allowed = format!("at least one tenor, 1 to {MAX_TENOR} months");
        self.checks
            .present(!tenors.is_empty(), "loan.tenors_months", allowed);
        for months in tenors {
            let months = i64::from(*months);
            self.checks
                .within("loan.tenors_months", months, 1..=MAX_TENOR);
        }
        self.checks.require(
            tenors.is_sorted_by(|one, next| one < next),
            "loan.tenors_months",
            format!("{tenors:?}"),
            "ascending, each once",
        );
        let repayment = Repayment::from_proto(terms.repayment());
        if repayment.is_none() {
            let allowed = "REPAYMENT_METHOD_ANNUITY (1), _EQUAL_PRINCIPAL (2) or _BULLET (3)";
            self.checks
                .unset("loan.repayment", terms.repayment, allowed);
        }
        let fee = terms.origination_fee_ppm;
        let fee = self
            .checks
            .share("loan.origination_fee_ppm", fee, 0..=999_999);
        Some(LoanTerms {
            min: min?,
            max: max?,
            step,
            tenors: tenors.clone(),
            repayment: repayment?,
            origination_fee: fee,
        })
    }

    pub(crate) fn card(&mut self, terms: &pb::CardTerms) -> Option<CardTerms> {
        let min = self.amount("card.min_limit", terms.min_limit.as_ref(), 1);
        let max = self.amount("card.max_limit", terms.max_limit.as_ref(), 1);
        self.ordered("card.max_limit", min, max);
        let step = self.step("card.limit_step_minor", terms.limit_step_minor, [min, max]);
        let fee = self.amount("card.annual_fee", terms.annual_fee.as_ref(), 0);
        Some(CardTerms {
            min: min?,
            max: max?,
            step,
            annual_fee: fee?,
        })
    }

    pub(crate) fn fund(&mut self, terms: &pb::FundTerms) -> Option<FundTerms> {
        let fee = terms.subscription_fee_ppm;
        let subscription_fee = self
            .checks
            .share("fund.subscription_fee_ppm", fee, 0..=999_999);
        let fee = terms.trailing_fee_ppm;
        let trailing_fee = self
            .checks
            .share("fund.trailing_fee_ppm", fee, 0..=1_000_000);
        let fees = &terms.redemption_fees;
        let redemption = fees
            .iter()
            .map(|fee| RedemptionStep::compile("fund.redemption_fees", fee, self.checks))
            .collect();
        let days: Vec<i32> = fees.iter().map(|fee| fee.from_days).collect();
        self.checks.require(
            days.is_sorted_by(|one, next| one < next),
            "fund.redemption_fees",
            format!("{days:?}"),
            "ascending in from_days, each once",
        );
        let min_amount = self.amount("fund.min_amount", terms.min_amount.as_ref(), 0);
        Some(FundTerms {
            subscription_fee,
            trailing_fee,
            min_amount: min_amount?,
            redemption,
        })
    }

    pub(crate) fn deposit(&mut self, terms: &pb::DepositTerms) -> Option<DepositTerms> {
        let rate = terms.yield_ppm;
        let yield_rate = self.checks.rate("deposit.yield_ppm", rate, 0..=1_000_000);
        let months = i64::from(terms.tenor_months);
        self.checks
            .within("deposit.tenor_months", months, 0..=MAX_TENOR);
        let min_amount = self.amount("deposit.min_amount", terms.min_amount.as_ref(), 0);
        Some(DepositTerms {
            yield_rate,
            months: terms.tenor_months,
            min_amount: min_amount?,
        })
    }

    pub(crate) fn insurance(&mut self, terms: &pb::InsuranceTerms) -> Option<InsuranceTerms> {
        // More than a hundred claims a year is a mistake of units.
        let frequency = terms.claim_frequency_ppm;
        let field = "insurance.claim_frequency_ppm";
        self.checks.within(field, frequency, 0..=100_000_000);
        let mut amount =
            |field, money: &Option<_>, least| self.amount(field, money.as_ref(), least);
        let severity = amount("insurance.claim_severity", &terms.claim_severity, 0);
        let least = amount("insurance.filed_min_premium", &terms.filed_min_premium, 0);
        let most = amount("insurance.filed_max_premium", &terms.filed_max_premium, 1);
        let sum_insured = amount("insurance.sum_insured", &terms.sum_insured, 1);
        self.ordered("insurance.filed_max_premium", least, most);
        Some(InsuranceTerms {
            claim_frequency_ppm: frequency,
            claim_severity: severity?,
            filed_min_premium: least?,
            filed_max_premium: most?,
            sum_insured: sum_insured?,
        })
    }

    /// Reads an amount in the product's currency of at least `least` minor units.
    fn amount(&mut self, field: &str, money: Option<&WireMoney>, least: i64) -> Option<Money> {
        let code = self.code;
        let Some(money) = money else {
            let allowed = format!("an amount of at least {least} minor units in {code}");
            self.checks.present(false, field, allowed);
            return None;
        };
        let whose = "the product's currency";
        let in_currency = self
            .checks
            .same_currency(field, &money.currency, code, whose);
        let fits = in_currency
            && self
                .checks
                .within(field, money.minor, least..=MAX_AMOUNT_MINOR);
        fits.then(|| Money::new(money.minor, self.currency))
    }

    fn ordered(&mut self, field: &str, least: Option<Money>, most: Option<Money>) {
        if let (Some(least), Some(most)) = (least, most) {
            let allowed = format!("at least the smallest, {}", least.minor());
            self.checks
                .require(least <= most, field, most.minor(), allowed);
        }
    }

    /// Reads a step that the smallest and the largest amount are multiples of.
    fn step(&mut self, field: &str, step: i64, bounds: [Option<Money>; 2]) -> Money {
        if self.checks.within(field, step, 1..=MAX_AMOUNT_MINOR) {
            for bound in bounds.into_iter().flatten().map(Money::minor) {
                let allowed = format!("a divisor of the smallest and the largest, {bound}");
                self.checks.require(bound % step == 0, field, step, allowed);
            }
        }
        Money::new(step, self.currency)
    }
}

fn terms_of(kind: ProductKind) -> &'static str {
    match kind {
        ProductKind::CashLoan | ProductKind::InstalmentPlan => "loan terms",
        ProductKind::CreditCard => "card terms",
        ProductKind::Fund => "fund terms",
        ProductKind::Deposit => "deposit terms",
        ProductKind::Insurance => "insurance terms",
        ProductKind::Unspecified => "terms of the kind",
    }
}

fn name_of(terms: &Terms) -> &'static str {
    match terms {
        Terms::Loan(_) => "loan terms",
        Terms::Card(_) => "card terms",
        Terms::Fund(_) => "fund terms",
        Terms::Deposit(_) => "deposit terms",
        Terms::Insurance(_) => "insurance terms",
    }
}

/// Returns the amount as a message.
pub(crate) fn to_proto(money: Money) -> WireMoney {
    WireMoney {
        minor: money.minor(),
        currency: money.currency().code().to_owned(),
    }
}
