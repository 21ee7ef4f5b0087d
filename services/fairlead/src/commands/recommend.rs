//! `fairlead recommend`: a slate as a table.

use clap::Args;
use fairlead_client::{answered, show};
use fairlead_proto::catalogue::v1::ProductKind;
use fairlead_proto::gateway::v1::RecommendRequest;
use fairlead_proto::gateway::v1::recommend_service_client::RecommendServiceClient;

use crate::args::{GatewayArgs, TokenArgs, product_kind};

/// Options of `recommend`.
#[derive(Debug, Args)]
pub(crate) struct RecommendArgs {
    /// The customer.
    customer: String,
    /// Number of products, 1 to 50.
    #[arg(long, default_value_t = 10)]
    size: i32,
    /// Kinds to include; all if absent.
    #[arg(long, value_delimiter = ',', value_parser = product_kind())]
    kinds: Vec<ProductKind>,
    /// Also show the price waterfall of the first loan.
    #[arg(long)]
    waterfall: bool,
    /// Your own text for this request: kept on its record and given back with the answer.
    #[arg(long, default_value = "")]
    reference: String,
    #[command(flatten)]
    server: GatewayArgs,
    #[command(flatten)]
    token: TokenArgs,
}

/// Runs the command.
pub(crate) async fn run(args: RecommendArgs) -> anyhow::Result<()> {
    let request = RecommendRequest {
        tenant: args.server.tenant.clone(),
        customer_id: args.customer.clone(),
        slate_size: args.size,
        kinds: args.kinds.iter().map(|kind| i32::from(*kind)).collect(),
        client_reference: args.reference,
        ..RecommendRequest::default()
    };
    let address = &args.server.server;
    let mut client = RecommendServiceClient::new(args.token.link(address, &args.server.tls)?);
    let answer = answered(client.recommend(request).await, address)?;
    if args.server.json {
        println!("{}", serde_json::to_string_pretty(&answer)?);
        return Ok(());
    }
    show::slate(&format!("For {}", args.customer), &answer);
    let priced = answer
        .items
        .iter()
        .filter_map(|item| Some((item, item.price.as_ref()?)));
    if let Some((item, price)) = priced
        .into_iter()
        .find(|(_, price)| price.waterfall.len() > 1)
        .filter(|_| args.waterfall)
    {
        show::waterfall(&format!("The price of {}", item.name), price);
    }
    Ok(())
}
