//! Properties of the simulation: events are valid, published figures hold, and there is something
//! to learn.

use std::collections::{HashMap, HashSet};

use fairlead_proto::event::v1::{Event, EventKind};
use fairlead_registry::Registry;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::{Population, figures};

const NOW_MS: i64 = 1_764_000_000_000;
const DAY_MS: i64 = 86_400_000;

fn events(seed: u64, customers: usize, count: usize) -> Vec<Event> {
    Population::new(seed, customers)
        .events(count, NOW_MS)
        .collect()
}

#[test]
fn the_same_seed_gives_the_same_events() {
    let one = events(3, 500, 8_000);
    assert_eq!(one, events(3, 500, 8_000));
    assert_ne!(one, events(4, 500, 8_000));
}

#[test]
fn every_event_passes_the_door_in_order_with_an_id_of_its_own() {
    let registry = Registry::builtin();
    let all = events(3, 2_000, 30_000);
    assert_eq!(all.len(), 30_000);
    let mut ids = HashSet::new();
    for event in &all {
        registry
            .check_event(event, NOW_MS)
            .unwrap_or_else(|error| panic!("{error}: {event:?}"));
        assert!(ids.insert(&event.event_id), "{}", event.event_id);
        if !event.product_id.is_empty() {
            assert_ne!(event.product_kind, 0);
        }
    }
    assert!(all.is_sorted_by_key(|event| event.event_time_ms));
    let first = all.first().expect("events").event_time_ms;
    assert!(first >= NOW_MS - 30 * DAY_MS);
    assert!(all.last().expect("events").event_time_ms <= NOW_MS);
    // The count is reached at the end of the period, not before.
    let last_day = all
        .iter()
        .filter(|event| event.event_time_ms > NOW_MS - DAY_MS);
    assert!(last_day.count() > 300);
}

#[test]
fn all_attributes_told_are_read() {
    let registry = Registry::builtin();
    let all = events(3, 50, 1_000);
    for event in all.iter().filter(|event| !event.attributes.is_empty()) {
        for name in event.attributes.keys() {
            assert!(registry.reads_attribute(event.kind(), name), "{name}");
        }
    }
}

#[test]
fn whatever_follows_a_request_joins_its_impression() {
    let all = events(3, 1_000, 40_000);
    let mut shown: HashMap<(&str, &str), (&Event, i32)> = HashMap::new();
    let mut joined = 0;
    for event in &all {
        let key = (event.request_id.as_str(), event.product_id.as_str());
        match event.kind() {
            EventKind::Impression => {
                assert!((1..=6).contains(&event.position));
                assert!(shown.insert(key, (event, event.position)).is_none());
            }
            EventKind::Click | EventKind::Application | EventKind::Conversion => {
                let (impression, position) = shown[&key];
                assert_eq!(impression.customer_id, event.customer_id);
                assert_eq!(position, event.position);
                assert!(impression.event_time_ms <= event.event_time_ms);
                joined += 1;
            }
            _ => {}
        }
    }
    assert!(joined > 500, "{joined}");
}

#[test]
fn life_goes_on_with_new_ids() {
    let mut population = Population::new(3, 300);
    let first: Vec<Event> = population.events(5_000, NOW_MS - DAY_MS).collect();
    let second: Vec<Event> = population.events(500, NOW_MS).collect();
    let ids: HashSet<&str> = first
        .iter()
        .chain(&second)
        .map(|one| one.event_id.as_str())
        .collect();
    assert_eq!(ids.len(), 5_500);
    assert!(second[0].event_time_ms > NOW_MS - DAY_MS);
    let told_again = |one: &Event| one.kind() == EventKind::ProfileUpdated;
    assert!(!second.iter().any(told_again), "everybody was known");
}

#[test]
fn few_events_of_many_people_tell_of_few_people() {
    let all = events(3, 5_000, 100);
    assert_eq!(all.len(), 100);
    assert!(events(3, 0, 1).len() == 1 && events(3, 1, 0).is_empty());
    assert_eq!(events(3, 1, 50).len(), 50);
}

#[test]
fn clicks_and_conversions_are_as_frequent_as_published() {
    let all = events(11, 4_000, 120_000);
    let count = |kind| all.iter().filter(|event| event.kind() == kind).count() as f64;
    let clicks = count(EventKind::Click);
    let rate = clicks / count(EventKind::Impression);
    assert!((rate - figures::CLICK_RATE).abs() < 0.012, "{rate}");
    let taken = count(EventKind::Conversion) / clicks;
    assert!((taken - figures::TAKE_UP).abs() < 0.025, "{taken}");
    let applied = count(EventKind::Application) / clicks;
    assert!((applied - figures::APPLIED).abs() < 0.03, "{applied}");
    let missed = count(EventKind::Delinquency);
    assert!(missed > 0.0 && missed < 0.05 * count(EventKind::Repayment));
}

