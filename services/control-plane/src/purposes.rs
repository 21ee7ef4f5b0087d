//! The check of feature names: expressions and scorecards read features of their own purpose only.
//!
//! Prices read features of the purpose price. Targeting, and segmentations that prices may not
//! read, get the features of the purpose analytics. Targeting of an experiment whose arms name
//! strategy versions decides a price: of those features it may read the ones that prices may too. Any other name is refused here: in a service
//! the expression would exclude every customer without an error.

use fairlead_proto::control::v1::{
    Experiment, ExperimentStatus, Finding, Guardrails, Release, RiskModel, Segment, Segmentation,
};
use fairlead_registry::{Layout, Purpose, Registry};
use fairlead_release::{Finding as ReleaseFinding, Rule, check_expression};

/// The one targeting attribute that is no feature: true once any event of the customer was
/// observed.
const KNOWN: &str = "known";

/// Returns a finding for every name in the release that its purpose does not get.
pub(crate) fn check(release: &Release, registry: &Registry) -> Vec<Finding> {
    let mut findings = targeting(release, registry);
    for segmentation in &release.segmentations {
        findings.extend(segments(segmentation, registry));
    }
    let price = registry.layout(Purpose::Price);
    for model in &release.risk_models {
        findings.extend(scorecard(model, price));
    }
    findings.extend(
        release
            .guardrails
            .iter()
            .filter_map(|one| grading(one, price)),
    );
    findings.iter().map(Finding::from).collect()
}

fn targeting(release: &Release, registry: &Registry) -> Vec<ReleaseFinding> {
    let layout = registry.layout(Purpose::Analytics);
    let mut names = owned(layout.number_names().chain(layout.category_names()));
    names.push(KNOWN.to_owned());
    let price = registry.layout(Purpose::Price);
    let of_prices: Vec<String> = names
        .iter()
        .filter(|name| price.number(name).is_some() || price.category(name).is_some())
        .cloned()
        .collect();
    let experiments = release
        .experiments
        .iter()
        .flat_map(|plan| &plan.experiments);
    experiments
        .filter(|experiment| !experiment.targeting.is_empty())
        .filter_map(|experiment| {
            let id = &experiment.experiment_id;
            if moves_prices(experiment) {
                let thing = format!("experiment {id:?}, whose arms set prices: targeting");
                names_only(&thing, &experiment.targeting, &of_prices)
            } else {
                let thing = format!("experiment {id:?}: targeting");
                names_only(&thing, &experiment.targeting, &names)
            }
        })
        .collect()
}

/// Returns true if an arm of the experiment names a strategy version and may come to act.
fn moves_prices(experiment: &Experiment) -> bool {
    let stopped = experiment.status() == ExperimentStatus::Stopped;
    let mut arms = experiment.arms.iter();
    !stopped && arms.any(|arm| !arm.strategy_versions.is_empty())
}

fn segments(segmentation: &Segmentation, registry: &Registry) -> Vec<ReleaseFinding> {
    let purpose = if segmentation.allow_price {
        Purpose::Price
    } else {
        Purpose::Analytics
    };
    let layout = registry.layout(purpose);
    let numbers_and_categories = layout.number_names().chain(layout.category_names());
    let names = owned(numbers_and_categories.chain(layout.sequence_names()));
    let refuse = |segment: &Segment| {
        let thing = format!(
            "segmentation {:?}, segment {:?}, for purpose {purpose}: expression",
            segmentation.segmentation_id, segment.segment_id
        );
        names_only(&thing, &segment.expression, &names)
    };
    segmentation.segments.iter().filter_map(refuse).collect()
}

/// Returns the finding on the names of an expression, or `None` if they are allowed or it does not
/// compile, which the checks of the release find.
fn names_only(thing: &str, expression: &str, names: &[String]) -> Option<ReleaseFinding> {
    if check_expression(thing, expression, None).is_some() {
        return None;
    }
    let found = check_expression(thing, expression, Some(names))?;
    Some(ReleaseFinding {
        rule: Rule::Unknown,
        ..found
    })
}

fn scorecard(model: &RiskModel, price: &Layout) -> Vec<ReleaseFinding> {
    let unknown = model
        .characteristics
        .iter()
        .filter(|one| price.number(&one.feature).is_none());
    unknown
        .map(|characteristic| {
            let thing = format!("risk model {:?}: feature", model.name);
            let allowed = allowed("number", price.number_names());
            ReleaseFinding::error(Rule::Unknown, thing, &characteristic.feature, allowed)
        })
        .collect()
}

fn grading(guardrails: &Guardrails, price: &Layout) -> Option<ReleaseFinding> {
    let feature = &guardrails.grading.as_ref()?.grade_feature;
    if feature.is_empty() || price.category(feature).is_some() {
        return None;
    }
    let id = &guardrails.guardrails_id;
    let thing = format!("guardrails {id:?}: grading.grade_feature");
    let allowed = allowed("category", price.category_names());
    Some(ReleaseFinding::error(
        Rule::Unknown,
        thing,
        feature,
        allowed,
    ))
}

