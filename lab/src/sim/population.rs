//! The population: customers, their holdings, and their choices.

use std::collections::HashSet;

use fairlead_domain::TenantId;
use fairlead_proto::catalogue::v1::Product;
use fairlead_release::eligibility::{EligibilityFacts, judge};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::catalogue::catalogue;
use super::customer::Customer;
use super::events::SimulatedEvents;
use super::life_stage::LIFE_STAGES;
use super::schedule::{Task, TaskSchedule};
use super::session::Popularity;
use super::taste::{Appeal, Choice};
use super::{holdings, risk};

/// Customers and products that intercepts are fitted on.
const FITTED_ON: usize = 400;
/// Events per customer: with fewer events in all, fewer customers take part.
const EVENTS_PER_CUSTOMER: usize = 8;

/// A simulated population.
#[derive(Debug)]
pub struct Population {
    pub(crate) seed: u64,
    pub(crate) tenant: String,
    pub(crate) dice: ChaCha8Rng,
    pub(crate) products: Vec<Product>,
    pub(crate) appeals: Vec<Appeal>,
    pub(crate) customers: Vec<Customer>,
    pub(crate) choice: Choice,
    pub(crate) popularity: Popularity,
    /// Cumulative activity up to each customer.
    activity: Vec<f64>,
    /// Customers who have been introduced, from the first on.
    introduced: usize,
    pub(crate) next_event: u64,
    pub(crate) next_request: u64,
    told_until_ms: i64,
}

impl Population {
    /// Draws a population of the tenant "demo", with at least one customer. The products are those
    /// of [`catalogue`] with the same seed.
    pub fn new(seed: u64, customers: usize) -> Self {
        let mut dice = ChaCha8Rng::seed_from_u64(seed);
        let products = catalogue(seed);
        let appeals: Vec<Appeal> = products
            .iter()
            .map(|one| Appeal::of(one, &mut dice))
            .collect();
        let mut customers: Vec<Customer> = (0..customers.max(1))
            .map(|_| Customer::draw(&mut dice))
            .collect();
        risk::settle(&mut customers, &mut dice);
        holdings::back_book(&mut customers, &products, &appeals, &mut dice);
        let choice = fit(&customers, &products, &appeals);
        let mut sum = 0.0;
        let activity = customers.iter().map(|one| {
            sum += one.activity;
            sum
        });
        Self {
            seed,
            tenant: "demo".to_owned(),
            popularity: Popularity::of(products.len()),
            activity: activity.collect(),
            choice,
            dice,
            products,
            appeals,
            customers,
            introduced: 0,
            next_event: 0,
            next_request: 0,
            told_until_ms: 0,
        }
    }

    /// Returns the same population as customers of another tenant.
    #[must_use]
    pub fn of_tenant(self, tenant: &TenantId) -> Self {
        Self {
            tenant: tenant.to_string(),
            ..self
        }
    }

    /// Returns exactly `count` events in order of time, within the thirty days that end at
    /// `until_ms`, Unix milliseconds. The first half day introduces every customer: attributes,
    /// consent, holdings. A further call with a later instant continues from the last event.
    pub fn events(&mut self, count: usize, until_ms: i64) -> SimulatedEvents<'_> {
        let known = self.introduced;
        let taking_part = (count / EVENTS_PER_CUSTOMER).clamp(1, self.customers.len());
        self.introduced = known.max(taking_part);
        let schedule = TaskSchedule::draw(self, known, count, until_ms, self.told_until_ms);
        self.told_until_ms = until_ms;
        SimulatedEvents::new(self, schedule, count, until_ms)
    }

    /// Returns the number of customers; they are numbered from 0.
    pub fn customers(&self) -> usize {
        self.customers.len()
    }

    /// Returns the id in a customer's events.
    pub fn customer_id(&self, number: usize) -> String {
        customer_id(number)
    }

    /// Returns the life stage of a customer, which no event shows ("student", "young-family"), or
    /// `None` if there is no such customer.
    pub fn life_stage(&self, number: usize) -> Option<&'static str> {
        let customer = self.customers.get(number)?;
        Some(LIFE_STAGES[customer.stage].name)
    }

    /// Returns the products of [`catalogue`].
    pub fn products(&self) -> &[Product] {
        &self.products
    }

    /// Returns the number of customers who have been introduced.
    pub(crate) fn introduced(&self) -> usize {
        self.introduced
    }

    /// Draws one of the introduced customers, by activity.
    pub(crate) fn draw_customer(&mut self) -> usize {
        let sums = &self.activity[..self.introduced.max(1)];
        let most = sums.last().copied().unwrap_or_default();
        let at = self.dice.random::<f64>() * most;
        sums.partition_point(|sum| *sum < at).min(sums.len() - 1)
    }

    /// Returns the facts of a customer that eligibility depends on.
    pub(crate) fn facts(&self, customer: usize) -> EligibilityFacts<'_> {
        facts(&self.customers[customer], &self.products)
    }

    /// Draws the tasks that follow from holdings and preferences, other than sessions.
    pub(crate) fn obligations(&mut self) -> Vec<Task> {
        let mut tasks = Vec::new();
        for (number, customer) in self.customers[..self.introduced].iter().enumerate() {
            if customer.consented && self.dice.random_bool(super::figures::WITHDRAWN) {
                tasks.push(Task::Withdraw(number));
            }
            for product in &customer.holdings {
                if self.appeals[*product].lends() {
                    tasks.push(Task::Repay(number, *product));
                } else if self.dice.random_bool(0.005) {
                    tasks.push(Task::Close(number, *product));
                }
            }
        }
        tasks
    }
}

/// Returns the id of a customer by number.
pub(crate) fn customer_id(number: usize) -> String {
    format!("c{number:06}")
}

/// Returns the facts of a customer that eligibility depends on.
pub(crate) fn facts<'a>(customer: &'a Customer, products: &'a [Product]) -> EligibilityFacts<'a> {
    let held: HashSet<&str> = customer
        .holdings
        .iter()
        .map(|place| products[*place].product_id.as_str())
        .collect();
    EligibilityFacts {
        age_years: Some(customer.age_years.floor() as i32),
        income_monthly_minor: Some(customer.income_minor),
        region: customer.region,
        employment: customer.employment,
        suitability_class: customer.suitability,
        held,
    }
}

/// Fits the intercepts of the choice model on the first customers and all products that they may be
/// shown.
fn fit(customers: &[Customer], products: &[Product], appeals: &[Appeal]) -> Choice {
    let some = &customers[..customers.len().min(FITTED_ON)];
    let mut sample = Vec::with_capacity(some.len() * products.len());
    for customer in some {
        let facts = facts(customer, products);
        for (place, product) in products.iter().enumerate() {
            if judge(product, &facts, i64::MAX).is_ok() {
                sample.push((customer, &appeals[place], place));
            }
        }
    }
    Choice::fit(&sample)
}
