//! Firm quotes: answered only after their record is in the log, refused without a profile; verified
//! and accepted.

use fairlead_gateway::topics;
use fairlead_proto::decision::v1::DecisionRecord;
use fairlead_proto::gateway::v1::quote_response::Outcome;
use fairlead_proto::gateway::v1::quote_service_client::QuoteServiceClient;
use fairlead_proto::gateway::v1::{AcceptRequest, QuoteRequest, QuoteResponse, VerifyRequest};
use fairlead_proto::money::v1::Money;
use fairlead_proto::pricing::v1::{
    CreateQuoteResponse, Quote, Refusal, RefusalCause, VerifyQuoteResponse, create_quote_response,
};
use prost::Message as _;
use tokio::task::JoinSet;
use tonic::{Code, Status};

use crate::calls::Credentials;
use crate::log_valve::Valve;
use crate::setup::{PATIENCE, Setup, config_with_keys};
use crate::slates::request;
use crate::stubs::answer_to;

/// A request of one customer for a quote.
pub(crate) fn quote_request(idempotency_key: &str) -> QuoteRequest {
    QuoteRequest {
        customer_id: "c-1".to_owned(),
        product_id: "deposit-1".to_owned(),
        amount: Some(Money {
            minor: 70_000,
            currency: "CNY".to_owned(),
        }),
        tenor_months: 12,
        idempotency_key: idempotency_key.to_owned(),
        campaign: "spring".to_owned(),
        ..QuoteRequest::default()
    }
}

async fn quote(setup: &Setup, request: QuoteRequest) -> Result<QuoteResponse, Status> {
    Ok(setup.quotes().quote(request).await?.into_inner())
}

/// Asks for a quote on a task of its own.
fn quote_meanwhile(setup: &Setup) -> JoinSet<Result<QuoteResponse, Status>> {
    let mut client = setup.quotes();
    let mut asking = JoinSet::new();
    asking.spawn(async move { Ok(client.quote(quote_request("k-1")).await?.into_inner()) });
    asking
}

async fn answer_of(
    mut asking: JoinSet<Result<QuoteResponse, Status>>,
) -> Result<QuoteResponse, Status> {
    let joined = tokio::time::timeout(PATIENCE, asking.join_next()).await;
    joined.expect("in time").expect("a task").expect("joined")
}

#[tokio::test]
async fn a_quote_is_priced_from_the_profile_and_recorded() {
    let setup = Setup::start().await;
    let answer = quote(&setup, quote_request("k-1")).await.expect("a quote");
    let Some(Outcome::Quote(given)) = answer.outcome else {
        panic!("refused: {answer:?}");
    };
    assert_eq!(given.quote_id, "q-k-1");
    let asked = setup.stubs.create_quote.last_call().message;
    let (context, item) = (
        asked.context.expect("a context"),
        asked.item.expect("an item"),
    );
    assert_eq!((&*context.tenant, &*context.customer_id), ("acme", "c-1"));
    assert_eq!((&*context.channel, &*context.campaign), ("app", "spring"));
    assert_eq!(context.segments["value"], "high");
    assert!(context.personalised);
    let facts = asked.facts.expect("the facts that the slate is judged by");
    assert_eq!((facts.age_years, facts.suitability_class), (Some(40), 5));
    assert_eq!(
        (item.amount.expect("an amount").minor, item.tenor_months),
        (70_000, 12)
    );
    let records = setup.decisions().await;
    let [record] = records.as_slice() else {
        panic!("{records:?}");
    };
    assert_eq!(record.request_id, answer.request_id);
    assert_eq!(record.quote.as_ref(), Some(&given));
    assert_eq!(record.features, [context.features.expect("features")]);
    assert_eq!((record.release_revision, &*record.campaign), (1, "spring"));
}

#[tokio::test]
async fn slate_and_quote_are_priced_with_the_same_context() {
    let setup = Setup::start().await;
    let slate = fairlead_proto::gateway::v1::RecommendRequest {
        campaign: "spring".to_owned(),
        ..request("c-1")
    };
    setup
        .recommendations()
        .recommend(slate)
        .await
        .expect("a slate");
    quote(&setup, quote_request("k-1")).await.expect("a quote");
    let mut of_slate = setup.stubs.price_many.last_call().message.context;
    let mut of_quote = setup.stubs.create_quote.last_call().message.context;
    for context in [&mut of_slate, &mut of_quote] {
        context.as_mut().expect("a context").request_id.clear();
    }
    assert_eq!(of_slate, of_quote);
}

