//! Sends the events of a simulated population through the gateway.

use std::collections::BTreeSet;

use anyhow::bail;
use fairlead_client::explained;
use fairlead_client::terminal::Bars;
use fairlead_proto::gateway::v1::TrackManyRequest;
use fairlead_proto::gateway::v1::event_service_client::EventServiceClient;
use fairlead_server::Server;

use super::Simulation;
use crate::sim::Population;

/// Events in one call.
const BATCH: usize = 5_000;

/// A customer with a description.
#[derive(Debug, Clone)]
pub(crate) struct DescribedCustomer {
    /// The id.
    pub id: String,
    /// The life stage, in words.
    pub about: String,
}

/// Returns some customers of the population, one of each life stage first.
pub(crate) fn some_customers(seed: u64, customers: usize) -> Vec<DescribedCustomer> {
    let population = Population::new(seed, customers);
    let mut seen = BTreeSet::new();
    let described = (0..population.customers().min(300)).map(|number| {
        let about = population.life_stage(number).unwrap_or_default();
        let first = seen.insert(about);
        (
            first,
            DescribedCustomer {
                id: population.customer_id(number),
                about: about.replace('-', " "),
            },
        )
    });
    let (mut first, rest): (Vec<_>, Vec<_>) = described.partition(|(first, _)| *first);
    first.extend(rest);
    first.into_iter().map(|(_, shown)| shown).collect()
}

/// Returns the ids of all customers.
pub(crate) fn ids(seed: u64, customers: usize) -> Vec<String> {
    let population = Population::new(seed, customers);
    (0..population.customers())
        .map(|number| population.customer_id(number))
        .collect()
}

/// Simulates and sends the events, then waits until all of them are in the feature store.
pub(crate) async fn send(
    server: &Server,
    simulation: Simulation,
    bars: &Bars,
) -> anyhow::Result<()> {
    let Simulation {
        seed,
        customers,
        events,
        parameters: _,
    } = simulation;
    let until_ms = server.clock.now_ms();
    let mut population = Population::new(seed, customers).of_tenant(&server.tenant);
    let simulated: Vec<_> = population.events(events, until_ms).collect();
    bars.note(&format!(
        "{customers} customers, {} events over 30 days (seed {seed})",
        simulated.len()
    ));
    let bar = bars.bar("events into the log", simulated.len() as u64);
    let mut client = EventServiceClient::new(server.gateway.clone());
    let mut simulated = simulated.into_iter().peekable();
    while simulated.peek().is_some() {
        let batch: Vec<_> = simulated.by_ref().take(BATCH).collect();
        let sent = batch.len() as u64;
        let request = TrackManyRequest {
            events: batch,
            ..TrackManyRequest::default()
        };
        let answer = client
            .track_many(request)
            .await
            .map_err(|status| explained(&status))?
            .into_inner();
        if let Some(rejected) = answer.rejected.first() {
            bail!(
                "{} events refused, the first: {}",
                answer.rejected.len(),
                rejected.cause
            );
        }
        bar.inc(sent);
    }
    bar.finish();
    server.caught_up().await?;
    bars.note("every event is visible in the feature store");
    Ok(())
}
