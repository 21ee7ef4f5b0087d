//! Metrics for owners: offers shown and the rates on them, by kind of product and experiment arm.
//! The labels are bounded by the release: its kinds, and the arms of its experiments. An offer is
//! counted once under `all`, and once under each arm that its customer is in.

use fairlead_proto::gateway::v1::RecommendResponse;

/// The label of every offer, whatever its arms.
const ALL: &str = "all";

/// Counts the offers of an answer.
pub(crate) fn count(answer: &RecommendResponse) {
    let exposed = answer.exposures.iter();
    let mut arms: Vec<String> = exposed
        .map(|one| format!("{}/{}", one.experiment_id, one.arm_id))
        .collect();
    arms.push(ALL.to_owned());
    for item in &answer.items {
        let rate_ppm = item.price.as_ref().map_or(0, |price| price.rate_ppm);
        for arm in &arms {
            let labels = [
                ("kind", item.kind().name().to_owned()),
                ("arm", arm.clone()),
            ];
            metrics::counter!("fairlead_offers_shown_total", &labels).increment(1);
            if let Ok(rate_ppm @ 1..) = u64::try_from(rate_ppm) {
                metrics::counter!("fairlead_offer_rate_ppm_sum", &labels).increment(rate_ppm);
                metrics::counter!("fairlead_offer_rate_ppm_count", &labels).increment(1);
            }
        }
    }
}
