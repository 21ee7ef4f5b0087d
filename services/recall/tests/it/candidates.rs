//! Which candidates come, from which sources, in which order: the service over one catalogue
//! of four products.

use fairlead_proto::catalogue::v1::{Eligibility, Product, ProductKind};
use fairlead_proto::event::v1::EventKind;
use fairlead_proto::profile::v1::{Profile, ShownCount};
use fairlead_proto::recall::v1::{
    DropCause, RecallRequest, RecallResponse, RecallSource, SourceScore,
};

use crate::folder::Folder;
use crate::support::{
    DAY_MS, NOW_MS, Setup, deposit, features, fund, ids, on_product, release, request,
    with_campaign, with_model,
};

use RecallSource::{Campaign, ItemToItem, New, Popular, TwoTower};

/// A setup that serves A, B, C (long listed) and N (new), a two-tower model that knows A to C, and
/// a campaign for A.
async fn open(root: &std::path::Path) -> anyhow::Result<Setup> {
    let setup = Setup::start().await?;
    let model = Folder::default().write(root)?;
    let newcomer = Product {
        listed_at_ms: NOW_MS - DAY_MS,
        ..deposit("N")
    };
    let products = vec![deposit("A"), deposit("B"), fund("C", 2), newcomer];
    let release = with_campaign(with_model(release(1, products), model), &["A"]);
    setup.publish(release).await;
    setup
        .until(|serving| serving.model_version == "two-tower 1")
        .await;
    Ok(setup)
}

fn sources(answer: &RecallResponse, product: &str) -> Vec<(RecallSource, i32)> {
    let found = answer
        .candidates
        .iter()
        .find(|candidate| candidate.product_id == product);
    let sources = found
        .map(|candidate| &candidate.sources[..])
        .unwrap_or_default();
    sources
        .iter()
        .map(|source| (source.source(), source.rank))
        .collect()
}

fn with(change: impl FnOnce(&mut RecallRequest)) -> RecallRequest {
    let mut request = request();
    change(&mut request);
    request
}

fn of_profile(change: impl FnOnce(&mut Profile)) -> RecallRequest {
    with(|request| change(request.profile.as_mut().expect("set")))
}

#[tokio::test]
async fn golden_answers() -> anyhow::Result<()> {
    let root = tempfile::tempdir()?;
    let setup = open(root.path()).await?;
    let clicked_a = features(&[on_product(EventKind::Click, "A", 0)]);
    // Two-tower: C, B, A. Popular: A, B, C, N. New: N. Campaign: A.
    let cases: Vec<(&str, RecallRequest, &[&str])> = vec![
        // A: 1/63 + 1/61 + 1/61; B: 1/62 + 1/62; C: 1/61 + 1/63; N: 1/64 + 1/61.
        ("everything", request(), &["A", "C", "B", "N"]),
        (
            "cut at the limit",
            with(|request| request.limit = 2),
            &["A", "C"],
        ),
        // Item-to-item adds B, which goes with A, at 1/61.
        (
            "goes with",
            with(|request| request.features = Some(clicked_a)),
            &["A", "B", "C", "N"],
        ),
        (
            "only deposits",
            with(|request| request.kinds = vec![ProductKind::Deposit.into()]),
            &["A", "B", "N"],
        ),
        (
            "unsuitable",
            of_profile(|profile| profile.suitability_class = 1),
            &["A", "B", "N"],
        ),
        // Holding A seeds item-to-item: B comes first, at 1/61 + 1/62 + 1/61.
        (
            "held",
            of_profile(|profile| profile.held_product_ids = vec!["A".into()]),
            &["B", "C", "N"],
        ),
        (
            "not personalised",
            with(|request| request.personalised = false),
            &["N", "A", "B", "C"],
        ),
        (
            "an arm without two-tower, one popular",
            with(|request| {
                request.parameters = [
                    ("recall.two_tower.limit", "0"),
                    ("recall.popular.limit", "1"),
                ]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into();
            }),
            &["A", "N"],
        ),
    ];
    for (shows, request, expected) in cases {
        let answer = setup.ask(request).await?;
        assert_eq!(ids(&answer), expected, "{shows}: {:#?}", answer.candidates);
        assert_eq!(answer.release_revision, 1);
    }
    Ok(())
}

