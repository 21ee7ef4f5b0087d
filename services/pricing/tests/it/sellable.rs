//! Firm quotes follow the judge of the slate: at creation, and again at acceptance.

use fairlead_proto::catalogue::v1::{Catalogue, Eligibility, FundTerms, Product, ProductKind};
use fairlead_proto::catalogue::v1::{DepositTerms, product::Terms};
use fairlead_proto::control::v1::Release;
use fairlead_proto::pricing::v1::create_quote_response::Outcome;
use fairlead_proto::pricing::v1::{
    AcceptQuoteRequest, CreateQuoteRequest, CustomerFacts, RefusalCause,
};
use fairlead_release::eligibility::{EligibilityFacts, judge};
use fairlead_release_follow::ReleaseHandle;
use tonic::{Code, Status};

use crate::support::{NOW_MS, Setup, asked, checked, cny, context, facts, item, release, until};

/// Numbers that are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) % bound
    }

    fn one_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }
}

const REGIONS: [&str; 3] = ["", "110000", "310000"];
const EMPLOYMENT: [&str; 3] = ["", "salaried", "student"];

/// A product that everyone gets a price for, with random bounds.
fn product(number: u64, dice: &mut Dice) -> Product {
    let names = |dice: &mut Dice, of: [&str; 3]| -> Vec<String> {
        of.iter()
            .skip(1)
            .filter(|_| dice.one_in(4))
            .map(|name| (*name).to_owned())
            .collect()
    };
    let bounds = Eligibility {
        min_age_years: dice.one_in(3).then(|| 18 + dice.below(10) as i32),
        max_age_years: dice.one_in(4).then(|| 40 + dice.below(20) as i32),
        min_income_monthly_minor: dice.one_in(4).then(|| dice.below(1_000_000) as i64),
        regions: names(dice, REGIONS),
        employment: names(dice, EMPLOYMENT),
        new_customers_only: dice.one_in(6),
        repeatable: dice.one_in(2),
    };
    let (kind, terms) = if dice.one_in(2) {
        let fund = FundTerms {
            risk_class: 1 + dice.below(5) as i32,
            min_amount: cny(5_000),
            ..FundTerms::default()
        };
        (ProductKind::Fund, Terms::Fund(fund))
    } else {
        let deposit = DepositTerms {
            yield_ppm: 15_000,
            tenor_months: 12,
            min_amount: cny(5_000),
        };
        (ProductKind::Deposit, Terms::Deposit(deposit))
    };
    Product {
        product_id: format!("P-{number}"),
        name: format!("P-{number}"),
        kind: kind.into(),
        category: "test".to_owned(),
        currency: "CNY".to_owned(),
        active: !dice.one_in(12),
        listed_at_ms: if dice.one_in(12) { NOW_MS + 1 } else { 1 },
        eligibility: Some(bounds),
        terms: Some(terms),
        ..Product::default()
    }
}

fn customer(dice: &mut Dice, products: u64) -> CustomerFacts {
    CustomerFacts {
        age_years: (!dice.one_in(5)).then(|| 14 + dice.below(60) as i32),
        income_monthly_minor: (!dice.one_in(5)).then(|| dice.below(2_000_000) as i64),
        region: REGIONS[dice.below(3) as usize].to_owned(),
        employment: EMPLOYMENT[dice.below(3) as usize].to_owned(),
        suitability_class: dice.below(6) as i32,
        held_product_ids: (0..dice.below(4))
            .map(|_| format!("P-{}", dice.below(products)))
            .collect(),
    }
}

/// The facts as the slate's judge reads them from a profile.
fn of_slate(facts: &CustomerFacts) -> EligibilityFacts<'_> {
    EligibilityFacts {
        age_years: facts.age_years,
        income_monthly_minor: facts.income_monthly_minor,
        region: &facts.region,
        employment: &facts.employment,
        suitability_class: facts.suitability_class,
        held: facts.held_product_ids.iter().map(String::as_str).collect(),
    }
}

fn with_products(products: Vec<Product>) -> Release {
    Release {
        catalogue: Some(Catalogue { products }),
        ..release(1)
    }
}

fn request(key: &str, product: &Product, facts: CustomerFacts) -> CreateQuoteRequest {
    let tenor = match product.kind() {
        ProductKind::Deposit => 12,
        _ => 0,
    };
    CreateQuoteRequest {
        item: Some(item(&product.product_id, Some(100_000), tenor)),
        facts: Some(facts),
        ..asked(key)
    }
}

/// 600 random pairs of customer and product: quoted exactly when the slate's judge lets it pass.
#[tokio::test]
async fn a_product_is_quoted_exactly_when_it_may_be_shown() -> anyhow::Result<()> {
    let mut dice = Dice(7);
    let products: Vec<Product> = (0..60).map(|number| product(number, &mut dice)).collect();
    let releases = ReleaseHandle::fixed(checked(with_products(products.clone())));
    let setup = Setup::with(releases).await?;
    let (mut quoted, mut refused) = (0, 0);
    for pair in 0..600 {
        let product = &products[dice.below(60) as usize];
        let facts = customer(&mut dice, 60);
        let verdict = judge(product, &of_slate(&facts), NOW_MS);
        let key = format!("pair-{pair}");
        let answer = setup.create(request(&key, product, facts.clone())).await;
        if !product.active {
            // Not a product that could be asked for.
            assert_eq!(answer.expect_err("withdrawn").code(), Code::NotFound);
            continue;
        }
        let answer = answer?;
        match (answer.outcome, verdict) {
            (Some(Outcome::Quote(_)), Ok(_)) => quoted += 1,
            (Some(Outcome::Refusal(refusal)), Err(dropped)) => {
                assert_eq!(refusal.detail, dropped.detail);
                let cause = refusal.cause().as_str_name().replace("REFUSAL_CAUSE_", "");
                let of_slate = dropped.cause.as_str_name().replace("DROP_CAUSE_", "");
                assert_eq!(cause, of_slate, "{product:?} {facts:?}");
                refused += 1;
            }
            (outcome, verdict) => panic!("{product:?} {facts:?}: {outcome:?}, {verdict:?}"),
        }
    }
    assert!(quoted > 100 && refused > 100, "{quoted} and {refused}");
    Ok(())
}

