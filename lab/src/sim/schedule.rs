//! The schedule: when customers are introduced, open the app, have an instalment due.

use std::ops::Range;

use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;

use super::figures;
use super::population::Population;

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
/// Length of the period, days.
const DAYS: i64 = 30;
/// Length of the introduction, before any other event.
const INTRODUCTION_MS: i64 = 12 * HOUR_MS;
/// Beijing's offset from UTC.
const TIME_ZONE_MS: i64 = 8 * HOUR_MS;
/// Relative use of the app by hour of the day in Beijing; assumed: most at noon and in the evening.
const BY_HOUR: [f64; 24] = [
    0.25, 0.12, 0.08, 0.06, 0.06, 0.12, 0.3, 0.55, 0.75, 0.8, 0.8, 0.85, 1.0, 0.85, 0.7, 0.7, 0.7,
    0.75, 0.8, 0.9, 1.0, 1.0, 0.85, 0.5,
];
/// Share of the remaining events that come from sessions; payments are the rest.
const OF_SESSIONS: f64 = 0.92;
/// Probability of a search in a session; assumed.
pub(crate) const SEARCHED: f64 = 0.3;

/// A task that makes events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Task {
    /// Introduces a customer.
    Introduce(usize),
    /// A random customer opens the app.
    Session,
    /// A customer's instalment on a product falls due.
    Repay(usize, usize),
    /// A customer withdraws consent.
    Withdraw(usize),
    /// A customer closes a holding.
    Close(usize, usize),
}

/// Tasks in order of time.
#[derive(Debug)]
pub(crate) struct TaskSchedule {
    /// Instant and task.
    pub(crate) tasks: Vec<(i64, Task)>,
    /// The number of sessions.
    pub(crate) sessions: usize,
    /// The number of events that introductions make.
    pub(crate) facts: usize,
    /// The end of the introduction.
    pub(crate) from_ms: i64,
}

impl TaskSchedule {
    /// Plans for `count` events until `until_ms`. Customers before `known` were introduced already,
    /// in a period that ended at `told_until_ms`.
    pub(crate) fn draw(
        population: &mut Population,
        known: usize,
        count: usize,
        until_ms: i64,
        told_until_ms: i64,
    ) -> Self {
        let until_ms = until_ms.max(2);
        let start_ms = (until_ms - DAYS * DAY_MS)
            .max(told_until_ms + 1)
            .clamp(1, until_ms - 1);
        let new = known..population.introduced();
        let introduction_ms = if new.is_empty() {
            0
        } else {
            INTRODUCTION_MS.min((until_ms - start_ms) / 2)
        };
        let from_ms = start_ms + introduction_ms;
        let told = &population.customers[new.clone()];
        let facts = 2 * told.len() + told.iter().map(|one| one.holdings.len()).sum::<usize>();
        let due = population.obligations();
        let left = count.saturating_sub(facts + due.len()) as f64;
        let sessions = (left * OF_SESSIONS / events_per_session()).ceil().max(1.0) as usize;

        let dice = &mut population.dice;
        let mut tasks = Vec::with_capacity(new.len() + due.len() + sessions);
        for customer in new {
            let at_ms =
                start_ms + dice.random_range(0..=(introduction_ms - introduction_ms / 12).max(0));
            tasks.push((at_ms, Task::Introduce(customer)));
        }
        let period = from_ms..until_ms;
        let due = due.into_iter();
        tasks.extend(due.map(|task| (instant(period.clone(), dice), task)));
        tasks.extend((0..sessions).map(|_| (instant(period.clone(), dice), Task::Session)));
        tasks.sort_by_key(|(at_ms, _)| *at_ms);
        Self {
            tasks,
            sessions,
            facts,
            from_ms,
        }
    }
}

/// Returns the mean number of events per session: the opening, a search, the impressions, and the
/// clicks and applications that follow. A conversion is one event; the holding follows from it.
fn events_per_session() -> f64 {
    let slate = figures::EXAMINED.len() as f64;
    let clicks = slate * figures::CLICK_RATE;
    1.0 + SEARCHED + slate + clicks * (1.0 + figures::APPLIED + figures::TAKE_UP)
}

/// Draws an instant of a period, by the use of the app over the day.
fn instant(period: Range<i64>, dice: &mut ChaCha8Rng) -> i64 {
    loop {
        let at_ms = dice.random_range(period.start..period.end.max(period.start + 1));
        let hour = (at_ms + TIME_ZONE_MS).rem_euclid(DAY_MS) / HOUR_MS;
        if dice.random::<f64>() < BY_HOUR[hour as usize % 24] {
            return at_ms;
        }
    }
}
