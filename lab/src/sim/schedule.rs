//! When things happen: who is told of, who opens the app, who has an instalment due.

use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;

use super::figures;
use super::population::Population;

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
/// The days that events lie in.
const DAYS: i64 = 30;
/// Facts are told in this time, before anybody does anything.
const TELLING_MS: i64 = 12 * HOUR_MS;
/// Beijing's hours from UTC.
const TIME_ZONE_MS: i64 = 8 * HOUR_MS;
/// Relative use of the app by hour of the day in Beijing; assumed: noon and the evening.
const BY_HOUR: [f64; 24] = [
    0.25, 0.12, 0.08, 0.06, 0.06, 0.12, 0.3, 0.55, 0.75, 0.8, 0.8, 0.85, 1.0, 0.85, 0.7, 0.7, 0.7,
    0.75, 0.8, 0.9, 1.0, 1.0, 0.85, 0.5,
];
/// Share of the events left over by obligations that sessions make; payments are the rest.
const OF_SESSIONS: f64 = 0.92;
/// Probability of a search in a session; assumed.
pub(crate) const SEARCHED: f64 = 0.3;

/// Something to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Task {
    /// A customer's facts are told.
    Introduce(usize),
    /// Somebody opens the app.
    Session,
    /// A customer's instalment on a product falls due.
    Repay(usize, usize),
    /// A customer withdraws consent.
    Withdraw(usize),
    /// A customer gives a product up.
    Close(usize, usize),
}

/// Tasks in order of time.
#[derive(Debug)]
pub(crate) struct Schedule {
    /// When and what.
    pub(crate) tasks: Vec<(i64, Task)>,
    /// How many of them are sessions.
    pub(crate) sessions: usize,
    /// How many events the facts make.
    pub(crate) facts: usize,
    /// When people begin to do things.
    pub(crate) from_ms: i64,
}

impl Schedule {
    /// Plans for `count` events until `until_ms`; customers before `known` were told of already,
    /// up to `told_until_ms`.
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
        let telling_ms = if new.is_empty() {
            0
        } else {
            TELLING_MS.min((until_ms - start_ms) / 2)
        };
        let from_ms = start_ms + telling_ms;
        let told = &population.customers[new.clone()];
        let facts = 2 * told.len() + told.iter().map(|one| one.holdings.len()).sum::<usize>();
        let due = population.obligations();
        let left = count.saturating_sub(facts + due.len()) as f64;
        let sessions = (left * OF_SESSIONS / events_per_session()).ceil().max(1.0) as usize;

        let dice = &mut population.dice;
        let mut tasks = Vec::with_capacity(new.len() + due.len() + sessions);
        for customer in new {
            let at_ms = start_ms + dice.random_range(0..=(telling_ms - telling_ms / 12).max(0));
            tasks.push((at_ms, Task::Introduce(customer)));
        }
        let window = (from_ms, until_ms);
        tasks.extend(due.into_iter().map(|task| (instant(window, dice), task)));
        tasks.extend((0..sessions).map(|_| (instant(window, dice), Task::Session)));
        tasks.sort_by_key(|(at_ms, _)| *at_ms);
        Self {
            tasks,
            sessions,
            facts,
            from_ms,
        }
    }
}

/// What a session makes on average: the opening, a search, the slate, and what comes of it. A
/// conversion is told once; the holding follows from it.
fn events_per_session() -> f64 {
    let slate = figures::EXAMINED.len() as f64;
    let clicks = slate * figures::CLICK_RATE;
    1.0 + SEARCHED + slate + clicks * (1.0 + figures::APPLIED + figures::TAKE_UP)
}

/// An instant of a window, in the hours when people are awake.
fn instant((from_ms, until_ms): (i64, i64), dice: &mut ChaCha8Rng) -> i64 {
    loop {
        let at_ms = dice.random_range(from_ms..until_ms.max(from_ms + 1));
        let hour = (at_ms + TIME_ZONE_MS).rem_euclid(DAY_MS) / HOUR_MS;
        if dice.random::<f64>() < BY_HOUR[hour as usize % 24] {
            return at_ms;
        }
    }
}
