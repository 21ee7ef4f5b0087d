//! Stages that fail or are slow: the answer names them, and shows what can be shown without them.

use fairlead_gateway::{Config, StageShares};
use fairlead_proto::decision::v1::Degradation;
use fairlead_proto::gateway::v1::{RecommendRequest, RecommendResponse};
use fairlead_proto::profile::v1::GetProfileResponse;
use tonic::Code;

use crate::setup::{Setup, config};
use crate::slates::{ids, request};
use crate::stubs::Stubs;

/// Failures of a stage, and the causes that an answer names.
const FAULTS: [(Code, &str); 4] = [
    (Code::Unavailable, "unavailable"),
    (Code::ResourceExhausted, "overloaded"),
    (Code::FailedPrecondition, "not ready"),
    (Code::Internal, "error"),
];

/// A stage with its fallback, and the slate without it.
struct Case {
    stage: &'static str,
    fallback: &'static str,
    slate: &'static [&'static str],
    personalised: bool,
}

const CASES: [Case; 4] = [
    Case {
        stage: "profile",
        fallback: "facts last known, nothing personal, standard rate card",
        // Nobody knows the age; nobody who is unknown is ranked.
        slate: &["deposit-1", "fund-1"],
        personalised: false,
    },
    Case {
        stage: "recall",
        fallback: "the release's own list",
        slate: &["fund-1", "adults-only", "deposit-1"],
        personalised: true,
    },
    Case {
        stage: "ranking",
        fallback: "recall's order",
        slate: &["deposit-1", "adults-only", "fund-1"],
        personalised: true,
    },
    Case {
        stage: "pricing",
        fallback: "no priced product is shown",
        slate: &[],
        personalised: true,
    },
];

/// Lets a stage fail with a code, or hang.
fn break_stage(stubs: &Stubs, stage: &str, fault: Option<Code>) {
    match (stage, fault) {
        ("profile", Some(code)) => stubs.get_profile.fail(code),
        ("profile", None) => stubs.get_profile.hang(),
        ("recall", Some(code)) => stubs.recall.fail(code),
        ("recall", None) => stubs.recall.hang(),
        ("ranking", Some(code)) => stubs.rank.fail(code),
        ("ranking", None) => stubs.rank.hang(),
        ("pricing", Some(code)) => stubs.price_many.fail(code),
        ("pricing", None) => stubs.price_many.hang(),
        (other, _) => panic!("no stage {other}"),
    }
}

/// A configuration under which `slow` is given up after a second, and every other stage has time.
fn short_for(slow: &str) -> Config {
    let share = |stage: &str| if stage == slow { 0.05 } else { 0.9 };
    Config {
        shares: StageShares {
            profile: share("profile"),
            recall: share("recall"),
            ranking: share("ranking"),
            pricing: share("pricing"),
        },
        ..config()
    }
}

async fn slate(setup: &Setup, request: RecommendRequest) -> RecommendResponse {
    let answer = setup.recommendations().recommend(request).await;
    answer.expect("an answer, whatever is away").into_inner()
}

fn check(case: &Case, cause: &str, answer: &RecommendResponse) {
    let what = format!("{} {cause}", case.stage);
    let expected = Degradation {
        stage: case.stage.to_owned(),
        cause: cause.to_owned(),
        fallback: case.fallback.to_owned(),
    };
    assert_eq!(answer.degraded, [expected], "{what}");
    assert_eq!(ids(answer), case.slate, "{what}");
    assert_eq!(answer.personalised, case.personalised, "{what}");
}

#[tokio::test]
async fn each_stage_that_fails_is_named_and_its_fallback_shown() {
    for case in &CASES {
        let setup = Setup::start().await;
        for (code, cause) in FAULTS {
            break_stage(&setup.stubs, case.stage, Some(code));
            check(case, cause, &slate(&setup, request("c-1")).await);
        }
    }
}

#[tokio::test]
async fn each_stage_that_hangs_is_given_up_after_its_share_of_the_time() {
    for case in &CASES {
        let setup = Setup::start_with(short_for(case.stage)).await;
        break_stage(&setup.stubs, case.stage, None);
        check(case, "deadline", &slate(&setup, request("c-1")).await);
    }
}

#[tokio::test]
async fn without_any_service_the_own_list_is_shown_to_surfaces_without_prices() {
    let setup = Setup::start().await;
    for case in CASES {
        break_stage(&setup.stubs, case.stage, Some(Code::Unavailable));
    }
    let unpriced = RecommendRequest {
        without_prices: true,
        ..request("c-1")
    };
    let answer = slate(&setup, unpriced).await;
    assert_eq!(ids(&answer), ["deposit-1", "fund-1"]);
    let named: Vec<&str> = answer.degraded.iter().map(|one| &*one.stage).collect();
    assert_eq!(named, ["profile", "recall"]);
}

#[tokio::test]
async fn facts_last_known_keep_eligible_products_on_the_slate_without_a_profile() {
    let setup = Setup::start().await;
    slate(&setup, request("known")).await;
    setup.stubs.get_profile.fail(Code::Unavailable);
    let known = slate(&setup, request("known")).await;
    assert_eq!(ids(&known), ["deposit-1", "adults-only", "fund-1"]);
    assert!(!known.personalised);
    let unknown = slate(&setup, request("unknown")).await;
    assert_eq!(ids(&unknown), ["deposit-1", "fund-1"], "no age, no adult");
}

#[tokio::test]
async fn an_answer_without_a_profile_in_it_counts_as_a_failure() {
    let setup = Setup::start().await;
    let empty = |_: &_| Ok(GetProfileResponse::default());
    setup.stubs.get_profile.answer(empty);
    let answer = slate(&setup, request("c-1")).await;
    assert_eq!(answer.degraded.len(), 1);
    assert_eq!(
        (&*answer.degraded[0].stage, &*answer.degraded[0].cause),
        ("profile", "error")
    );
}

#[tokio::test]
async fn a_service_that_refuses_the_request_itself_refuses_the_call() {
    let setup = Setup::start().await;
    setup.stubs.recall.fail(Code::InvalidArgument);
    let refused = setup.recommendations().recommend(request("c-1")).await;
    assert_eq!(refused.expect_err("refused").code(), Code::InvalidArgument);
}

#[tokio::test]
async fn without_a_release_no_slate_is_made() {
    let setup = Setup::without_release().await;
    let refused = setup.recommendations().recommend(request("c-1")).await;
    let refused = refused.expect_err("no release");
    assert_eq!(refused.code(), Code::Unavailable);
    assert!(refused.message().contains("release"), "{refused:?}");
}
