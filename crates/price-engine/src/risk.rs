//! Risk: a monotone scorecard gives the probability of default, cut-offs give the grade.

use std::collections::BTreeMap;
use std::sync::Arc;

use fairlead_domain::{Probability, Share};
use fairlead_proto::control::v1 as pb;
use smallvec::SmallVec;

use crate::error::Checks;
use crate::refusal::{Cause, Refused, refuse};
use crate::{Error, Features};

/// The log-odds of default in one year as a sum of points by binned feature.
#[derive(Debug, Clone)]
pub(crate) struct Scorecard {
    pub(crate) name: String,
    pub(crate) version: String,
    intercept: f64,
    pub(crate) characteristics: Vec<Characteristic>,
}

/// One characteristic, checked: points rise or fall with the feature, never both.
#[derive(Debug, Clone)]
pub(crate) struct Characteristic {
    pub(crate) feature: String,
    /// Exclusive upper bounds of all bins but the last, ascending.
    pub(crate) bounds: Vec<f64>,
    /// The points of each bin, of which there is one more than bounds.
    pub(crate) points: Vec<f64>,
    missing_points: Option<f64>,
    /// The least points that an observed value gives.
    least: f64,
    pub(crate) reason_code: String,
    pub(crate) reason_text: String,
    pub(crate) mutable: bool,
}

/// The outcome of a scorecard for one customer.
#[derive(Debug, Clone)]
pub(crate) struct Assessment {
    /// The probability of default in one year.
    pub(crate) pd: Probability,
    pub(crate) log_odds: f64,
    /// The bin of each characteristic, or `None` where the feature is missing.
    pub(crate) bins: SmallVec<[Option<usize>; 16]>,
}

impl Scorecard {
    pub(crate) fn compile(model: &pb::RiskModel) -> Result<Self, Vec<Error>> {
        let mut checks = Checks::new(format!("risk model {:?}", model.name));
        checks.present(!model.name.is_empty(), "name", "a name");
        checks.finite("intercept", [&model.intercept], model.intercept);
        let mut characteristics: Vec<Characteristic> = Vec::new();
        for one in &model.characteristics {
            let known = characteristics
                .iter()
                .any(|other| other.feature == one.feature);
            let name = &one.feature;
            checks.once(!known, "characteristic", name, "each feature once");
            characteristics.push(Characteristic::compile(one, &mut checks));
        }
        checks.finish(Self {
            name: model.name.clone(),
            version: model.version.clone(),
            intercept: model.intercept,
            characteristics,
        })
    }

    /// Scores a customer, or refuses where a feature is missing that the model has no points for.
    pub(crate) fn assess(&self, features: &dyn Features) -> Result<Assessment, Refused> {
        let mut log_odds = self.intercept;
        let mut bins = SmallVec::with_capacity(self.characteristics.len());
        for characteristic in &self.characteristics {
            let bin = characteristic.bin(features, &self.name)?;
            log_odds += characteristic.points_of(bin);
            bins.push(bin);
        }
        let pd = Probability::new(probability(log_odds))
            .map_err(|error| refuse(Cause::InputOutOfRange, error.to_string()))?;
        Ok(Assessment { pd, log_odds, bins })
    }
}

/// The scorecards of a release by name; `None` for one that was refused.
pub(crate) type Scorecards = BTreeMap<String, Option<Arc<Scorecard>>>;

/// Compiles every scorecard, adding errors to `errors`.
pub(crate) fn compile_scorecards(models: &[pb::RiskModel], errors: &mut Vec<Error>) -> Scorecards {
    let mut scorecards = Scorecards::new();
    for model in models {
        let mut checks = Checks::new(format!("risk model {:?}", model.name));
        let new = !scorecards.contains_key(&model.name);
        checks.once(new, "name", &model.name, "each name once");
        errors.extend(checks.into_errors());
        let card = Scorecard::compile(model).map_err(|found| errors.extend(found));
        scorecards.insert(model.name.clone(), card.ok().map(Arc::new));
    }
    scorecards
}

/// Returns every error in the scorecards of a draft.
pub fn check_risk_models(models: &[pb::RiskModel]) -> Vec<Error> {
    let mut errors = Vec::new();
    compile_scorecards(models, &mut errors);
    errors
}

/// Returns the probability of given log-odds.
pub(crate) fn probability(log_odds: f64) -> f64 {
    1.0 / (1.0 + libm::exp(-log_odds))
}

