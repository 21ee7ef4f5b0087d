//! `fairlead explain`: the decision record of an earlier answer.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::Args;
use fairlead_chassis::status::retry_after;
use fairlead_client::{answered, show};
use fairlead_proto::gateway::v1::ExplainRequest;
use fairlead_proto::gateway::v1::recommend_service_client::RecommendServiceClient;

use crate::args::{GatewayArgs, TokenArgs};

/// How long a record that is not yet there is waited for.
const PATIENCE: Duration = Duration::from_secs(15);

/// Options of `explain`.
#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// The request id that the answer came with.
    request: String,
    #[command(flatten)]
    server: GatewayArgs,
    #[command(flatten)]
    token: TokenArgs,
}

/// Runs the command.
pub(crate) async fn run(args: ExplainArgs) -> anyhow::Result<()> {
    let request = ExplainRequest {
        tenant: args.server.tenant.clone(),
        request_id: args.request,
    };
    let address = &args.server.server;
    let mut client = RecommendServiceClient::new(args.token.link(address, &args.server.tls)?);
    let asked = Instant::now();
    let answer = loop {
        let answer = client.explain(request.clone()).await;
        // Right after the answer its record is on its way.
        match answer.as_ref().err().and_then(retry_after) {
            Some(pause) if asked.elapsed() < PATIENCE => tokio::time::sleep(pause).await,
            _ => break answered(answer, address)?,
        }
    };
    let record = answer
        .record
        .context("the server answered without a record")?;
    if args.server.json {
        println!("{}", serde_json::to_string_pretty(&record)?);
    } else {
        show::record(&record);
    }
    Ok(())
}
