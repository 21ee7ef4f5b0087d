//! A campaign moves prices between its dates and only where a rate card knows it.

use fairlead_proto::control::v1::{Campaign, Column, Release};
use fairlead_proto::pricing::v1::PricingContext;
use fairlead_proto::pricing::v1::priced::Outcome;
use fairlead_release_follow::ReleaseHandle;

use crate::support::{NOW_MS, Setup, asked, checked, context, item, release};

const DAY_MS: i64 = 86_400_000;

/// A release whose cash loans of grade B have 9 % instead of 10.8 % in the campaign `spring`.
fn with_spring(campaigns: Vec<Campaign>) -> Release {
    let mut release = release(1);
    let card = release.strategies[0].rate_card.as_mut().expect("a card");
    card.inputs.push(Column {
        name: "campaign".to_owned(),
        kind: "category(none,spring)".to_owned(),
    });
    let at = card.inputs.len() - 1;
    let rows = std::mem::take(&mut card.rows);
    for row in rows {
        let mut standard = row.clone();
        standard.cells.insert(at, "none".to_owned());
        let mut spring = row;
        spring.cells.insert(at, "spring".to_owned());
        if spring.cells[0] == "B" && spring.cells[at + 1] == "10.8%" {
            spring.cells[at + 1] = "9%".to_owned();
        }
        card.rows.extend([standard, spring]);
    }
    release.campaigns = campaigns;
    release
}

fn campaign(id: &str, from_days: i64, to_days: i64) -> Campaign {
    Campaign {
        campaign_id: id.to_owned(),
        product_ids: vec!["LOAN".to_owned()],
        valid_from_ms: NOW_MS + from_days * DAY_MS,
        valid_to_ms: NOW_MS + to_days * DAY_MS,
    }
}

fn named(campaign: &str) -> PricingContext {
    PricingContext {
        campaign: campaign.to_owned(),
        ..context()
    }
}

/// Returns the rate on a slate and that of a firm quote, which must agree.
async fn rate(setup: &Setup, campaign: &str, key: &str) -> anyhow::Result<i64> {
    let one = vec![item("LOAN", Some(1_200_000), 12)];
    let priced = setup.price(named(campaign), one).await?;
    let Some(Outcome::Price(price)) = &priced[0].outcome else {
        anyhow::bail!("{priced:?}");
    };
    let mut request = asked(key);
    request.context = Some(named(campaign));
    let quote = setup.quote(request).await?;
    let firm = quote.price.map(|price| price.rate_ppm);
    anyhow::ensure!(firm == Some(price.rate_ppm), "{firm:?} and {price:?}");
    Ok(price.rate_ppm)
}

#[tokio::test]
async fn a_campaign_prices_within_its_dates_and_an_undeclared_one_is_none() -> anyhow::Result<()> {
    let cases: [(&str, Vec<Campaign>, &str, i64); 7] = [
        ("running", vec![campaign("spring", -1, 1)], "spring", 90_000),
        (
            "without an end",
            vec![Campaign {
                valid_to_ms: 0,
                ..campaign("spring", -1, 1)
            }],
            "spring",
            90_000,
        ),
        ("over", vec![campaign("spring", -9, -1)], "spring", 108_000),
        (
            "over at this instant",
            vec![campaign("spring", -9, 0)],
            "spring",
            108_000,
        ),
        ("to come", vec![campaign("spring", 1, 9)], "spring", 108_000),
        ("undeclared", Vec::new(), "spring", 108_000),
        (
            "not on the card",
            vec![campaign("summer", -1, 1)],
            "summer",
            108_000,
        ),
    ];
    for (what, campaigns, asked, expected) in cases {
        let releases = ReleaseHandle::fixed(checked(with_spring(campaigns)));
        let setup = Setup::with(releases).await?;
        assert_eq!(rate(&setup, asked, "key").await?, expected, "{what}");
        assert_eq!(rate(&setup, "", "key-none").await?, 108_000, "{what}");
    }
    Ok(())
}
