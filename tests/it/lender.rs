//! A lender with two cash loans: the real gateway, pricing, Redis and log, its customers and its quotes.

use std::collections::BTreeMap;
use std::time::Duration;

use fairlead_chassis::link::Link;
use fairlead_client::Drafts;
use fairlead_price_engine::defaults;
use fairlead_proto::catalogue::v1::{
    LoanTerms, Product, ProductKind, RepaymentMethod, product::Terms,
};
use fairlead_proto::control::v1::draft_service_client::DraftServiceClient;
use fairlead_proto::control::v1::{PutProductsRequest, Strategy};
use fairlead_proto::decision::v1::DecisionRecord;
use fairlead_proto::event::v1::{AttributeValue, Event, EventKind, attribute_value::Value};
use fairlead_proto::gateway::v1::event_service_client::EventServiceClient;
use fairlead_proto::gateway::v1::quote_response::Outcome;
use fairlead_proto::gateway::v1::quote_service_client::QuoteServiceClient;
use fairlead_proto::gateway::v1::recommend_service_client::RecommendServiceClient;
use fairlead_proto::gateway::v1::{
    AcceptRequest, AcceptResponse, QuoteRequest, QuoteResponse, RecommendRequest, TrackRequest,
    VerifyRequest,
};
use fairlead_proto::money::v1::Money;
use fairlead_proto::pricing::v1::{Price, Quote};
use fairlead_server::{AppConfig, Server};
use fairlead_testkit::RedisServer;
use prost::Message as _;
use tonic::Status;

use crate::fixture::config;

/// No test waits longer for what must happen.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);
/// The cap on one person's exposure, CNY 200,000.
pub(crate) const CAP: i64 = 20_000_000;

/// A lender with two cash loans, on a Redis that forgets when it is killed.
pub(crate) struct Lender {
    pub(crate) server: Server,
    pub(crate) redis: RedisServer,
    _folder: tempfile::TempDir,
}

