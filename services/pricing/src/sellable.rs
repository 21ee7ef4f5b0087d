//! The last check of a firm quote: whether its customer may have the product at all.
//!
//! It is the judge of the slate, with the customer's facts of the moment, so that a price that may
//! not be shown cannot be had by asking for it.

use fairlead_proto::pricing::v1::{CustomerFacts, Refusal, RefusalCause};
use fairlead_proto::recall::v1::DropCause;
use fairlead_release::Live;
use fairlead_release::eligibility::{EligibilityFacts, judge};

use crate::error::Error;

/// Checks that a customer may have a product of the release at an instant, Unix milliseconds. A
/// product that the release does not have is left to the engine, which refuses it.
///
/// # Errors
/// The refusal of the first rule that decides against it.
pub(crate) fn check(
    live: &Live,
    product_id: &str,
    facts: &CustomerFacts,
    as_of_ms: i64,
) -> Result<(), Box<Refusal>> {
    let Some(product) = live.catalogue.get(product_id) else {
        return Ok(());
    };
    match judge(product, &read(facts), as_of_ms) {
        Ok(_) => Ok(()),
        Err(dropped) => Err(Box::new(Refusal {
            cause: cause(dropped.cause).into(),
            detail: dropped.detail,
            ..Refusal::default()
        })),
    }
}

/// Returns the facts of a request, which must have them: a customer about whom nothing is known
/// holds nothing either, and would be sold a second time what they hold.
pub(crate) fn required(facts: Option<&CustomerFacts>) -> Result<&CustomerFacts, Error> {
    facts.ok_or_else(|| Error::argument("facts", "", "the customer's facts as of now"))
}

fn read(facts: &CustomerFacts) -> EligibilityFacts<'_> {
    EligibilityFacts {
        age_years: facts.age_years,
        income_monthly_minor: facts.income_monthly_minor,
        region: &facts.region,
        employment: &facts.employment,
        suitability_class: facts.suitability_class,
        held: facts.held_product_ids.iter().map(String::as_str).collect(),
    }
}

fn cause(cause: DropCause) -> RefusalCause {
    match cause {
        DropCause::Inactive => RefusalCause::Inactive,
        DropCause::Unsuitable => RefusalCause::Unsuitable,
        DropCause::AlreadyHeld => RefusalCause::AlreadyHeld,
        _ => RefusalCause::Ineligible,
    }
}
