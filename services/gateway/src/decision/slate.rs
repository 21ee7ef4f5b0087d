//! The slate: contenders by value, arranged for diversity, explored with a logged propensity.
//!
//! Pure: the same contenders, rules and seed give the same slate.

use fairlead_proto::recall::v1::DropCause;
use fairlead_release::SlateParameters;
use rand::{Rng as _, RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// The number of best allowed contenders that exploration chooses among.
const EXPLORED_AMONG: usize = 10;

/// A candidate that may be shown.
#[derive(Debug, Clone, Copy)]
pub(super) struct Contender<'a> {
    /// Its index in the caller's list of candidates.
    pub(super) index: usize,
    /// Product kind, as numbered on the wire.
    pub(super) kind: i32,
    /// The finer grouping within the kind.
    pub(super) category: &'a str,
    /// The value that the slate is ordered by.
    pub(super) value: f64,
    /// Its worth to the customer: the probability of taking it when shown; 0 if it was not scored.
    pub(super) utility: f64,
}

/// A contender on the slate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct PlacedContender {
    /// Its index in the caller's list of candidates.
    pub(super) index: usize,
    /// Probability with which the policy puts it here, given those above it.
    pub(super) propensity: f64,
}

/// A slate, and the causes for which the others are not on it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Arranged {
    /// Top first.
    pub(super) placed: Vec<PlacedContender>,
    /// The caller's index and the cause.
    pub(super) left_out: Vec<(usize, DropCause)>,
}

/// Arranges at most `size` contenders. Ties in value keep the caller's order. A contender that is too
/// unlikely to be wanted comes behind all others, however much it earns: it only fills the page.
pub(super) fn arrange(
    mut contenders: Vec<Contender<'_>>,
    size: usize,
    rules: &SlateParameters,
    seed: u64,
) -> Arranged {
    let best = contenders.iter().map(|one| one.utility).fold(0.0, f64::max);
    let unwanted = |one: &Contender<'_>| one.utility < rules.utility_floor * best;
    contenders.sort_by(|a, b| match (unwanted(a), unwanted(b)) {
        (false, false) => b.value.total_cmp(&a.value),
        (true, true) => b.utility.total_cmp(&a.utility),
        (one, other) => one.cmp(&other),
    });
    let mut dice = ChaCha8Rng::seed_from_u64(seed);
    let mut slate: Vec<Contender<'_>> = Vec::with_capacity(size);
    let mut placed = Vec::with_capacity(size);
    while placed.len() < size {
        let wanted = contenders.partition_point(|one| !unwanted(one));
        let mut allowed = allowed(&contenders[..wanted], &slate, rules);
        if allowed.is_empty() {
            allowed = self::allowed(&contenders, &slate, rules);
        }
        let Some((chosen, propensity)) = choose(&allowed, rules.exploration, &mut dice) else {
            break;
        };
        let contender = contenders.remove(chosen);
        placed.push(PlacedContender {
            index: contender.index,
            propensity,
        });
        slate.push(contender);
    }
    let cause = |left: &Contender<'_>| {
        if capped(left, &slate, rules) {
            DropCause::Diversity
        } else if unwanted(left) {
            DropCause::LowUtility
        } else {
            DropCause::Outranked
        }
    };
    let left_out = contenders
        .iter()
        .map(|left| (left.index, cause(left)))
        .collect();
    Arranged { placed, left_out }
}

/// Returns the indices of the contenders that may come next, best first. The rule on kinds in a row
/// gives way when no other contender is left; the cap on a category does not.
fn allowed(rest: &[Contender<'_>], slate: &[Contender<'_>], rules: &SlateParameters) -> Vec<usize> {
    let within_cap = |index: &usize| !capped(&rest[*index], slate, rules);
    let under_cap: Vec<usize> = (0..rest.len()).filter(within_cap).collect();
    let run = rules.max_same_kind_in_a_row;
    let tail = slate.len().checked_sub(run).map(|from| &slate[from..]);
    let Some(tail) = tail.filter(|tail| tail.windows(2).all(|pair| pair[0].kind == pair[1].kind))
    else {
        return under_cap;
    };
    let breaks_run = |index: &usize| {
        tail.first()
            .is_none_or(|last| last.kind != rest[*index].kind)
    };
    let varied: Vec<usize> = under_cap.iter().copied().filter(breaks_run).collect();
    if varied.is_empty() { under_cap } else { varied }
}

/// Returns whether the slate holds as many of this kind and category as it may.
fn capped(next: &Contender<'_>, slate: &[Contender<'_>], rules: &SlateParameters) -> bool {
    let alike = |other: &&Contender<'_>| other.kind == next.kind && other.category == next.category;
    slate.iter().filter(alike).count() >= rules.category_cap
}

