//! `fairlead track`: one behaviour event.

use anyhow::{Context as _, bail};
use clap::Args;
use fairlead_client::answered;
use fairlead_proto::event::v1::{AttributeValue, Event, EventKind, attribute_value::Value};
use fairlead_proto::gateway::v1::TrackRequest;
use fairlead_proto::gateway::v1::event_service_client::EventServiceClient;

use crate::args::{GatewayArgs, TokenArgs};

/// Options of `track`.
#[derive(Debug, Args)]
pub(crate) struct TrackArgs {
    /// The customer.
    customer: String,
    /// Kind of event: impression, click, application, conversion, holding_opened, holding_closed,
    /// repayment, delinquency, payment, profile_updated, consent_changed, app_opened, search.
    kind: String,
    /// The product.
    #[arg(long, default_value = "")]
    product: String,
    /// The request whose answer led to the event.
    #[arg(long, default_value = "")]
    request: String,
    /// Attribute of the customer; numbers, true and false are typed as such.
    #[arg(long = "attribute", value_name = "NAME=VALUE")]
    attributes: Vec<String>,
    #[command(flatten)]
    server: GatewayArgs,
    #[command(flatten)]
    token: TokenArgs,
}

/// Runs the command.
pub(crate) async fn run(args: TrackArgs) -> anyhow::Result<()> {
    let name = format!("EVENT_KIND_{}", args.kind.to_uppercase());
    let Some(kind) = EventKind::from_str_name(&name) else {
        bail!(
            "kind `{}` is not allowed; `fairlead track --help` lists them",
            args.kind
        );
    };
    let attributes = args
        .attributes
        .iter()
        .map(|text| attribute(text))
        .collect::<Result<_, _>>()?;
    let event = Event {
        tenant: args.server.tenant.clone(),
        customer_id: args.customer,
        kind: kind.into(),
        product_id: args.product,
        request_id: args.request,
        attributes,
        ..Event::default()
    };
    let address = &args.server.server;
    let mut client = EventServiceClient::new(args.token.link(address, &args.server.tls)?);
    let answer = answered(
        client.track(TrackRequest { event: Some(event) }).await,
        address,
    )?;
    if args.server.json {
        println!("{}", serde_json::to_string_pretty(&answer)?);
    } else {
        println!(
            "event {} in partition {} at {}",
            answer.event_id, answer.partition, answer.offset
        );
    }
    Ok(())
}

fn attribute(text: &str) -> anyhow::Result<(String, AttributeValue)> {
    let (name, value) = text
        .split_once('=')
        .with_context(|| format!("attribute `{text}` is not NAME=VALUE"))?;
    let value = match (value.parse::<f64>(), value.parse::<bool>()) {
        (Ok(number), _) if number.is_finite() => Value::Number(number),
        (_, Ok(flag)) => Value::Flag(flag),
        _ => Value::Text(value.to_owned()),
    };
    Ok((name.to_owned(), AttributeValue { value: Some(value) }))
}
