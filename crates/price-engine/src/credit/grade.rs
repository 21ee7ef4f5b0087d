//! The grade of a customer under a strategy, and the reasons that go with it.

use fairlead_domain::RatePpm;
use fairlead_proto::pricing::v1::ReasonCode;

use crate::Features;
use crate::reasons;
use crate::refusal::{Cause, Refused, refuse};
use crate::risk::{Assessment, Scorecard};
use crate::strategy::{CreditStrategy, Grading};

/// A customer's grade, and what it was found with.
#[derive(Debug)]
pub(crate) struct Graded<'a> {
    credit: &'a CreditStrategy,
    /// Place among the strategy's grades, best first.
    pub(crate) place: usize,
    scored: Option<(&'a Scorecard, Assessment)>,
}

impl<'a> Graded<'a> {
    pub(crate) fn find(
        credit: &'a CreditStrategy,
        features: &dyn Features,
    ) -> Result<Self, Refused> {
        match &credit.grading {
            Grading::Model(card) => Self::by_score(credit, card, features),
            Grading::Feature(name) => Self::by_feature(credit, name, features),
        }
    }

    fn by_score(
        credit: &'a CreditStrategy,
        card: &'a Scorecard,
        features: &dyn Features,
    ) -> Result<Self, Refused> {
        let assessment = card.assess(features)?;
        let grades = &credit.grades;
        if let Some(place) = grades.of(assessment.pd) {
            return Ok(Self {
                credit,
                place,
                scored: Some((card, assessment)),
            });
        }
        let pd = RatePpm::from_fraction(assessment.pd.get()).unwrap_or_default();
        let most = RatePpm::new(grades.last_cut_off()).unwrap_or_default();
        let mut refusal = refuse(
            Cause::Risk,
            format!(
                "one-year probability of default `{pd}` by {}@{} is not allowed: at most {most}",
                card.name, card.version
            ),
        );
        refusal.reasons = reasons::of_scorecard(card, &assessment);
        let beyond = grades.grades.len();
        let way_out = reasons::counterfactual(card, &assessment, grades, beyond);
        refusal.counterfactual = way_out.unwrap_or_default();
        Err(refusal)
    }

    fn by_feature(
        credit: &'a CreditStrategy,
        name: &str,
        features: &dyn Features,
    ) -> Result<Self, Refused> {
        let Some(value) = features.category(name) else {
            let detail = format!("{name} is not known; the grade needs it");
            return Err(refuse(Cause::MissingInput, detail));
        };
        let Some(place) = credit.grades.named(value) else {
            let known: Vec<&str> = credit.grades.names().collect();
            let value: String = value.chars().take(80).collect();
            let detail = format!(
                "{name} `{value}` is not allowed: one of {}",
                known.join(", ")
            );
            return Err(refuse(Cause::InputOutOfRange, detail));
        };
        Ok(Self {
            credit,
            place,
            scored: None,
        })
    }

    pub(crate) fn name(&self) -> &'a str {
        &self.credit.grades.grades[self.place].name
    }

    pub(crate) fn pd_ppm(&self) -> i64 {
        self.credit.grades.grades[self.place].pd_ppm
    }

    /// Why the grade is not the best; empty for the best.
    pub(crate) fn reasons(&self) -> Vec<ReasonCode> {
        if self.place == 0 {
            return Vec::new();
        }
        match (&self.scored, &self.credit.grading) {
            (Some((card, assessment)), _) => reasons::of_scorecard(card, assessment),
            (None, Grading::Feature(name)) => vec![self.grade_reason(name)],
            (None, Grading::Model(_)) => Vec::new(),
        }
    }

    /// The one reason that a grade from outside leaves: itself, weighed by its odds of default.
    fn grade_reason(&self, feature: &str) -> ReasonCode {
        let grades = &self.credit.grades.grades;
        let log_odds = |pd_ppm: i64| {
            // Odds of nothing have no logarithm: half a ppm stands for none.
            let pd = (pd_ppm as f64).max(0.5) / 1e6;
            libm::log(pd / (1.0 - pd))
        };
        ReasonCode {
            code: "G01".to_owned(),
            text: format!("credit grade {} is below {}", self.name(), grades[0].name),
            feature: feature.to_owned(),
            contribution: log_odds(self.pd_ppm()) - log_odds(grades[0].pd_ppm),
        }
    }

    /// What would give a better grade, where something within the customer's reach would.
    pub(crate) fn counterfactual(&self) -> Option<String> {
        let (card, assessment) = self.scored.as_ref().filter(|_| self.place > 0)?;
        reasons::counterfactual(card, assessment, &self.credit.grades, self.place)
    }
}
