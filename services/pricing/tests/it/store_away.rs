//! Redis gone: no firm quote; indicative prices go on.

use fairlead_proto::pricing::v1::priced::Outcome;
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
    let priced = setup.price(context(), vec![item("LOAN", None, 12)]).await?;
    assert!(matches!(priced[0].outcome, Some(Outcome::Price(_))));
    Ok(())
}
