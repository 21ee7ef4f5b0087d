//! A customer's earlier quotes and acceptances in the next price: the last rate, and accepted lending.

use fairlead_proto::control::v1::Release;
use fairlead_proto::pricing::v1::priced::Outcome as Indicative;
use fairlead_proto::pricing::v1::{
    AcceptQuoteRequest, Acceptance, CreateQuoteRequest, Price, PricingContext, Refusal,
    create_quote_response::Outcome,
};
use fairlead_registry::Purpose;
use tonic::{Code, Status};

use crate::support::{
    NOW_MS, Setup, asked, attributes, checked, context, facts, features, item, release, until,
};

const DAY_MS: i64 = 86_400_000;
/// The cap on one person's exposure, CNY 200,000.
const CAP: i64 = 20_000_000;

/// A release whose cash loans of these grades have one rate; no worse grade may pay less.
fn with_rate(revision: i64, grades: &[&str], rate: &str) -> Release {
    let mut release = release(revision);
    for row in &mut release.strategies[0]
        .rate_card
        .as_mut()
        .expect("a card")
        .rows
    {
        if grades.contains(&&*row.cells[0]) {
            row.cells[3] = rate.to_owned();
            row.cells[4] = "0%".to_owned();
        }
    }
    release
}

fn loan(key: &str, product: &str, amount: i64, months: i32) -> CreateQuoteRequest {
    CreateQuoteRequest {
        item: Some(item(product, Some(amount), months)),
        ..asked(key)
    }
}

impl Setup {
    async fn replace(&self, release: Release) {
        let revision = release.revision;
        assert!(self.releases.put(checked(release)));
        until(self.service.prices(), |status| status.built == revision).await;
    }

    async fn quoted_rate(&self, key: &str, product: &str) -> i64 {
        let quote = self.quote(loan(key, product, 1_200_000, 12)).await;
        quote.expect("a quote").price.expect("a price").rate_ppm
    }

    async fn refused(&self, request: CreateQuoteRequest) -> Refusal {
        match self.create(request).await.expect("an answer").outcome {
            Some(Outcome::Refusal(refusal)) => refusal,
            other => panic!("no refusal: {other:?}"),
        }
    }

    async fn shown(&self, context: PricingContext, product: &str, amount: Option<i64>) -> Price {
        let items = vec![item(product, amount, 12)];
        let priced = self.price(context, items).await.expect("prices").remove(0);
        match priced.outcome {
            Some(Indicative::Price(price)) => price,
            other => panic!("no price: {other:?}"),
        }
    }

    async fn accept_as(
        &self,
        quote_id: &str,
        context: PricingContext,
    ) -> Result<Acceptance, Status> {
        let request = AcceptQuoteRequest {
            quote_id: quote_id.to_owned(),
            facts: Some(facts()),
            context: Some(context),
        };
        let answer = self.client.clone().accept_quote(request).await?;
        Ok(answer.into_inner().acceptance.expect("an acceptance"))
    }
}

#[tokio::test]
async fn a_rate_moves_from_quote_to_quote_by_the_largest_change_at_most() -> anyhow::Result<()> {
    let setup = Setup::start().await?;
    setup.replace(with_rate(2, &["A", "B"], "7.2%")).await;
    assert_eq!(setup.quoted_rate("k-1", "LOAN").await, 72_000);
    setup.replace(with_rate(3, &["B", "C", "D"], "21.6%")).await;
    // The slate, which is no firm quote, moves nothing.
    for _ in 0..2 {
        let shown = setup.shown(context(), "LOAN", Some(1_200_000)).await;
        assert_eq!(shown.rate_ppm, 102_000);
    }
    let repeated = setup.quoted_rate("k-1", "LOAN").await;
    assert_eq!(repeated, 72_000, "what a key answered stands");
    assert_eq!(setup.quoted_rate("k-2", "LOAN").await, 102_000);
    assert_eq!(setup.quoted_rate("k-3", "LOAN").await, 132_000);
    // Another product and another customer have no earlier quote.
    assert_eq!(setup.quoted_rate("k-4", "LOAN-2").await, 216_000);
    let mut other = loan("k-5", "LOAN", 1_200_000, 12);
    other.context.as_mut().expect("a context").customer_id = "c-2".to_owned();
    let other = setup.quote(other).await?.price.expect("a price");
    assert_eq!(other.rate_ppm, 216_000);
    // A rate that is a quarter of a year old bounds nothing.
    setup.clock.set(NOW_MS + 91 * DAY_MS);
    let mut late = loan("k-6", "LOAN", 1_200_000, 12);
    late.context.as_mut().expect("a context").as_of_ms = 0;
    let late = setup.quote(late).await?.price.expect("a price");
    assert_eq!(late.rate_ppm, 216_000);
    Ok(())
}