fn allowed<'n>(kind: &str, names: impl Iterator<Item = &'n str>) -> String {
    let names: Vec<&str> = names.collect();
    format!(
        "a {kind} feature of the purpose price: {}",
        names.join(", ")
    )
}

fn owned<'n>(names: impl Iterator<Item = &'n str>) -> Vec<String> {
    names.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use fairlead_proto::control::v1::{Arm, Characteristic, ExperimentPlan, Grading};

    use super::*;

    fn segmentation(allow_price: bool, expression: &str) -> Release {
        Release {
            segmentations: vec![Segmentation {
                segmentation_id: "value".to_owned(),
                segments: vec![Segment {
                    segment_id: "high".to_owned(),
                    expression: expression.to_owned(),
                }],
                allow_price,
                otherwise: "standard".to_owned(),
            }],
            ..Release::default()
        }
    }

    fn targeted(targeting: &str) -> Release {
        let experiment = Experiment {
            experiment_id: "x".to_owned(),
            targeting: targeting.to_owned(),
            ..Experiment::default()
        };
        let plan = ExperimentPlan {
            experiments: vec![experiment],
            ..ExperimentPlan::default()
        };
        Release {
            experiments: Some(plan),
            ..Release::default()
        }
    }

    fn scored(feature: &str, grade_feature: &str) -> Release {
        Release {
            risk_models: vec![RiskModel {
                name: "pd".to_owned(),
                characteristics: vec![Characteristic {
                    feature: feature.to_owned(),
                    ..Characteristic::default()
                }],
                ..RiskModel::default()
            }],
            guardrails: vec![Guardrails {
                guardrails_id: "loan".to_owned(),
                grading: Some(Grading {
                    grade_feature: grade_feature.to_owned(),
                    ..Grading::default()
                }),
                ..Guardrails::default()
            }],
            ..Release::default()
        }
    }

    fn found(release: &Release) -> Vec<String> {
        let findings = check(release, &Registry::builtin());
        assert!(
            findings
                .iter()
                .all(|one| one.severity == "error" && one.rule == "unknown")
        );
        findings.into_iter().map(|one| one.message).collect()
    }

    #[test]
    fn prices_rest_on_price_features_only() {
        let good = "bureau_score > 700.0 && income_monthly_minor > 1.0";
        assert!(found(&segmentation(true, good)).is_empty());
        for habit in [
            "device == \"ios\"",
            "occupation == \"clerk\"",
            "gender == \"f\"",
        ] {
            let messages = found(&segmentation(true, habit));
            assert!(messages[0].contains("for purpose price"), "{messages:#?}");
        }
        assert!(found(&scored("bureau_score", "bureau_grade")).is_empty());
        let messages = found(&scored("tenure_days", "device"));
        assert_eq!(messages.len(), 2, "{messages:#?}");
        assert!(messages[0].contains("`tenure_days`") && messages[1].contains("`device`"));
    }

    #[test]
    fn targeting_reads_what_analytics_gets() {
        for good in ["region == \"north\"", "known", "has(profile.age_years)", ""] {
            assert!(found(&targeted(good)).is_empty(), "{good}");
        }
        for bad in ["regoin == \"north\"", "bureau_score > 700.0"] {
            assert_eq!(found(&targeted(bad)).len(), 1, "{bad}");
        }
        // What does not compile is found by the check of the plan.
        assert!(found(&targeted("region ==")).is_empty());
        assert_eq!(found(&segmentation(false, "bureau_score > 700.0")).len(), 1);
    }

    #[test]
    fn targeting_that_sets_prices_reads_price_features_only() {
        let priced = |targeting: &str, status: ExperimentStatus| {
            let mut release = targeted(targeting);
            let plan = release.experiments.as_mut().expect("a plan");
            let experiment = &mut plan.experiments[0];
            experiment.set_status(status);
            experiment.arms = vec![
                Arm::default(),
                Arm {
                    strategy_versions: [("cash-loan".to_owned(), 2)].into(),
                    ..Arm::default()
                },
            ];
            release
        };
        let running = ExperimentStatus::Running;
        for good in [
            "region == \"north\"",
            "age_years >= 30.0",
            "has(profile.age_years)",
            "",
        ] {
            assert!(found(&priced(good, running)).is_empty(), "{good}");
        }
        for name in [
            "gender",
            "marital_status",
            "clicks_7d",
            "known",
            "bureau_score",
        ] {
            for status in [running, ExperimentStatus::Draft] {
                let messages = found(&priced(&format!("has(profile.{name})"), status));
                assert_eq!(messages.len(), 1, "{name}");
                assert!(messages[0].contains(name), "{messages:?}");
                assert!(
                    messages[0].contains("whose arms set prices"),
                    "{messages:?}"
                );
            }
        }
        // What is stopped sets no price, and may stand.
        assert!(found(&priced("gender == \"f\"", ExperimentStatus::Stopped)).is_empty());
    }
}
