//! Sets up an empty server: catalogue and prices, a simulated population, trained models, a
//! release.

pub(crate) mod drafts;
pub(crate) mod population;

use std::time::Duration;

use fairlead_client::terminal::Bars;
use fairlead_server::Server;
use fairlead_training::Options;

use crate::{models, releases};

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
    /// Parameters of the release beside the defaults: name and value.
    pub parameters: &'static [(&'static str, &'static str)],
}

/// Sets up a server for tests and measurements, with models trained in one pass. Returns the ids of
/// the customers.
pub async fn populate(
    server: &Server,
    simulation: Simulation,
    bars: Bars,
) -> anyhow::Result<Vec<String>> {
    let products = drafts::put_all(server, simulation.seed, &bars).await?;
    drafts::put_parameters(server, simulation.parameters).await?;
    population::send(server, simulation, &bars).await?;
    let options = Options {
        epochs: 1,
        ..Options::default()
    };
    let trained = models::learn(server, products, options, bars).await?;
    models::register(&server.control, &server.tenant, VERSION, &trained).await?;
    let revision = releases::publish(server, "to measure").await?;
    server
        .release_live(revision, Duration::from_mins(1))
        .await?;
    Ok(population::ids(simulation.seed, simulation.customers))
}
