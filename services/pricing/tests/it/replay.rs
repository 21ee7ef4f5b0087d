//! A quote made again from its decision record alone: the same bytes.

use std::sync::Arc;

use fairlead_pricing::replay;
use fairlead_proto::control::v1::Release;
use fairlead_proto::decision::v1::DecisionRecord;
use fairlead_proto::pricing::v1::{CreateQuoteRequest, Quote};
use fairlead_registry::{Purpose, Registry};
use fairlead_release::Live;
use fairlead_testkit::old_form;
use prost::Message as _;

use crate::support::{Setup, asked, attributes, checked, features, item, keys, release};

/// The record as the gateway keeps it.
fn record(request: &CreateQuoteRequest, quote: Quote) -> Vec<u8> {
    let context = request.context.clone().expect("a context");
    DecisionRecord {
        request_id: context.request_id,
        tenant: context.tenant,
        customer_id: context.customer_id,
        decided_at_ms: context.as_of_ms,
        release_revision: quote.release_revision,
        features: vec![
            features(&attributes(), Purpose::Recommend),
            context.features.expect("features"),
        ],
        personalised: context.personalised,
        segments: context.segments,
        channel: context.channel,
        campaign: context.campaign,
        quote: Some(quote),
        ..DecisionRecord::default()
    }
    .encode_to_vec()
}

fn requests() -> Vec<CreateQuoteRequest> {
    let mut arm = asked("arm");
    let context = arm.context.as_mut().expect("a context");
    context.strategy_versions.insert("cash-loan".to_owned(), 2);
    context
        .segments
        .insert("relationship".to_owned(), "established".to_owned());
    let mut moved = asked("moved");
    moved.item.as_mut().expect("an item").last_rate_ppm = Some(72_000);
    let mut standard = asked("standard");
    standard.context.as_mut().expect("a context").personalised = false;
    let mut card = asked("card");
    card.item = Some(item("CARD", None, 0));
    let mut deposit = asked("deposit");
    deposit.item = Some(item("DEPOSIT", Some(100_000), 12));
    vec![asked("plain"), arm, moved, standard, card, deposit]
}

#[tokio::test]
async fn every_quote_is_the_same_bytes_again() -> anyhow::Result<()> {
    let setup = Setup::start().await?;
    let release = Arc::new(checked(release(1)));
    let registry = Registry::builtin();
    for request in requests() {
        let quote = setup.quote(request.clone()).await?;
        let kept = DecisionRecord::decode(&record(&request, quote.clone())[..])?;
        let again = replay(&release, &kept, &registry, &setup.keys)?;
        assert_eq!(
            again.encode_to_vec(),
            quote.encode_to_vec(),
            "{}",
            request.idempotency_key
        );
    }
    Ok(())
}

/// Records and releases are kept for years: a quote of a release in an older form is the same bytes
/// again too.
#[test]
fn every_quote_of_a_stored_release_of_the_old_form_is_the_same_bytes_again() {
    let stored = Release::decode(old_form::RELEASE).expect("a release");
    let release = Arc::new(Live::check(stored.clone()).expect("read as it was published"));
    assert_eq!(release.release, stored, "the release itself is as it was");
    let registry = Registry::builtin();
    for (name, bytes) in old_form::QUOTES {
        let mut kept = DecisionRecord::decode(bytes).expect("a record");
        // Feature sets follow the registry that they were read by, which has had a feature more since
        // these records: the same customer as that of today reads them.
        kept.features = vec![features(&attributes(), Purpose::Price)];
        let quote = kept.quote.clone().expect("a quote");
        let again = replay(&release, &kept, &registry, &keys()).expect(name);
        assert_eq!(again.encode_to_vec(), quote.encode_to_vec(), "{name}");
    }
}

#[tokio::test]
async fn another_release_or_another_customer_does_not_pass_for_the_quote() -> anyhow::Result<()> {
    let setup = Setup::start().await?;
    let request = asked("plain");
    let quote = setup.quote(request.clone()).await?;
    let registry = Registry::builtin();
    let mut kept = DecisionRecord::decode(&record(&request, quote.clone())[..])?;
    let other = Arc::new(checked(release(2)));
    let error = replay(&other, &kept, &registry, &setup.keys).expect_err("another release");
    assert_eq!(error.to_string(), "decision record: release 1, not 2");

    let mut worse = attributes();
    worse.insert("bureau_score", 600.0);
    kept.features = vec![features(&worse, Purpose::Price)];
    let same = Arc::new(checked(release(1)));
    let again = replay(&same, &kept, &registry, &setup.keys)?;
    assert_ne!(again.signature, quote.signature);
    Ok(())
}
