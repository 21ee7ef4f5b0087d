//! Firm quotes through the real gateway, pricing, Redis and log: what earlier quotes and acceptances mean,
//! 64 acceptances at once, idempotency keys, and the loss of the store.

use std::time::Duration;

use fairlead_chassis::link::Link;
use fairlead_gateway::topics;
use fairlead_proto::gateway::v1::AcceptRequest;
use fairlead_proto::gateway::v1::quote_response::Outcome;
use fairlead_proto::gateway::v1::quote_service_client::QuoteServiceClient;
use tokio::task::JoinSet;
use tonic::Code;

use crate::lender::{CAP, Lender, PATIENCE, request};

#[tokio::test(flavor = "multi_thread")]
async fn the_largest_change_binds_from_quote_to_quote_and_in_the_slate() -> anyhow::Result<()> {
    let lender = Lender::open(|_| {}).await?;
    lender.rate_of(&["A", "B"], "7.2%").await?;
    lender.customer("anna").await?;
    let rate = async |key: &str| {
        let quote = lender
            .quote(request("anna", "LOAN", 1_200_000, key))
            .await?;
        anyhow::Ok(quote.price.expect("a price").rate_ppm)
    };
    assert_eq!(rate("k-1").await?, 72_000);
    lender.rate_of(&["B", "C", "D"], "21.6%").await?;
    let shown = lender.shown("anna", "LOAN").await?;
    assert_eq!(shown.rate_ppm, 102_000, "{shown:?}");
    assert_eq!(shown.inputs["last_rate"], "72000");
    assert_eq!(rate("k-2").await?, 102_000);
    assert_eq!(rate("k-1").await?, 72_000, "what a key answered stands");
    assert_eq!(rate("k-3").await?, 132_000);
    let records = lender.records(topics::DECISIONS).await?;
    let last_rates = records
        .iter()
        .filter(|record| record.quote.is_some())
        .map(|record| record.item.as_ref().and_then(|item| item.last_rate_ppm));
    let mut last_rates: Vec<_> = last_rates.collect();
    last_rates.sort_unstable();
    assert_eq!(last_rates, [None, Some(72_000), Some(102_000)]);
    lender.server.stop().await
}

/// Numbers that are the same in every run.
fn amounts(seed: u64, count: usize) -> Vec<i64> {
    let mut state = seed;
    let next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        // 1,000.00 to 60,000.00.
        100_000 + 10_000 * i64::try_from((state >> 33) % 591).expect("small")
    };
    std::iter::repeat_with(next).take(count).collect()
}

/// Asks for 64 quotes over two products at once, and accepts all of them at once. Returns the sum that
/// was lent, and the amounts that were refused.
async fn accept_64(lender: &Lender, customer: &str, seed: u64) -> anyhow::Result<(i64, Vec<i64>)> {
    let mut quoting = JoinSet::new();
    for (number, amount) in amounts(seed, 64).into_iter().enumerate() {
        let product = if number % 2 == 0 { "LOAN" } else { "LOAN-2" };
        let request = request(customer, product, amount, &format!("k-{number}"));
        let mut client = lender.quotes();
        quoting.spawn(async move { client.quote(request).await });
    }
    // All are made before the first is accepted: later ones would know of it.
    let mut quotes = Vec::new();
    while let Some(quoted) = quoting.join_next().await {
        match quoted??.into_inner().outcome {
            Some(Outcome::Quote(quote)) => quotes.push(quote),
            other => anyhow::bail!("each alone is within the cap: {other:?}"),
        }
    }
    let mut accepting = JoinSet::new();
    for quote in quotes {
        let amount = quote
            .price
            .and_then(|price| price.amount)
            .expect("an amount");
        let request = AcceptRequest {
            customer_id: customer.to_owned(),
            quote_id: quote.quote_id,
            ..AcceptRequest::default()
        };
        let mut client = lender.quotes();
        accepting.spawn(async move { (amount.minor, client.accept(request).await) });
    }
    let (mut lent, mut refused) = (0, Vec::new());
    while let Some(accepted) = accepting.join_next().await {
        match accepted? {
            (amount, Ok(_)) => lent += amount,
            (amount, Err(status)) => {
                assert_eq!(status.code(), Code::FailedPrecondition, "{status:?}");
                assert!(status.message().contains("cap on exposure"), "{status:?}");
                refused.push(amount);
            }
        }
    }
    Ok((lent, refused))
}

