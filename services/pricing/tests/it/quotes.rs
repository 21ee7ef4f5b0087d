//! Firm quotes: signed, idempotent, accepted once and in time.

use fairlead_proto::pricing::v1::{
    AcceptQuoteRequest, MarkLoggedRequest, PricingContext, Quote, VerifyQuoteRequest,
    VerifyQuoteResponse, create_quote_response::Outcome,
};
use fairlead_registry::Purpose;
use prost::Message as _;
use tonic::{Code, Status};

use crate::support::{NOW_MS, Setup, asked, attributes, context, facts, features, item};

impl Setup {
    async fn verify(&self, quote: &Quote) -> Result<VerifyQuoteResponse, Status> {
        let quote = Some(quote.clone());
        Ok(self
            .client
            .clone()
            .verify_quote(VerifyQuoteRequest { quote })
            .await?
            .into_inner())
    }

    async fn accept(&self, quote_id: &str, customer_id: &str) -> Result<(Quote, i64), Status> {
        let request = AcceptQuoteRequest {
            quote_id: quote_id.to_owned(),
            facts: Some(facts()),
            context: Some(PricingContext {
                customer_id: customer_id.to_owned(),
                ..context()
            }),
        };
        let answer = self
            .client
            .clone()
            .accept_quote(request)
            .await?
            .into_inner();
        Ok((answer.quote.expect("a quote"), answer.accepted_at_ms))
    }

    async fn mark_logged(&self, answer_id: &str, acceptance: bool) -> Result<(), Status> {
        let request = MarkLoggedRequest {
            tenant: "acme".to_owned(),
            customer_id: "c-1".to_owned(),
            answer_id: answer_id.to_owned(),
            acceptance,
        };
        self.client.clone().mark_logged(request).await.map(drop)
    }
}

#[tokio::test]
async fn a_quote_is_made_verified_and_accepted_once() -> anyhow::Result<()> {
    let setup = Setup::start().await?;
    let quote = setup.quote(asked("key-1")).await?;
    let price = quote.price.as_ref().expect("a price");
    assert_eq!((price.rate_ppm, price.schedule.len()), (108_000, 12));
    assert_eq!(
        (quote.created_at_ms, quote.expires_at_ms),
        (NOW_MS, NOW_MS + 1_800_000)
    );
    assert_eq!(
        (
            quote.quote_id.len(),
            quote.release_revision,
            quote.key_id.as_str()
        ),
        (26, 1, "test")
    );

    let said = |genuine, in_time, accepted| VerifyQuoteResponse {
        genuine,
        in_time,
        accepted,
    };
    assert_eq!(setup.verify(&quote).await?, said(true, true, false));
    setup.clock.advance(1_000);
    assert_eq!(
        setup.accept(&quote.quote_id, "c-1").await?,
        (quote.clone(), NOW_MS + 1_000)
    );
    // Nobody was told of it before the log had it.
    assert_eq!(setup.verify(&quote).await?, said(true, true, false));
    setup.mark_logged(&quote.quote_id, true).await?;
    assert_eq!(setup.verify(&quote).await?, said(true, true, true));
    // Again, and even after its time: what was accepted first stands.
    setup.clock.advance(10_000_000);
    assert_eq!(
        setup.accept(&quote.quote_id, "c-1").await?,
        (quote.clone(), NOW_MS + 1_000)
    );
    assert_eq!(setup.verify(&quote).await?, said(true, false, true));
    Ok(())
}

#[tokio::test]
async fn of_many_acceptances_at_once_one_is_first_and_all_say_so() -> anyhow::Result<()> {
    let setup = Setup::start().await?;
    let quote = setup.quote(asked("key-1")).await?;
    let accepting = (0..16).map(|_| setup.accept(&quote.quote_id, "c-1"));
    let mut instants = Vec::new();
    for accepted in futures_of(accepting).await {
        instants.push(accepted?.1);
    }
    instants.dedup();
    assert_eq!(instants, [NOW_MS]);
    Ok(())
}

