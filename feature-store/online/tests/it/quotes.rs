//! Firm quotes, on every store.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use fairlead_domain::{Currency, CustomerId, ProductId, TenantId};
use fairlead_online::{
    AcceptOutcome, AcceptedLoan, Bound, CallerKey, Counting, Error, LendingTest, LoggedAcceptance,
    LoggedRecord, NewAcceptance, NewQuote, NewRate, Owner, PutOutcome, QuoteStore,
    StoredAcceptance,
};
use fairlead_proto::money::v1::Money;
use fairlead_proto::pricing::v1::Reservation;
use futures::future::try_join_all;

use crate::stores::{customer, product, tenant, with_each};

const TTL: Duration = Duration::from_secs(100);
const NOW_MS: i64 = 1_795_363_200_000;

/// The customer whom most tests are about.
struct Someone {
    tenant: TenantId,
    customer: CustomerId,
}

impl Someone {
    fn new(id: &str) -> Self {
        Self {
            tenant: tenant(),
            customer: customer(id),
        }
    }

    fn owner(&self) -> Owner<'_> {
        Owner {
            tenant: &self.tenant,
            customer: &self.customer,
        }
    }

    async fn put(&self, quotes: &dyn QuoteStore, key: &str, id: &str) -> Result<PutOutcome, Error> {
        self.put_by(quotes, "app", key, id).await
    }

    async fn put_by(
        &self,
        quotes: &dyn QuoteStore,
        caller: &str,
        key: &str,
        id: &str,
    ) -> Result<PutOutcome, Error> {
        let quote = NewQuote {
            owner: self.owner(),
            key: CallerKey { caller, key },
            quote_id: id,
            content: format!("content of {id}").into(),
            record: format!("record of {id}").into(),
            ttl: TTL,
            rate: None,
        };
        quotes.put_if_absent(quote).await
    }

    async fn quote_rate(
        &self,
        quotes: &dyn QuoteStore,
        (product, rate_ppm): (&ProductId, i64),
        quoted_at_ms: i64,
    ) -> Result<PutOutcome, Error> {
        let id = format!("{product}-{quoted_at_ms}");
        let quote = NewQuote {
            owner: self.owner(),
            key: CallerKey {
                caller: "app",
                key: &id,
            },
            quote_id: &id,
            content: Bytes::from_static(b"content"),
            record: Bytes::new(),
            ttl: TTL,
            rate: Some(NewRate {
                product,
                currency: Currency::CNY,
                rate_ppm,
                quoted_at_ms,
                ttl: TTL,
            }),
        };
        quotes.put_if_absent(quote).await
    }

    async fn accept(
        &self,
        quotes: &dyn QuoteStore,
        id: &str,
        content: impl Into<Bytes>,
        lending: Option<LendingTest>,
    ) -> Result<AcceptOutcome, Error> {
        let acceptance = NewAcceptance {
            owner: self.owner(),
            quote_id: id,
            content: content.into(),
            ttl: TTL,
            lending,
        };
        quotes.accept_once(acceptance).await
    }
}

fn existing(outcome: PutOutcome) -> Bytes {
    match outcome {
        PutOutcome::Existing(stored) => stored.content,
        PutOutcome::New => panic!("nothing was there"),
    }
}

/// Lending of so much, a tenth of it a month, with headroom for 1,000 in all and 100 a month.
fn lending(exposure_minor: i64, accepted_at_ms: i64) -> LendingTest {
    LendingTest {
        lending: AcceptedLoan {
            currency: Currency::CNY,
            exposure_minor,
            monthly_minor: exposure_minor / 10,
            accepted_at_ms,
            ends_at_ms: NOW_MS + 1_000,
        },
        exposure_headroom_minor: Some(1_000),
        monthly_headroom_minor: 100,
        counting: Counting {
            now_ms: accepted_at_ms,
            exposure_stated_ms: 0,
            monthly_stated_ms: 0,
        },
    }
}

