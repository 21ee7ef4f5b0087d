//! Reason codes, which say why terms are not the best, and counterfactuals, which say what change
//! would improve them.

use fairlead_proto::pricing::v1 as pb;

use crate::risk::{Assessment, Characteristic, Grades, Scorecard, probability};

/// The most reasons that a notice to a customer carries (Regulation B's official interpretation,
/// comment 9(b)(2)-1: more than four are not likely to be helpful).
pub(crate) const MOST_REASONS: usize = 4;

/// Returns the characteristics that count against the customer, strongest first.
pub(crate) fn adverse_reasons(card: &Scorecard, assessment: &Assessment) -> Vec<pb::ReasonCode> {
    let mut ranked: Vec<(f64, &Characteristic, Option<usize>)> = card
        .characteristics
        .iter()
        .zip(&assessment.bins)
        .map(|(characteristic, bin)| (characteristic.contribution(*bin), characteristic, *bin))
        .filter(|(contribution, ..)| *contribution > 0.0)
        .collect();
    // Stable: equal contributions stay in the model's order.
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
    ranked.truncate(MOST_REASONS);
    ranked
        .into_iter()
        .map(|(contribution, characteristic, bin)| pb::ReasonCode {
            code: characteristic.reason_code.clone(),
            text: match bin {
                Some(_) => characteristic.reason_text.clone(),
                None => format!("{} is not known", characteristic.feature),
            },
            feature: characteristic.feature.clone(),
            contribution,
        })
        .collect()
}

/// One change of a mutable characteristic to another bin.
#[derive(Debug, Clone, Copy)]
struct Move<'a> {
    characteristic: &'a Characteristic,
    to: usize,
    /// The bins crossed.
    distance: usize,
    /// The log-odds gained.
    gain: f64,
}

/// Returns, in words, the smallest change within the customer's reach that leads to a better grade
/// than `now` (a place among the grades; beyond the last for a refusal), or `None` where there is
/// none. Changes are measured in bins crossed; one characteristic is tried before two together.
pub(crate) fn counterfactual(
    card: &Scorecard,
    assessment: &Assessment,
    grades: &Grades,
    now: usize,
) -> Option<String> {
    let mut moves: Vec<Move<'_>> = Vec::new();
    for (characteristic, bin) in card.characteristics.iter().zip(&assessment.bins) {
        moves.extend(improvements(characteristic, *bin));
    }
    moves.sort_by_key(|one| one.distance);
    let reaches = |gain: f64| {
        let pd = fairlead_domain::Probability::new(probability(assessment.log_odds - gain)).ok()?;
        grades.place_of(pd).filter(|grade| *grade < now)
    };
    let say = |grade: usize, steps: &[Move<'_>]| {
        let changes: Vec<String> = steps.iter().map(Move::in_words).collect();
        format!(
            "{} would give grade {}",
            changes.join(" and "),
            grades.grades[grade].name
        )
    };
    if let Some((grade, one)) = moves.iter().find_map(|one| Some((reaches(one.gain)?, one))) {
        return Some(say(grade, &[*one]));
    }
    let pairs = moves.iter().enumerate().flat_map(|(place, first)| {
        moves[place + 1..]
            .iter()
            .filter(|second| second.characteristic.feature != first.characteristic.feature)
            .map(|second| (*first, *second))
    });
    pairs
        .filter_map(|(first, second)| Some((reaches(first.gain + second.gain)?, first, second)))
        .min_by_key(|(_, first, second)| first.distance + second.distance)
        .map(|(grade, first, second)| say(grade, &[first, second]))
}

/// Returns a move to every bin of a mutable, observed characteristic that costs fewer points.
fn improvements(
    characteristic: &Characteristic,
    bin: Option<usize>,
) -> impl Iterator<Item = Move<'_>> {
    let from = bin.filter(|_| characteristic.mutable);
    from.into_iter().flat_map(move |from| {
        let now = characteristic.points[from];
        let gains = characteristic.points.iter().enumerate();
        gains
            .filter(move |(_, points)| **points < now)
            .map(move |(to, points)| Move {
                characteristic,
                to,
                distance: to.abs_diff(from),
                gain: now - points,
            })
    })
}

impl Move<'_> {
    /// Returns the nearest edge of the bin: "inquiries_12m below 4", "credit_history_months of 120
    /// or more".
    fn in_words(&self) -> String {
        let Characteristic {
            feature,
            bounds,
            points,
            ..
        } = self.characteristic;
        let falling = points.first() > points.last();
        if falling {
            format!("{feature} of {} or more", bounds[self.to - 1])
        } else {
            format!("{feature} below {}", bounds[self.to])
        }
    }
}