#[test]
fn the_mean_rate_of_each_grade_is_the_published_one() {
    let population = Population::new(5, 20_000);
    let mut sums = [(0.0, 0.0); 7];
    for customer in &population.customers {
        for appeal in population.appeals.iter().filter(|one| one.lends()) {
            sums[customer.grade].0 += appeal.rate_ppm(customer.grade) as f64;
            sums[customer.grade].1 += 1.0;
        }
    }
    for (grade, (sum, count)) in sums.into_iter().enumerate() {
        let published = figures::RATE_PPM[grade] as f64;
        let share = count / sums.iter().map(|one| one.1).sum::<f64>();
        assert!((sum / count / published - 1.0).abs() < 0.02, "{grade}");
        assert!((share - figures::GRADE_SHARE[grade]).abs() < 0.001);
    }
}

/// The arc elasticity of simulated take-up, between rates a tenth below and a tenth above.
#[test]
fn take_up_falls_with_the_rate_as_published() {
    let population = Population::new(5, 3_000);
    let mut dice = ChaCha8Rng::seed_from_u64(1);
    let mut taken = [0.0_f64; 2];
    for customer in &population.customers {
        for appeal in population.appeals.iter().filter(|one| one.lends()) {
            // Customers who opened the product: the published trial offered to such.
            let opened = population.choice.click(customer, appeal);
            for (arm, factor) in [0.9, 1.1].into_iter().enumerate() {
                let rate = (appeal.rate_ppm(customer.grade) as f64 * factor) as i64;
                let take = population.choice.take(customer, appeal, rate);
                for _ in 0..40 {
                    taken[arm] += f64::from(u8::from(dice.random_bool(opened * take)));
                }
            }
        }
    }
    let elasticity = (taken[1] / taken[0]).ln() / (1.1_f64 / 0.9).ln();
    assert!((-0.45..=-0.15).contains(&elasticity), "{elasticity}");
}

/// Returns the area under the ROC curve by ranks; ties count half.
fn auc(scored: &mut [(f64, bool)]) -> f64 {
    scored.sort_by(|a, b| a.0.total_cmp(&b.0));
    let positives = scored.iter().filter(|one| one.1).count() as f64;
    let negatives = scored.len() as f64 - positives;
    let (mut sum, mut start) = (0.0, 0);
    while start < scored.len() {
        let end = start + scored[start..].partition_point(|one| one.0 <= scored[start].0);
        let own = scored[start..end].iter().filter(|one| one.1).count() as f64;
        sum += own * (start + end + 1) as f64 / 2.0;
        start = end;
    }
    (sum - positives * (positives + 1.0) / 2.0) / (positives * negatives)
}

/// Returns the impressions: customer, product, and whether it was clicked.
fn impressions(population: &Population, events: &[Event]) -> Vec<(usize, usize, bool)> {
    let clicked: HashSet<(&str, &str)> = events
        .iter()
        .filter(|event| event.kind() == EventKind::Click)
        .map(|event| (event.request_id.as_str(), event.product_id.as_str()))
        .collect();
    let index: HashMap<&str, usize> = population
        .products
        .iter()
        .enumerate()
        .map(|(index, product)| (product.product_id.as_str(), index))
        .collect();
    events
        .iter()
        .filter(|event| event.kind() == EventKind::Impression)
        .map(|event| {
            let key = (event.request_id.as_str(), event.product_id.as_str());
            let customer = event.customer_id[1..].parse().expect("a number");
            (customer, index[key.1], clicked.contains(&key))
        })
        .collect()
}

/// Ranks the clicks in the last fifth of the impressions by the hidden preference, by the product's
/// earlier clicks, and by earlier clicks on the category of customers of the same age and
/// employment.
#[test]
fn popularity_can_be_beaten() {
    let mut population = Population::new(9, 8_000);
    let all: Vec<Event> = population.events(160_000, NOW_MS).collect();
    let shown = impressions(&population, &all);
    let (before, after) = shown.split_at(shown.len() / 5 * 4);
    let seen = |customer: usize, product: usize| {
        let person = &population.customers[customer];
        let decade = (person.age_years / 10.0) as u8;
        let category = population.products[product].category.as_str();
        (decade, person.employment, category)
    };
    let mut by_product = vec![(0.0, 0.0); population.products.len()];
    let mut by_group = HashMap::<_, (f64, f64)>::new();
    for (customer, product, clicked) in before {
        let hit = f64::from(u8::from(*clicked));
        let group = by_group.entry(seen(*customer, *product)).or_default();
        *group = (group.0 + hit, group.1 + 1.0);
        let own: &mut (f64, f64) = &mut by_product[*product];
        *own = (own.0 + hit, own.1 + 1.0);
    }
    let rate = |(hits, shown): (f64, f64)| (hits + 0.8) / (shown + 20.0);
    let judged = |score: &dyn Fn(usize, usize) -> f64| {
        let mut scored: Vec<(f64, bool)> = after
            .iter()
            .map(|(customer, product, clicked)| (score(*customer, *product), *clicked))
            .collect();
        auc(&mut scored)
    };
    let oracle = judged(&|customer, product| {
        let person = &population.customers[customer];
        population
            .choice
            .click(person, &population.appeals[product])
    });
    let popular = judged(&|_, product| rate(by_product[product]));
    let visible = judged(&|customer, product| {
        let group = by_group.get(&seen(customer, product));
        rate(group.copied().unwrap_or_default())
    });
    assert!(
        oracle > popular + 0.1,
        "oracle {oracle}, popularity {popular}"
    );
    assert!(
        visible > popular + 0.03,
        "visible {visible}, popularity {popular}"
    );
}
