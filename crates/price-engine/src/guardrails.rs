//! The guardrails of strategies: law, grading, price points, the largest change, limits.

use std::sync::Arc;

use fairlead_domain::{Currency, RatePpm};
use fairlead_proto::control::v1 as pb;

use crate::Error;
use crate::by_strategy::ByStrategy;
use crate::error::Checks;
use crate::limit::LimitRules;
use crate::points::Points;
use crate::risk::{Grades, Scorecard, Scorecards};

/// Guardrails, checked.
#[derive(Debug)]
pub(crate) struct Guardrails {
    pub(crate) currency: Currency,
    pub(crate) jurisdiction: String,
    pub(crate) licence: String,
    pub(crate) quote_valid_seconds: i64,
    /// The guardrails of credit, or `None` where they hold no credit.
    pub(crate) credit: Option<Arc<CreditGuardrails>>,
}

/// The guardrails of prices and limits of credit.
#[derive(Debug)]
pub(crate) struct CreditGuardrails {
    pub(crate) grading: Grading,
    pub(crate) grades: Grades,
    pub(crate) points: Points,
    /// The largest change against the last quote, or `None` where it is not bounded.
    pub(crate) max_change: Option<RatePpm>,
    pub(crate) limit: LimitRules,
}

/// The source of a grade.
#[derive(Debug)]
pub(crate) enum Grading {
    /// The probability of default of a scorecard.
    Model(Arc<Scorecard>),
    /// A category feature that carries it.
    Feature(String),
}

/// The scorecards that guardrails may name.
#[derive(Clone, Copy)]
enum Known<'a> {
    /// Those of a release.
    Release(&'a Scorecards),
    /// Any: the guardrails are checked by themselves.
    Any,
}

/// Compiles all guardrails of a release, adding errors to `errors`.
pub(crate) fn compile_guardrails(
    guardrails: &[pb::Guardrails],
    scorecards: &Scorecards,
    errors: &mut Vec<Error>,
) -> ByStrategy<Guardrails> {
    let known = Known::Release(scorecards);
    let entries = guardrails
        .iter()
        .map(|one| (&one.guardrails_id, &one.strategies, one));
    ByStrategy::compile("guardrails", entries, |one| compile(one, known), errors)
}

/// Returns every error in the guardrails of a draft by themselves: the scorecards that they name may
/// be anywhere.
pub fn check_guardrails(guardrails: &[pb::Guardrails]) -> Vec<Error> {
    let mut errors = Vec::new();
    let entries = guardrails
        .iter()
        .map(|one| (&one.guardrails_id, &one.strategies, one));
    ByStrategy::compile(
        "guardrails",
        entries,
        |one| compile(one, Known::Any),
        &mut errors,
    );
    errors
}

fn compile(guardrails: &pb::Guardrails, known: Known<'_>) -> Result<Guardrails, Vec<Error>> {
    let mut checks = Checks::new(format!("guardrails {:?}", guardrails.guardrails_id));
    let currency = checks.currency("currency", &guardrails.currency);
    let somewhere = !guardrails.jurisdiction.is_empty();
    checks.present(somewhere, "jurisdiction", "a jurisdiction such as CN");
    let week = 7 * 86_400;
    let valid = guardrails.quote_valid_seconds;
    checks.within("quote_valid_seconds", valid, 1..=week);
    // For the checks of guardrails that are refused without one.
    let currency = currency.unwrap_or(Currency::NONE);
    let of_credit = guardrails.grading.is_some() || guardrails.limit.is_some();
    let credit = if of_credit {
        credit(guardrails, known, currency, &mut checks)
    } else {
        None
    };
    // A scorecard that was refused has errors of its own, and leaves credit without guardrails.
    if checks.clean() && of_credit && credit.is_none() {
        return Err(Vec::new());
    }
    checks.finish(Guardrails {
        currency,
        jurisdiction: guardrails.jurisdiction.clone(),
        licence: guardrails.licence.clone(),
        quote_valid_seconds: valid,
        credit: credit.map(Arc::new),
    })
}

fn credit(
    guardrails: &pb::Guardrails,
    known: Known<'_>,
    currency: Currency,
    checks: &mut Checks,
) -> Option<CreditGuardrails> {
    let grading = guardrails.grading.as_ref();
    checks.present(
        grading.is_some_and(|grading| !grading.grades.is_empty()),
        "grading.grades",
        "one grade at least",
    );
    let grades = grading.map_or(&[][..], |grading| &grading.grades);
    let by_pd = grading.is_some_and(|grading| grading.grade_feature.is_empty());
    let grades = Grades::compile(grades, by_pd, checks);
    let grading = grading.and_then(|one| compile_grading(one, known, checks));
    let limit = guardrails.limit.as_ref();
    checks.present(limit.is_some(), "limit", "limit rules");
    let limit = limit.map(|limit| LimitRules::compile(limit, &grades, currency, checks));
    let points = points(&guardrails.price_points_ppm, checks);
    let most = RatePpm::MAX.ppm();
    let max_change = checks.rate("max_change_ppm", guardrails.max_change_ppm, 0..=most);
    Some(CreditGuardrails {
        grading: grading?,
        grades,
        points,
        max_change: (max_change > RatePpm::ZERO).then_some(max_change),
        limit: limit?,
    })
}

fn compile_grading(
    grading: &pb::Grading,
    known: Known<'_>,
    checks: &mut Checks,
) -> Option<Grading> {
    let one = grading.risk_model.is_empty() != grading.grade_feature.is_empty();
    checks.require(
        one,
        "grading",
        format!(
            "risk_model `{}`, grade_feature `{}`",
            grading.risk_model, grading.grade_feature
        ),
        "exactly one of the two",
    );
    if !grading.grade_feature.is_empty() {
        return Some(Grading::Feature(grading.grade_feature.clone()));
    }
    let Known::Release(scorecards) = known else {
        return None;
    };
    let Some(card) = scorecards.get(&grading.risk_model) else {
        let known = scorecards.keys().map(String::as_str);
        checks.missing("grading.risk_model", &grading.risk_model, known);
        return None;
    };
    card.clone().map(Grading::Model)
}

fn points(points: &[i64], checks: &mut Checks) -> Points {
    checks.require(
        points.is_sorted_by(|a, b| a < b),
        "price_points_ppm",
        format!("{points:?}"),
        "ascending, each once",
    );
    if points.is_empty() {
        return Points::Any;
    }
    let most = RatePpm::MAX.ppm();
    let point = |ppm: &i64| checks.rate("price_points_ppm", *ppm, 0..=most);
    Points::Listed(points.iter().map(point).collect())
}
