//! A session in the app: the slate that a popularity policy shows, and the events that follow.

use fairlead_proto::event::v1::{Event, EventKind};
use fairlead_proto::money::v1::Money;
use fairlead_release::eligibility::judge;
use rand::RngExt as _;

use super::events::SimulatedEvents;
use super::figures;
use super::population::Population;
use super::schedule::SEARCHED;

/// Positions of a slate.
const SLATE: usize = figures::EXAMINED.len();
/// Share of the positions that are filled at random; assumed.
const RANDOM: f64 = 0.4;
/// Attempts to fill a slate.
const TRIES: usize = 40;
/// Sessions after which popularity is computed again.
const REORDERED_EVERY: u32 = 200;
/// Weight of the prior click rate, in impressions.
const PRIOR: f64 = 50.0;
/// Share of sessions in the app; the others are on the web; assumed.
const IN_APP: f64 = 0.88;

/// Statistics of the logging policy: impressions and clicks by product.
#[derive(Debug)]
pub(crate) struct Popularity {
    shown: Vec<f64>,
    clicked: Vec<f64>,
    /// Cumulative smoothed click rates up to each product.
    sums: Vec<f64>,
    sessions: u32,
}

impl Popularity {
    pub(crate) fn of(products: usize) -> Self {
        let mut popularity = Self {
            shown: vec![0.0; products],
            clicked: vec![0.0; products],
            sums: vec![0.0; products],
            sessions: 0,
        };
        popularity.reorder();
        popularity
    }

    fn reorder(&mut self) {
        let mut sum = 0.0;
        for ((shown, clicked), place) in self.shown.iter().zip(&self.clicked).zip(&mut self.sums) {
            sum += (clicked + PRIOR * figures::CLICK_RATE) / (shown + PRIOR);
            *place = sum;
        }
    }

    fn session(&mut self) {
        self.sessions += 1;
        if self.sessions.is_multiple_of(REORDERED_EVERY) {
            self.reorder();
        }
    }

    /// Returns the product at a quantile of popularity.
    fn draw(&self, at: f64) -> usize {
        let most = self.sums.last().copied().unwrap_or_default();
        let place = self.sums.partition_point(|sum| *sum < at * most);
        place.min(self.sums.len().saturating_sub(1))
    }
}

impl Population {
    /// Returns the policy's slate for a customer at an instant; every product on it passes
    /// eligibility.
    fn slate(&mut self, customer: usize, at_ms: i64) -> Vec<usize> {
        // `facts` borrows the population, so the random numbers are moved out.
        let mut dice = self.dice.clone();
        let facts = self.facts(customer);
        let mut slate: Vec<usize> = Vec::with_capacity(SLATE);
        for _ in 0..TRIES {
            let at: f64 = dice.random();
            let product = if dice.random_bool(RANDOM) {
                (at * self.products.len() as f64) as usize
            } else {
                self.popularity.draw(at)
            };
            let fresh = !slate.contains(&product);
            if fresh && judge(&self.products[product], &facts, at_ms).is_ok() {
                slate.push(product);
                if slate.len() == SLATE {
                    break;
                }
            }
        }
        self.dice = dice;
        slate
    }
}

/// An impression that is clicked.
struct Impression {
    request_id: String,
    /// Position on the slate, from 0.
    place: usize,
    channel: &'static str,
}

impl SimulatedEvents<'_> {
    /// Generates the events of a session of a random customer.
    pub(crate) fn session(&mut self, at_ms: i64) {
        let customer = self.population.draw_customer();
        let channel = if self.population.dice.random_bool(IN_APP) {
            "app"
        } else {
            "web"
        };
        let mut at_ms = at_ms;
        let event = |events: &mut Self, kind, at_ms| Event {
            channel: channel.to_owned(),
            ..events.event(customer, kind, at_ms)
        };
        let opened = event(self, EventKind::AppOpened, at_ms);
        self.queue(opened);
        if self.population.dice.random_bool(SEARCHED) {
            at_ms += self.population.dice.random_range(2_000..20_000);
            let searched = event(self, EventKind::Search, at_ms);
            self.queue(searched);
        }
        at_ms += self.population.dice.random_range(300..3_000);
        let slate = self.population.slate(customer, at_ms);
        let request = self.request_id();
        for (place, product) in slate.iter().enumerate() {
            let shown = self.on_product(customer, EventKind::Impression, at_ms, *product);
            self.queue(Event {
                request_id: request.clone(),
                position: place as i32 + 1,
                channel: channel.to_owned(),
                ..shown
            });
            self.population.popularity.shown[*product] += 1.0;
        }
        for (place, product) in slate.into_iter().enumerate() {
            if self.clicks(customer, product, place) {
                at_ms += self.population.dice.random_range(1_500..15_000);
                let impression = Impression {
                    request_id: request.clone(),
                    place,
                    channel,
                };
                self.opened(customer, product, at_ms, &impression);
                at_ms += self.population.dice.random_range(5_000..60_000);
            }
        }
        self.population.popularity.session();
    }

    fn clicks(&mut self, customer: usize, product: usize, place: usize) -> bool {
        let population = &mut *self.population;
        let chance = population.choice.click(
            &population.customers[customer],
            &population.appeals[product],
        );
        population
            .dice
            .random_bool(figures::EXAMINED[place] * chance)
    }

    /// Generates the events after a click: possibly an application and a conversion.
    fn opened(&mut self, customer: usize, product: usize, at_ms: i64, shown: &Impression) {
        let mut at_ms = at_ms;
        let step = |events: &mut Self, kind, at_ms, amount: Option<Money>| {
            let event = events.on_product(customer, kind, at_ms, product);
            events.queue(Event {
                request_id: shown.request_id.clone(),
                position: shown.place as i32 + 1,
                channel: shown.channel.to_owned(),
                amount,
                ..event
            });
        };
        step(self, EventKind::Click, at_ms, None);
        self.population.popularity.clicked[product] += 1.0;
        let population = &mut *self.population;
        let (person, appeal) = (
            &population.customers[customer],
            &population.appeals[product],
        );
        let take = population
            .choice
            .take(person, appeal, appeal.rate_ppm(person.grade));
        let apply = (take * figures::APPLIED / figures::TAKE_UP).min(1.0);
        if !population.dice.random_bool(apply) {
            return;
        }
        let amount = Some(self.amount_of(customer, product));
        at_ms += self.population.dice.random_range(20_000..180_000);
        step(self, EventKind::Application, at_ms, amount.clone());
        if self.population.dice.random_bool((take / apply).min(1.0)) {
            at_ms += self.population.dice.random_range(30_000..600_000);
            step(self, EventKind::Conversion, at_ms, amount);
            let holdings = &mut self.population.customers[customer].holdings;
            if !holdings.contains(&product) {
                holdings.push(product);
            }
        }
    }

    /// Returns the amount of an application: some months' income, in hundreds of yuan.
    fn amount_of(&mut self, customer: usize, product: usize) -> Money {
        let population = &mut *self.population;
        let months = population.dice.random_range(0.3..3.0);
        let income = population.customers[customer].income_minor as f64;
        let hundreds = (income * months / 10_000.0).ceil().max(1.0) as i64;
        Money {
            minor: hundreds.min(1_000_000) * 10_000,
            currency: population.products[product].currency.clone(),
        }
    }
}
