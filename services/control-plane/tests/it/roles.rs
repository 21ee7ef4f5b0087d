//! The permissions of each role: to change a draft, section by section, and to publish.

use fairlead_domain::CustomerId;
use fairlead_identity::{Kind, Permission, Permissions, Principal, Role, Tenants, permission_name};
use fairlead_price_engine::defaults;
use fairlead_proto::catalogue::v1::product::Terms;
use fairlead_proto::catalogue::v1::{LoanTerms, Product, ProductKind, RepaymentMethod};
use fairlead_proto::control::v1::{
    Arm, Campaign, Experiment, ExperimentPlan, ExperimentStatus, GetDraftRequest, Layer,
    PutExperimentsRequest, PutSettingsRequest, PutStrategyRequest, Release, Strategy,
};
use fairlead_proto::money::v1::Money;
use fairlead_release::Section;
use tonic::{Code, Status};

use crate::plane::{Home, Plane, TENANT, deposit, on_both, publish, put};

fn person(permissions: Permissions) -> Principal {
    Principal::new(Kind::Person, "ada", Tenants::Any).with_permissions(permissions)
}

fn settings() -> Release {
    defaults::settings().expect("the defaults read")
}

fn cash_loan() -> Strategy {
    let mut strategies = defaults::strategies().expect("the defaults read");
    strategies.swap_remove(0)
}

/// A plan of one experiment, whose coverage and overrides say which it is.
fn plan(coverage_ppm: i64, overrides: &[(&str, &str)]) -> ExperimentPlan {
    let arm = |id: &str| Arm {
        arm_id: id.to_owned(),
        weight_ppm: 500_000,
        ..Arm::default()
    };
    ExperimentPlan {
        layers: vec![Layer {
            layer_id: "slate".to_owned(),
            salt: "slate-1".to_owned(),
        }],
        experiments: vec![Experiment {
            experiment_id: "order".to_owned(),
            layer_id: "slate".to_owned(),
            salt: "order-1".to_owned(),
            slice_end: 10_000,
            arms: vec![arm("a"), arm("b")],
            coverage_ppm,
            overrides: overrides
                .iter()
                .map(|(customer, arm)| ((*customer).to_owned(), (*arm).to_owned()))
                .collect(),
            status: ExperimentStatus::Running.into(),
            ..Experiment::default()
        }],
        ..ExperimentPlan::default()
    }
}

/// Puts a change that reaches this section alone; `None` for models, which have tests of their own.
async fn change(plane: &Plane, section: Section) -> Option<Result<(), Status>> {
    let mut wanted = Release::default();
    let all = settings();
    match section {
        Section::Products => {
            let request = put(vec![deposit("D-2")]);
            return Some(plane.drafts().put_products(request).await.map(drop));
        }
        Section::Experiments => return Some(put_plan(plane, plan(5, &[("c-1", "a")])).await),
        Section::Overrides => return Some(put_plan(plane, plan(7, &[("c-1", "b")])).await),
        Section::Models | Section::ServingModels => return None,
        Section::Strategies => {
            wanted.default_strategies = [(1, "cash-loan".to_owned())].into();
        }
        Section::CostModels => {
            wanted.cost_models = all.cost_models;
            wanted.cost_models[0].lgd_ppm = 0;
        }
        Section::Guardrails => {
            wanted.guardrails = all.guardrails;
            wanted.guardrails[0].max_change_ppm = 0;
        }
        Section::RulePacks => {
            wanted.rule_packs = all.rule_packs;
            wanted.rule_packs[0].max_all_in_ppm = None;
        }
        Section::RiskModels => {
            wanted.risk_models = all.risk_models;
            wanted.risk_models[0].intercept = 0.0;
        }
        Section::Parameters => {
            wanted.parameters = [("slate.category_cap".to_owned(), "2".to_owned())].into();
        }
        Section::Segmentations => {
            wanted.segmentations = all.segmentations;
            wanted.segmentations[0].otherwise = "other".to_owned();
        }
        Section::Campaigns => wanted.campaigns = vec![spring()],
    }
    Some(put_settings(plane, wanted).await)
}

fn spring() -> Campaign {
    Campaign {
        campaign_id: "spring".to_owned(),
        ..Campaign::default()
    }
}

async fn put_plan(plane: &Plane, plan: ExperimentPlan) -> Result<(), Status> {
    let request = PutExperimentsRequest {
        tenant: TENANT.to_owned(),
        plan: Some(plan),
    };
    plane.drafts().put_experiments(request).await.map(drop)
}