/// Returns an index and its propensity: the best with probability `1 - exploration`, else one of the best
/// few, evenly; or `None` if none is allowed.
fn choose(allowed: &[usize], exploration: f64, dice: &mut ChaCha8Rng) -> Option<(usize, f64)> {
    let among = &allowed[..allowed.len().min(EXPLORED_AMONG)];
    let (explore, pick) = (dice.random::<f64>() < exploration, dice.next_u64());
    let best = *among.first()?;
    let even = exploration / among.len() as f64;
    if explore {
        let chosen = among[(pick % among.len() as u64) as usize];
        return Some((
            chosen,
            even + if chosen == best {
                1.0 - exploration
            } else {
                0.0
            },
        ));
    }
    Some((best, 1.0 - exploration + even))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rules(exploration: f64) -> SlateParameters {
        SlateParameters {
            max_same_kind_in_a_row: 2,
            category_cap: 3,
            exploration,
            price_depth: 20,
            ..SlateParameters::default()
        }
    }

    fn contender(
        index: usize,
        kind: i32,
        category: &'static str,
        value: f64,
    ) -> Contender<'static> {
        Contender {
            index,
            kind,
            category,
            value,
            utility: 0.0,
        }
    }

    fn order(arranged: &Arranged) -> Vec<usize> {
        arranged.placed.iter().map(|placed| placed.index).collect()
    }

    #[test]
    fn the_best_come_first_but_a_third_of_a_kind_waits() {
        let contenders = vec![
            contender(0, 1, "a", 9.0),
            contender(1, 1, "b", 8.0),
            contender(2, 1, "c", 7.0),
            contender(3, 2, "a", 1.0),
        ];
        let arranged = arrange(contenders, 4, &rules(0.0), 7);
        assert_eq!(order(&arranged), [0, 1, 3, 2]);
        assert!(
            arranged
                .placed
                .iter()
                .all(|placed| (placed.propensity - 1.0).abs() < 1e-12)
        );
    }

    #[test]
    fn one_category_never_fills_the_slate() {
        let contenders = (0..6)
            .map(|i| contender(i, 1, "travel", 9.0 - i as f64))
            .collect();
        let arranged = arrange(contenders, 6, &rules(0.0), 7);
        assert_eq!(
            order(&arranged),
            [0, 1, 2],
            "three of a category, the row rule gave way"
        );
        assert!(
            arranged
                .left_out
                .iter()
                .all(|(_, cause)| *cause == DropCause::Diversity)
        );
    }

    #[test]
    fn what_is_unlikely_to_be_wanted_is_not_shown_for_its_margin() {
        let wanted = |index, value, utility| Contender {
            utility,
            ..contender(index, index as i32, "x", value)
        };
        let contenders = vec![
            wanted(0, 9.0, 0.004),
            wanted(1, 2.0, 0.05),
            wanted(2, 1.0, 0.006),
        ];
        let floor = SlateParameters {
            utility_floor: 0.1,
            ..rules(0.0)
        };
        let arranged = arrange(contenders.clone(), 2, &floor, 7);
        assert_eq!(order(&arranged), [1, 2]);
        assert_eq!(arranged.left_out, [(0, DropCause::LowUtility)]);
        let arranged = arrange(contenders, 3, &floor, 7);
        assert_eq!(order(&arranged), [1, 2, 0], "it fills the page");
    }

    #[test]
    fn exploration_is_as_frequent_as_its_propensity_says() {
        let slates = 20_000_u32;
        let mut first = [0_u32; 3];
        let mut said = [0.0_f64; 3];
        for seed in 0..u64::from(slates) {
            let contenders = (0..3)
                .map(|i| contender(i, i as i32, "x", 3.0 - i as f64))
                .collect();
            let top = arrange(contenders, 1, &rules(0.3), seed).placed[0];
            first[top.index] += 1;
            said[top.index] = top.propensity;
        }
        assert!((said.iter().sum::<f64>() - 1.0).abs() < 1e-9, "{said:?}");
        for place in 0..3 {
            let share = f64::from(first[place]) / f64::from(slates);
            let spread = 5.0 * (said[place] * (1.0 - said[place]) / f64::from(slates)).sqrt();
            assert!(
                (share - said[place]).abs() < spread,
                "{place}: {share} said {}",
                said[place]
            );
        }
    }

    proptest! {
        #[test]
        fn every_contender_is_placed_once_or_left_out_once(
            kinds in prop::collection::vec((1..4_i32, 0..3_usize, -10.0..10.0_f64), 0..40),
            size in 1..20_usize,
            exploration in 0.0..1.0_f64,
            seed in any::<u64>(),
        ) {
            let categories = ["a", "b", "c"];
            let contenders: Vec<_> = kinds
                .iter()
                .enumerate()
                .map(|(index, (kind, category, value))| contender(index, *kind, categories[*category], *value))
                .collect();
            let arranged = arrange(contenders.clone(), size, &rules(exploration), seed);
            prop_assert_eq!(&arranged, &arrange(contenders, size, &rules(exploration), seed));
            let mut seen: Vec<usize> = order(&arranged);
            prop_assert!(seen.len() <= size);
            seen.extend(arranged.left_out.iter().map(|(index, _)| *index));
            seen.sort_unstable();
            prop_assert_eq!(seen, (0..kinds.len()).collect::<Vec<_>>());
            for placed in &arranged.placed {
                prop_assert!(placed.propensity > 0.0 && placed.propensity <= 1.0);
            }
        }
    }
}
