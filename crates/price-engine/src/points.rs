//! Approved price points and the guardrails that bound a target rate.
//!
//! The price is the highest lawful point at or below the target, because rounding favours the
//! customer; where that point does not cover cost, it is the lowest that does. With `down(t)` the
//! highest point at or below `t` and `up(f)` the lowest at or above `f`, that is
//! `max(down(min(target, ceiling)), up(max(floor, lowest change)))`: it rises with the target and
//! with the floor, so that a worse grade never pays less.

use fairlead_domain::RatePpm;

use crate::cap::Ceiling;
use crate::waterfall::Ppm;

/// The rates that may be charged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Points {
    /// Any whole ppm.
    Any,
    /// These, ascending.
    Listed(Vec<RatePpm>),
}

impl Points {
    /// Returns the highest point at or below the target.
    fn down(&self, target: RatePpm) -> Option<RatePpm> {
        match self {
            Self::Any => Some(target),
            Self::Listed(points) => {
                let after = points.partition_point(|point| *point <= target);
                points.get(after.checked_sub(1)?).copied()
            }
        }
    }

    /// Returns the lowest point at or above the least.
    fn up(&self, least: RatePpm) -> Option<RatePpm> {
        match self {
            Self::Any => Some(least),
            Self::Listed(points) => {
                let first = points.partition_point(|point| *point < least);
                points.get(first).copied()
            }
        }
    }
}

/// The rates within the largest change against the last quote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ChangeWindow {
    pub(crate) lowest: RatePpm,
    pub(crate) highest: RatePpm,
}

impl ChangeWindow {
    /// Returns the rates that differ from `last` by at most `most`.
    pub(crate) fn new(last: RatePpm, most: RatePpm) -> Self {
        Self {
            lowest: last.saturating_sub(most),
            highest: last.saturating_add(most),
        }
    }
}

/// The bounds of a rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// The lowest rate that covers cost.
    pub(crate) floor: RatePpm,
    pub(crate) ceiling: Ceiling,
    /// `None` where the change is not bounded, or there is no last quote.
    pub(crate) change: Option<ChangeWindow>,
}

/// A rate that was chosen, and by how much each guardrail moved the target, in order; the moves
/// add up to the rate less the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Chosen {
    pub(crate) rate: RatePpm,
    pub(crate) by_change: Ppm,
    pub(crate) by_floor: Ppm,
    pub(crate) by_cap: Ppm,
    pub(crate) by_points: Ppm,
}

/// The reason that no rate can be charged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoRate {
    /// The floor is above the ceiling.
    FloorAboveCap,
    /// No approved point lies between the bounds.
    NoPoint,
}

