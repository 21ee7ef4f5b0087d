//! Fills an empty Fairlead: catalogue and prices, a simulated population, trained models, a release.

pub(crate) mod drafts;
pub(crate) mod population;

use std::time::Duration;

use fairlead_client::terminal::Bars;
use fairlead_server::up::Running;
use fairlead_training::Options;

use crate::{models, releases};

/// The actor of drafts and releases in the audit log.
pub(crate) const ACTOR: &str = "fairlead demo";
/// Version of the models that are trained here.
const VERSION: &str = "1";

/// Size and seed of a simulated population.
#[derive(Debug, Clone, Copy)]
pub struct Simulation {
    /// Seed of the random numbers: the same seed gives the same population and events.
    pub seed: u64,
    /// Customers.
    pub customers: usize,
    /// Events.
    pub events: usize,
}

/// Fills `running` for tests and measurements, with models trained in one pass. Returns the ids of
/// the customers.
pub async fn populate(
    running: &Running,
    simulation: Simulation,
    bars: Bars,
) -> anyhow::Result<Vec<String>> {
    let products = drafts::put_all(running, simulation.seed, &bars).await?;
    population::send(running, simulation, &bars).await?;
    let options = Options {
        epochs: 1,
        ..Options::default()
    };
    let trained = models::learn(running, products, options, bars).await?;
    models::register(&running.control, &running.tenant, ACTOR, VERSION, &trained).await?;
    let revision = releases::publish(running, ACTOR, "to measure").await?;
    running
        .release_live(revision, Duration::from_mins(1))
        .await?;
    Ok(population::ids(simulation.seed, simulation.customers))
}
