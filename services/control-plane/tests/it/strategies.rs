//! Strategies: linted by the price engine before they are stored, versioned, checked against
//! products.

use fairlead_price_engine::defaults;
use fairlead_proto::catalogue::v1::product::Terms;
use fairlead_proto::catalogue::v1::{LoanTerms, Product, ProductKind, RepaymentMethod};
use fairlead_proto::control::v1::{
    CheckDraftRequest, Finding, GetDraftRequest, LintStrategyRequest, PutSettingsRequest,
    PutStrategyRequest, PutStrategyResponse, Release, Strategy,
};
use fairlead_proto::money::v1::Money;
use fairlead_release::{Live, content_hash};
use tonic::{Code, Status};

use crate::plane::{Home, Plane, TENANT, findings, on_both, publish};

fn cash_loan() -> Strategy {
    let strategies = defaults::strategies().expect("the defaults read");
    let found = strategies
        .into_iter()
        .find(|strategy| strategy.strategy_id == "cash-loan");
    Strategy {
        champion: true,
        ..found.expect("a cash loan")
    }
}

fn product(strategy: &Strategy) -> Product {
    let money = |minor| {
        Some(Money {
            minor,
            currency: strategy.currency.clone(),
        })
    };
    Product {
        product_id: "CL-1".to_owned(),
        name: "Cash".to_owned(),
        kind: ProductKind::CashLoan.into(),
        currency: strategy.currency.clone(),
        active: true,
        strategy_id: strategy.strategy_id.clone(),
        terms: Some(Terms::Loan(LoanTerms {
            min_amount: money(100_000),
            max_amount: money(5_000_000),
            amount_step_minor: 10_000,
            tenors_months: vec![6, 12],
            repayment: RepaymentMethod::Annuity.into(),
            origination_fee_ppm: 0,
        })),
        ..Product::default()
    }
}

async fn put_strategy(plane: &Plane, strategy: Strategy) -> Result<PutStrategyResponse, Status> {
    let request = PutStrategyRequest {
        tenant: TENANT.to_owned(),
        strategy: Some(strategy),
    };
    Ok(plane.drafts().put_strategy(request).await?.into_inner())
}

async fn put_settings(plane: &Plane, settings: Release) {
    let request = PutSettingsRequest {
        tenant: TENANT.to_owned(),
        settings: Some(settings),
        clear: Vec::new(),
    };
    plane.drafts().put_settings(request).await.expect("put");
}

/// Returns the default rule packs and scorecard, without the default strategies.
async fn with_settings(plane: &Plane) {
    let settings = defaults::settings().expect("the defaults read");
    put_settings(
        plane,
        Release {
            default_strategies: [].into(),
            ..settings
        },
    )
    .await;
}

async fn versions(plane: &Plane) -> Vec<i64> {
    let request = GetDraftRequest {
        tenant: TENANT.to_owned(),
    };
    let draft = plane
        .drafts()
        .get_draft(request)
        .await
        .expect("a draft")
        .into_inner()
        .draft;
    draft
        .expect("a draft")
        .strategies
        .into_iter()
        .map(|one| one.version)
        .collect()
}

async fn errors(plane: &Plane) -> Vec<Finding> {
    let request = CheckDraftRequest {
        tenant: TENANT.to_owned(),
    };
    let checked = plane
        .drafts()
        .check_draft(request)
        .await
        .expect("checked")
        .into_inner();
    checked
        .findings
        .into_iter()
        .filter(|one| one.severity == "error")
        .collect()
}

async fn versions_ascend_and_the_champion_is_published(home: Home) {
    let plane = Plane::start(&home);
    with_settings(&plane).await;
    let first = put_strategy(&plane, cash_loan()).await.expect("passes");
    assert_eq!(first.version, 1);
    plane.put(vec![product(&cash_loan())]).await;
    assert_eq!(errors(&plane).await, []);
    plane.publish().await;

    let challenger = Strategy {
        champion: false,
        ..cash_loan()
    };
    assert_eq!(
        put_strategy(&plane, challenger)
            .await
            .expect("passes")
            .version,
        2
    );
    assert_eq!(
        versions(&plane).await,
        [1],
        "nobody prices with a challenger that no arm names"
    );
    assert_eq!(
        put_strategy(&plane, cash_loan())
            .await
            .expect("passes")
            .version,
        3
    );
    assert_eq!(versions(&plane).await, [3]);
    plane.publish().await;
    let in_force = plane.release(0).await.expect("in force");
    assert_eq!(
        (in_force.strategies.len(), in_force.strategies[0].version),
        (1, 3)
    );
    assert_eq!(plane.release(1).await.expect("1").strategies[0].version, 1);
}

