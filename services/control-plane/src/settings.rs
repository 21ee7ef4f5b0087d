//! The sections of a draft. A call replaces a section as one.

use fairlead_proto::control::v1::{
    Finding, PutExperimentsRequest, PutExperimentsResponse, PutSettingsRequest,
    PutSettingsResponse, Release,
};
use fairlead_release::{check_experiments, check_settings};
use serde_json::json;

use crate::Error;
use crate::authority::check_change;
use crate::call::Call;
use crate::compose::compose;
use crate::fingerprint::{fingerprint, listed};
use crate::publish::refuse_if_blocked;
use crate::purposes;
use crate::service::Service;

/// The name of the section that holds the experiment plan.
const EXPERIMENTS: &str = "experiments";

/// One section of the settings.
struct Section {
    /// The field of a release that holds it.
    name: &'static str,
    /// Returns a release that holds this field of the given one and nothing else.
    only: fn(&Release) -> Release,
    /// Replaces this field of the second release by that of the first.
    put: fn(&Release, &mut Release),
}

/// Builds the row of a section from the field's name, so that the two cannot differ.
macro_rules! sections {
    ($($field:ident),+ $(,)?) => {
        &[$(Section {
            name: stringify!($field),
            only: |release| Release { $field: release.$field.clone(), ..Release::default() },
            put: |content, release| release.$field = content.$field.clone(),
        }),+]
    };
}

/// The sections that `PutSettings` replaces.
const SETTINGS: &[Section] = sections![
    campaigns,
    cost_models,
    default_strategies,
    guardrails,
    parameters,
    risk_models,
    rule_packs,
    segmentations,
];

/// The fields that `PutSettings` refuses: other calls set them, or publishing does.
const FOREIGN: &[Section] = sections![
    catalogue,
    comment,
    content_hash,
    experiments,
    models,
    published_at_ms,
    published_by,
    revision,
    strategies,
    tenant,
];

impl Service {
    pub(crate) async fn put_sections(
        &self,
        call: &Call,
        request: PutSettingsRequest,
    ) -> Result<PutSettingsResponse, Error> {
        let tenant = &call.tenant;
        let settings = request.settings.clone().unwrap_or_default();
        let sections = sections_of(&settings, &request.clear)?;
        let mut write = self.parts.store.write(tenant).await?;
        let before = write.draft().await?.settings;
        let mut after = before.clone();
        for section in &sections {
            (section.put)(&settings, &mut after);
        }
        check_change(&call.caller, &before, &after)?;
        let mut findings: Vec<Finding> = check_settings(&settings)
            .iter()
            .map(Finding::from)
            .collect();
        findings.extend(purposes::check(&settings, &self.parts.registry));
        refuse_if_blocked("the settings", true, findings)?;
        for section in &sections {
            write
                .put_section(section.name, &(section.only)(&settings))
                .await?;
        }
        let detail = json!({
            "sections": sections.iter().map(|section| section.name).collect::<Vec<_>>(),
            "cleared": request.clear,
            "sha256": fingerprint(&request),
        });
        write
            .commit(self.entry(call, "settings.put", "settings", detail))
            .await?;
        Ok(PutSettingsResponse {})
    }

    pub(crate) async fn put_plan(
        &self,
        call: &Call,
        request: PutExperimentsRequest,
    ) -> Result<PutExperimentsResponse, Error> {
        let tenant = &call.tenant;
        let plan = request.plan.clone().unwrap_or_default();
        let mut write = self.parts.store.write(tenant).await?;
        let mut draft = write.draft().await?;
        let before = draft.settings.clone();
        draft.settings.experiments = Some(plan.clone());
        check_change(&call.caller, &before, &draft.settings)?;
        let content = compose(&draft, tenant);
        let mut findings: Vec<Finding> = check_experiments(&content)
            .iter()
            .map(Finding::from)
            .collect();
        let plan_alone = Release {
            experiments: Some(plan.clone()),
            ..Release::default()
        };
        findings.extend(purposes::check(&plan_alone, &self.parts.registry));
        refuse_if_blocked("the experiment plan", true, findings)?;
        write.put_section(EXPERIMENTS, &plan_alone).await?;
        let ids = plan
            .experiments
            .iter()
            .map(|one| one.experiment_id.as_str());
        let detail = json!({ "experiments": listed(ids), "sha256": fingerprint(&request) });
        write
            .commit(self.entry(call, "experiments.put", EXPERIMENTS, detail))
            .await?;
        Ok(PutExperimentsResponse {})
    }
}

/// Returns the sections that a call replaces: those that are set, and those to clear.
fn sections_of(settings: &Release, clear: &[String]) -> Result<Vec<&'static Section>, Error> {
    let is_set = |section: &&Section| (section.only)(settings) != Release::default();
    if let Some(foreign) = FOREIGN.iter().find(is_set) {
        let value = format!("{} that is not empty", foreign.name);
        return Err(Error::argument("settings", value, names()));
    }
    for name in clear {
        if !SETTINGS.iter().any(|section| section.name == name) {
            return Err(Error::argument("clear", name, names()));
        }
    }
    let named = |section: &&Section| clear.iter().any(|name| name == section.name);
    if let Some(both) = SETTINGS.iter().filter(is_set).find(named) {
        let allowed = "a section to replace, or to clear, not both";
        return Err(Error::argument("clear", both.name, allowed));
    }
    let sections: Vec<_> = SETTINGS
        .iter()
        .filter(|section| is_set(section) || named(section))
        .collect();
    if sections.is_empty() {
        return Err(Error::argument("settings", "", names()));
    }
    Ok(sections)
}

fn names() -> String {
    let names: Vec<&str> = SETTINGS.iter().map(|section| section.name).collect();
    format!("one or more of {}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use fairlead_proto::control::v1::{Campaign, ModelRef};

    use super::*;

    fn of(settings: &Release, clear: &[&str]) -> Result<Vec<&'static str>, String> {
        let clear: Vec<String> = clear.iter().map(|&name| name.to_owned()).collect();
        sections_of(settings, &clear)
            .map(|sections| sections.iter().map(|section| section.name).collect())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn only_what_is_set_or_cleared_is_replaced() {
        let settings = Release {
            campaigns: vec![Campaign::default()],
            ..Release::default()
        };
        assert_eq!(of(&settings, &[]), Ok(vec!["campaigns"]));
        assert_eq!(
            of(&settings, &["parameters"]),
            Ok(vec!["campaigns", "parameters"])
        );
        assert!(
            of(&settings, &["campaigns"])
                .expect_err("both")
                .contains("not both")
        );
        assert!(
            of(&settings, &["models"])
                .expect_err("foreign")
                .contains("`models`")
        );
        assert!(of(&Release::default(), &[]).is_err());
        let models = Release {
            models: vec![ModelRef::default()],
            ..settings
        };
        assert!(
            of(&models, &[])
                .expect_err("foreign")
                .contains("models that is not empty")
        );
    }

    /// A field of a release that neither table names would be dropped without an error.
    #[test]
    fn the_tables_name_every_field_of_a_release() {
        let descriptor = include_str!("../../../proto/fairlead/control/v1/release.proto");
        let body = descriptor
            .split("message Release {")
            .nth(1)
            .expect("the message");
        let body = body.split("\n}").next().expect("its end");
        let declared = body
            .lines()
            .filter(|line| line.trim_end().ends_with(';'))
            .count();
        assert_eq!(SETTINGS.len() + FOREIGN.len(), declared);
    }
}
