//! Firm quotes, on every store.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use fairlead_online::{Acceptance, Error, NewQuote, QuoteStore, StoredQuote, Written};
use futures::future::try_join_all;

use crate::stores::{tenant, with_each};

async fn put(quotes: &dyn QuoteStore, key: &str, id: &str) -> Result<Written, Error> {
    quotes
        .put_if_absent(NewQuote {
            tenant: &tenant(),
            idempotency_key: key,
            quote_id: id,
            content: format!("content of {id}").into(),
            keep: Duration::from_secs(100),
        })
        .await
}

#[tokio::test]
async fn the_first_quote_of_a_key_stands() -> anyhow::Result<()> {
    with_each(async |_, quotes| {
        assert_eq!(put(&*quotes, "k1", "q1").await?, Written::New);
        let standing = Written::Existing("content of q1".into());
        assert_eq!(put(&*quotes, "k1", "q2").await?, standing);
        assert_eq!(put(&*quotes, "k2", "q3").await?, Written::New);
        // The very same call again, as after a lost answer.
        assert_eq!(put(&*quotes, "k1", "q1").await?, Written::New);
        let stored = StoredQuote {
            content: "content of q1".into(),
            acceptance: None,
        };
        assert_eq!(quotes.get(&tenant(), "q1").await?, Some(stored));
        assert_eq!(
            quotes.get(&tenant(), "q2").await?,
            None,
            "the loser leaves no trace"
        );
        Ok(())
    })
    .await
}

#[tokio::test]
async fn of_many_callers_one_is_the_first() -> anyhow::Result<()> {
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
        let winners: Vec<_> = written
            .iter()
            .filter(|(_, written)| *written == Written::New)
            .collect();
        assert_eq!(winners.len(), 1);
        let content: Bytes = format!("content of {}", winners[0].0).into();
        for (id, written) in &written {
            let expected = if id == &winners[0].0 {
                Written::New
            } else {
                Written::Existing(content.clone())
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
            .filter(|(_, outcome)| *outcome == Acceptance::Accepted)
            .collect();
        assert_eq!(accepted.len(), 1);
        let standing = accepted[0].0.clone();
        for (mine, outcome) in &outcomes {
            if *mine != standing {
                assert_eq!(*outcome, Acceptance::Already(standing.clone()));
            }
        }
        let stored = quotes.get(&tenant(), "q").await?.expect("kept");
        assert_eq!(stored.acceptance, Some(standing));
        assert_eq!(
            quotes
                .accept_once(&tenant(), "unknown", Bytes::new())
                .await?,
            Acceptance::Unknown
        );
        Ok(())
    })
    .await
}

#[tokio::test]
async fn keys_that_cannot_be_kept_are_refused() -> anyhow::Result<()> {
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
