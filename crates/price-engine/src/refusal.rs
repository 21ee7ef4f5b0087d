//! Refusals: an answer without a price, which names the thing, the value and what is allowed.

use std::ops::RangeInclusive;

use fairlead_proto::pricing::v1 as pb;
pub(crate) use fairlead_proto::pricing::v1::RefusalCause as Cause;

/// A refusal in place of a price; boxed, because refusals are rare and large.
pub(crate) type Refused = Box<pb::Refusal>;

/// Returns a refusal without reasons.
pub(crate) fn refuse(cause: Cause, detail: impl Into<String>) -> Refused {
    Box::new(pb::Refusal {
        cause: cause.into(),
        detail: detail.into(),
        reasons: Vec::new(),
        counterfactual: String::new(),
    })
}

/// Returns the number feature `name`, or a refusal where it is unknown, not finite or outside
/// `allowed`; the refusal says what the feature is used for.
pub(crate) fn required_number(
    features: &dyn crate::Features,
    name: &str,
    used_for: &str,
    allowed: &RangeInclusive<f64>,
) -> Result<f64, Refused> {
    let Some(value) = features.number(name) else {
        let detail = format!("{name} is not known; {used_for} needs it");
        return Err(refuse(Cause::MissingInput, detail));
    };
    if !allowed.contains(&value) {
        let (low, high) = (allowed.start(), allowed.end());
        let detail = format!("{name} `{value}` is not allowed: a number from {low} to {high}");
        return Err(refuse(Cause::InputOutOfRange, detail));
    }
    Ok(value)
}