#[tokio::test]
async fn a_quote_is_answered_only_after_its_record_is_in_the_log() {
    let setup = Setup::start().await;
    setup.log.set(Valve::Shut);
    let mut asking = quote_meanwhile(&setup);
    setup.log.until_held_up(1).await;
    assert!(asking.try_join_next().is_none(), "no record, no answer");
    assert_eq!(setup.stubs.create_quote.calls().len(), 1);
    setup.log.set(Valve::Open);
    let answer = answer_of(asking).await.expect("a quote");
    let records = setup.log.records(topics::DECISIONS).await;
    let record = DecisionRecord::decode(records[0].record.payload.clone()).expect("a record");
    assert_eq!(record.request_id, answer.request_id);
}

#[tokio::test]
async fn without_a_log_a_quote_is_refused() {
    let setup = Setup::start().await;
    setup.log.set(Valve::Away);
    let refused = quote(&setup, quote_request("k-1"))
        .await
        .expect_err("no log");
    assert_eq!(refused.code(), Code::Unavailable, "{refused:?}");
    assert!(refused.message().contains("event log"), "{refused:?}");
    assert!(
        !refused.message().contains("nowhere"),
        "hosts stay inside: {refused:?}"
    );
}

#[tokio::test]
async fn a_refusal_of_pricing_is_an_answer_and_is_recorded() {
    let setup = Setup::start().await;
    let refusal = Refusal {
        cause: RefusalCause::Amount.into(),
        detail: "amount `70000` is not allowed: 100000 or more".to_owned(),
        ..Refusal::default()
    };
    let told = refusal.clone();
    setup.stubs.create_quote.answer(move |asked| {
        Ok(CreateQuoteResponse {
            outcome: Some(create_quote_response::Outcome::Refusal(told.clone())),
            ..answer_to(asked)
        })
    });
    let answer = quote(&setup, quote_request("k-1"))
        .await
        .expect("an answer");
    assert_eq!(answer.outcome, Some(Outcome::Refusal(refusal)));
    let records = setup.decisions().await;
    assert_eq!(records.len(), 1);
    assert_eq!(
        (&*records[0].request_id, &records[0].quote),
        (&*answer.request_id, &None)
    );
    let Some(Outcome::Refusal(refusal)) = answer.outcome else {
        panic!("a quote");
    };
    assert_eq!(records[0].refusal, Some(refusal));
    let item = records[0].item.as_ref().expect("the item");
    assert_eq!((&*item.product_id, item.tenor_months), ("deposit-1", 12));
}

#[tokio::test]
async fn an_empty_answer_of_pricing_is_neither_quote_nor_refusal() {
    let setup = Setup::start().await;
    setup
        .stubs
        .create_quote
        .answer(|_| Ok(CreateQuoteResponse::default()));
    let error = quote(&setup, quote_request("k-1"))
        .await
        .expect_err("nothing");
    assert_eq!(error.code(), Code::Internal);
    assert!(setup.decisions().await.is_empty());
}

#[tokio::test]
async fn an_idempotency_key_has_1_to_64_characters() {
    let setup = Setup::start().await;
    for key in ["", &"k".repeat(65)] {
        let refused = quote(&setup, quote_request(key))
            .await
            .expect_err("out of bounds");
        assert_eq!(refused.code(), Code::InvalidArgument);
        assert!(refused.message().contains("idempotency_key"), "{refused:?}");
    }
    assert!(setup.stubs.create_quote.calls().is_empty());
    for key in ["k", &"k".repeat(64)] {
        quote(&setup, quote_request(key))
            .await
            .expect("within bounds");
    }
}

#[tokio::test]
async fn fields_that_are_not_allowed_are_refused_before_anyone_is_asked() {
    let setup = Setup::start().await;
    let table = [
        (
            QuoteRequest {
                customer_id: String::new(),
                ..quote_request("k")
            },
            "customer id",
        ),
        (
            QuoteRequest {
                product_id: "a b".to_owned(),
                ..quote_request("k")
            },
            "product id `a b`",
        ),
        (
            QuoteRequest {
                channel: "fax".to_owned(),
                ..quote_request("k")
            },
            "channel `fax`",
        ),
        (
            QuoteRequest {
                campaign: "x".repeat(65),
                ..quote_request("k")
            },
            "campaign",
        ),
    ];
    for (request, named) in table {
        let refused = quote(&setup, request).await.expect_err(named);
        assert_eq!(refused.code(), Code::InvalidArgument, "{named}");
        assert!(refused.message().contains(named), "{refused:?}");
    }
    assert!(setup.stubs.get_profile.calls().is_empty());
}