impl Lender {
    pub(crate) async fn open(change: impl FnOnce(&mut AppConfig)) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let redis = RedisServer::start()?;
        let mut config = config(folder.path())?;
        config.redis.url = redis.url();
        change(&mut config);
        let server = Server::start(&config, None).await?;
        let lender = Self {
            server,
            redis,
            _folder: folder,
        };
        let request = PutProductsRequest {
            tenant: lender.server.tenant.to_string(),
            products: vec![loan("LOAN"), loan("LOAN-2")],
            replace_all: true,
        };
        let mut drafts = DraftServiceClient::new(lender.server.control.clone());
        drafts.put_products(request).await?;
        lender.drafts().defaults().await?;
        lender.publish().await?;
        Ok(lender)
    }

    fn drafts(&self) -> Drafts {
        Drafts::new(&self.server.control, self.server.tenant.as_str())
    }

    async fn publish(&self) -> anyhow::Result<()> {
        let revision = fairlead_lab::releases::publish(&self.server, "a test").await?;
        self.server.release_live(revision, PATIENCE).await?;
        Ok(())
    }

    /// Publishes the strategy of cash loans with one rate for these grades.
    pub(crate) async fn rate_of(&self, grades: &[&str], rate: &str) -> anyhow::Result<()> {
        let mut strategy = cash_loans()?;
        for row in &mut strategy.rate_card.as_mut().expect("a card").rows {
            if grades.contains(&&*row.cells[0]) {
                row.cells[3] = rate.to_owned();
                row.cells[4] = "0%".to_owned();
            }
        }
        self.drafts().strategy(strategy).await?;
        self.publish().await
    }

    /// States facts about a customer as the bank.
    pub(crate) async fn state(&self, customer: &str, facts: &[(&str, f64)]) -> anyhow::Result<()> {
        let value = |number: f64| AttributeValue {
            value: Some(Value::Number(number)),
        };
        let attributes = facts
            .iter()
            .map(|(name, number)| ((*name).to_owned(), value(*number)));
        let event = Event {
            customer_id: customer.to_owned(),
            kind: EventKind::ProfileUpdated.into(),
            attributes: attributes.collect::<BTreeMap<_, _>>(),
            ..Event::default()
        };
        let mut client = EventServiceClient::new(self.server.gateway.clone());
        client.track(TrackRequest { event: Some(event) }).await?;
        self.server.caught_up().await
    }

    /// A customer of grade B who can carry any loan.
    pub(crate) async fn customer(&self, id: &str) -> anyhow::Result<()> {
        let facts = [
            ("bureau_score", 700.0),
            ("debt_to_income_ppm", 250_000.0),
            ("delinquencies_2y", 0.0),
            ("inquiries_12m", 0.0),
            ("revolving_utilisation_ppm", 200_000.0),
            ("credit_history_months", 200.0),
            ("income_monthly_minor", 9_000_000.0),
            ("debt_service_monthly_minor", 0.0),
            ("exposure_elsewhere_minor", 0.0),
            ("birth_date_ms", 315_532_800_000.0),
        ];
        self.state(id, &facts).await
    }

    pub(crate) fn quotes(&self) -> QuoteServiceClient<Link> {
        QuoteServiceClient::new(self.server.gateway.clone())
    }

    pub(crate) async fn ask(&self, request: QuoteRequest) -> Result<QuoteResponse, Status> {
        Ok(self.quotes().quote(request).await?.into_inner())
    }

    pub(crate) async fn quote(&self, request: QuoteRequest) -> anyhow::Result<Quote> {
        match self.ask(request).await?.outcome {
            Some(Outcome::Quote(quote)) => Ok(quote),
            other => anyhow::bail!("no quote: {other:?}"),
        }
    }

    pub(crate) async fn accept(
        &self,
        customer: &str,
        quote_id: &str,
    ) -> Result<AcceptResponse, Status> {
        let request = AcceptRequest {
            customer_id: customer.to_owned(),
            quote_id: quote_id.to_owned(),
            ..AcceptRequest::default()
        };
        Ok(self.quotes().accept(request).await?.into_inner())
    }

    pub(crate) async fn is_accepted(&self, quote: &Quote) -> anyhow::Result<bool> {
        let request = VerifyRequest {
            quote: Some(quote.clone()),
        };
        let answer = self.quotes().verify(request).await?.into_inner();
        assert!(answer.genuine);
        Ok(answer.accepted)
    }

    /// The price of a product in a customer's slate.
    pub(crate) async fn shown(&self, customer: &str, product: &str) -> anyhow::Result<Price> {
        let request = RecommendRequest {
            customer_id: customer.to_owned(),
            ..RecommendRequest::default()
        };
        let mut client = RecommendServiceClient::new(self.server.gateway.clone());
        let slate = client.recommend(request).await?.into_inner();
        let item = slate.items.iter().find(|item| item.product_id == product);
        let price = item.and_then(|item| item.price.clone());
        price.ok_or_else(|| anyhow::anyhow!("{product} is not in {slate:?}"))
    }

    /// The records of a topic.
    pub(crate) async fn records(&self, topic: &str) -> anyhow::Result<Vec<DecisionRecord>> {
        let mut all = Vec::new();
        for range in self.server.log.offsets(topic).await? {
            let from = fairlead_event_log::Position {
                partition: range.partition,
                offset: range.start,
            };
            for one in self.server.log.read(topic, from, 100_000).await? {
                all.push(DecisionRecord::decode(one.record.payload)?);
            }
        }
        Ok(all)
    }
}

fn cash_loans() -> anyhow::Result<Strategy> {
    let strategies = defaults::strategies()?.into_iter();
    let mut loans = strategies.filter(|strategy| strategy.strategy_id == "cash-loan");
    Ok(loans.next().expect("a default strategy"))
}

fn cny(minor: i64) -> Option<Money> {
    Some(Money {
        minor,
        currency: "CNY".to_owned(),
    })
}

fn loan(id: &str) -> Product {
    let terms = LoanTerms {
        min_amount: cny(100_000),
        max_amount: cny(CAP),
        amount_step_minor: 10_000,
        tenors_months: vec![12, 36],
        repayment: RepaymentMethod::Annuity.into(),
        origination_fee_ppm: 0,
    };
    Product {
        product_id: id.to_owned(),
        name: id.to_owned(),
        kind: ProductKind::CashLoan.into(),
        category: id.to_owned(),
        currency: "CNY".to_owned(),
        active: true,
        listed_at_ms: 1,
        terms: Some(Terms::Loan(terms)),
        ..Product::default()
    }
}

/// A request for a firm quote over a year.
pub(crate) fn request(customer: &str, product: &str, amount: i64, key: &str) -> QuoteRequest {
    QuoteRequest {
        customer_id: customer.to_owned(),
        product_id: product.to_owned(),
        amount: cny(amount),
        tenor_months: 12,
        idempotency_key: key.to_owned(),
        ..QuoteRequest::default()
    }
}
