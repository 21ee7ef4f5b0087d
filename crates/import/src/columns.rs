//! The columns of each kind of file.

/// Columns of a catalogue, for `--help`.
pub const CATALOGUE_HELP: &str = "\
Columns are the fields of a product (fairlead.catalogue.v1.Product), with dots between:
  product_id         1 to 64 characters of [A-Za-z0-9_.-]; needed
  name               shown to customers; needed
  kind               cash_loan, instalment_plan, credit_card, fund, deposit or insurance; needed
  currency           ISO 4217, for all amounts of the product; needed
  category, strategy_id, tags, margin_minor, listed_at_ms, active (default true)
  eligibility.       min_age_years, max_age_years, min_income_monthly_minor, regions, employment,
                     new_customers_only, repeatable
  loan.              min_amount.minor, max_amount.minor, amount_step_minor, tenors_months,
                     repayment (annuity, equal_principal, bullet), origination_fee_ppm
  card.              min_limit.minor, max_limit.minor, limit_step_minor, annual_fee.minor
  fund.              risk_class, subscription_fee_ppm, min_amount.minor, trailing_fee_ppm,
                     redemption_fees (DAYS:PPM, as 0:15000;7:5000)
  deposit.           yield_ppm, tenor_months, min_amount.minor
  insurance.         claim_frequency_ppm, claim_severity.minor, filed_min_premium.minor,
                     filed_max_premium.minor, sum_insured.minor
Amounts are integers of minor units (cents, fen). Lists have semicolons between their items, or are JSON
arrays. Instants are Unix milliseconds, a date, or an ISO 8601 time. RowReader of JSON may also be
products in proto JSON. Products go in all or none: one wrong row, and nothing is changed.";

/// Columns of a customers file, for `--help`.
pub const CUSTOMERS_HELP: &str = "\
Columns:
  customer_id        1 to 128 characters; needed
  event_time_ms      when the attributes held; without it, now
  consent.NAME       true or false, as consent.personalisation
and a column for each attribute that the feature registry reads, such as birth_date_ms, gender,
region, employment, occupation, income_monthly_minor, debt_service_monthly_minor, bureau_score,
bureau_grade, suitability_class. AttributeTypes that end in _ms may be dates (1980-05-17). Each row
becomes a PROFILE_UPDATED event and, with consents, a CONSENT_CHANGED event. A row imported twice
changes nothing.";

/// Columns of an events file, for `--help`.
pub const EVENTS_HELP: &str = "\
Columns are the fields of an event (fairlead.event.v1.Event), with dots between:
  customer_id        1 to 128 characters; needed
  kind               impression, click, application, conversion, holding_opened, holding_closed,
                     repayment, delinquency, payment, profile_updated, consent_changed,
                     app_opened or search; needed
  event_id           unique for the tenant; a repeat is dropped. Without it, one is given
  event_time_ms      Unix milliseconds, or an ISO 8601 time; without it, now
  product_id, product_kind (cash_loan and so on), request_id, position, channel
  amount.minor, amount.currency
  attributes.NAME    a number, a text or true/false, for profile_updated and consent_changed
  tenant             where it is given, it must be the tenant that is imported for
RowReader of JSON may also be events in proto JSON.";

/// All columns of a catalogue.
pub(super) const CATALOGUE: &[&str] = &[
    "product_id",
    "name",
    "kind",
    "category",
    "currency",
    "active",
    "strategy_id",
    "listed_at_ms",
    "margin_minor",
    "tags",
    "eligibility.min_age_years",
    "eligibility.max_age_years",
    "eligibility.min_income_monthly_minor",
    "eligibility.regions",
    "eligibility.employment",
    "eligibility.new_customers_only",
    "eligibility.repeatable",
    "loan.min_amount.minor",
    "loan.min_amount.currency",
    "loan.max_amount.minor",
    "loan.max_amount.currency",
    "loan.amount_step_minor",
    "loan.tenors_months",
    "loan.repayment",
    "loan.origination_fee_ppm",
    "card.min_limit.minor",
    "card.min_limit.currency",
    "card.max_limit.minor",
    "card.max_limit.currency",
    "card.limit_step_minor",
    "card.annual_fee.minor",
    "card.annual_fee.currency",
    "fund.risk_class",
    "fund.subscription_fee_ppm",
    "fund.min_amount.minor",
    "fund.min_amount.currency",
    "fund.redemption_fees",
    "fund.trailing_fee_ppm",
    "deposit.yield_ppm",
    "deposit.tenor_months",
    "deposit.min_amount.minor",
    "deposit.min_amount.currency",
    "insurance.claim_frequency_ppm",
    "insurance.claim_severity.minor",
    "insurance.claim_severity.currency",
    "insurance.filed_min_premium.minor",
    "insurance.filed_min_premium.currency",
    "insurance.filed_max_premium.minor",
    "insurance.filed_max_premium.currency",
    "insurance.sum_insured.minor",
    "insurance.sum_insured.currency",
];

/// Columns that a catalogue must have.
pub(super) const CATALOGUE_NEEDED: &[&str] = &["product_id", "name", "kind", "currency"];

/// All columns of an events file, except `attributes.NAME`.
pub(super) const EVENTS: &[&str] = &[
    "event_id",
    "tenant",
    "customer_id",
    "kind",
    "event_time_ms",
    "product_id",
    "product_kind",
    "request_id",
    "position",
    "amount.minor",
    "amount.currency",
    "channel",
];

/// Columns that an events file must have.
pub(super) const EVENTS_NEEDED: &[&str] = &["customer_id", "kind"];

/// Columns that a customers file must have.
pub(super) const CUSTOMERS_NEEDED: &[&str] = &["customer_id"];