#[cfg(test)]
mod tests {
    use fairlead_proto::control::v1 as control;

    use super::*;
    use crate::FeatureMap;
    use crate::error::Checks;

    fn characteristic(feature: &str, points: &[f64], mutable: bool) -> control::Characteristic {
        let last = points.len() - 1;
        control::Characteristic {
            feature: feature.to_owned(),
            bins: points
                .iter()
                .enumerate()
                .map(|(place, points)| control::Bin {
                    upto: (place < last).then_some(10.0 * (place + 1) as f64),
                    points: *points,
                })
                .collect(),
            missing_points: Some(0.0),
            reason_code: format!("R-{feature}"),
            reason_text: format!("about {feature}"),
            mutable,
        }
    }

    fn card() -> Scorecard {
        Scorecard::compile(&control::RiskModel {
            name: "retail".to_owned(),
            version: "1".to_owned(),
            intercept: -3.0,
            characteristics: vec![
                characteristic("debt", &[0.0, 0.4, 0.8], true),
                characteristic("age_of_file", &[1.0, 0.5, 0.0], true),
                characteristic("past", &[0.0, 2.0], false),
                characteristic("tiny", &[0.0, 0.1], true),
                characteristic("small", &[0.0, 0.2], true),
            ],
        })
        .expect("a good model")
    }

    fn grades() -> Grades {
        let grade = |name: &str, max_pd_ppm| control::Grade {
            grade: name.to_owned(),
            max_pd_ppm,
            pd_ppm: max_pd_ppm,
        };
        let grades = [grade("A", 60_000), grade("B", 100_000), grade("C", 250_000)];
        let mut checks = Checks::new("test");
        let grades = Grades::compile(&grades, true, &mut checks);
        assert!(checks.clean());
        grades
    }

    fn assess(values: &[(&str, f64)]) -> (Scorecard, Assessment) {
        let card = card();
        let mut features = FeatureMap::default();
        for (name, value) in values {
            features = features.with_number(name, *value);
        }
        let assessment = card.assess(&features).expect("assessed");
        (card, assessment)
    }

    #[test]
    fn the_strongest_four_that_count_against() {
        let worst = [
            ("debt", 25.0),
            ("age_of_file", 5.0),
            ("past", 15.0),
            ("tiny", 15.0),
            ("small", 15.0),
        ];
        let (card, assessment) = assess(&worst);
        let codes: Vec<_> = adverse_reasons(&card, &assessment)
            .into_iter()
            .map(|reason| (reason.code, reason.contribution))
            .collect();
        let expected = [
            ("R-past", 2.0),
            ("R-age_of_file", 1.0),
            ("R-debt", 0.8),
            ("R-small", 0.2),
        ];
        assert_eq!(codes, expected.map(|(code, by)| (code.to_owned(), by)));
        let best = [
            ("debt", 5.0),
            ("age_of_file", 25.0),
            ("past", 5.0),
            ("tiny", 5.0),
            ("small", 5.0),
        ];
        let (card, assessment) = assess(&best);
        assert!(adverse_reasons(&card, &assessment).is_empty());
    }

    /// log-odds -3 + .4 + .5 = -2.1: 10.9 %, grade C; grade B begins at -2.197.
    #[test]
    fn the_smallest_change_that_betters_the_grade() {
        let (card, assessment) = assess(&[("debt", 15.0), ("age_of_file", 15.0)]);
        assert_eq!(
            counterfactual(&card, &assessment, &grades(), 2).as_deref(),
            Some("debt below 10 would give grade B")
        );
        // -3 + .8 + 1 + .1 + .2 = -.9: 28.9 %, refused; grade C needs -1.0986.
        let worst = [
            ("debt", 25.0),
            ("age_of_file", 5.0),
            ("tiny", 15.0),
            ("small", 15.0),
        ];
        let (card, assessment) = assess(&worst);
        assert_eq!(
            counterfactual(&card, &assessment, &grades(), 3).as_deref(),
            Some("debt below 20 would give grade C")
        );
    }

    #[test]
    fn two_changes_where_one_is_not_enough_and_none_out_of_reach() {
        // -3 + .4 + .5 = -2.1; grade A needs -2.7515: only both together do.
        let (card, assessment) = assess(&[("debt", 15.0), ("age_of_file", 15.0)]);
        assert_eq!(
            counterfactual(&card, &assessment, &grades(), 1).as_deref(),
            Some("debt below 10 and age_of_file of 20 or more would give grade A")
        );
        // -3 + 2 = -1: refused for what cannot be changed.
        let (card, assessment) = assess(&[("past", 15.0)]);
        assert_eq!(counterfactual(&card, &assessment, &grades(), 3), None);
    }
}
