//! The drafts that owners of products, prices and experiments would make.

use std::collections::BTreeMap;

use anyhow::Context as _;
use fairlead_chassis::link::Link;
use fairlead_client::terminal::Bars;
use fairlead_client::{Drafts, explained, show};
use fairlead_price_engine::defaults;
use fairlead_proto::catalogue::v1::Product;
use fairlead_proto::control::v1::draft_service_client::DraftServiceClient;
use fairlead_proto::control::v1::{
    Arm, Experiment, ExperimentPlan, ExperimentStatus, Layer, PutExperimentsRequest,
    PutProductsRequest, PutSettingsRequest, Release, Strategy,
};
use fairlead_server::Server;

/// The experiment on the order of slates.
pub(crate) const ORDER_EXPERIMENT: &str = "slate-order";
/// The experiment on the price of cash loans.
pub(crate) const PRICE_EXPERIMENT: &str = "cash-loan-discount";
const CASH_LOAN: &str = "cash-loan";

fn drafts(server: &Server) -> DraftServiceClient<Link> {
    DraftServiceClient::new(server.control.clone())
}

/// Puts products, strategies, settings and experiments as drafts. Returns the products.
pub(crate) async fn put_all(
    server: &Server,
    seed: u64,
    bars: &Bars,
) -> anyhow::Result<Vec<Product>> {
    let products = crate::sim::catalogue(seed);
    let request = PutProductsRequest {
        tenant: server.tenant.to_string(),
        products: products.clone(),
        replace_all: true,
    };
    let put = drafts(server)
        .put_products(request)
        .await
        .map_err(|status| explained(&status))?;
    bars.note(&format!("{} products of six kinds", put.into_inner().added));
    for put in owner(server).defaults().await? {
        let kinds: Vec<&str> = put.kinds.iter().map(|kind| show::kind(*kind)).collect();
        bars.note(&format!(
            "strategy {}@{} for {}: linted, no finding blocks",
            put.id,
            put.version,
            kinds.join(", ")
        ));
    }
    let challenger = put_strategy(server, cash_loan("0.6%", "1.2%", false)?).await?;
    bars.note(&format!(
        "strategy {CASH_LOAN}@{challenger}, a challenger with a deeper discount"
    ));
    put_experiments(server, plan(challenger, BTreeMap::new())).await?;
    bars.note(&format!(
        "experiments {ORDER_EXPERIMENT} and {PRICE_EXPERIMENT}, in two layers"
    ));
    Ok(products)
}

/// Puts parameters as drafts, in place of those of the defaults; none where there are none.
pub(super) async fn put_parameters(
    server: &Server,
    parameters: &[(&str, &str)],
) -> anyhow::Result<()> {
    if parameters.is_empty() {
        return Ok(());
    }
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let request = PutSettingsRequest {
        tenant: server.tenant.to_string(),
        settings: Some(Release {
            parameters: parameters.iter().map(owned).collect(),
            ..Release::default()
        }),
        ..PutSettingsRequest::default()
    };
    let put = drafts(server).put_settings(request).await;
    put.map_err(|status| explained(&status))?;
    Ok(())
}

fn owner(server: &Server) -> Drafts {
    Drafts::new(&server.control, server.tenant.as_str())
}

/// Adds a version of a strategy. Returns its number.
pub(crate) async fn put_strategy(server: &Server, strategy: Strategy) -> anyhow::Result<i64> {
    Ok(owner(server).strategy(strategy).await?.version)
}

/// Returns the cash loan strategy with one discount of its rate card replaced, except for the best
/// grade, whose price is near the floor already.
pub(crate) fn cash_loan(from: &str, to: &str, champion: bool) -> anyhow::Result<Strategy> {
    let mut strategy = defaults::strategies()?
        .into_iter()
        .find(|strategy| strategy.strategy_id == CASH_LOAN)
        .context("the default strategies have one for cash loans")?;
    let card = strategy
        .rate_card
        .as_mut()
        .context("the cash loan strategy has a rate card")?;
    let rows = card
        .rows
        .iter_mut()
        .filter(|row| row.cells.first().is_some_and(|grade| grade != "A"));
    let cells = rows.filter_map(|row| row.cells.last_mut());
    cells
        .filter(|cell| *cell == from)
        .for_each(|cell| to.clone_into(cell));
    strategy.champion = champion;
    Ok(strategy)
}

/// Puts the experiment plan.
pub(crate) async fn put_experiments(server: &Server, plan: ExperimentPlan) -> anyhow::Result<()> {
    let request = PutExperimentsRequest {
        tenant: server.tenant.to_string(),
        plan: Some(plan),
    };
    drafts(server)
        .put_experiments(request)
        .await
        .map_err(|status| explained(&status))?;
    Ok(())
}

/// Returns a plan of two experiments in two layers, with overrides for testers.
pub(crate) fn plan(challenger: i64, order_overrides: BTreeMap<String, String>) -> ExperimentPlan {
    let layer = |id: &str| Layer {
        layer_id: id.to_owned(),
        salt: format!("{id}-2026"),
    };
    let arm = |id: &str| Arm {
        arm_id: id.to_owned(),
        weight_ppm: 500_000,
        ..Arm::default()
    };
    let experiment = |id: &str, layer: &str, hypothesis: &str, arms: Vec<Arm>| Experiment {
        experiment_id: id.to_owned(),
        layer_id: layer.to_owned(),
        salt: format!("{id}-1"),
        slice_start: 0,
        slice_end: 10_000,
        arms,
        coverage_ppm: 1_000_000,
        status: ExperimentStatus::Running.into(),
        hypothesis: hypothesis.to_owned(),
        ..Experiment::default()
    };
    let by_conversion = Arm {
        parameters: BTreeMap::from([("slate.order".to_owned(), "conversion".to_owned())]),
        ..arm("by-conversion")
    };
    let deeper = Arm {
        strategy_versions: BTreeMap::from([(CASH_LOAN.to_owned(), challenger)]),
        ..arm("deeper-discount")
    };
    let order = Experiment {
        overrides: order_overrides,
        ..experiment(
            ORDER_EXPERIMENT,
            "slate",
            "ordering by conversion instead of expected value keeps more customers",
            vec![arm("by-value"), by_conversion],
        )
    };
    let price = experiment(
        PRICE_EXPERIMENT,
        "price",
        "a deeper discount for established customers pays for itself in take-up",
        vec![arm("as-is"), deeper],
    );
    ExperimentPlan {
        layers: vec![layer("slate"), layer("price")],
        experiments: vec![order, price],
        holdout_salt: "holdout-2026".to_owned(),
        holdout_ppm: 20_000,
    }
}