impl Characteristic {
    fn compile(proto: &pb::Characteristic, checks: &mut Checks) -> Self {
        let name = &proto.feature;
        checks.present(!name.is_empty(), "characteristic", "a number feature");
        let field = |part: &str| format!("{name}.{part}");
        checks.present(!proto.bins.is_empty(), field("bins"), "one bin at least");
        let bounds: Vec<f64> = proto.bins.iter().filter_map(|bin| bin.upto).collect();
        let open_last = proto.bins.last().is_none_or(|bin| bin.upto.is_none());
        checks.require(
            open_last && bounds.len() + 1 == proto.bins.len(),
            field("bins.upto"),
            format!("{bounds:?}"),
            "present on every bin but the last",
        );
        checks.require(
            bounds.iter().all(|bound| bound.is_finite()) && bounds.is_sorted_by(|a, b| a < b),
            field("bins.upto"),
            format!("{bounds:?}"),
            "finite numbers, ascending",
        );
        let points: Vec<f64> = proto.bins.iter().map(|bin| bin.points).collect();
        let all = points.iter().chain(&proto.missing_points);
        checks.finite(field("points"), all, format!("{points:?}"));
        checks.require(
            points.is_sorted() || points.is_sorted_by(|a, b| a >= b),
            field("bins.points"),
            format!("{points:?}"),
            "monotone: only rising or only falling",
        );
        checks.present(
            !proto.reason_code.is_empty() && !proto.reason_text.is_empty(),
            field("reason_code"),
            "a code and a text for the customer",
        );
        Self {
            feature: name.clone(),
            bounds,
            least: points.iter().copied().fold(f64::INFINITY, f64::min),
            points,
            missing_points: proto.missing_points,
            reason_code: proto.reason_code.clone(),
            reason_text: proto.reason_text.clone(),
            mutable: proto.mutable,
        }
    }

    /// Returns the bin of the customer's value, or `None` where it is missing and the model has
    /// points for that.
    fn bin(&self, features: &dyn Features, model: &str) -> Result<Option<usize>, Refused> {
        let Some(value) = features.number(&self.feature) else {
            if self.missing_points.is_some() {
                return Ok(None);
            }
            let detail = format!("{} is not known; risk model {model} needs it", self.feature);
            return Err(refuse(Cause::MissingInput, detail));
        };
        if !value.is_finite() {
            let detail = format!("{} `{value}` is not allowed: a finite number", self.feature);
            return Err(refuse(Cause::InputOutOfRange, detail));
        }
        Ok(Some(self.bounds.partition_point(|bound| *bound <= value)))
    }

    /// Returns the points of a bin, or of a missing feature for `None`.
    pub(crate) fn points_of(&self, bin: Option<usize>) -> f64 {
        let observed = bin.and_then(|bin| self.points.get(bin)).copied();
        observed.or(self.missing_points).unwrap_or(0.0)
    }

    /// Returns how much a bin counts against the customer: its points above the least.
    pub(crate) fn contribution(&self, bin: Option<usize>) -> f64 {
        self.points_of(bin) - self.least
    }
}

/// A strategy's grades from best to worst, checked.
#[derive(Debug, Clone)]
pub(crate) struct Grades {
    pub(crate) grades: Vec<Grade>,
}

/// One grade.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Grade {
    pub(crate) name: String,
    /// The largest one-year probability of default in it.
    max_pd: Share,
    /// The one-year probability of default that costs are computed with.
    pub(crate) pd: Share,
}

impl Grades {
    /// Checks the grades; `by_pd` says whether their cut-offs are used.
    pub(crate) fn compile(grades: &[pb::Grade], by_pd: bool, checks: &mut Checks) -> Self {
        let mut compiled = Vec::with_capacity(grades.len());
        for (place, grade) in grades.iter().enumerate() {
            let before = &grades[..place];
            let fresh = before.iter().all(|other| other.grade != grade.grade);
            checks.require(
                fresh && !grade.grade.is_empty(),
                "grading.grades.grade",
                &grade.grade,
                "a name, each once",
            );
            compiled.push(Grade {
                name: grade.grade.clone(),
                max_pd: cut_off(grade.max_pd_ppm),
                pd: checks.share("grading.grades.pd_ppm", grade.pd_ppm, 0..=990_000),
            });
        }
        let ascending = |key: fn(&pb::Grade) -> i64| {
            grades.windows(2).all(|pair| key(&pair[0]) <= key(&pair[1]))
        };
        checks.require(
            ascending(|grade| grade.pd_ppm),
            "grading.grades.pd_ppm",
            format!(
                "{:?}",
                grades.iter().map(|grade| grade.pd_ppm).collect::<Vec<_>>()
            ),
            "not falling from best to worst",
        );
        if by_pd {
            checks.require(
                ascending(|grade| grade.max_pd_ppm),
                "grading.grades.max_pd_ppm",
                format!(
                    "{:?}",
                    grades
                        .iter()
                        .map(|grade| grade.max_pd_ppm)
                        .collect::<Vec<_>>()
                ),
                "ascending from best to worst",
            );
        }
        Self { grades: compiled }
    }