async fn a_strategy_with_a_hole_is_refused_and_not_kept(home: Home) {
    let plane = Plane::start(&home);
    with_settings(&plane).await;
    let mut holed = cash_loan();
    let rows = &mut holed.rate_card.as_mut().expect("a rate card").rows;
    rows.truncate(1);
    let refused = put_strategy(&plane, holed.clone())
        .await
        .expect_err("a hole");
    assert_eq!(refused.code(), Code::InvalidArgument);
    let found = findings(&refused);
    assert!(!found.is_empty(), "{refused}");
    assert!(found[0].contains("cash-loan"), "{found:#?}");
    assert!(versions(&plane).await.is_empty());

    let request = LintStrategyRequest {
        tenant: TENANT.to_owned(),
        strategy: Some(holed),
    };
    let linted = plane
        .drafts()
        .lint_strategy(request)
        .await
        .expect("linted")
        .into_inner();
    let rules: Vec<&str> = linted.findings.iter().map(|one| &*one.rule).collect();
    assert!(rules.contains(&"hole"), "{:#?}", linted.findings);
}

async fn law_that_changes_under_a_strategy_blocks_publication(home: Home) {
    let plane = Plane::start(&home);
    with_settings(&plane).await;
    put_strategy(&plane, cash_loan()).await.expect("passes");
    plane.put(vec![product(&cash_loan())]).await;
    plane.publish().await;

    let mut law = defaults::settings().expect("the defaults read").rule_packs;
    for pack in &mut law {
        pack.max_all_in_ppm = Some(1_000);
    }
    put_settings(
        &plane,
        Release {
            rule_packs: law,
            ..Release::default()
        },
    )
    .await;
    let refused = plane
        .releases()
        .publish(publish())
        .await
        .expect_err("beyond the cap");
    assert_eq!(refused.code(), Code::FailedPrecondition);
    let found = errors(&plane).await;
    assert!(
        found.iter().any(|one| one.rule == "beyond-cap"),
        "{found:#?}"
    );
    assert_eq!(plane.release(0).await.expect("in force").revision, 1);
}

async fn a_strategy_in_another_currency_blocks_publication(home: Home) {
    let plane = Plane::start(&home);
    with_settings(&plane).await;
    put_strategy(&plane, cash_loan()).await.expect("passes");
    let dollars = Strategy {
        currency: "USD".to_owned(),
        ..cash_loan()
    };
    plane.put(vec![product(&dollars)]).await;
    let found = errors(&plane).await;
    assert!(found.iter().any(|one| one.rule == "currency"), "{found:#?}");
    plane
        .releases()
        .publish(publish())
        .await
        .expect_err("refused");
}

/// The law of the draft names no product, and no strategy is wrong by itself: only compiling them
/// together shows that the cap cannot be compared with the product's amounts.
async fn a_release_that_does_not_compile_is_refused_by_publication_and_by_services(home: Home) {
    let plane = Plane::start(&home);
    with_settings(&plane).await;
    put_strategy(&plane, cash_loan()).await.expect("passes");
    plane.put(vec![product(&cash_loan())]).await;
    plane.publish().await;

    let mut law = defaults::settings().expect("the defaults read").rule_packs;
    for pack in &mut law {
        pack.max_exposure_minor = Some(20_000_000);
        pack.currency = "USD".to_owned();
    }
    let settings = Release {
        rule_packs: law.clone(),
        ..Release::default()
    };
    put_settings(&plane, settings).await;
    let refused = plane.releases().publish(publish()).await;
    let refused = refused.expect_err("a cap in dollars");
    assert_eq!(refused.code(), Code::FailedPrecondition);
    let found = findings(&refused);
    let expected = "rule pack is `cn-2024-04-consumer-finance`; allowed: one whose exposure cap is \
                    in the product's currency";
    assert!(found.iter().any(|one| one.contains(expected)), "{found:#?}");

    // A service refuses the same release, whoever published it.
    let mut release = plane.release(0).await.expect("in force");
    release.rule_packs = law;
    release.content_hash = content_hash(&release);
    let findings = Live::check(release).expect_err("refused");
    let found: Vec<String> = findings.iter().map(ToString::to_string).collect();
    assert!(found.iter().any(|one| one.contains(expected)), "{found:#?}");
}

on_both!(
    versions_ascend_and_the_champion_is_published,
    a_strategy_with_a_hole_is_refused_and_not_kept,
    law_that_changes_under_a_strategy_blocks_publication,
    a_strategy_in_another_currency_blocks_publication,
    a_release_that_does_not_compile_is_refused_by_publication_and_by_services,
);
