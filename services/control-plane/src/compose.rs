//! Composing a draft into a release, and checking it.

use std::collections::{BTreeMap, BTreeSet};

use fairlead_domain::TenantId;
use fairlead_proto::catalogue::v1::Catalogue;
use fairlead_proto::control::v1::{Difference, Finding, Release, Strategy};
use fairlead_registry::Registry;
use fairlead_release::{Live, check_sticky, content_hash, difference};

use crate::lint::{lint_all, lint_refused};
use crate::purposes;
use crate::store::Draft;

/// The fields of a release that are not its content.
#[derive(Debug, Clone)]
pub(crate) struct Heading {
    pub(crate) revision: i64,
    pub(crate) published_at_ms: i64,
    pub(crate) published_by: String,
    pub(crate) comment: String,
}

/// Returns the content of the next release, without number and hash.
///
/// Of each strategy it holds the versions that may set prices: the champion, and the versions that
/// arms name. Other versions stay in the history of the draft.
pub(crate) fn compose(draft: &Draft, tenant: &TenantId) -> Release {
    let mut wanted = named_by_arms(&draft.settings);
    wanted.extend(champions(&draft.strategies));
    let strategies = draft
        .strategies
        .iter()
        .filter(|((id, version), _)| wanted.contains(&(id.as_str(), *version)))
        .map(|(_, strategy)| strategy.clone())
        .collect();
    let products = draft.products.values().cloned().collect();
    Release {
        tenant: tenant.to_string(),
        catalogue: Some(Catalogue { products }),
        strategies,
        models: draft.models.values().cloned().collect(),
        ..draft.settings.clone()
    }
}

/// Returns the strategy versions that some arm names.
fn named_by_arms(settings: &Release) -> BTreeSet<(&str, i64)> {
    let experiments = settings
        .experiments
        .iter()
        .flat_map(|plan| &plan.experiments);
    let arms = experiments.flat_map(|experiment| &experiment.arms);
    arms.flat_map(|arm| &arm.strategy_versions)
        .map(|(id, version)| (id.as_str(), *version))
        .collect()
}

/// Returns the highest version of each strategy that is marked as champion; of a strategy without
/// one the newest, so that the check reports it.
fn champions(strategies: &BTreeMap<(String, i64), Strategy>) -> BTreeSet<(&str, i64)> {
    let mut best: BTreeMap<&str, (bool, i64)> = BTreeMap::new();
    for ((id, version), strategy) in strategies {
        let this = (strategy.champion, *version);
        let best = best.entry(id).or_insert(this);
        *best = this.max(*best);
    }
    best.into_iter()
        .map(|(id, (_, version))| (id, version))
        .collect()
}

/// Numbers a release and seals it with its content hash.
pub(crate) fn seal(content: Release, heading: Heading) -> Release {
    let mut release = Release {
        revision: heading.revision,
        published_at_ms: heading.published_at_ms,
        published_by: heading.published_by,
        comment: heading.comment,
        ..content
    };
    release.content_hash = content_hash(&release);
    release
}

/// The release in force, which a new one follows.
#[derive(Debug)]
pub(crate) struct InForce {
    /// `None` before the first.
    pub(crate) release: Option<Release>,
    /// True if its running experiments must stay as they are.
    pub(crate) sticky: bool,
}

/// A release with what its checks found.
#[derive(Debug)]
pub(crate) struct Checked {
    pub(crate) release: Release,
    pub(crate) findings: Vec<Finding>,
    /// The changes that it makes to the release in force.
    pub(crate) difference: Difference,
}

/// Checks a release as every service will, lints each strategy in it, checks the feature names of
/// each purpose, and that no running experiment of the release in force, if it is to stay sticky,
/// moves its customers. Returns the release with all findings, and with what it changes. It may take
/// seconds: call it on a blocking thread.
pub(crate) fn check(release: Release, in_force: &InForce, registry: &Registry) -> Checked {
    let mut findings = purposes::check(&release, registry);
    let before = in_force.release.as_ref();
    let moved = before
        .filter(|_| in_force.sticky)
        .map_or_else(Vec::new, |before| check_sticky(before, &release));
    findings.extend(moved.iter().map(Finding::from));
    let as_of_ms = release.published_at_ms;
    match Live::check(release.clone()) {
        Ok(live) => {
            findings.extend(lint_all(&release, &live.prices, as_of_ms));
            findings.extend(live.warnings.iter().map(Finding::from));
        }
        Err(refused) => {
            findings.extend(lint_refused(&release, as_of_ms));
            findings.extend(refused.iter().map(Finding::from));
        }
    }
    let nothing = Release::default();
    let difference = difference(before.unwrap_or(&nothing), &release);
    Checked {
        release,
        findings,
        difference: difference.into(),
    }
}

/// Returns true if one of the findings blocks.
pub(crate) fn blocks(findings: &[Finding]) -> bool {
    findings.iter().any(|finding| finding.severity == "error")
}

#[cfg(test)]
mod tests {
    use fairlead_proto::control::v1::{Arm, Experiment, ExperimentPlan};

    use super::*;

    fn strategies(versions: &[(&str, i64, bool)]) -> BTreeMap<(String, i64), Strategy> {
        versions
            .iter()
            .map(|&(id, version, champion)| {
                let strategy = Strategy {
                    strategy_id: id.to_owned(),
                    version,
                    champion,
                    ..Strategy::default()
                };
                ((id.to_owned(), version), strategy)
            })
            .collect()
    }

    #[test]
    fn a_release_holds_champions_and_what_arms_name() {
        let arm = Arm {
            strategy_versions: [("loan".to_owned(), 2)].into(),
            ..Arm::default()
        };
        let plan = ExperimentPlan {
            experiments: vec![Experiment {
                arms: vec![arm],
                ..Experiment::default()
            }],
            ..ExperimentPlan::default()
        };
        let draft = Draft {
            strategies: strategies(&[
                ("card", 1, false),
                ("card", 2, false),
                ("loan", 1, true),
                ("loan", 2, false),
                ("loan", 3, true),
                ("loan", 4, false),
            ]),
            settings: Release {
                experiments: Some(plan),
                ..Release::default()
            },
            ..Draft::default()
        };
        let tenant = TenantId::new("acme").expect("a tenant");
        let held: Vec<(String, i64)> = compose(&draft, &tenant)
            .strategies
            .into_iter()
            .map(|one| (one.strategy_id, one.version))
            .collect();
        let expected = [("card", 2), ("loan", 2), ("loan", 3)].map(|(id, at)| (id.to_owned(), at));
        assert_eq!(held, expected);
    }

    #[test]
    fn the_seal_is_the_hash_of_what_is_sealed() {
        let heading = Heading {
            revision: 4,
            published_at_ms: 9,
            published_by: "ada".to_owned(),
            comment: "why".to_owned(),
        };
        let release = seal(
            Release {
                tenant: "acme".to_owned(),
                ..Release::default()
            },
            heading,
        );
        assert_eq!(release.content_hash, content_hash(&release));
        assert_eq!((release.revision, release.published_at_ms), (4, 9));
    }
}
