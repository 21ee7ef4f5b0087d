//! Redemption fees by holding period, a fund's own and the regulated floors.

use fairlead_domain::Share;
use fairlead_proto::catalogue::v1::RedemptionFee;

use crate::error::Checks;

/// The redemption fee from a number of days held on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RedemptionStep {
    pub(crate) from_days: i32,
    pub(crate) fee: Share,
}

impl RedemptionStep {
    /// Takes a step of `field`; notes an error where it is out of range.
    pub(crate) fn compile(field: &str, step: &RedemptionFee, checks: &mut Checks) -> Self {
        let days = i64::from(step.from_days);
        checks.within(&format!("{field}.from_days"), days, 0..=36_500);
        Self {
            from_days: step.from_days,
            fee: checks.share(&format!("{field}.fee_ppm"), step.fee_ppm, 0..=1_000_000),
        }
    }
}

/// Returns the fee after a number of days, that of the last step begun, or none before the first.
fn fee_after<'a>(table: impl Iterator<Item = &'a RedemptionStep>, days: i32) -> Share {
    table
        .filter(|step| step.from_days <= days)
        .max_by_key(|step| step.from_days)
        .map_or(Share::ZERO, |step| step.fee)
}

/// Returns a fund's table raised to the regulated floors, with a step wherever either has one.
pub(crate) fn raise_to_floors<'a>(
    own: &'a [RedemptionStep],
    floors: impl Iterator<Item = &'a RedemptionStep> + Clone,
) -> Vec<RedemptionStep> {
    let mut days: Vec<i32> = own
        .iter()
        .chain(floors.clone())
        .map(|step| step.from_days)
        .collect();
    days.sort_unstable();
    days.dedup();
    days.into_iter()
        .map(|from_days| RedemptionStep {
            from_days,
            fee: fee_after(own.iter(), from_days).max(fee_after(floors.clone(), from_days)),
        })
        .collect()
}
