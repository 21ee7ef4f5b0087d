//! Approved price points and the guardrails around a target rate.
//!
//! The price is the highest lawful point at or below the target, because rounding favours the
//! customer; where that point does not cover cost, it is the lowest that does. With `down(t)` the
//! highest point at or below `t` and `up(f)` the lowest at or above `f`, that is
//! `max(down(min(target, ceiling)), up(max(floor, lowest change)))`: it rises with the target and
//! with the floor, so that a worse grade never pays less.

use fairlead_domain::RatePpm;

/// The rates that may be charged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Points {
    /// Any whole ppm.
    Any,
    /// These, ascending.
    Listed(Vec<i64>),
}

impl Points {
    fn down(&self, target: i64) -> Option<i64> {
        match self {
            Self::Any => Some(target),
            Self::Listed(points) => {
                let after = points.partition_point(|point| *point <= target);
                points.get(after.checked_sub(1)?).copied()
            }
        }
    }

    fn up(&self, least: i64) -> Option<i64> {
        match self {
            Self::Any => Some(least),
            Self::Listed(points) => {
                let first = points.partition_point(|point| *point < least);
                points.get(first).copied()
            }
        }
    }
}

/// What bounds a rate, ppm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// Lowest that covers cost.
    pub(crate) floor: i64,
    /// Highest whose all-in cost is lawful; nothing when the law sets no cap.
    pub(crate) ceiling: Option<i64>,
    /// Lowest and highest within the largest change against the last quote.
    pub(crate) change: Option<(i64, i64)>,
}

/// A rate chosen and what each guardrail did to the target, in order; the sum of the moves is the
/// rate less the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Chosen {
    pub(crate) rate: RatePpm,
    pub(crate) by_change: i64,
    pub(crate) by_floor: i64,
    pub(crate) by_cap: i64,
    pub(crate) by_points: i64,
}

/// Why no rate can be charged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoRate {
    /// The floor is above the ceiling.
    FloorAboveCap,
    /// No approved point lies between the bounds.
    NoPoint,
}

pub(crate) fn choose(points: &Points, target: i64, bounds: Bounds) -> Result<Chosen, NoRate> {
    if bounds.ceiling.is_some_and(|ceiling| bounds.floor > ceiling) {
        return Err(NoRate::FloorAboveCap);
    }
    let (low, high) = bounds.change.unwrap_or((i64::MIN, i64::MAX));
    let ceiling = bounds.ceiling.unwrap_or(i64::MAX);
    let changed = target.clamp(low, high);
    let floored = changed.max(bounds.floor);
    let capped = floored.min(ceiling);

    let below = points.down(changed.min(ceiling));
    let least = points.up(bounds.floor.max(low)).ok_or(NoRate::NoPoint)?;
    let rate = below.map_or(least, |below| below.max(least));
    if rate > ceiling.min(high) {
        return Err(NoRate::NoPoint);
    }
    Ok(Chosen {
        rate: RatePpm::new(rate).map_err(|_| NoRate::NoPoint)?,
        by_change: changed - target,
        by_floor: floored - changed,
        by_cap: capped - floored,
        by_points: rate - capped,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bounds(floor: i64, ceiling: i64) -> Bounds {
        Bounds {
            floor,
            ceiling: Some(ceiling),
            change: None,
        }
    }

    #[test]
    fn the_nearest_allowed_point() {
        let points = Points::Listed(vec![100, 120, 140, 160]);
        let pick = |target, bounds| choose(&points, target, bounds).map(|chosen| chosen.rate.ppm());
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
        let near = |change| Bounds {
            change: Some(change),
            ..bounds(90, 200)
        };
        assert_eq!(
            pick(160, near((90, 130))),
            Ok(120),
            "held back to the last quote"
        );
        assert_eq!(pick(100, near((125, 165))), Ok(140));
        assert_eq!(pick(100, near((141, 159))), Err(NoRate::NoPoint));
    }

    fn any_points() -> impl Strategy<Value = Points> {
        prop_oneof![
            Just(Points::Any),
            prop::collection::btree_set(0_i64..400, 1..12)
                .prop_map(|set| Points::Listed(set.into_iter().collect()))
        ]
    }

    fn any_bounds() -> impl Strategy<Value = Bounds> {
        (
            0_i64..400,
            prop::option::of(0_i64..400),
            prop::option::of((0_i64..400, 0_i64..200)),
        )
            .prop_map(|(floor, ceiling, change)| Bounds {
                floor,
                ceiling,
                change: change.map(|(last, most)| (last - most, last + most)),
            })
    }

    proptest! {
        #[test]
        fn a_chosen_rate_keeps_every_bound(points in any_points(), target in 0_i64..500, bounds in any_bounds()) {
            if let Ok(chosen) = choose(&points, target, bounds) {
                let rate = chosen.rate.ppm();
                prop_assert!(rate >= bounds.floor);
                prop_assert!(bounds.ceiling.is_none_or(|ceiling| rate <= ceiling));
                prop_assert!(bounds.change.is_none_or(|(low, high)| (low..=high).contains(&rate)));
                if let Points::Listed(points) = &points {
                    prop_assert!(points.contains(&rate));
                }
                let moved = chosen.by_change + chosen.by_floor + chosen.by_cap + chosen.by_points;
                prop_assert_eq!(target + moved, rate);
            } else {
                // Refused only when no whole rate that may be charged keeps the bounds.
                let (low, high) = bounds.change.unwrap_or((0, 1_000));
                let high = high.min(bounds.ceiling.unwrap_or(i64::MAX));
                let mut all: Box<dyn Iterator<Item = i64>> = match &points {
                    Points::Any => Box::new(0..1_000),
                    Points::Listed(points) => Box::new(points.iter().copied()),
                };
                prop_assert!(!all.any(|rate| rate >= bounds.floor.max(low) && rate <= high));
            }
        }

        #[test]
        fn a_higher_target_or_floor_never_lowers_the_rate(
            points in any_points(), target in 0_i64..500, more in 0_i64..200, bounds in any_bounds(), up in 0_i64..200,
        ) {
            let worse = Bounds { floor: bounds.floor + up, ..bounds };
            if let (Ok(better), Ok(worse)) = (choose(&points, target, bounds), choose(&points, target + more, worse)) {
                prop_assert!(better.rate <= worse.rate);
            }
            if choose(&points, target, bounds).is_err() {
                prop_assert!(choose(&points, target + more, worse).is_err());
            }
        }
    }
}
