//! The columns of each kind of file, as `--help` shows them.

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
arrays. Rows of JSON may also be products in proto JSON. Products go in all or none: one wrong row, and
nothing is changed. docs/importing.md shows how ids, numbers, times and other people's files are read.";

/// Columns of a customers file, for `--help`.
pub const CUSTOMERS_HELP: &str = "\
Columns:
  customer_id        1 to 128 characters; needed
  event_time_ms      when the attributes held; without it, the row says what holds now
  consent.NAME       true or false, as consent.personalisation
and a column for each attribute that the feature registry reads, such as birth_date_ms, gender,
region, employment, occupation, income_monthly_minor, debt_service_monthly_minor, bureau_score,
bureau_grade, suitability_class. A birth date is a calendar day (1980-05-17). Each row becomes a
PROFILE_UPDATED event and, with consents, a CONSENT_CHANGED event, both or neither. The same file
imported twice changes nothing. docs/importing.md shows how ids, numbers and times are read.";

/// Columns of an events file, for `--help`.
pub const EVENTS_HELP: &str = "\
Columns are the fields of an event (fairlead.event.v1.Event), with dots between:
  customer_id        1 to 128 characters; needed
  kind               impression, click, application, conversion, holding_opened, holding_closed,
                     repayment, delinquency, payment, profile_updated, consent_changed,
                     app_opened or search; needed
  event_id           unique for the tenant; a repeat is dropped. Without it, one is made of the row's
                     content, its line and the name of the file
  event_time_ms      a time with its zone (2026-11-29T15:30:00Z) or Unix milliseconds; without it, now
  product_id, product_kind (cash_loan and so on), request_id, position, channel
  amount.minor, amount.currency
  attributes.NAME    a number, a text or true/false, for profile_updated and consent_changed
  tenant             where it is given, it must be the tenant that is imported for
Rows of JSON may also be events in proto JSON. docs/importing.md shows how ids, numbers and times are read.";
