//! `fairlead demo`: shows every step from an event to a slate once, then leaves the servers
//! running.

mod live;

use std::time::{Duration, Instant};

use clap::Args;
use fairlead_chassis::serve::shutdown_on_signal;
use fairlead_chassis::telemetry;
use fairlead_client::terminal::{Bars, heading, note};
use fairlead_client::{explained, show};
use fairlead_proto::gateway::v1::recommend_service_client::RecommendServiceClient;
use fairlead_proto::gateway::v1::{RecommendRequest, RecommendResponse};
use fairlead_server::{ConfigArgs, Server};
use fairlead_training::Options;
use tokio_util::task::TaskTracker;

use crate::setup::{Simulation, drafts, population};
use crate::{models, releases};

/// Options of `demo`.
#[derive(Debug, Args)]
pub struct DemoArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// Customers to simulate.
    #[arg(long, default_value_t = 20_000)]
    customers: usize,
    /// Events to simulate.
    #[arg(long, default_value_t = 300_000)]
    events: usize,
    /// Seed: the same seed gives the same population and models.
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// Passes over the training data.
    #[arg(long, default_value_t = 3)]
    epochs: usize,
    /// Stop after everything was shown, instead of serving on.
    #[arg(long)]
    exit: bool,
}

/// Runs the demo.
pub async fn run(args: DemoArgs) -> anyhow::Result<()> {
    let started = Instant::now();
    let mut config = args.config.load()?;
    // The demo prints its own text: only warnings are logged.
    "warn".clone_into(&mut config.telemetry.log);
    let metrics = telemetry::init(&config.telemetry, "demo")?.metrics;
    let signals = TaskTracker::new();
    let asked_to_stop = shutdown_on_signal(&signals)?;
    let server = Server::start(&config, Some(metrics)).await?;
    let shown = tokio::select! {
        shown = show_all(&args, &server, started) => shown,
        () = asked_to_stop.cancelled() => Ok(()),
    };
    if let Err(error) = shown {
        server.stop().await?;
        return Err(error);
    }
    if !args.exit && !asked_to_stop.is_cancelled() {
        show::next_steps(server.addresses.gateway, server.addresses.metrics);
        note("Ctrl-C stops");
        asked_to_stop.cancelled().await;
    }
    asked_to_stop.cancel();
    server.stop().await
}

/// Shows every step, or only slates if an earlier run has made the data.
async fn show_all(args: &DemoArgs, server: &Server, started: Instant) -> anyhow::Result<()> {
    let already = ready(server).await?;
    if already {
        heading(&format!("Found its data in {}", server.data.display()));
        note(&format!(
            "release {} is served, {:.1} s after the start",
            server.releases.revision(),
            started.elapsed().as_secs_f64()
        ));
    } else {
        build(args, server).await?;
    }
    let customers = slates(args, server).await?;
    if let Some(customer) = customers.first() {
        first_waterfall(server, &customer.id).await?;
    }
    if already {
        note("the loop was shown when the data was made; remove the data folder to see it again");
    } else {
        live::show(server, &customers).await?;
    }
    heading(&format!(
        "All shown after {:.0} s",
        started.elapsed().as_secs_f64()
    ));
    Ok(())
}

/// Shows the slates of three customers who consent to personalisation and of one who does not.
/// Returns all who do.
async fn slates(
    args: &DemoArgs,
    server: &Server,
) -> anyhow::Result<Vec<population::DescribedCustomer>> {
    let (mut personalised, mut others) = (Vec::new(), Vec::new());
    for customer in population::some_customers(args.seed, args.customers) {
        let answer = recommend(server, &customer.id, 6).await?;
        let (shown, most) = if answer.personalised {
            (&mut personalised, 3)
        } else {
            (&mut others, 1)
        };
        if shown.len() < most {
            show::slate(&format!("{} ({})", customer.id, customer.about), &answer);
        }
        shown.push(customer);
    }
    Ok(personalised)
}

/// Returns whether an earlier run left a release. If so, waits until it is served.
async fn ready(server: &Server) -> anyhow::Result<bool> {
    let revision = releases::newest(server).await?;
    if revision > 0 {
        server
            .release_live(revision, Duration::from_secs(30))
            .await?;
    }
    Ok(revision > 0)
}

/// Puts the catalogue, sends the population, trains the models and publishes release 1.
async fn build(args: &DemoArgs, server: &Server) -> anyhow::Result<()> {
    heading("1. Catalogue and strategies");
    let products = drafts::put_all(server, args.seed, &Bars::default()).await?;
    heading("2. Population: its events go in like anyone's, through the event log");
    let simulation = Simulation {
        seed: args.seed,
        customers: args.customers,
        events: args.events,
        parameters: &[],
    };
    population::send(server, simulation, &Bars::default()).await?;
    heading("3. Training on what was shown and what came of it");
    let options = Options {
        seed: args.seed,
        epochs: args.epochs,
        version: "1".to_owned(),
        ..Options::default()
    };
    let trained = models::learn(server, products, options, Bars::default()).await?;
    models::print_metrics(&trained);
    models::register(&server.control, &server.tenant, "1", &trained).await?;
    let revision = releases::publish(server, "the first").await?;
    server
        .release_live(revision, Duration::from_mins(1))
        .await?;
    note(&format!("release {revision} is published and served"));
    heading("4. Slates");
    Ok(())
}

/// Returns a slate for one customer.
async fn recommend(
    server: &Server,
    customer: &str,
    size: i32,
) -> anyhow::Result<RecommendResponse> {
    let request = RecommendRequest {
        customer_id: customer.to_owned(),
        slate_size: size,
        ..RecommendRequest::default()
    };
    let mut client = RecommendServiceClient::new(server.gateway.clone());
    let answer = client
        .recommend(request)
        .await
        .map_err(|status| explained(&status))?;
    Ok(answer.into_inner())
}

/// Shows the price waterfall of the first loan on a slate of loans.
async fn first_waterfall(server: &Server, customer: &str) -> anyhow::Result<()> {
    let request = RecommendRequest {
        customer_id: customer.to_owned(),
        slate_size: 1,
        kinds: vec![fairlead_proto::catalogue::v1::ProductKind::CashLoan.into()],
        ..RecommendRequest::default()
    };
    let mut client = RecommendServiceClient::new(server.gateway.clone());
    let answer = client
        .recommend(request)
        .await
        .map_err(|status| explained(&status))?
        .into_inner();
    let item = answer.items.first();
    match item.and_then(|item| Some((item, item.price.as_ref()?))) {
        Some((item, price)) => show::waterfall(
            &format!("The price of {} for {customer}, from cost", item.name),
            price,
        ),
        None => note(&format!(
            "no cash loan can be offered to {customer}: nothing to itemise"
        )),
    }
    Ok(())
}
