//! Redis gone: no firm quote and no price of credit; other indicative prices go on.

use fairlead_proto::pricing::v1::{RefusalCause, priced::Outcome};
use tonic::Code;

use crate::support::{Setup, asked, context, item};

#[tokio::test]
async fn no_firm_quote_without_the_store_and_prices_go_on() -> anyhow::Result<()> {
    let mut setup = Setup::start().await?;
    setup.quote(asked("key-1")).await?;
    setup.store.redis.kill9()?;
    let status = setup
        .create(asked("key-2"))
        .await
        .expect_err("nowhere to keep it");
    assert_eq!(status.code(), Code::Unavailable);
    assert!(
        status.message().contains("quote store is unavailable"),
        "{}",
        status.message()
    );
    assert!(
        !status.message().contains("127.0.0.1"),
        "{}",
        status.message()
    );
    let items = vec![item("LOAN", None, 12), item("DEPOSIT", Some(100_000), 12)];
    let priced = setup.price(context(), items).await?;
    let Some(Outcome::Refusal(refusal)) = &priced[0].outcome else {
        panic!("credit needs the customer's last rate and accepted lending: {priced:?}");
    };
    assert_eq!(refusal.cause(), RefusalCause::MissingInput);
    assert!(refusal.detail.contains("cannot be read now"), "{refusal:?}");
    assert!(matches!(priced[1].outcome, Some(Outcome::Price(_))));
    Ok(())
}