    /// Returns the place of the grade of a probability, or `None` beyond the last cut-off.
    pub(crate) fn place_of(&self, pd: Probability) -> Option<usize> {
        let ppm = pd.get() * 1e6;
        let place = self
            .grades
            .partition_point(|grade| (grade.max_pd.ppm() as f64) < ppm);
        (place < self.grades.len()).then_some(place)
    }

    /// Returns the place of a grade by its name.
    pub(crate) fn named(&self, name: &str) -> Option<usize> {
        self.grades.iter().position(|grade| grade.name == name)
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.grades.iter().map(|grade| grade.name.as_str())
    }

    /// Returns the largest probability that any grade takes.
    pub(crate) fn last_cut_off(&self) -> Share {
        let last = self.grades.last();
        last.map_or(Share::ZERO, |grade| grade.max_pd)
    }
}

/// Returns a cut-off in ppm as a share. One outside 0 to 100 % takes the probabilities that the
/// nearest of the two takes.
fn cut_off(ppm: i64) -> Share {
    Share::new(ppm.clamp(0, Share::ALL.ppm())).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FeatureMap;

    fn bin(upto: Option<f64>, points: f64) -> pb::Bin {
        pb::Bin { upto, points }
    }

    fn model() -> pb::RiskModel {
        pb::RiskModel {
            name: "retail".to_owned(),
            version: "1".to_owned(),
            intercept: -3.0,
            characteristics: vec![pb::Characteristic {
                feature: "inquiries".to_owned(),
                bins: vec![bin(Some(1.0), 0.0), bin(Some(4.0), 0.5), bin(None, 1.5)],
                missing_points: None,
                reason_code: "R01".to_owned(),
                reason_text: "many inquiries".to_owned(),
                mutable: true,
            }],
        }
    }

    #[test]
    fn bounds_are_exclusive_and_odds_are_odds() {
        let card = Scorecard::compile(&model()).expect("a good model");
        let pd = |value| {
            let features = FeatureMap::default().with_number("inquiries", value);
            card.assess(&features).expect("assessed").pd.get()
        };
        // 1 / (1 + e^3), 1 / (1 + e^2.5), 1 / (1 + e^1.5).
        assert!((pd(0.0) - 0.047_425_873_177_566_78).abs() < 1e-15);
        assert!((pd(1.0) - 0.075_858_180_021_243_55).abs() < 1e-15);
        assert!((pd(3.99) - 0.075_858_180_021_243_55).abs() < 1e-15);
        assert!((pd(4.0) - 0.182_425_523_806_356_35).abs() < 1e-15);
    }

    #[test]
    fn what_is_missing_or_not_a_number_is_refused() {
        let card = Scorecard::compile(&model()).expect("a good model");
        let refusal = card.assess(&FeatureMap::default()).expect_err("refused");
        assert_eq!(refusal.cause(), Cause::MissingInput);
        assert_eq!(
            refusal.detail,
            "inquiries is not known; risk model retail needs it"
        );
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let features = FeatureMap::default().with_number("inquiries", bad);
            let refusal = card.assess(&features).expect_err("refused");
            assert_eq!(refusal.cause(), Cause::InputOutOfRange);
        }
    }

    #[test]
    fn models_that_turn_or_do_not_end_are_refused() {
        let errors = |change: fn(&mut pb::Characteristic)| {
            let mut model = model();
            change(&mut model.characteristics[0]);
            let errors = Scorecard::compile(&model).expect_err("refused");
            errors
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join("; ")
        };
        assert!(errors(|one| one.bins[2].points = 0.2).contains("monotone"));
        assert!(errors(|one| one.bins[2].upto = Some(9.0)).contains("every bin but the last"));
        assert!(errors(|one| one.bins[1].upto = Some(0.5)).contains("ascending"));
        assert!(errors(|one| one.bins[0].points = f64::NAN).contains("finite"));
        assert!(errors(|one| one.bins.clear()).contains("one bin at least"));
    }

    #[test]
    fn grades_take_up_to_their_cut_off() {
        let grade = |name: &str, max_pd_ppm, pd_ppm| pb::Grade {
            grade: name.to_owned(),
            max_pd_ppm,
            pd_ppm,
        };
        let mut checks = Checks::new("test");
        let grades = [grade("A", 20_000, 10_000), grade("B", 50_000, 30_000)];
        let grades = Grades::compile(&grades, true, &mut checks);
        assert!(checks.clean());
        let place = |pd| grades.place_of(Probability::new(pd).expect("a probability"));
        assert_eq!(place(0.02), Some(0));
        assert_eq!(place(0.020_000_1), Some(1));
        assert_eq!(place(0.05), Some(1));
        assert_eq!(place(0.051), None);
    }
}
