//! Firm quotes, on every store.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use fairlead_online::{AcceptOutcome, Error, NewQuote, PutOutcome, QuoteStore, StoredQuote};
use futures::future::try_join_all;

use crate::stores::{tenant, with_each};

async fn put(quotes: &dyn QuoteStore, key: &str, id: &str) -> Result<PutOutcome, Error> {
    quotes
        .put_if_absent(NewQuote {
            tenant: &tenant(),
            idempotency_key: key,
            quote_id: id,
            content: format!("content of {id}").into(),
            ttl: Duration::from_secs(100),
        })
        .await
}

#[tokio::test]
async fn the_first_quote_of_a_key_is_kept() -> anyhow::Result<()> {
    with_each(async |_, quotes| {
        assert_eq!(put(&*quotes, "k1", "q1").await?, PutOutcome::New);
        let existing = PutOutcome::Existing("content of q1".into());
        assert_eq!(put(&*quotes, "k1", "q2").await?, existing);
        assert_eq!(put(&*quotes, "k2", "q3").await?, PutOutcome::New);
        // The same call again, as after a lost reply.
        assert_eq!(put(&*quotes, "k1", "q1").await?, PutOutcome::New);
        let stored = StoredQuote {
            content: "content of q1".into(),
            acceptance: None,
        };
        assert_eq!(quotes.get(&tenant(), "q1").await?, Some(stored));
        assert_eq!(
            quotes.get(&tenant(), "q2").await?,
            None,
            "the second quote is not kept"
        );
        Ok(())
    })
    .await
}

#[tokio::test]
async fn of_concurrent_callers_exactly_one_stores_its_quote() -> anyhow::Result<()> {
    with_each(async |_, quotes| {
        let quotes: Arc<dyn QuoteStore> = quotes.into();
        let callers = (0..16).map(|caller| {
            let quotes = quotes.clone();
            async move {
                let id = format!("q{caller}");
                Ok::<_, Error>((id.clone(), put(&*quotes, "same", &id).await?))
            }
        });
        let written = try_join_all(callers).await?;
        let stored: Vec<_> = written
            .iter()
            .filter(|(_, written)| *written == PutOutcome::New)
            .collect();
        assert_eq!(stored.len(), 1);
        let content: Bytes = format!("content of {}", stored[0].0).into();
        for (id, written) in &written {
            let expected = if id == &stored[0].0 {
                PutOutcome::New
            } else {
                PutOutcome::Existing(content.clone())
            };
            assert_eq!(*written, expected);
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_quote_is_accepted_once() -> anyhow::Result<()> {
    with_each(async |_, quotes| {
        let quotes: Arc<dyn QuoteStore> = quotes.into();
        put(&*quotes, "k", "q").await?;
        let callers = (0..16).map(|caller| {
            let quotes = quotes.clone();
            async move {
                let mine = Bytes::from(format!("by {caller}"));
                Ok::<_, Error>((
                    mine.clone(),
                    quotes.accept_once(&tenant(), "q", mine).await?,
                ))
            }
        });
        let outcomes = try_join_all(callers).await?;
        let accepted: Vec<_> = outcomes
            .iter()
            .filter(|(_, outcome)| *outcome == AcceptOutcome::Accepted)
            .collect();
        assert_eq!(accepted.len(), 1);
        let first = accepted[0].0.clone();
        for (mine, outcome) in &outcomes {
            if *mine != first {
                assert_eq!(*outcome, AcceptOutcome::Already(first.clone()));
            }
        }
        let stored = quotes.get(&tenant(), "q").await?.expect("kept");
        assert_eq!(stored.acceptance, Some(first));
        assert_eq!(
            quotes
                .accept_once(&tenant(), "unknown", Bytes::new())
                .await?,
            AcceptOutcome::Unknown
        );
        Ok(())
    })
    .await
}

#[tokio::test]
async fn invalid_idempotency_keys_and_quote_ids_are_refused() -> anyhow::Result<()> {
    with_each(async |_, quotes| {
        let long = "x".repeat(129);
        for key in ["", "a\nb", long.as_str()] {
            let error = put(&*quotes, key, "q").await.expect_err(key).to_string();
            assert!(error.starts_with("idempotency key `"), "{error}");
            assert!(
                error.ends_with("is not allowed: 1 to 128 characters without control characters"),
                "{error}"
            );
        }
        let error = put(&*quotes, "k", "a/b")
            .await
            .expect_err("an id")
            .to_string();
        assert_eq!(
            error,
            "quote id `a/b` is not allowed: 1 to 64 characters of [A-Za-z0-9_.-]"
        );
        Ok(())
    })
    .await
}
