//! One pricing service over TCP with the default strategies, a few products and a customer.

use std::collections::BTreeMap;
use std::sync::Arc;

use fairlead_chassis::clock::ManualClock;
use fairlead_chassis::link::Link;
use fairlead_price_engine::defaults;
use fairlead_pricing::{Config, Deps, Keyring, Service};
use fairlead_proto::catalogue::v1::{
    CardTerms, Catalogue, DepositTerms, LoanTerms, Product, ProductKind, RepaymentMethod,
    product::Terms,
};
use fairlead_proto::control::v1::Release;
use fairlead_proto::feature::v1::{EntityState, FeatureSet, StoredAttribute, stored_attribute};
use fairlead_proto::money::v1::Money;
use fairlead_proto::pricing::v1::pricing_service_client::PricingServiceClient;
use fairlead_proto::pricing::v1::{
    CreateQuoteRequest, CreateQuoteResponse, CustomerFacts, PriceItem, PriceManyRequest, Priced,
    PricingContext, Quote, create_quote_response,
};
use fairlead_registry::{Purpose, Registry};
use fairlead_release_follow::ReleaseHandle;
use fairlead_service_testkit::{Server, Store};
pub(crate) use fairlead_service_testkit::{checked, sealed, until};
use tonic::Status;

/// 2026-11-23 in Beijing: the instant at which tests ask.
pub(crate) const NOW_MS: i64 = 1_795_363_200_000;

pub(crate) struct Setup {
    pub(crate) store: Store,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) releases: ReleaseHandle,
    pub(crate) service: Service,
    pub(crate) keys: Keyring,
    pub(crate) client: PricingServiceClient<Link>,
    _server: Server,
}

pub(crate) fn keys() -> Keyring {
    let keys = BTreeMap::from([("test".to_owned(), "5a".repeat(32))]);
    Keyring::new("test", &keys).expect("a good key")
}

impl Setup {
    /// Starts the service with release 1.
    pub(crate) async fn start() -> anyhow::Result<Self> {
        Self::with(ReleaseHandle::fixed(checked(release(1)))).await
    }

    pub(crate) async fn with(releases: ReleaseHandle) -> anyhow::Result<Self> {
        let store = Store::start().await?;
        let clock = Arc::new(ManualClock::at(NOW_MS));
        let deps = Deps {
            clock: clock.clone(),
            registry: Registry::builtin(),
            releases: releases.clone(),
            quotes: Arc::new(store.online.quotes()),
            keys: keys(),
        };
        let service = Service::new(&Config::default(), deps)?;
        let server = Server::start("pricing", service.routes()).await?;
        Ok(Self {
            client: PricingServiceClient::new(server.link.clone()),
            store,
            clock,
            releases,
            service,
            keys: keys(),
            _server: server,
        })
    }

    pub(crate) async fn price(
        &self,
        context: PricingContext,
        items: Vec<PriceItem>,
    ) -> Result<Vec<Priced>, Status> {
        let request = PriceManyRequest {
            context: Some(context),
            items,
            without_schedule: false,
        };
        Ok(self
            .client
            .clone()
            .price_many(request)
            .await?
            .into_inner()
            .priced)
    }

    pub(crate) async fn create(
        &self,
        request: CreateQuoteRequest,
    ) -> Result<CreateQuoteResponse, Status> {
        Ok(self
            .client
            .clone()
            .create_quote(request)
            .await?
            .into_inner())
    }

    /// A firm quote of the request, which must get one.
    pub(crate) async fn quote(&self, request: CreateQuoteRequest) -> anyhow::Result<Quote> {
        match self.create(request).await?.outcome {
            Some(create_quote_response::Outcome::Quote(quote)) => Ok(quote),
            other => anyhow::bail!("no quote: {other:?}"),
        }
    }
}

/// The default strategies and law with three loans, a card and a deposit.
pub(crate) fn release(revision: i64) -> Release {
    let mut release = defaults::settings().expect("reads");
    release.revision = revision;
    release.tenant = "acme".to_owned();
    release.strategies = defaults::strategies().expect("reads");
    // Challenger: half a point dearer.
    let mut challenger = release.strategies[0].clone();
    challenger.version = 2;
    challenger.champion = false;
    for row in &mut challenger.rate_card.as_mut().expect("a card").rows {
        if row.cells[0] == "B" {
            row.cells[3] = "12%".to_owned();
        }
    }
    release.strategies.push(challenger);
    release.catalogue = Some(Catalogue {
        products: products(),
    });
    release
}

