//! No price, and why: every refusal names the thing, the value and what is allowed.

use fairlead_proto::pricing::v1 as pb;
pub(crate) use fairlead_proto::pricing::v1::RefusalCause as Cause;

/// A refusal without reasons.
pub(crate) fn refuse(cause: Cause, detail: impl Into<String>) -> Box<pb::Refusal> {
    Box::new(pb::Refusal {
        cause: cause.into(),
        detail: detail.into(),
        reasons: Vec::new(),
        counterfactual: String::new(),
    })
}

/// What the engine gives in place of a price; boxed, because refusals are rare and large.
pub(crate) type Refused = Box<pb::Refusal>;

/// The number feature `name`, finite and within bounds; its refusal names the use.
pub(crate) fn required_number(
    features: &dyn crate::Features,
    name: &str,
    used_for: &str,
    (low, high): (f64, f64),
) -> Result<f64, Refused> {
    let Some(value) = features.number(name) else {
        let detail = format!("{name} is not known; {used_for} needs it");
        return Err(refuse(Cause::MissingInput, detail));
    };
    if !(low..=high).contains(&value) {
        let detail = format!("{name} `{value}` is not allowed: a number from {low} to {high}");
        return Err(refuse(Cause::InputOutOfRange, detail));
    }
    Ok(value)
}