/// All of them at once, on this task.
async fn futures_of<T>(futures: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut pending: Vec<_> = futures.map(Box::pin).map(Some).collect();
    let mut done: Vec<Option<T>> = pending.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (place, slot) in pending.iter_mut().enumerate() {
            if let Some(future) = slot
                && let std::task::Poll::Ready(value) = future.as_mut().poll(context)
            {
                done[place] = Some(value);
                *slot = None;
            }
        }
        if pending.iter().all(Option::is_none) {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    done.into_iter().flatten().collect()
}

#[tokio::test]
async fn the_same_key_gives_the_same_bytes_whatever_changes_meanwhile() -> anyhow::Result<()> {
    let setup = Setup::start().await?;
    let first = setup.create(asked("key-1")).await?;
    assert!(!first.repeated_key);
    // Time passes, the customer's score falls beyond every grade: the answer stands.
    setup.clock.advance(60_000);
    let mut worse = attributes();
    worse.insert("bureau_score", 300.0);
    worse.insert("inquiries_12m", 20.0);
    let mut again = asked("key-1");
    let context = again.context.as_mut().expect("a context");
    context.features = Some(features(&worse, Purpose::Price));
    context.request_id = "r-2".to_owned();
    let second = setup.create(again.clone()).await?;
    assert!(second.repeated_key);
    let bytes = |outcome: &Option<Outcome>| match outcome {
        Some(Outcome::Quote(quote)) => quote.encode_to_vec(),
        other => panic!("{other:?}"),
    };
    assert_eq!(bytes(&first.outcome), bytes(&second.outcome));

    // Under a fresh key the same customer is refused, with reasons; and that stands as well.
    again.idempotency_key = "key-2".to_owned();
    let refused = setup.create(again.clone()).await?;
    let Some(Outcome::Refusal(refusal)) = &refused.outcome else {
        panic!("{refused:?}");
    };
    assert_eq!(refusal.cause().as_str_name(), "REFUSAL_CAUSE_RISK");
    assert_eq!(refusal.reasons[0].code, "R01");
    let mut better = asked("key-2");
    better.context.as_mut().expect("a context").request_id = "r-3".to_owned();
    let stands = setup.create(better).await?;
    assert_eq!(
        (stands.repeated_key, stands.outcome),
        (true, refused.outcome)
    );
    Ok(())
}

#[tokio::test]
async fn of_many_quotes_at_once_under_one_key_all_are_the_same() -> anyhow::Result<()> {
    let setup = Setup::start().await?;
    let mut quotes = Vec::new();
    for made in futures_of((0..16).map(|_| setup.quote(asked("key-1")))).await {
        quotes.push(made?.encode_to_vec());
    }
    quotes.dedup();
    assert_eq!(quotes.len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_key_of_another_request_is_refused_and_named() -> anyhow::Result<()> {
    let setup = Setup::start().await?;
    setup.quote(asked("key-1")).await?;
    let mut other = asked("key-1");
    other.item = Some(item("LOAN", Some(1_300_000), 12));
    let status = setup.create(other).await.expect_err("refused");
    assert_eq!(status.code(), Code::AlreadyExists);
    assert_eq!(
        status.message(),
        "idempotency_key `key-1` is not allowed: a key not used for another request; this one is product \
         LOAN, 1300000 CNY, 12 months"
    );
    // Another customer's key is another key, and so is another caller's.
    let mut other = asked("key-1");
    other.context.as_mut().expect("a context").customer_id = "c-2".to_owned();
    let mut partner = asked("key-1");
    partner.caller = "partner".to_owned();
    partner.item = Some(item("LOAN", Some(1_300_000), 12));
    for one in [other, partner] {
        let answer = setup.create(one).await?;
        assert!(!answer.repeated_key, "{answer:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_repeat_gives_back_what_the_first_one_logs_until_it_is_logged() -> anyhow::Result<()> {
    let setup = Setup::start().await?;
    let first = setup.create(asked("key-1")).await?;
    assert_eq!(
        (first.logged, &first.record[..]),
        (false, &b"the record"[..])
    );
    assert_eq!((&*first.request_id, first.item.is_some()), ("r-1", true));
    let mut again = asked("key-1");
    again.context.as_mut().expect("a context").request_id = "r-2".to_owned();
    again.record = b"another record".to_vec();
    let second = setup.create(again.clone()).await?;
    assert_eq!(
        (second.logged, &second.record[..]),
        (false, &b"the record"[..])
    );
    assert_eq!(
        (&*second.request_id, &second.answer_id),
        ("r-1", &first.answer_id)
    );
    setup.mark_logged(&first.answer_id, false).await?;
    let third = setup.create(again).await?;
    assert!(third.logged && third.record.is_empty(), "{third:?}");
    assert_eq!(third.outcome, first.outcome);
    Ok(())
}

#[tokio::test]
async fn a_changed_quote_is_not_genuine() -> anyhow::Result<()> {
    let setup = Setup::start().await?;
    let quote = setup.quote(asked("key-1")).await?;
    let changes: [fn(&mut Quote); 4] = [
        |quote| quote.price.as_mut().expect("a price").rate_ppm = 1,
        |quote| quote.expires_at_ms += 1_000_000,
        |quote| quote.customer_id = "c-2".to_owned(),
        |quote| quote.signature = vec![0; 32],
    ];
    for change in changes {
        let mut changed = quote.clone();
        change(&mut changed);
        assert!(!setup.verify(&changed).await?.genuine, "{changed:?}");
    }
    Ok(())
}

#[tokio::test]
async fn not_after_its_time_not_by_another_not_unknown() -> anyhow::Result<()> {
    let setup = Setup::start().await?;
    let quote = setup.quote(asked("key-1")).await?;
    let status = setup
        .accept(&quote.quote_id, "c-2")
        .await
        .expect_err("refused");
    assert_eq!(status.code(), Code::NotFound);
    let status = setup
        .accept("01JZZZZZZZZZZZZZZZZZZZZZZZ", "c-1")
        .await
        .expect_err("refused");
    assert_eq!(status.code(), Code::NotFound);
    assert!(
        status
            .message()
            .contains("quote_id `01JZZZZZZZZZZZZZZZZZZZZZZZ`"),
        "{}",
        status.message()
    );
    setup.clock.set(quote.expires_at_ms);
    let status = setup
        .accept(&quote.quote_id, "c-1")
        .await
        .expect_err("refused");
    assert_eq!(status.code(), Code::FailedPrecondition);
    let (reason, data) = fairlead_chassis::status::info(&status).expect("details");
    assert_eq!(
        (reason.as_str(), data["value"].as_str()),
        ("QUOTE_EXPIRED", quote.quote_id.as_str())
    );
    Ok(())
}
