//! The grade of a customer under a strategy, and the reasons that go with it.

use fairlead_domain::{RatePpm, Share};
use fairlead_proto::pricing::v1::ReasonCode;

use crate::Features;
use crate::guardrails::Grading;
use crate::reasons;
use crate::refusal::{Cause, Refused, refuse};
use crate::risk::{Assessment, Scorecard};
use crate::strategy::CreditStrategy;

/// A customer's grade, and the assessment that it comes from.
#[derive(Debug)]
pub(crate) struct Graded<'a> {
    credit: &'a CreditStrategy,
    /// The place among the strategy's grades, best first.
    pub(crate) place: usize,
    /// `None` for a grade that a feature carries.
    scored: Option<Scored<'a>>,
}

/// A scorecard and its outcome.
#[derive(Debug)]
struct Scored<'a> {
    card: &'a Scorecard,
    assessment: Assessment,
}

impl<'a> Graded<'a> {
    pub(crate) fn find(
        credit: &'a CreditStrategy,
        features: &dyn Features,
    ) -> Result<Self, Refused> {
        match &credit.held.grading {
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
        let grades = &credit.held.grades;
        if let Some(place) = grades.place_of(assessment.pd) {
            return Ok(Self {
                credit,
                place,
                scored: Some(Scored { card, assessment }),
            });
        }
        let pd = RatePpm::from_fraction(assessment.pd.get());
        let pd = pd.map_or_else(|error| error.value, |pd| pd.to_string());
        let most = grades.last_cut_off();
        let mut refusal = refuse(
            Cause::Risk,
            format!(
                "one-year probability of default `{pd}` by {}@{} is not allowed: at most {most}",
                card.name, card.version
            ),
        );
        refusal.reasons = reasons::adverse_reasons(card, &assessment);
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
        let Some(place) = credit.held.grades.named(value) else {
            let known: Vec<&str> = credit.held.grades.names().collect();
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

    /// Returns the name of the grade.
    pub(crate) fn name(&self) -> &'a str {
        &self.credit.held.grades.grades[self.place].name
    }

    /// Returns the one-year probability of default that costs are computed with.
    pub(crate) fn pd(&self) -> Share {
        self.credit.held.grades.grades[self.place].pd
    }

    /// Returns why the grade is not the best; empty for the best.
    pub(crate) fn reasons(&self) -> Vec<ReasonCode> {
        if self.place == 0 {
            return Vec::new();
        }
        match (&self.scored, &self.credit.held.grading) {
            (Some(scored), _) => reasons::adverse_reasons(scored.card, &scored.assessment),
            (None, Grading::Feature(name)) => vec![self.grade_reason(name)],
            (None, Grading::Model(_)) => Vec::new(),
        }
    }

    /// Returns the one reason that a grade from outside gives, itself, weighed by its odds of
    /// default.
    fn grade_reason(&self, feature: &str) -> ReasonCode {
        let grades = &self.credit.held.grades.grades;
        let log_odds = |pd: Share| {
            // Odds of zero have no logarithm: half a ppm stands for them.
            let pd = (pd.ppm() as f64).max(0.5) / 1e6;
            libm::log(pd / (1.0 - pd))
        };
        ReasonCode {
            code: "G01".to_owned(),
            text: format!("credit grade {} is below {}", self.name(), grades[0].name),
            feature: feature.to_owned(),
            contribution: log_odds(self.pd()) - log_odds(grades[0].pd),
        }
    }

    /// Returns a change within the customer's reach that would give a better grade, or `None` where
    /// there is none.
    pub(crate) fn counterfactual(&self) -> Option<String> {
        let Scored { card, assessment } = self.scored.as_ref().filter(|_| self.place > 0)?;
        reasons::counterfactual(card, assessment, &self.credit.held.grades, self.place)
    }
}