async fn put_settings(plane: &Plane, settings: Release) -> Result<(), Status> {
    let request = PutSettingsRequest {
        tenant: TENANT.to_owned(),
        settings: Some(settings),
        clear: Vec::new(),
    };
    plane.drafts().put_settings(request).await.map(drop)
}

async fn draft(plane: &Plane) -> Release {
    let request = GetDraftRequest {
        tenant: TENANT.to_owned(),
    };
    let answer = plane.drafts().get_draft(request).await.expect("a draft");
    answer.into_inner().draft.expect("a draft")
}

fn loan() -> Product {
    let money = |minor| {
        Some(Money {
            minor,
            currency: "CNY".to_owned(),
        })
    };
    let terms = LoanTerms {
        min_amount: money(100_000),
        max_amount: money(5_000_000),
        amount_step_minor: 10_000,
        tenors_months: vec![6, 12],
        repayment: RepaymentMethod::Annuity.into(),
        origination_fee_ppm: 0,
    };
    Product {
        product_id: "CL-1".to_owned(),
        name: "Cash".to_owned(),
        kind: ProductKind::CashLoan.into(),
        terms: Some(Terms::Loan(terms)),
        ..deposit("CL-1")
    }
}

/// Returns a plane of the tools over a draft with every section but models.
async fn with_a_draft(home: &Home) -> Plane {
    let plane = Plane::start(home);
    plane.put(vec![deposit("D-1"), loan()]).await;
    put_settings(&plane, settings()).await.expect("put");
    for strategy in defaults::strategies().expect("the defaults read") {
        let request = PutStrategyRequest {
            tenant: TENANT.to_owned(),
            strategy: Some(strategy),
        };
        plane.drafts().put_strategy(request).await.expect("put");
    }
    put_plan(&plane, plan(7, &[("c-1", "a")]))
        .await
        .expect("put");
    plane
}

/// Each role changes each section exactly if it has the permission that edits it.
async fn a_role_changes_its_own_sections(home: Home) {
    for role in Role::ALL {
        let home = home.another();
        let tools = with_a_draft(&home).await;
        let plane = Plane::start_for(&home, person(role.permissions()));
        for section in Section::all() {
            let (before, rows) = (draft(&tools).await, tools.audit_rows().await.len());
            let Some(done) = change(&plane, section).await else {
                continue;
            };
            let after = draft(&tools).await;
            let may = role.permissions().contains(section.permission());
            assert_eq!(done.is_ok(), may, "{role} {section}: {done:?}");
            assert_eq!(after != before, may, "{role} {section}");
            if let Err(refused) = done {
                assert_eq!(refused.code(), Code::PermissionDenied, "{role} {section}");
                let named = permission_name(section.permission());
                assert!(refused.message().contains(&named), "{section}: {refused}");
                assert_eq!(tools.audit_rows().await.len(), rows);
            }
            // As it was, for the next section.
            put_settings(
                &tools,
                Release {
                    campaigns: before.campaigns,
                    ..settings()
                },
            )
            .await
            .expect("put");
            put_plan(&tools, plan(7, &[("c-1", "a")]))
                .await
                .expect("put");
        }
    }
}

/// A call with one section too many changes none of them.
async fn nothing_is_half_applied(home: Home) {
    let tools = with_a_draft(&home).await;
    let before = draft(&tools).await;
    let owner = Plane::start_for(&home, person(Role::Owner.permissions()));
    let mut guardrails = settings().guardrails;
    guardrails[0].licence = "micro-lender".to_owned();
    let both = Release {
        campaigns: vec![spring()],
        guardrails,
        ..Release::default()
    };
    let refused = put_settings(&owner, both.clone())
        .await
        .expect_err("guardrails");
    let said = "the section guardrails changes, which needs the permission guardrail.edit";
    assert_eq!(refused.message(), said);
    assert_eq!(draft(&tools).await, before);
    // What is sent as it stands is no change.
    let same = Release {
        guardrails: settings().guardrails,
        ..both
    };
    put_settings(&owner, same).await.expect("campaigns");
    assert_eq!(draft(&tools).await.campaigns, [spring()]);

    // To clear a section is to change it.
    let request = PutSettingsRequest {
        tenant: TENANT.to_owned(),
        settings: None,
        clear: vec!["cost_models".to_owned()],
    };
    let refused = owner.drafts().put_settings(request).await;
    let refused = refused.expect_err("cost models");
    assert!(refused.message().contains("guardrail.edit"), "{refused}");
}

