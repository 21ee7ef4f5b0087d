//! Answers while Redis is away, and after.

use std::time::{Duration, Instant};

use fairlead_proto::event::v1::EventKind;
use tonic::Code;

use crate::support::{NOW_MS, PATIENCE, Setup, on_product, request};

#[tokio::test]
async fn no_answer_without_the_store_and_answers_again_with_it() -> anyhow::Result<()> {
    let mut setup = Setup::start().await?;
    let click = [on_product("k", EventKind::Click, "CL-1", NOW_MS)];
    setup.write("c-1", 0, &click).await?;
    assert!(setup.profile("c-1").await?.known);

    setup.store.redis.kill9()?;
    let status = setup.profile("c-1").await.expect_err("the store is away");
    assert_eq!(status.code(), Code::Unavailable);
    assert!(
        status.message().contains("feature store"),
        "{}",
        status.message()
    );
    // Where the store runs is not the caller's business.
    assert!(
        !status.message().contains("127.0.0.1"),
        "{}",
        status.message()
    );

    setup.store.redis.restart()?;
    let began = Instant::now();
    loop {
        // Every attempt talks to the new server; the store's client reconnects by itself.
        match setup.profile("c-1").await {
            // This Redis keeps no data over a restart.
            Ok(profile) => {
                assert!(!profile.known);
                return Ok(());
            }
            Err(status) => assert_eq!(status.code(), Code::Unavailable),
        }
        assert!(began.elapsed() < PATIENCE, "the store did not come back");
    }
}

#[tokio::test]
async fn a_call_without_time_is_not_answered() -> anyhow::Result<()> {
    let setup = Setup::start().await?;
    let asked = setup.ask_within(request("c-1", &[]), Duration::ZERO);
    let status = asked.await.expect_err("no time");
    assert_eq!(status.code(), Code::DeadlineExceeded);
    Ok(())
}