#[tokio::test]
async fn no_firm_price_rests_on_a_profile_that_cannot_be_read() {
    let setup = Setup::start().await;
    // The facts of this customer are remembered: enough for a slate, not for a quote.
    setup
        .recommendations()
        .recommend(request("c-1"))
        .await
        .expect("a slate");
    setup.stubs.get_profile.fail(Code::Unavailable);
    let refused = quote(&setup, quote_request("k-1"))
        .await
        .expect_err("no profile");
    assert_eq!(refused.code(), Code::Unavailable);
    assert!(refused.message().contains("profile"), "{refused:?}");
    assert!(setup.stubs.create_quote.calls().is_empty());
}

#[tokio::test]
async fn a_failure_of_pricing_is_passed_on_and_leaves_no_record() {
    let setup = Setup::start().await;
    for code in [Code::Unavailable, Code::InvalidArgument, Code::NotFound] {
        setup.stubs.create_quote.fail(code);
        let refused = quote(&setup, quote_request("k-1"))
            .await
            .expect_err("failed");
        assert_eq!(refused.code(), code);
    }
    assert!(setup.decisions().await.is_empty());
}

#[tokio::test]
async fn a_repeated_key_logs_nothing_new_and_names_the_first_answer() -> anyhow::Result<()> {
    let setup = Setup::start().await;
    let first = quote(&setup, quote_request("k-1")).await?;
    let marked = setup.stubs.mark_logged.last_call().message;
    assert_eq!((&*marked.answer_id, marked.acceptance), ("q-k-1", false));
    let kept = setup.stubs.create_quote.last_call().message;
    // Pricing gives back what it kept, logged or not yet: the log has one record of it.
    for logged in [false, true] {
        let kept = kept.clone();
        setup.stubs.create_quote.answer(move |_| {
            Ok(CreateQuoteResponse {
                outcome: Some(create_quote_response::Outcome::Quote(Quote::default())),
                logged,
                repeated_key: true,
                ..answer_to(&kept)
            })
        });
        let again = quote(&setup, quote_request("k-1")).await?;
        assert_eq!(again.request_id, first.request_id);
        assert_eq!(setup.decisions().await.len(), 1, "logged: {logged}");
    }
    Ok(())
}

#[tokio::test]
async fn what_the_log_refused_is_logged_by_the_repeat_as_it_was_made() -> anyhow::Result<()> {
    let setup = Setup::start().await;
    setup.log.set(Valve::Away);
    quote(&setup, quote_request("k-1"))
        .await
        .expect_err("no log");
    let kept = setup.stubs.create_quote.last_call().message;
    assert!(setup.stubs.mark_logged.calls().is_empty());
    setup.log.set(Valve::Open);
    let told = kept.clone();
    setup.stubs.create_quote.answer(move |_| {
        Ok(CreateQuoteResponse {
            outcome: Some(create_quote_response::Outcome::Quote(Quote::default())),
            ..answer_to(&told)
        })
    });
    let answer = quote(&setup, quote_request("k-1")).await?;
    let records = setup.decisions().await;
    let [record] = records.as_slice() else {
        panic!("{records:?}");
    };
    let context = kept.context.expect("a context");
    assert_eq!(answer.request_id, context.request_id);
    assert_eq!(record.request_id, context.request_id);
    assert_eq!(record.features, [context.features.expect("features")]);
    Ok(())
}

#[tokio::test]
async fn each_caller_has_idempotency_keys_of_its_own() -> anyhow::Result<()> {
    let keys = [("one-key", "acme", 10_000), ("other-key", "acme", 10_000)];
    let setup = Setup::start_with(config_with_keys(&keys)).await;
    let mut callers = Vec::new();
    for key in ["one-key", "other-key", "one-key"] {
        let mut quotes = QuoteServiceClient::new(setup.link_with(Credentials::bearer(key)));
        quotes.quote(quote_request("1")).await?;
        callers.push(setup.stubs.create_quote.last_call().message.caller);
    }
    assert_eq!(callers[0], callers[2]);
    assert_ne!(callers[0], callers[1]);
    assert!(!callers.concat().contains("one-key"), "{callers:?}");
    Ok(())
}

fn acceptance(quote_id: &str) -> AcceptRequest {
    AcceptRequest {
        quote_id: quote_id.to_owned(),
        customer_id: "c-1".to_owned(),
        ..AcceptRequest::default()
    }
}