#[tokio::test(flavor = "multi_thread")]
async fn of_64_acceptances_at_once_no_more_is_lent_than_the_cap_allows() -> anyhow::Result<()> {
    const ROUNDS: u64 = 12;
    let lender = Lender::open(|_| {}).await?;
    for round in 0..ROUNDS {
        let customer = format!("c-{round}");
        lender.customer(&customer).await?;
        let (lent, refused) = accept_64(&lender, &customer, round).await?;
        assert!(0 < lent && lent <= CAP, "round {round}: {lent} lent");
        // None was refused that had headroom.
        let had_no_headroom = refused.iter().all(|amount| lent + amount > CAP);
        assert!(
            had_no_headroom && !refused.is_empty(),
            "round {round}: {lent}"
        );
        // Every acceptance that was answered is in the log, with what it takes.
        let logged = lender.records(topics::ACCEPTANCES).await?;
        let of_customer = logged
            .iter()
            .filter(|record| record.customer_id == customer);
        let taken = of_customer.map(|record| {
            let acceptance = record.acceptance.clone().expect("an acceptance");
            let reservation = acceptance.reservation.expect("it is lent");
            reservation.exposure.expect("an amount").minor
        });
        assert_eq!(taken.sum::<i64>(), lent, "round {round}");
        // The bank states what is owed: that, and no more, is taken of the cap.
        let stated = [("exposure_own_minor", lent as f64)];
        lender.state(&customer, &stated).await?;
        let rest = CAP - lent;
        if rest >= 100_000 {
            let last = request(&customer, "LOAN", rest, "the-rest");
            lender.quote(last).await?;
        }
    }
    lender.server.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idempotency_key_is_one_callers_for_one_customer_and_logs_once() -> anyhow::Result<()> {
    let keys = ["app-key", "partner-key"];
    let lender = Lender::open(|config| {
        for key in keys {
            let rights = serde_json::json!({"tenant": "demo", "requests_per_second": 10_000});
            let rights = serde_json::from_value(rights).expect("rights");
            config.gateway.api_keys.insert(key.to_owned(), rights);
        }
    })
    .await?;
    lender.customer("anna").await?;
    lender.customer("boris").await?;
    let address = format!("http://{}", lender.server.addresses.gateway);
    let ask = async |bearer: &str, customer: &str, amount: i64| {
        let link = Link::connect(std::slice::from_ref(&address))?.with_bearer(bearer)?;
        let asked = request(customer, "LOAN", amount, "1");
        let answer = QuoteServiceClient::new(link).quote(asked).await;
        anyhow::Ok(answer.map(tonic::Response::into_inner))
    };
    let mut ids = Vec::new();
    for (bearer, customer) in [
        ("app-key", "anna"),
        ("partner-key", "anna"),
        ("app-key", "boris"),
    ] {
        let first = ask(bearer, customer, 1_200_000).await??;
        let logged = lender.records(topics::DECISIONS).await?.len();
        for _ in 0..3 {
            assert_eq!(ask(bearer, customer, 1_200_000).await??, first);
        }
        assert_eq!(lender.records(topics::DECISIONS).await?.len(), logged);
        let other = ask(bearer, customer, 1_300_000)
            .await?
            .expect_err("another request");
        assert_eq!(other.code(), Code::AlreadyExists, "{other:?}");
        assert!(other.message().contains("idempotency_key `1`"), "{other:?}");
        ids.push(first.request_id);
    }
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 3, "three requests of three");
    let mut asking = JoinSet::new();
    for _ in 0..16 {
        let mut client = lender.quotes();
        asking.spawn(async move {
            client
                .quote(request("anna", "LOAN", 1_200_000, "same"))
                .await
        });
    }
    let mut answers = Vec::new();
    while let Some(answer) = asking.join_next().await {
        answers.push(answer??.into_inner());
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    let records = lender.records(topics::DECISIONS).await?;
    let same = records
        .iter()
        .filter(|one| one.request_id == answers[0].request_id);
    assert_eq!(same.count(), 1, "16 calls at once, one record");
    lender.server.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_acceptance_survives_the_loss_of_redis() -> anyhow::Result<()> {
    let mut lender = Lender::open(|_| {}).await?;
    lender.customer("anna").await?;
    let quote = lender
        .quote(request("anna", "LOAN", 12_000_000, "k-1"))
        .await?;
    assert!(!lender.is_accepted(&quote).await?);
    let mut accepting = JoinSet::new();
    for _ in 0..16 {
        let mut client = lender.quotes();
        let request = AcceptRequest {
            customer_id: "anna".to_owned(),
            quote_id: quote.quote_id.clone(),
            ..AcceptRequest::default()
        };
        accepting.spawn(async move { client.accept(request).await });
    }
    let first = lender.accept("anna", &quote.quote_id).await?;
    while let Some(accepted) = accepting.join_next().await {
        assert_eq!(accepted??.into_inner(), first, "one instant for all");
    }
    assert_eq!(lender.records(topics::ACCEPTANCES).await?.len(), 1);
    assert!(lender.is_accepted(&quote).await?);

    lender.redis.kill9()?;
    lender.redis.restart()?;
    let restored = async {
        loop {
            match lender.accept("anna", &quote.quote_id).await {
                Ok(again) => return again,
                // The store is empty, or not there yet.
                Err(status) => assert!(
                    matches!(
                        status.code(),
                        Code::NotFound | Code::Unavailable | Code::DeadlineExceeded
                    ),
                    "{status:?}"
                ),
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let again = tokio::time::timeout(PATIENCE, restored).await?;
    assert_eq!(again, first);
    assert!(lender.is_accepted(&quote).await?);
    assert_eq!(lender.records(topics::ACCEPTANCES).await?.len(), 1);
    // What it takes counts again: with it CNY 90,000 more pass the cap. At no time are they lent; until the
    // customer's facts are back there is another cause.
    let counted = async {
        for attempt in 0.. {
            let again = request("anna", "LOAN-2", 9_000_000, &format!("again-{attempt}"));
            match lender.ask(again).await.map(|answer| answer.outcome) {
                Ok(Some(Outcome::Refusal(refusal))) if !refusal.reasons.is_empty() => {
                    return refusal;
                }
                Ok(Some(Outcome::Refusal(_))) | Err(_) => {}
                other => panic!("lent twice: {other:?}"),
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        unreachable!("it goes on until there is a reason")
    };
    let refusal = tokio::time::timeout(PATIENCE, counted).await?;
    assert_eq!(refusal.reasons[0].code, "L04");
    lender.server.stop().await
}
