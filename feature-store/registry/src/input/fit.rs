//! Standardisation: means and deviations from samples.

use fairlead_proto::catalogue::v1::Product;
use fairlead_proto::feature::v1::FeatureSet;

use crate::error::Error;
use crate::input::plan::Plan;
use crate::input::spec::{InputSpec, ItemSource};
use crate::input::transform::Transform;
use crate::registry::Registry;

/// The deviation below which a number counts as constant, and is only centred.
const SMALLEST_STD: f64 = 1e-6;
/// The deviations from the mean at which values are clipped: a number that is nearly always zero
/// has a tiny deviation, and one large value of it must not reach inputs that training never saw.
const STANDARD_CLIP: f64 = 4.0;

/// Takes samples one by one and returns the spec with its standardisation filled in. Kinds of
/// product, which are 0 or 1, stay as they are; so do numbers without samples.
#[derive(Debug)]
pub struct Fitter {
    plan: Plan,
    users: Vec<Moments>,
    items: Vec<Moments>,
}

/// Mean and sum of squared distances, by Welford's recurrence: exact where sums of squares cancel.
#[derive(Debug, Clone, Copy, Default)]
struct Moments {
    count: u64,
    mean: f64,
    squares: f64,
}

impl Moments {
    fn add(&mut self, value: f64) {
        self.count += 1;
        let distance = value - self.mean;
        self.mean += distance / self.count as f64;
        self.squares += distance * (value - self.mean);
    }

    fn fill(&self, transform: &mut Transform) {
        if self.count == 0 {
            return;
        }
        let std = (self.squares / self.count as f64).sqrt();
        transform.mean = self.mean;
        transform.std = if std < SMALLEST_STD { 1.0 } else { std };
        transform.clip = STANDARD_CLIP;
    }
}

impl Fitter {
    /// Starts with a spec, whose means and deviations will be replaced.
    ///
    /// # Errors
    /// As [`crate::input::Assembler::new`].
    pub fn new(registry: &Registry, spec: InputSpec) -> Result<Self, Error> {
        let plan = Plan::new(registry, spec)?;
        Ok(Self {
            users: vec![Moments::default(); plan.numbers.len()],
            items: vec![Moments::default(); plan.items.len()],
            plan,
        })
    }

    /// Adds the sample of a customer.
    ///
    /// # Errors
    /// A set of another registry or purpose, or a number that is not finite.
    pub fn user(&mut self, set: &FeatureSet) -> Result<(), Error> {
        self.plan.reader(set)?;
        let numbers = self.plan.numbers.iter().zip(&self.plan.spec.user_numbers);
        for ((index, number), moments) in numbers.zip(&mut self.users) {
            let value = set.numbers.get(*index).copied().unwrap_or_default();
            moments.add(number.transform.spread(value));
        }
        Ok(())
    }

    /// Adds the sample of a product with its counters at an instant.
    ///
    /// # Errors
    /// Counters of another length, or one that is not finite.
    pub fn item(
        &mut self,
        product: &Product,
        counters: &[f64],
        as_of_ms: i64,
    ) -> Result<(), Error> {
        self.plan.check_counters(counters)?;
        let items = self.plan.items.iter().zip(&self.plan.spec.item_numbers);
        for ((item, number), moments) in items.zip(&mut self.items) {
            let value = item.value(product, counters, as_of_ms);
            moments.add(number.transform.spread(value));
        }
        Ok(())
    }

    /// Returns the spec with means and deviations.
    pub fn finish(self) -> InputSpec {
        let mut spec = self.plan.spec;
        for (number, moments) in spec.user_numbers.iter_mut().zip(&self.users) {
            moments.fill(&mut number.transform);
        }
        for (number, moments) in spec.item_numbers.iter_mut().zip(&self.items) {
            if !matches!(number.source, ItemSource::Kind(_)) {
                moments.fill(&mut number.transform);
            }
        }
        spec
    }
}

impl InputSpec {
    /// Returns the spec standardised from sample customers; item numbers stay as they are.
    ///
    /// # Errors
    /// As [`Fitter::new`] and [`Fitter::user`].
    pub fn fit<'a>(
        self,
        registry: &Registry,
        users: impl IntoIterator<Item = &'a FeatureSet>,
    ) -> Result<Self, Error> {
        let mut fitter = Fitter::new(registry, self)?;
        for user in users {
            fitter.user(user)?;
        }
        Ok(fitter.finish())
    }
}