pub(crate) fn cny(minor: i64) -> Option<Money> {
    Some(Money {
        minor,
        currency: "CNY".to_owned(),
    })
}

fn products() -> Vec<Product> {
    let product = |id: &str, kind: ProductKind, terms| Product {
        product_id: id.to_owned(),
        name: id.to_owned(),
        kind: kind.into(),
        category: "test".to_owned(),
        currency: "CNY".to_owned(),
        active: true,
        listed_at_ms: 1,
        terms: Some(terms),
        ..Product::default()
    };
    let loan = |fee| {
        Terms::Loan(LoanTerms {
            min_amount: cny(100_000),
            max_amount: cny(20_000_000),
            amount_step_minor: 10_000,
            tenors_months: vec![3, 6, 12, 24, 36],
            repayment: RepaymentMethod::Annuity.into(),
            origination_fee_ppm: fee,
        })
    };
    let card = Terms::Card(CardTerms {
        min_limit: cny(300_000),
        max_limit: cny(10_000_000),
        limit_step_minor: 50_000,
        annual_fee: cny(0),
    });
    let deposit = Terms::Deposit(DepositTerms {
        yield_ppm: 15_000,
        tenor_months: 12,
        min_amount: cny(5_000),
    });
    vec![
        product("LOAN", ProductKind::CashLoan, loan(0)),
        product("LOAN-2", ProductKind::CashLoan, loan(0)),
        product("PLAN", ProductKind::InstalmentPlan, loan(0)),
        product("CARD", ProductKind::CreditCard, card),
        product("DEPOSIT", ProductKind::Deposit, deposit),
    ]
}

/// A customer of grade B: attributes by name.
pub(crate) fn attributes() -> BTreeMap<&'static str, f64> {
    BTreeMap::from([
        ("bureau_score", 700.0),
        ("debt_to_income_ppm", 250_000.0),
        ("delinquencies_2y", 0.0),
        ("inquiries_12m", 0.0),
        ("revolving_utilisation_ppm", 200_000.0),
        ("credit_history_months", 200.0),
        ("income_monthly_minor", 5_000_000.0),
        ("debt_service_monthly_minor", 100_000.0),
        ("exposure_elsewhere_minor", 0.0),
    ])
}

/// Those attributes as the profile service hands them over.
pub(crate) fn features(attributes: &BTreeMap<&'static str, f64>, purpose: Purpose) -> FeatureSet {
    let stored = |value: &f64| StoredAttribute {
        event_time_ms: NOW_MS - 1,
        value: Some(stored_attribute::Value::Number(*value)),
    };
    let state = EntityState {
        attributes: attributes
            .iter()
            .map(|(name, value)| ((*name).to_owned(), stored(value)))
            .collect(),
        last_event_time_ms: NOW_MS - 1,
        ..EntityState::default()
    };
    Registry::builtin().features_at(&state, NOW_MS, purpose)
}

pub(crate) fn context() -> PricingContext {
    PricingContext {
        tenant: "acme".to_owned(),
        request_id: "r-1".to_owned(),
        customer_id: "c-1".to_owned(),
        features: Some(features(&attributes(), Purpose::Price)),
        segments: BTreeMap::from([("relationship".to_owned(), "standard".to_owned())]),
        channel: "app".to_owned(),
        personalised: true,
        as_of_ms: NOW_MS,
        ..PricingContext::default()
    }
}

pub(crate) fn item(product: &str, amount: Option<i64>, tenor_months: i32) -> PriceItem {
    PriceItem {
        product_id: product.to_owned(),
        amount: amount.and_then(cny),
        tenor_months,
        last_rate_ppm: None,
    }
}

/// A firm quote for a loan of 12,000.00 over a year.
pub(crate) fn asked(key: &str) -> CreateQuoteRequest {
    CreateQuoteRequest {
        context: Some(context()),
        item: Some(item("LOAN", Some(1_200_000), 12)),
        idempotency_key: key.to_owned(),
        facts: Some(facts()),
        caller: "app".to_owned(),
        record: b"the record".to_vec(),
    }
}

/// The facts of a customer who may have every product.
pub(crate) fn facts() -> CustomerFacts {
    CustomerFacts {
        age_years: Some(40),
        income_monthly_minor: Some(5_000_000),
        region: "BJ".to_owned(),
        employment: "salaried".to_owned(),
        suitability_class: 5,
        held_product_ids: Vec::new(),
    }
}
