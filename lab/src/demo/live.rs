//! Shows changes in a running server: by new events, by the other arm of an experiment, by a new
//! release, by withdrawn consent. Then shows the record of a decision.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use fairlead_client::terminal::{heading, note, table};
use fairlead_client::{explained, show};
use fairlead_proto::catalogue::v1::ProductKind;
use fairlead_proto::event::v1::{AttributeValue, Event, EventKind, attribute_value::Value};
use fairlead_proto::gateway::v1::event_service_client::EventServiceClient;
use fairlead_proto::gateway::v1::recommend_service_client::RecommendServiceClient;
use fairlead_proto::gateway::v1::{
    ExplainRequest, RecommendRequest, RecommendResponse, TrackManyRequest,
};
use fairlead_proto::profile::v1::profile_service_client::ProfileServiceClient;
use fairlead_proto::profile::v1::{GetProfileRequest, Profile};
use fairlead_server::Server;

use super::recommend;
use crate::releases::publish;
use crate::setup::drafts;
use crate::setup::population::DescribedCustomer;

/// The time that an event may take to be visible before the demo gives up.
const PATIENCE: Duration = Duration::from_secs(10);

/// Cash loans on a slate that is shown, and on the longest slate.
const FEW: i32 = 3;
const EVERY: i32 = 50;

/// Shows every change.
pub(crate) async fn show(server: &Server, customers: &[DescribedCustomer]) -> anyhow::Result<()> {
    let customer = customers.first().context("nobody consents")?;
    new_events(server, &customer.id).await?;
    other_arm(server, customers).await?;
    let (customer, changed) = new_rate_card(server, customers).await?;
    withdrawn_consent(server, &customer).await?;
    record(server, &changed).await
}

/// Shows how new events change features and slate, and how long that takes.
async fn new_events(server: &Server, customer: &str) -> anyhow::Result<()> {
    heading(&format!(
        "5. {customer} opens credit cards: from event to slate"
    ));
    let before = recommend(server, customer, 6).await?;
    let live = server.releases.first().await;
    let cards = live
        .catalogue
        .products()
        .iter()
        .filter(|p| p.kind() == ProductKind::CreditCard && p.active);
    let events = cards.take(4).map(|product| Event {
        customer_id: customer.to_owned(),
        kind: EventKind::Click.into(),
        product_id: product.product_id.clone(),
        ..Event::default()
    });
    let seen = profile(server, customer).await?.last_event_time_ms;
    let started = Instant::now();
    track(server, events.collect()).await?;
    visible(server, customer, |profile| {
        profile.last_event_time_ms > seen
    })
    .await?;
    note(&format!(
        "visible in the feature store {:.1} ms after it was published",
        started.elapsed().as_secs_f64() * 1e3
    ));
    let after = recommend(server, customer, 6).await?;
    compare(["before", "after"], &before, &after);
    Ok(())
}

/// Shows the other arm of the running experiment on the slate's order.
async fn other_arm(server: &Server, customers: &[DescribedCustomer]) -> anyhow::Result<()> {
    let (customer, arm, first) = exposed(server, customers).await?;
    heading(&format!(
        "6. The other arm of experiment {}, for {customer}",
        drafts::ORDER_EXPERIMENT
    ));
    let other = match arm.as_str() {
        "by-value" => "by-conversion",
        _ => "by-value",
    };
    let overrides = BTreeMap::from([(customer.clone(), other.to_owned())]);
    drafts::put_experiments(server, drafts::plan(2, overrides)).await?;
    let revision = publish(server, "the tester on the other arm").await?;
    server.release_live(revision, PATIENCE).await?;
    let second = recommend(server, &customer, 6).await?;
    compare([&arm, other], &first, &second);
    Ok(())
}

