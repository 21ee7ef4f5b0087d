//! Models, segmentations and campaigns.

use std::collections::BTreeMap;

use fairlead_proto::control::v1::{Campaign, ModelRef, Segmentation};

use super::{period, unique};
use crate::catalogue::Catalogue;
use crate::finding::{Finding, Rule};
use crate::plan::check_expression;

/// Checks that models are named by role, name and version, and that a role has at most one
/// default.
pub(super) fn models(models: &[ModelRef], findings: &mut Vec<Finding>) {
    let versions = models
        .iter()
        .map(|model| format!("{} {}", model.name, model.version));
    unique("model version", versions, findings);
    // Requests name a model by role and version.
    let of_role = models
        .iter()
        .map(|model| format!("{} {}", model.role, model.version));
    unique("model version of a role", of_role, findings);
    let mut defaults: BTreeMap<&str, usize> = BTreeMap::new();
    for model in models {
        check_model(model, findings);
        *defaults.entry(&model.role).or_default() += usize::from(model.default_for_role);
    }
    for (role, count) in defaults {
        let thing = format!("models of role {role:?}: default_for_role");
        match count {
            1 => {}
            0 => {
                let allowed = "one default, or only arms that name a version use the role";
                findings.push(Finding::warning(Rule::Missing, thing, "", allowed));
            }
            _ => findings.push(Finding::error(
                Rule::Contradiction,
                thing,
                count,
                "one default",
            )),
        }
    }
}

fn check_model(model: &ModelRef, findings: &mut Vec<Finding>) {
    let name = format!("model \"{} {}\"", model.name, model.version);
    for (field, text) in [
        ("role", &model.role),
        ("name", &model.name),
        ("version", &model.version),
        ("path", &model.path),
    ] {
        if text.is_empty() {
            let thing = format!("{name}: {field}");
            findings.push(Finding::error(
                Rule::Missing,
                thing,
                "",
                "at least one character",
            ));
        }
    }
    let is_hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if model.content_hash.len() != 64 || !is_hex(&model.content_hash) {
        let thing = format!("{name}: content_hash");
        let allowed = "64 hex digits, the SHA-256 over the folder's files";
        findings.push(Finding::error(
            Rule::Syntax,
            thing,
            &model.content_hash,
            allowed,
        ));
    }
    if !is_hex(&model.schema_hash) {
        let thing = format!("{name}: schema_hash");
        findings.push(Finding::error(
            Rule::Syntax,
            thing,
            &model.schema_hash,
            "hex digits",
        ));
    }
}

/// Checks that segmentations and segments have ids of their own and expressions that compile.
pub(super) fn segmentations(segmentations: &[Segmentation], findings: &mut Vec<Finding>) {
    let ids = segmentations.iter().map(|one| one.segmentation_id.as_str());
    unique("segmentation_id", ids, findings);
    for segmentation in segmentations {
        let name = format!("segmentation {:?}", segmentation.segmentation_id);
        let segments = segmentation
            .segments
            .iter()
            .map(|segment| segment.segment_id.as_str());
        let ids = segments.chain([segmentation.otherwise.as_str()]);
        unique(&format!("{name}: segment_id"), ids, findings);
        for segment in &segmentation.segments {
            let thing = format!("{name}, segment {:?}: expression", segment.segment_id);
            findings.extend(check_expression(&thing, &segment.expression, None));
        }
    }
}

/// Checks that campaigns push products of the catalogue.
pub(super) fn campaigns(
    campaigns: &[Campaign],
    catalogue: &Catalogue,
    findings: &mut Vec<Finding>,
) {
    unique(
        "campaign_id",
        campaigns.iter().map(|one| one.campaign_id.as_str()),
        findings,
    );
    for campaign in campaigns {
        let name = format!("campaign {:?}", campaign.campaign_id);
        period(
            &name,
            campaign.valid_from_ms,
            campaign.valid_to_ms,
            findings,
        );
        let thing = format!("{name}: product_ids");
        unique(
            &thing,
            campaign.product_ids.iter().map(String::as_str),
            findings,
        );
        for id in &campaign.product_ids {
            if !id.is_empty() && catalogue.get(id).is_none() {
                let allowed = "ids of the release's catalogue";
                findings.push(Finding::error(Rule::Unknown, &*thing, id, allowed));
            }
        }
    }
}