/// Returns the point that is charged for a target rate within bounds.
pub(crate) fn choose(points: &Points, target: RatePpm, bounds: Bounds) -> Result<Chosen, NoRate> {
    let ceiling = match bounds.ceiling {
        Ceiling::Uncapped => RatePpm::MAX,
        Ceiling::Unlawful => return Err(NoRate::FloorAboveCap),
        Ceiling::At(highest) => highest,
    };
    if bounds.floor > ceiling {
        return Err(NoRate::FloorAboveCap);
    }
    let ChangeWindow { lowest, highest } = bounds.change.unwrap_or(ChangeWindow {
        lowest: RatePpm::MIN,
        highest: RatePpm::MAX,
    });
    let changed = target.clamp(lowest, highest);
    let floored = changed.max(bounds.floor);
    let capped = floored.min(ceiling);

    let below = points.down(changed.min(ceiling));
    let least = points.up(bounds.floor.max(lowest)).ok_or(NoRate::NoPoint)?;
    let rate = below.map_or(least, |below| below.max(least));
    if rate > ceiling.min(highest) {
        return Err(NoRate::NoPoint);
    }
    let moved = |from: RatePpm, to: RatePpm| Ppm::from(to) - Ppm::from(from);
    Ok(Chosen {
        rate,
        by_change: moved(target, changed),
        by_floor: moved(changed, floored),
        by_cap: moved(floored, capped),
        by_points: moved(capped, rate),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rate(ppm: i64) -> RatePpm {
        RatePpm::new(ppm).expect("in range")
    }

    fn listed(points: impl IntoIterator<Item = i64>) -> Points {
        Points::Listed(points.into_iter().map(rate).collect())
    }

    fn bounds(floor: i64, ceiling: i64) -> Bounds {
        Bounds {
            floor: rate(floor),
            ceiling: Ceiling::At(rate(ceiling)),
            change: None,
        }
    }

    #[test]
    fn the_nearest_allowed_point() {
        let points = listed([100, 120, 140, 160]);
        let pick =
            |target, bounds| choose(&points, rate(target), bounds).map(|chosen| chosen.rate.ppm());
        assert_eq!(
            pick(139, bounds(90, 200)),
            Ok(120),
            "down, for the customer"
        );
        assert_eq!(pick(140, bounds(90, 200)), Ok(140));
        assert_eq!(
            pick(139, bounds(125, 200)),
            Ok(140),
            "up, where down loses money"
        );
        assert_eq!(
            pick(90, bounds(95, 200)),
            Ok(100),
            "never below the lowest point"
        );
        assert_eq!(pick(300, bounds(90, 150)), Ok(140), "never above the cap");
        assert_eq!(pick(139, bounds(145, 150)), Err(NoRate::NoPoint));
        assert_eq!(pick(139, bounds(161, 200)), Err(NoRate::NoPoint));
        assert_eq!(pick(139, bounds(201, 200)), Err(NoRate::FloorAboveCap));
        let near = |lowest, highest| Bounds {
            change: Some(ChangeWindow {
                lowest: rate(lowest),
                highest: rate(highest),
            }),
            ..bounds(90, 200)
        };
        assert_eq!(
            pick(160, near(90, 130)),
            Ok(120),
            "held back to the last quote"
        );
        assert_eq!(pick(100, near(125, 165)), Ok(140));
        assert_eq!(pick(100, near(141, 159)), Err(NoRate::NoPoint));
        let unlawful = Bounds {
            ceiling: Ceiling::Unlawful,
            ..bounds(0, 0)
        };
        assert_eq!(pick(100, unlawful), Err(NoRate::FloorAboveCap));
        let uncapped = Bounds {
            ceiling: Ceiling::Uncapped,
            ..bounds(90, 0)
        };
        assert_eq!(pick(300, uncapped), Ok(160));
    }

    fn any_points() -> impl Strategy<Value = Points> {
        prop_oneof![
            Just(Points::Any),
            prop::collection::btree_set(0_i64..400, 1..12).prop_map(listed)
        ]
    }

    fn any_bounds() -> impl Strategy<Value = Bounds> {
        (
            0_i64..400,
            prop::option::of(0_i64..400),
            prop::option::of((0_i64..400, 0_i64..200)),
        )
            .prop_map(|(floor, ceiling, change)| Bounds {
                floor: rate(floor),
                ceiling: ceiling.map_or(Ceiling::Uncapped, |ceiling| Ceiling::At(rate(ceiling))),
                change: change.map(|(last, most)| ChangeWindow::new(rate(last), rate(most))),
            })
    }

    proptest! {
        #[test]
        fn a_chosen_rate_keeps_every_bound(points in any_points(), target in 0_i64..500, bounds in any_bounds()) {
            let keeps = |rate: RatePpm| {
                let near = bounds.change.is_none_or(|change| (change.lowest..=change.highest).contains(&rate));
                rate >= bounds.floor && bounds.ceiling.allows(rate) && near
            };
            if let Ok(chosen) = choose(&points, rate(target), bounds) {
                prop_assert!(keeps(chosen.rate));
                if let Points::Listed(points) = &points {
                    prop_assert!(points.contains(&chosen.rate));
                }
                let moved = chosen.by_change + chosen.by_floor + chosen.by_cap + chosen.by_points;
                prop_assert_eq!(target + moved.get(), chosen.rate.ppm());
            } else {
                // Refused only when no whole rate that may be charged keeps the bounds.
                let mut all: Box<dyn Iterator<Item = RatePpm>> = match &points {
                    Points::Any => Box::new((0..1_000).map(rate)),
                    Points::Listed(points) => Box::new(points.iter().copied()),
                };
                prop_assert!(!all.any(keeps));
            }
        }

        #[test]
        fn a_higher_target_or_floor_never_lowers_the_rate(
            points in any_points(), target in 0_i64..500, more in 0_i64..200, bounds in any_bounds(), up in 0_i64..200,
        ) {
            let worse = Bounds { floor: rate(bounds.floor.ppm() + up), ..bounds };
            let better = choose(&points, rate(target), bounds);
            let worse = choose(&points, rate(target + more), worse);
            match (better, worse) {
                (Ok(better), Ok(worse)) => prop_assert!(better.rate <= worse.rate),
                (Err(_), worse) => prop_assert!(worse.is_err()),
                (Ok(_), Err(_)) => {}
            }
        }
    }
}