/// Returns a customer who takes part in the experiment on the slate's order, with arm and slate.
async fn exposed(
    server: &Server,
    customers: &[DescribedCustomer],
) -> anyhow::Result<(String, String, RecommendResponse)> {
    for customer in customers {
        let slate = recommend(server, &customer.id, 6).await?;
        let mut exposures = slate.exposures.iter();
        if let Some(found) = exposures.find(|e| e.experiment_id == drafts::ORDER_EXPERIMENT) {
            return Ok((customer.id.clone(), found.arm_id.clone(), slate));
        }
    }
    bail!(
        "nobody takes part in experiment {}",
        drafts::ORDER_EXPERIMENT
    )
}

/// Shows a changed rate card that is live without a restart. Returns the customer and the new
/// slate.
async fn new_rate_card(
    server: &Server,
    customers: &[DescribedCustomer],
) -> anyhow::Result<(String, RecommendResponse)> {
    heading("7. A release with a changed rate card, without a restart");
    let (customer, before) = discounted(server, customers).await?;
    let version = drafts::put_strategy(server, drafts::cash_loan("0.6%", "1.8%", true)?).await?;
    let published = Instant::now();
    let revision = publish(server, "a deeper discount for established customers").await?;
    server.release_live(revision, PATIENCE).await?;
    let strategy = format!("cash-loan@{version}");
    let after = loop {
        let after = cash_loans(server, &customer, FEW).await?;
        let priced = after.items.iter().filter_map(|item| item.price.as_ref());
        if priced.into_iter().any(|price| price.strategy == strategy)
            || published.elapsed() > PATIENCE
        {
            break after;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    };
    let mut rows = table(["product", "was", "is", "by"]);
    for item in &after.items {
        let was = before
            .items
            .iter()
            .find(|other| other.product_id == item.product_id);
        let was = was
            .and_then(|item| item.price.as_ref())
            .map(|price| show::rate(price.rate_ppm));
        let Some(price) = &item.price else { continue };
        rows.add_row([
            item.name.clone(),
            was.unwrap_or_default(),
            show::rate(price.rate_ppm),
            price.strategy.clone(),
        ]);
    }
    println!("{rows}");
    note(&format!(
        "release {revision}: served {:.0} ms after it was published, for {customer}",
        published.elapsed().as_secs_f64() * 1e3
    ));
    Ok((customer, after))
}

/// Returns a customer whose cash loan is priced with a discount, and the slate; not one on the arm
/// with the challenger's price.
async fn discounted(
    server: &Server,
    customers: &[DescribedCustomer],
) -> anyhow::Result<(String, RecommendResponse)> {
    for customer in customers {
        let slate = cash_loans(server, &customer.id, FEW).await?;
        let challenger = slate
            .exposures
            .iter()
            .any(|e| e.arm_id == "deeper-discount");
        let discount = |item: &fairlead_proto::gateway::v1::SlateItem| {
            let steps = item.price.iter().flat_map(|price| &price.waterfall);
            steps
                .into_iter()
                .any(|step| step.name.contains("discount") && step.ppm < 0)
        };
        if !challenger && slate.items.iter().any(discount) {
            return Ok((customer.id.clone(), slate));
        }
    }
    let customer = customers.first().context("the population has customers")?;
    Ok((
        customer.id.clone(),
        cash_loans(server, &customer.id, FEW).await?,
    ))
}

async fn cash_loans(
    server: &Server,
    customer: &str,
    slate_size: i32,
) -> anyhow::Result<RecommendResponse> {
    let request = RecommendRequest {
        customer_id: customer.to_owned(),
        slate_size,
        kinds: vec![ProductKind::CashLoan.into()],
        ..RecommendRequest::default()
    };
    let mut client = RecommendServiceClient::new(server.gateway.clone());
    let answer = client
        .recommend(request)
        .await
        .map_err(|status| explained(&status))?;
    Ok(answer.into_inner())
}

/// Shows the slate after consent is withdrawn: the non-personalised order at the standard rate.
async fn withdrawn_consent(server: &Server, customer: &str) -> anyhow::Result<()> {
    heading(&format!(
        "8. {customer} withdraws consent to personalisation"
    ));
    let before = recommend(server, customer, 6).await?;
    let own = cash_loans(server, customer, EVERY).await?;
    let withdrawn = AttributeValue {
        value: Some(Value::Flag(false)),
    };
    let event = Event {
        customer_id: customer.to_owned(),
        kind: EventKind::ConsentChanged.into(),
        attributes: BTreeMap::from([("personalisation".to_owned(), withdrawn)]),
        ..Event::default()
    };
    track(server, vec![event]).await?;
    visible(server, customer, |profile| !profile.personalisation_consent).await?;
    let after = recommend(server, customer, 6).await?;
    compare(["personalised", "for everyone"], &before, &after);
    let standard = cash_loans(server, customer, EVERY).await?;
    let rate_of = |slate: &RecommendResponse, product: &str| {
        let item = slate.items.iter().find(|item| item.product_id == product);
        item.and_then(|item| Some(item.price.as_ref()?.rate_ppm))
    };
    let changed = standard.items.iter().filter_map(|item| {
        let was = rate_of(&own, &item.product_id)?;
        let is = rate_of(&standard, &item.product_id)?;
        (was != is).then(|| (&item.name, show::rate(was), show::rate(is)))
    });
    for (name, was, is) in changed.take(3) {
        note(&format!("{name}: {was} before, {is} as for everyone"));
    }
    Ok(())
}

/// Shows a decision record, read from the log.
async fn record(server: &Server, answer: &RecommendResponse) -> anyhow::Result<()> {
    heading(&format!("9. The record of request {}", answer.request_id));
    let request = ExplainRequest {
        request_id: answer.request_id.clone(),
        ..ExplainRequest::default()
    };
    let mut client = RecommendServiceClient::new(server.gateway.clone());
    let started = Instant::now();
    let record = loop {
        match client.explain(request.clone()).await {
            Ok(found) => break found.into_inner().record.context("a record")?,
            // Records of recommendations are written after the answer.
            Err(status)
                if status.code() == tonic::Code::Unavailable && started.elapsed() < PATIENCE =>
            {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            Err(status) => return Err(explained(&status)),
        }
    };
    show::record(&record);
    Ok(())
}

async fn track(server: &Server, events: Vec<Event>) -> anyhow::Result<()> {
    let mut client = EventServiceClient::new(server.gateway.clone());
    let answer = client
        .track_many(TrackManyRequest {
            events,
            ..TrackManyRequest::default()
        })
        .await
        .map_err(|status| explained(&status))?;
    match answer.into_inner().rejected.first() {
        Some(rejected) => bail!("event refused: {}", rejected.cause),
        None => Ok(()),
    }
}

async fn profile(server: &Server, customer: &str) -> anyhow::Result<Profile> {
    let request = GetProfileRequest {
        tenant: server.tenant.to_string(),
        customer_id: customer.to_owned(),
        ..GetProfileRequest::default()
    };
    let mut client = ProfileServiceClient::new(server.inner.profile.clone());
    let answer = client
        .get_profile(request)
        .await
        .map_err(|status| explained(&status))?;
    answer.into_inner().profile.context("a profile")
}

/// Waits until `shows` holds for the profile.
async fn visible(
    server: &Server,
    customer: &str,
    shows: impl Fn(&Profile) -> bool,
) -> anyhow::Result<()> {
    let started = Instant::now();
    while !shows(&profile(server, customer).await?) {
        if started.elapsed() > PATIENCE {
            bail!("the event is not visible after {PATIENCE:?}");
        }
        tokio::time::sleep(Duration::from_micros(200)).await;
    }
    Ok(())
}

/// Prints two slates side by side.
fn compare(names: [&str; 2], left: &RecommendResponse, right: &RecommendResponse) {
    let mut rows = table(["#", names[0], names[1]]);
    let cell = |slate: &RecommendResponse, place: usize| {
        slate.items.get(place).map_or_else(String::new, |item| {
            format!(
                "{} ({}): {}",
                item.name,
                show::kind(item.kind),
                show::price_cell(item.kind, item.price.as_ref())
            )
        })
    };
    for place in 0..left.items.len().max(right.items.len()) {
        rows.add_row([
            (place + 1).to_string(),
            cell(left, place),
            cell(right, place),
        ]);
    }
    println!("{rows}");
}
