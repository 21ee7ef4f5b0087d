//! `fairlead quote`: a firm quote.

use anyhow::bail;
use clap::Args;
use fairlead_client::{answered, show};
use fairlead_domain::Currency;
use fairlead_proto::gateway::v1::quote_service_client::QuoteServiceClient;
use fairlead_proto::gateway::v1::{QuoteRequest, quote_response::Outcome};
use fairlead_proto::money::v1::Money;

use crate::args::{GatewayArgs, TokenArgs};

/// Options of `quote`.
#[derive(Debug, Args)]
pub(crate) struct QuoteArgs {
    /// The customer.
    customer: String,
    /// The product.
    product: String,
    /// The amount in units of the currency, for kinds that have one: 20000.
    #[arg(long)]
    amount: Option<i64>,
    /// ISO 4217 code of the amount.
    #[arg(long, default_value = "CNY")]
    currency: String,
    /// The tenor in months, for kinds that have one.
    #[arg(long, default_value_t = 0)]
    tenor: i32,
    /// Idempotency key: the same key returns the same quote. If absent, every call makes a quote.
    #[arg(long)]
    key: Option<String>,
    /// Your own text for this request: kept on its record and given back with the answer.
    #[arg(long, default_value = "")]
    reference: String,
    #[command(flatten)]
    server: GatewayArgs,
    #[command(flatten)]
    token: TokenArgs,
}

/// Runs the command.
pub(crate) async fn run(args: QuoteArgs) -> anyhow::Result<()> {
    let unit = 10_i64.pow(Currency::new(&args.currency)?.minor_digits());
    let amount = match args.amount {
        None => None,
        Some(amount) => match amount.checked_mul(unit) {
            Some(minor) => Some(Money {
                minor,
                currency: args.currency.clone(),
            }),
            None => bail!(
                "amount `{amount}` is not allowed: at most {}",
                i64::MAX / unit
            ),
        },
    };
    let request = QuoteRequest {
        tenant: args.server.tenant.clone(),
        customer_id: args.customer,
        product_id: args.product,
        amount,
        tenor_months: args.tenor,
        idempotency_key: args.key.unwrap_or_else(|| ulid::Ulid::new().to_string()),
        client_reference: args.reference,
        ..QuoteRequest::default()
    };
    let address = &args.server.server;
    let mut client = QuoteServiceClient::new(args.token.link(address, &args.server.tls)?);
    let answer = answered(client.quote(request).await, address)?;
    if args.server.json {
        println!("{}", serde_json::to_string_pretty(&answer)?);
        return Ok(());
    }
    match answer.outcome {
        Some(Outcome::Quote(quote)) => {
            let price = quote.price.unwrap_or_default();
            println!("quote {}", quote.quote_id);
            println!("{}", show::price_cell(price.kind, Some(&price)));
            println!("instalment {}", show::money(price.instalment.as_ref()));
            show::waterfall("Its price", &price);
        }
        Some(Outcome::Refusal(refusal)) => {
            println!("no quote: {}", refusal.detail);
            for reason in refusal.reasons {
                println!("  {}: {}", reason.code, reason.text);
            }
            if !refusal.counterfactual.is_empty() {
                println!("  what would change it: {}", refusal.counterfactual);
            }
        }
        None => bail!("the server answered with neither quote nor refusal"),
    }
    Ok(())
}