#[tokio::test]
async fn a_last_rate_of_nothing_is_a_rate() -> anyhow::Result<()> {
    let setup = Setup::start().await?;
    let with_last = |key, last_rate_ppm| {
        let mut request = loan(key, "LOAN", 1_200_000, 12);
        request.item.as_mut().expect("an item").last_rate_ppm = last_rate_ppm;
        request
    };
    let refusal = setup.refused(with_last("k-1", Some(0))).await;
    assert!(
        refusal
            .detail
            .contains("within 30000 ppm of the last quote's 0 ppm"),
        "{refusal:?}"
    );
    let quote = setup.quote(with_last("k-2", None)).await?;
    assert_eq!(quote.price.expect("a price").rate_ppm, 108_000);
    Ok(())
}

#[tokio::test]
async fn accepted_lending_counts_until_the_bank_states_it_and_never_twice() -> anyhow::Result<()> {
    let setup = Setup::start().await?;
    let first = setup.quote(loan("k-1", "LOAN", 12_000_000, 36)).await?;
    let second = setup.quote(loan("k-2", "LOAN-2", 12_000_000, 36)).await?;
    let accepted = setup.accept_as(&first.quote_id, context()).await?;
    let taken = accepted.reservation.expect("it is lent");
    assert_eq!(taken.exposure.expect("an amount").minor, 12_000_000);
    // The acceptance is kept for 25 months, less than the loan runs.
    assert_eq!(taken.ends_at_ms, NOW_MS + 761 * DAY_MS);
    let refused = setup.accept_as(&second.quote_id, context()).await;
    let refused = refused.expect_err("CNY 240,000 under a cap of 200,000");
    assert_eq!(refused.code(), Code::FailedPrecondition);
    assert!(refused.message().contains("cap on exposure"), "{refused:?}");
    // Slate and quote know it as well.
    let shown = setup.shown(context(), "LOAN-2", None).await;
    assert!(shown.amount.expect("an amount").minor <= CAP - 12_000_000);
    let refusal = setup.refused(loan("k-3", "LOAN-2", 8_010_000, 36)).await;
    assert_eq!(refusal.cause().as_str_name(), "REFUSAL_CAUSE_LIMIT");
    assert_eq!(refusal.reasons[0].code, "L04");
    setup.quote(loan("k-4", "LOAN-2", 8_000_000, 36)).await?;
    // The bank states what is owed here: it counts in place of the acceptance.
    let stated = |owed: f64, at_ms: i64| {
        let mut attributes = attributes();
        attributes.insert("exposure_own_minor", owed);
        PricingContext {
            features: Some(features(&attributes, Purpose::Price)),
            stated_ms: [("exposure_own_minor".to_owned(), at_ms)].into(),
            ..context()
        }
    };
    let asked_as = |key, amount, context| CreateQuoteRequest {
        context: Some(context),
        ..loan(key, "LOAN-2", amount, 36)
    };
    let now = stated(12_000_000.0, NOW_MS);
    setup.quote(asked_as("k-5", 8_000_000, now.clone())).await?;
    setup.refused(asked_as("k-6", 8_010_000, now)).await;
    // A statement from before the acceptance cannot know of it.
    let before = stated(1_000_000.0, NOW_MS - 1);
    setup
        .quote(asked_as("k-7", 7_000_000, before.clone()))
        .await?;
    setup.refused(asked_as("k-8", 7_010_000, before)).await;
    let paid_off = stated(0.0, NOW_MS);
    setup.accept_as(&second.quote_id, paid_off).await?;
    Ok(())
}

#[tokio::test]
async fn accepted_instalments_count_as_debt_service() -> anyhow::Result<()> {
    let setup = Setup::start().await?;
    let mut attributes = attributes();
    // 55 % of it is 1,100,000 a month; a loan of 60,000.00 over a year takes about half.
    attributes.insert("income_monthly_minor", 2_000_000.0);
    attributes.insert("debt_service_monthly_minor", 0.0);
    let context = PricingContext {
        features: Some(features(&attributes, Purpose::Price)),
        ..context()
    };
    let asked_as = |key, product, amount| CreateQuoteRequest {
        context: Some(context.clone()),
        ..loan(key, product, amount, 12)
    };
    let mut quotes = Vec::new();
    for (key, product) in [("k-1", "LOAN"), ("k-2", "LOAN-2"), ("k-3", "PLAN")] {
        quotes.push(setup.quote(asked_as(key, product, 6_000_000)).await?);
    }
    for quote in &quotes[..2] {
        let accepted = setup.accept_as(&quote.quote_id, context.clone()).await?;
        let taken = accepted.reservation.expect("it is lent");
        assert_eq!(taken.ends_at_ms, NOW_MS + 12 * 31 * DAY_MS);
    }
    let third = setup.accept_as(&quotes[2].quote_id, context.clone()).await;
    let refused = third.expect_err("three times half of it");
    assert!(refused.message().contains("income affords"), "{refused:?}");
    setup.refused(asked_as("k-4", "PLAN", 1_000_000)).await;
    // The bank's statement of the debt service covers both.
    let stated = PricingContext {
        stated_ms: [("debt_service_monthly_minor".to_owned(), NOW_MS)].into(),
        ..context.clone()
    };
    let fresh = CreateQuoteRequest {
        context: Some(stated),
        ..asked_as("k-5", "PLAN", 1_000_000)
    };
    setup.quote(fresh).await?;
    Ok(())
}