/// Nobody with one role edits both a rate card and what holds it.
async fn the_owner_of_a_card_does_not_move_what_holds_it(home: Home) {
    let tools = with_a_draft(&home).await;
    let (owner, risk) = (Role::Owner, Role::Risk);
    let owner = Plane::start_for(&home, person(owner.permissions()));
    let risk = Plane::start_for(&home, person(risk.permissions()));
    let mut card = cash_loan();
    card.rate_card.as_mut().expect("a card").rows[4].cells[3] = "10.2%".to_owned();
    let request = |strategy: Strategy| PutStrategyRequest {
        tenant: TENANT.to_owned(),
        strategy: Some(strategy),
    };
    let refused = risk.drafts().put_strategy(request(card.clone())).await;
    let refused = refused.expect_err("a card");
    assert!(refused.message().contains("strategy.edit"), "{refused}");
    owner
        .drafts()
        .put_strategy(request(card))
        .await
        .expect("its own");

    // Below the floor, until risk says that money is cheaper.
    let mut cheap = cash_loan();
    for row in &mut cheap.rate_card.as_mut().expect("a card").rows {
        (row.cells[3], row.cells[4]) = ("6%".to_owned(), "0%".to_owned());
    }
    let refused = owner.drafts().put_strategy(request(cheap.clone())).await;
    let refused = refused.expect_err("a floor");
    assert!(refused.message().contains("below the floor"), "{refused}");
    assert!(
        change(&owner, Section::CostModels)
            .await
            .expect("one")
            .is_err()
    );
    let mut cost_models = settings().cost_models;
    (cost_models[0].lgd_ppm, cost_models[0].operating_ppm) = (0, 0);
    cost_models[0]
        .ftp
        .iter_mut()
        .for_each(|point| point.rate_ppm = 0);
    let cheaper = Release {
        cost_models,
        ..Release::default()
    };
    put_settings(&risk, cheaper).await.expect("its own");
    owner
        .drafts()
        .put_strategy(request(cheap))
        .await
        .expect("covered");
    assert_eq!(draft(&tools).await.strategies[0].version, 3);
}

/// A caller who speaks for a customer puts this customer into no arm, whatever else it may.
async fn nobody_overrides_their_own_arm(home: Home) {
    let tools = with_a_draft(&home).await;
    let own = CustomerId::new("c-1").expect("a customer");
    let caller = person(Permissions::all()).for_customer(own);
    let plane = Plane::start_for(&home, caller);
    for overrides in [&[("c-1", "b")][..], &[]] {
        let refused = put_plan(&plane, plan(7, overrides)).await.expect_err("own");
        assert_eq!(refused.code(), Code::PermissionDenied);
        assert!(refused.message().contains("c-1"), "{refused}");
    }
    let others = [("c-1", "a"), ("c-2", "b")];
    put_plan(&plane, plan(7, &others)).await.expect("another's");
    assert_eq!(draft(&tools).await.experiments, Some(plan(7, &others)));
}

/// Marketing publishes by itself what moves no price, and nothing else.
async fn marketing_publishes_what_moves_no_price(home: Home) {
    let tools = with_a_draft(&home).await;
    let marketing = Plane::start_for(&home, person(Role::Marketing.permissions()));
    let publishing = || async { marketing.releases().publish(publish()).await };
    let refused = publishing().await.expect_err("everything is new");
    assert_eq!(refused.code(), Code::PermissionDenied);
    assert!(refused.message().contains("change.publish"), "{refused}");
    tools.publish().await;

    change(&marketing, Section::Campaigns)
        .await
        .expect("one")
        .expect("its own");
    put_plan(&marketing, plan(9, &[("c-1", "a")]))
        .await
        .expect("its own");
    publishing().await.expect("a campaign and an experiment");
    let mut guardrails = settings().guardrails;
    guardrails[0].max_change_ppm = 0;
    let held = Release {
        guardrails,
        ..Release::default()
    };
    put_settings(&tools, held).await.expect("put");
    let refused = publishing().await.expect_err("guardrails");
    let said =
        "publishing this needs the permission change.publish: it changes the section guardrails";
    assert_eq!(refused.message(), said);
    assert_eq!(tools.release(0).await.expect("in force").revision, 2);
    let held = Role::Marketing.permissions();
    assert!(!held.contains(Permission::ChangePublish));
}

on_both!(
    a_role_changes_its_own_sections,
    nothing_is_half_applied,
    the_owner_of_a_card_does_not_move_what_holds_it,
    nobody_overrides_their_own_arm,
    marketing_publishes_what_moves_no_price,
);