#[tokio::test]
async fn the_first_quote_of_a_key_is_kept() -> anyhow::Result<()> {
    with_each(async |_, quotes| {
        let anna = Someone::new("anna");
        assert_eq!(anna.put(&*quotes, "k1", "q1").await?, PutOutcome::New);
        let again = anna.put(&*quotes, "k1", "q2").await?;
        assert_eq!(existing(again), "content of q1");
        assert_eq!(anna.put(&*quotes, "k2", "q3").await?, PutOutcome::New);
        // The same call again, as after a lost reply.
        assert_eq!(anna.put(&*quotes, "k1", "q1").await?, PutOutcome::New);
        let stored = quotes.get(anna.owner(), "q1").await?.expect("kept");
        assert_eq!(
            (&*stored.quote_id, &stored.content[..]),
            ("q1", &b"content of q1"[..])
        );
        assert_eq!(
            (stored.record, stored.acceptance),
            (Some("record of q1".into()), None)
        );
        let second = quotes.get(anna.owner(), "q2").await?;
        assert_eq!(second, None, "the second quote is not kept");
        let key = |key| CallerKey { caller: "app", key };
        let found = quotes.find(anna.owner(), key("k2")).await?.expect("kept");
        assert_eq!(found.quote_id, "q3");
        assert_eq!(quotes.find(anna.owner(), key("k3")).await?, None);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_key_is_one_callers_for_one_customer() -> anyhow::Result<()> {
    with_each(async |_, quotes| {
        let (anna, boris) = (Someone::new("anna"), Someone::new("boris"));
        for (someone, caller, id) in [
            (&anna, "app", "q1"),
            (&anna, "partner", "q2"),
            (&boris, "app", "q3"),
        ] {
            let put = someone.put_by(&*quotes, caller, "1", id).await?;
            assert_eq!(put, PutOutcome::New, "{caller} {id}");
        }
        assert_eq!(quotes.get(boris.owner(), "q1").await?, None);
        assert_eq!(
            boris.accept(&*quotes, "q1", "by boris", None).await?,
            AcceptOutcome::Unknown
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
                let put = Someone::new("anna").put(&*quotes, "same", &id).await?;
                Ok::<_, Error>((id, put))
            }
        });
        let written = try_join_all(callers).await?;
        let stored: Vec<_> = written
            .iter()
            .filter(|(_, written)| *written == PutOutcome::New)
            .collect();
        assert_eq!(stored.len(), 1);
        let first = stored[0].0.clone();
        for (id, written) in written {
            if id != first {
                assert_eq!(existing(written), format!("content of {first}"));
            }
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_quote_is_accepted_once() -> anyhow::Result<()> {
    with_each(async |_, quotes| {
        let quotes: Arc<dyn QuoteStore> = quotes.into();
        let anna = Someone::new("anna");
        anna.put(&*quotes, "k", "q").await?;
        let callers = (0..16).map(|caller| {
            let quotes = quotes.clone();
            async move {
                let mine = format!("by {caller}");
                let anna = Someone::new("anna");
                let outcome = anna.accept(&*quotes, "q", mine.clone(), None).await?;
                Ok::<_, Error>((Bytes::from(mine), outcome))
            }
        });
        let outcomes = try_join_all(callers).await?;
        let accepted: Vec<_> = outcomes
            .iter()
            .filter(|(_, outcome)| *outcome == AcceptOutcome::Accepted)
            .collect();
        assert_eq!(accepted.len(), 1);
        let first = StoredAcceptance {
            content: accepted[0].0.clone(),
            logged: false,
        };
        for (mine, outcome) in &outcomes {
            if *mine != first.content {
                assert_eq!(*outcome, AcceptOutcome::Already(first.clone()));
            }
        }
        let stored = quotes.get(anna.owner(), "q").await?.expect("kept");
        assert_eq!(stored.acceptance, Some(first));
        assert_eq!(
            anna.accept(&*quotes, "unknown", "by anna", None).await?,
            AcceptOutcome::Unknown
        );
        Ok(())
    })
    .await
}

#[tokio::test]
async fn what_is_logged_is_marked_so_once() -> anyhow::Result<()> {
    with_each(async |_, quotes| {
        let anna = Someone::new("anna");
        let mark = |record| quotes.mark_logged(anna.owner(), "q", record);
        // An unknown quote is none of its concern, and does not come into being.
        mark(LoggedRecord::Acceptance).await?;
        mark(LoggedRecord::Answer).await?;
        assert_eq!(quotes.get(anna.owner(), "q").await?, None);
        anna.put(&*quotes, "k", "q").await?;
        mark(LoggedRecord::Acceptance).await?;
        let stored = quotes.get(anna.owner(), "q").await?.expect("kept");
        assert_eq!((stored.record.is_some(), stored.acceptance), (true, None));
        mark(LoggedRecord::Answer).await?;
        anna.accept(&*quotes, "q", "by anna", None).await?;
        let stored = quotes.get(anna.owner(), "q").await?.expect("kept");
        assert_eq!(stored.record, None);
        assert!(!stored.acceptance.expect("accepted").logged);
        mark(LoggedRecord::Acceptance).await?;
        let AcceptOutcome::Already(first) = anna.accept(&*quotes, "q", "again", None).await? else {
            panic!("accepted before");
        };
        assert_eq!((&first.content[..], first.logged), (&b"by anna"[..], true));
        Ok(())
    })
    .await
}

#[tokio::test]
async fn accepted_lending_never_passes_the_headroom_that_there_is() -> anyhow::Result<()> {
    with_each(async |_, quotes| {
        let quotes: Arc<dyn QuoteStore> = quotes.into();
        let anna = Someone::new("anna");
        for number in 0..16 {
            anna.put(&*quotes, &format!("k{number}"), &format!("q{number}"))
                .await?;
        }
        let accepting = (0..16).map(|number| {
            let quotes = quotes.clone();
            async move {
                let test = Some(lending(300, NOW_MS));
                let id = format!("q{number}");
                Someone::new("anna")
                    .accept(&*quotes, &id, "now", test)
                    .await
            }
        });
        let outcomes = try_join_all(accepting).await?;
        let accepted = outcomes
            .iter()
            .filter(|one| **one == AcceptOutcome::Accepted);
        assert_eq!(accepted.count(), 3, "{outcomes:?}");
        let no_headroom = AcceptOutcome::NoHeadroom {
            bound: Bound::Exposure,
            taken_minor: 900,
        };
        assert_eq!(
            outcomes.iter().filter(|one| **one == no_headroom).count(),
            13
        );
        let account = quotes.account(anna.owner()).await?;
        let counting = lending(1, NOW_MS).counting;
        let sum = account.lending(Currency::CNY, counting);
        assert_eq!((sum.exposure_minor, sum.monthly_minor), (900, 90));
        Ok(())
    })
    .await
}

#[tokio::test]
async fn lending_counts_until_the_bank_states_it_or_it_ends() -> anyhow::Result<()> {
    with_each(async |_, quotes| {
        let anna = Someone::new("anna");
        for id in ["q1", "q2", "q3", "q4", "q5"] {
            anna.put(&*quotes, id, id).await?;
        }
        let first = anna
            .accept(&*quotes, "q1", "1", Some(lending(600, NOW_MS)))
            .await?;
        assert_eq!(first, AcceptOutcome::Accepted);
        let with = |change: fn(&mut LendingTest)| {
            let mut test = lending(600, NOW_MS + 10);
            change(&mut test);
            Some(test)
        };
        let no_headroom = |bound, taken_minor| AcceptOutcome::NoHeadroom { bound, taken_minor };
        type Case = (fn(&mut LendingTest), AcceptOutcome);
        let cases: [Case; 6] = [
            (|_| {}, no_headroom(Bound::Exposure, 600)),
            // A statement from before the acceptance does not cover it.
            (
                |test| test.counting.exposure_stated_ms = NOW_MS - 1,
                no_headroom(Bound::Exposure, 600),
            ),
            // One that covers the exposure says nothing of the debt service.
            (
                |test| test.counting.exposure_stated_ms = NOW_MS,
                no_headroom(Bound::Monthly, 60),
            ),
            (
                |test| test.exposure_headroom_minor = None,
                no_headroom(Bound::Monthly, 60),
            ),
            (
                |test| test.exposure_headroom_minor = Some(-5),
                no_headroom(Bound::Exposure, 600),
            ),
            // Another currency is another account.
            (
                |test| test.lending.currency = Currency::USD,
                AcceptOutcome::Accepted,
            ),
        ];
        for (change, expected) in cases {
            assert_eq!(
                anna.accept(&*quotes, "q2", "2", with(change)).await?,
                expected
            );
        }
        let covered = with(|test| {
            test.counting.exposure_stated_ms = NOW_MS;
            test.counting.monthly_stated_ms = NOW_MS;
        });
        let third = anna.accept(&*quotes, "q3", "3", covered).await?;
        assert_eq!(third, AcceptOutcome::Accepted);
        let fourth = anna.accept(&*quotes, "q4", "4", with(|_| {})).await?;
        assert_eq!(fourth, no_headroom(Bound::Exposure, 1_200));
        // The term of all is over.
        let after = with(|test| test.counting.now_ms = NOW_MS + 1_000);
        let fifth = anna.accept(&*quotes, "q5", "5", after).await?;
        assert_eq!(fifth, AcceptOutcome::Accepted);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn the_rate_of_the_last_quote_is_kept_by_product_and_currency() -> anyhow::Result<()> {
    with_each(async |_, quotes| {
        let anna = Someone::new("anna");
        let (loan, card) = (product("LOAN"), product("CARD"));
        anna.quote_rate(&*quotes, (&loan, 72_000), 100).await?;
        anna.quote_rate(&*quotes, (&card, 0), 110).await?;
        anna.quote_rate(&*quotes, (&loan, 102_000), 120).await?;
        // One that was made before and comes after.
        anna.quote_rate(&*quotes, (&loan, 216_000), 110).await?;
        let account = quotes.account(anna.owner()).await?;
        let rate = |of, currency| account.last_rate(of, currency, 0);
        assert_eq!(rate("LOAN", Currency::CNY), Some(102_000));
        assert_eq!(rate("CARD", Currency::CNY), Some(0));
        assert_eq!(rate("LOAN", Currency::USD), None);
        let nobody = quotes.account(Someone::new("boris").owner()).await?;
        assert_eq!(nobody.last_rate("LOAN", Currency::CNY, 0), None);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn an_acceptance_that_was_lost_is_restored_and_a_kept_one_stays() -> anyhow::Result<()> {
    with_each(async |_, quotes| {
        let anna = Someone::new("anna");
        let money = |minor| {
            Some(Money {
                minor,
                currency: "CNY".to_owned(),
            })
        };
        let taken = Reservation {
            exposure: money(600),
            monthly: money(60),
            ends_at_ms: NOW_MS + 1_000,
        };
        let restore = |id: &'static str| LoggedAcceptance {
            owner: anna.owner(),
            quote_id: id,
            quote: "from the log".into(),
            acceptance: "logged".into(),
            ttl: TTL,
            reservation: Some((taken.clone(), NOW_MS)),
        };
        anna.put(&*quotes, "k", "kept").await?;
        anna.accept(&*quotes, "kept", "mine", Some(lending(300, NOW_MS)))
            .await?;
        for id in ["kept", "lost", "lost"] {
            quotes.restore(restore(id)).await?;
        }
        let stored = async |id| {
            let stored = quotes.get(anna.owner(), id).await?.expect("kept");
            let acceptance = stored.acceptance.expect("accepted");
            anyhow::Ok((stored.content, acceptance.content, acceptance.logged))
        };
        assert_eq!(
            stored("kept").await?,
            ("content of kept".into(), "mine".into(), true)
        );
        assert_eq!(
            stored("lost").await?,
            ("from the log".into(), "logged".into(), true)
        );
        let counting = lending(1, NOW_MS).counting;
        let sum = quotes
            .account(anna.owner())
            .await?
            .lending(Currency::CNY, counting);
        assert_eq!((sum.exposure_minor, sum.monthly_minor), (900, 90));
        Ok(())
    })
    .await
}

#[tokio::test]
async fn invalid_keys_callers_and_quote_ids_are_refused() -> anyhow::Result<()> {
    with_each(async |_, quotes| {
        let anna = Someone::new("anna");
        let long = "x".repeat(129);
        for bad in ["", "a\nb", long.as_str()] {
            let error = anna.put(&*quotes, bad, "q").await.expect_err(bad);
            assert!(
                error.to_string().starts_with("idempotency key `"),
                "{error}"
            );
            let error = anna.put_by(&*quotes, bad, "k", "q").await.expect_err(bad);
            assert!(error.to_string().starts_with("caller `"), "{error}");
            assert!(
                error
                    .to_string()
                    .ends_with("is not allowed: 1 to 128 characters without control characters"),
                "{error}"
            );
        }
        let error = anna.put(&*quotes, "k", "a/b").await.expect_err("an id");
        assert_eq!(
            error.to_string(),
            "quote id `a/b` is not allowed: 1 to 64 characters of [A-Za-z0-9_.-]"
        );
        Ok(())
    })
    .await
}