#[tokio::test]
async fn an_acceptance_is_answered_only_after_its_record_is_in_the_log() -> anyhow::Result<()> {
    let setup = Setup::start().await;
    setup.log.set(Valve::Shut);
    let mut client = setup.quotes();
    let mut asking = JoinSet::new();
    asking.spawn(async move { client.accept(acceptance("q-1")).await });
    setup.log.until_held_up(1).await;
    assert!(asking.try_join_next().is_none(), "no record, no answer");
    assert!(setup.stubs.mark_logged.calls().is_empty());
    setup.log.set(Valve::Open);
    let joined = tokio::time::timeout(PATIENCE, asking.join_next()).await?;
    let answer = joined.expect("a task")??.into_inner();
    let records = setup.log.records(topics::ACCEPTANCES).await;
    assert_eq!(records.len(), 1);
    assert_eq!(&records[0].record.key[..], b"acme/c-1");
    let record = DecisionRecord::decode(records[0].record.payload.clone())?;
    let accepted = record.acceptance.expect("the acceptance");
    assert_eq!(accepted.accepted_at_ms, answer.accepted_at_ms);
    assert_eq!(record.quote, answer.quote);
    assert!(!record.request_id.is_empty());
    let marked = setup.stubs.mark_logged.last_call().message;
    assert_eq!((&*marked.answer_id, marked.acceptance), ("q-1", true));
    // Again: nothing new.
    setup.quotes().accept(acceptance("q-1")).await?;
    assert_eq!(setup.log.records(topics::ACCEPTANCES).await.len(), 1);
    Ok(())
}

#[tokio::test]
async fn without_a_log_no_acceptance_is_answered() {
    let setup = Setup::start().await;
    setup.log.set(Valve::Away);
    let refused = setup.quotes().accept(acceptance("q-1")).await;
    let refused = refused.expect_err("no log");
    assert_eq!(refused.code(), Code::Unavailable, "{refused:?}");
    assert!(setup.stubs.mark_logged.calls().is_empty());
}

#[tokio::test]
async fn a_quote_is_verified_as_it_was_given() {
    let setup = Setup::start().await;
    let given = Quote {
        quote_id: "q-1".to_owned(),
        tenant: "acme".to_owned(),
        signature: vec![1, 2, 3],
        ..Quote::default()
    };
    setup.stubs.verify_quote.answer(|_| {
        Ok(VerifyQuoteResponse {
            genuine: true,
            in_time: false,
            accepted: true,
        })
    });
    let request = VerifyRequest {
        quote: Some(given.clone()),
    };
    let answer = setup.quotes().verify(request).await.expect("an answer");
    let answer = answer.into_inner();
    assert_eq!(
        (answer.genuine, answer.in_time, answer.accepted),
        (true, false, true)
    );
    assert_eq!(
        setup.stubs.verify_quote.last_call().message.quote,
        Some(given)
    );
}

#[tokio::test]
async fn a_quote_is_accepted_for_the_customer_who_was_quoted() {
    let setup = Setup::start().await;
    let request = AcceptRequest {
        quote_id: "q-1".to_owned(),
        customer_id: "c-1".to_owned(),
        ..AcceptRequest::default()
    };
    let answer = setup.quotes().accept(request).await.expect("accepted");
    let answer = answer.into_inner();
    assert_eq!(answer.quote.expect("the quote").quote_id, "q-1");
    assert!(answer.accepted_at_ms > 0);
    let asked = setup.stubs.accept_quote.last_call().message;
    let context = asked.context.expect("the context as of now");
    assert_eq!((&*context.tenant, &*context.customer_id), ("acme", "c-1"));
    assert!(context.features.is_some(), "lending is bounded by them");
    let facts = asked.facts.expect("the facts as of now");
    assert_eq!((facts.age_years, facts.suitability_class), (Some(40), 5));
    setup.stubs.accept_quote.fail(Code::FailedPrecondition);
    let request = AcceptRequest {
        quote_id: "q-2".to_owned(),
        customer_id: "c-1".to_owned(),
        ..AcceptRequest::default()
    };
    let refused = setup.quotes().accept(request).await.expect_err("refused");
    assert_eq!(refused.code(), Code::FailedPrecondition);
}

#[tokio::test]
async fn no_quote_is_accepted_for_a_customer_whose_profile_cannot_be_read() {
    let setup = Setup::start().await;
    setup.stubs.get_profile.fail(Code::Unavailable);
    let request = AcceptRequest {
        quote_id: "q-1".to_owned(),
        customer_id: "c-1".to_owned(),
        ..AcceptRequest::default()
    };
    let refused = setup.quotes().accept(request).await.expect_err("no facts");
    assert_eq!(refused.code(), Code::Unavailable);
    assert!(refused.message().contains("profile"), "{refused:?}");
    assert!(setup.stubs.accept_quote.calls().is_empty());
}
