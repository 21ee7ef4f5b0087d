//! The events of a population, generated one after the other on demand.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use fairlead_proto::event::v1::{Event, EventKind};
use fairlead_proto::money::v1::Money;
use rand::RngExt as _;

use super::customer::payment_minor;
use super::population::{Population, customer_id};
use super::schedule::{Task, TaskSchedule};
use super::{profile, risk};

/// Time between the events of one customer's introduction.
const STEP_MS: i64 = 1_000;
/// A payment follows other events within this time.
const SOON_MS: i64 = 60_000;

/// An event that waits for its turn: by time, then by order of creation.
#[derive(Debug)]
struct QueuedEvent {
    at: (i64, u64),
    event: Event,
}

impl PartialEq for QueuedEvent {
    fn eq(&self, other: &Self) -> bool {
        self.at == other.at
    }
}

impl Eq for QueuedEvent {}

impl PartialOrd for QueuedEvent {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for QueuedEvent {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.at.cmp(&other.at)
    }
}

/// An iterator over the events of one period; see [`Population::events`].
#[derive(Debug)]
pub struct SimulatedEvents<'p> {
    pub(crate) population: &'p mut Population,
    schedule: TaskSchedule,
    /// Tasks done, and sessions among them.
    done: (usize, usize),
    waiting: BinaryHeap<Reverse<QueuedEvent>>,
    count: usize,
    given: usize,
    told: usize,
    until_ms: i64,
}

impl<'p> SimulatedEvents<'p> {
    pub(crate) fn new(
        population: &'p mut Population,
        schedule: TaskSchedule,
        count: usize,
        until_ms: i64,
    ) -> Self {
        Self {
            population,
            schedule,
            done: (0, 0),
            waiting: BinaryHeap::new(),
            count,
            given: 0,
            told: 0,
            until_ms,
        }
    }

    /// Returns an event of a customer, with a new id.
    pub(crate) fn event(&mut self, customer: usize, kind: EventKind, at_ms: i64) -> Event {
        let population = &mut *self.population;
        let number = population.next_event;
        population.next_event += 1;
        Event {
            event_id: format!("sim-{:x}-{number}", population.seed),
            tenant: population.tenant.clone(),
            customer_id: customer_id(customer),
            kind: kind.into(),
            event_time_ms: at_ms.min(self.until_ms),
            ..Event::default()
        }
    }

    /// Returns an event about a product.
    pub(crate) fn on_product(
        &mut self,
        customer: usize,
        kind: EventKind,
        at_ms: i64,
        product: usize,
    ) -> Event {
        let event = self.event(customer, kind, at_ms);
        let product = &self.population.products[product];
        Event {
            product_id: product.product_id.clone(),
            product_kind: product.kind,
            ..event
        }
    }

    /// Returns a new request id.
    pub(crate) fn request_id(&mut self) -> String {
        let population = &mut *self.population;
        let number = population.next_request;
        population.next_request += 1;
        format!("sim-{:x}-r{number}", population.seed)
    }

    /// Queues an event.
    pub(crate) fn queue(&mut self, event: Event) {
        let at = (event.event_time_ms, self.told as u64);
        self.told += 1;
        self.waiting.push(Reverse(QueuedEvent { at, event }));
    }

    fn introduce(&mut self, customer: usize, at_ms: i64) {
        let person = &self.population.customers[customer];
        let attributes = profile::attributes(person, self.until_ms);
        let (consented, holdings) = (person.consented, person.holdings.clone());
        let mut at_ms = at_ms;
        let profile = self.event(customer, EventKind::ProfileUpdated, at_ms);
        self.queue(Event {
            attributes,
            ..profile
        });
        at_ms += STEP_MS;
        let consent = self.event(customer, EventKind::ConsentChanged, at_ms);
        self.queue(Event {
            attributes: profile::consent(consented),
            ..consent
        });
        for product in holdings {
            at_ms += STEP_MS;
            let held = self.on_product(customer, EventKind::HoldingOpened, at_ms, product);
            self.queue(held);
        }
    }

    fn repay(&mut self, customer: usize, product: usize, at_ms: i64) {
        let person = &self.population.customers[customer];
        let missed = risk::miss_chance(person.pd);
        // A twentieth of income; assumed.
        let minor = (person.income_minor / 20).max(1);
        let kind = if self.population.dice.random_bool(missed) {
            EventKind::Delinquency
        } else {
            EventKind::Repayment
        };
        let event = self.on_product(customer, kind, at_ms, product);
        self.queue(Event {
            amount: Some(yuan(minor)),
            ..event
        });
    }

    fn pay(&mut self, at_ms: i64) {
        let customer = self.population.draw_customer();
        let minor = payment_minor(&mut self.population.dice);
        let event = self.event(customer, EventKind::Payment, at_ms);
        self.queue(Event {
            amount: Some(yuan(minor)),
            channel: "app".to_owned(),
            ..event
        });
    }

    fn perform(&mut self, at_ms: i64, task: Task) {
        match task {
            Task::Introduce(customer) => self.introduce(customer, at_ms),
            Task::Repay(customer, product) => self.repay(customer, product, at_ms),
            Task::Withdraw(customer) => {
                let event = self.event(customer, EventKind::ConsentChanged, at_ms);
                self.queue(Event {
                    attributes: profile::consent(false),
                    ..event
                });
            }
            Task::Close(customer, product) => {
                let event = self.on_product(customer, EventKind::HoldingClosed, at_ms, product);
                self.queue(event);
                let holdings = &mut self.population.customers[customer].holdings;
                holdings.retain(|held| *held != product);
            }
            Task::Session => {
                self.session(at_ms);
                self.done.1 += 1;
                self.catch_up(at_ms);
            }
        }
        self.done.0 += 1;
    }

    /// Adds the payments that fill up the count between sessions, so that the last session ends
    /// with the last event.
    fn catch_up(&mut self, at_ms: i64) {
        let (facts, sessions) = (self.schedule.facts, self.schedule.sessions);
        let to_come = self.count.saturating_sub(facts) as f64;
        let share = self.done.1 as f64 / sessions as f64;
        let line = facts + (to_come * share).ceil() as usize;
        while self.told < line.min(self.count) {
            let later_ms = self.population.dice.random_range(0..SOON_MS);
            self.pay(at_ms + later_ms);
        }
    }

    /// Returns the next event, or `None` while a pending task may still come before it.
    fn turn(&mut self) -> Option<Event> {
        let next_ms = self
            .schedule
            .tasks
            .get(self.done.0)
            .map(|(at_ms, _)| *at_ms);
        let Reverse(first) = self.waiting.peek()?;
        if next_ms.is_some_and(|next_ms| next_ms <= first.at.0) {
            return None;
        }
        self.waiting.pop().map(|Reverse(first)| first.event)
    }
}

fn yuan(minor: i64) -> Money {
    Money {
        minor,
        currency: "CNY".to_owned(),
    }
}

impl Iterator for SimulatedEvents<'_> {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        if self.given == self.count {
            return None;
        }
        loop {
            if let Some(event) = self.turn() {
                self.given += 1;
                return Some(event);
            }
            match self.schedule.tasks.get(self.done.0).copied() {
                Some((at_ms, task)) => self.perform(at_ms, task),
                // No task is left, but the count is not reached: the last payments of the day.
                None => self.pay(self.until_ms.max(self.schedule.from_ms)),
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.count - self.given;
        (left, Some(left))
    }
}

impl ExactSizeIterator for SimulatedEvents<'_> {}