impl Setup {
    /// Puts the next release in force, with these products, and waits until it is used.
    async fn publish_products(&self, products: Vec<Product>) {
        let revision = self.releases.revision() + 1;
        let release = Release {
            revision,
            ..with_products(products)
        };
        assert!(self.releases.put(checked(release)));
        until(self.service.prices(), |status| status.built == revision).await;
    }

    async fn accept_with(
        &self,
        quote_id: &str,
        facts: Option<CustomerFacts>,
    ) -> Result<i64, Status> {
        let request = AcceptQuoteRequest {
            quote_id: quote_id.to_owned(),
            facts,
            context: Some(context()),
        };
        let answer = self.client.clone().accept_quote(request).await?;
        Ok(answer.into_inner().accepted_at_ms)
    }
}

fn fund_for_grown_customers() -> Product {
    let fund = FundTerms {
        risk_class: 4,
        min_amount: cny(5_000),
        ..FundTerms::default()
    };
    Product {
        kind: ProductKind::Fund.into(),
        active: true,
        listed_at_ms: 1,
        eligibility: Some(Eligibility {
            min_age_years: Some(18),
            regions: vec!["BJ".to_owned()],
            ..Eligibility::default()
        }),
        terms: Some(Terms::Fund(fund)),
        ..product(0, &mut Dice(1))
    }
}

type Change = fn(&mut CustomerFacts);

/// How the customer of the quote may change, the reason and the words of the refusal.
const CHANGES: [(Change, &str, &str); 4] = [
    (
        |facts| facts.suitability_class = 1,
        "UNSUITABLE",
        "fund R4, customer C1",
    ),
    (|facts| facts.age_years = None, "INELIGIBLE", "age unknown"),
    (
        |facts| facts.region = "SH".to_owned(),
        "INELIGIBLE",
        "region SH",
    ),
    (
        |facts| facts.held_product_ids = vec!["P-0".to_owned()],
        "ALREADY_HELD",
        "held already",
    ),
];

#[tokio::test]
async fn a_quote_is_not_accepted_once_its_customer_may_not_have_it() -> anyhow::Result<()> {
    let product = fund_for_grown_customers();
    let releases = ReleaseHandle::fixed(checked(with_products(vec![product.clone()])));
    let setup = Setup::with(releases).await?;
    let quote = setup.quote(request("key-1", &product, facts())).await?;
    for (change, reason, says) in CHANGES {
        let mut now = facts();
        change(&mut now);
        let status = setup
            .accept_with(&quote.quote_id, Some(now))
            .await
            .expect_err(reason);
        assert_eq!(status.code(), Code::FailedPrecondition, "{status:?}");
        assert!(status.message().contains(says), "{status:?}");
        let (said, data) = fairlead_chassis::status::info(&status).expect("details");
        assert_eq!((&*said, &*data["value"]), (reason, &*quote.quote_id));
    }
    let unknown = setup.accept_with(&quote.quote_id, None).await;
    let unknown = unknown.expect_err("nobody's facts");
    assert_eq!(unknown.code(), Code::InvalidArgument, "{unknown:?}");

    // Withdrawn meanwhile: no more than a product that is gone altogether.
    let mut withdrawn = product.clone();
    withdrawn.active = false;
    for products in [vec![withdrawn], vec![fund_elsewhere(&product)]] {
        setup.publish_products(products).await;
        let status = setup.accept_with(&quote.quote_id, Some(facts())).await;
        let status = status.expect_err("inactive");
        let (said, _) = fairlead_chassis::status::info(&status).expect("details");
        assert_eq!(said, "INACTIVE", "{status:?}");
    }

    // Back again, it is accepted; and what was accepted stands, whatever the customer becomes.
    setup.publish_products(vec![product]).await;
    let accepted = setup.accept_with(&quote.quote_id, Some(facts())).await?;
    let mut child = facts();
    child.age_years = Some(12);
    let again = setup.accept_with(&quote.quote_id, Some(child)).await?;
    assert_eq!(again, accepted);
    Ok(())
}

fn fund_elsewhere(product: &Product) -> Product {
    Product {
        product_id: "P-OTHER".to_owned(),
        ..product.clone()
    }
}

/// The refusal is an answer of its key like any other: it stands.
#[tokio::test]
async fn a_refusal_of_the_judge_stands_under_its_key() -> anyhow::Result<()> {
    let product = fund_for_grown_customers();
    let releases = ReleaseHandle::fixed(checked(with_products(vec![product.clone()])));
    let setup = Setup::with(releases).await?;
    let mut child = facts();
    child.age_years = Some(14);
    let first = setup.create(request("key-1", &product, child)).await?;
    let Some(Outcome::Refusal(refusal)) = &first.outcome else {
        panic!("{first:?}");
    };
    assert_eq!(refusal.cause(), RefusalCause::Ineligible);
    assert_eq!(refusal.detail, "age 14, 18 or older needed");
    let again = setup.create(request("key-1", &product, facts())).await?;
    assert!(again.repeated_key);
    assert_eq!(again.outcome, first.outcome);
    setup.quote(request("key-2", &product, facts())).await?;
    Ok(())
}