#[tokio::test]
async fn a_candidate_says_where_it_came_from() -> anyhow::Result<()> {
    let root = tempfile::tempdir()?;
    let setup = open(root.path()).await?;
    let answer = setup
        .ask(of_profile(|profile| {
            profile.held_product_ids = vec!["C".into(), "unknown".into()];
        }))
        .await?;
    assert_eq!(answer.model_version, "two-tower 1");
    assert_eq!(
        sources(&answer, "A"),
        [(ItemToItem, 1), (Popular, 1), (Campaign, 1), (TwoTower, 2)]
    );
    assert_eq!(sources(&answer, "N"), [(New, 1), (Popular, 3)]);
    let of = |product: &str| {
        answer
            .candidates
            .iter()
            .find(|candidate| candidate.product_id == product)
            .unwrap()
    };
    let because_of: Vec<&str> = of("A")
        .sources
        .iter()
        .map(|source| &*source.because_of)
        .collect();
    assert_eq!(because_of, ["C", "", "", ""]);
    // The tower gives 1 for this customer, and A's vector is 1.
    assert!((of("A").sources[3].score - 1.0).abs() < 1e-6);
    assert_eq!(
        answer.filters_passed,
        ["active", "eligible", "suitable", "not_held", "repetition"]
    );
    let drops: Vec<(&str, DropCause)> = answer
        .drops
        .iter()
        .map(|drop| (&*drop.product_id, drop.cause()))
        .collect();
    assert_eq!(drops, [("C", DropCause::AlreadyHeld)]);
    Ok(())
}

#[tokio::test]
async fn without_personalisation_behaviour_changes_nothing() -> anyhow::Result<()> {
    let root = tempfile::tempdir()?;
    let setup = open(root.path()).await?;
    let quiet = with(|request| {
        request.personalised = false;
        request.features = None;
    });
    let busy = RecallRequest {
        features: Some(features(&[
            on_product(EventKind::Click, "A", DAY_MS),
            on_product(EventKind::Impression, "B", DAY_MS),
        ])),
        profile: quiet.profile.clone().map(|profile| Profile {
            shown: vec![ShownCount {
                product_id: "B".into(),
                count: 99,
            }],
            ..profile
        }),
        ..quiet.clone()
    };
    let answer = setup.ask(quiet).await?;
    assert_eq!(answer, setup.ask(busy).await?);
    assert_eq!(answer.model_version, "");
    let found = answer
        .candidates
        .iter()
        .flat_map(|candidate| &candidate.sources);
    let mut found: Vec<RecallSource> = found.map(SourceScore::source).collect();
    found.sort_unstable_by_key(|source| *source as i32);
    found.dedup();
    assert_eq!(found, [Popular, New]);
    assert_eq!(
        answer.filters_passed,
        ["active", "eligible", "suitable", "not_held"]
    );
    Ok(())
}

/// The order of a catalogue is how it happened to be sent.
#[tokio::test]
async fn the_order_of_the_catalogue_changes_nothing() -> anyhow::Result<()> {
    let setup = Setup::start().await?;
    let product = |number: u32| Product {
        eligibility: Some(Eligibility {
            min_age_years: number.is_multiple_of(3).then_some(18),
            ..Eligibility::default()
        }),
        // All listed at the same instant, all equally popular: everything ties.
        listed_at_ms: NOW_MS - DAY_MS,
        ..deposit(&format!("P-{number:02}"))
    };
    let mut products: Vec<Product> = (0..40).map(product).collect();
    setup.publish(release(1, products.clone())).await;
    let first = setup.ask(request()).await?;
    products.reverse();
    products.rotate_left(7);
    setup.publish(release(2, products)).await;
    let second = setup.ask(request()).await?;
    assert_eq!(first.candidates, second.candidates);
    assert!(ids(&first).is_sorted(), "{:?}", ids(&first));
    let dropped = |answer: &RecallResponse| {
        let mut drops = answer.drops.clone();
        drops.sort_unstable_by(|a, b| a.product_id.cmp(&b.product_id));
        drops
    };
    assert_eq!(dropped(&first), dropped(&second));
    // Nobody knows this customer's age.
    assert_eq!(first.drops.len(), 14);
    Ok(())
}
