//! The release that tests are served with.

use fairlead_proto::catalogue::v1::product::Terms;
use fairlead_proto::catalogue::v1::{
    Catalogue, DepositTerms, Eligibility, FundTerms, Product, ProductKind,
};
use fairlead_proto::control::v1::Release;
use fairlead_proto::money::v1::Money;
use fairlead_release::{Live, content_hash};

/// The instant at which tests ask.
pub(crate) const NOW_MS: i64 = 1_760_000_000_000;

/// The products of the release, in its order. `adults-only` is for customers of 18 years and older.
pub(crate) const PRODUCTS: [&str; 3] = ["deposit-1", "adults-only", "fund-1"];

/// A release of the tenant `acme`, checked.
pub(crate) fn live(revision: i64) -> Live {
    let adults = Eligibility {
        min_age_years: Some(18),
        ..Eligibility::default()
    };
    let products = vec![
        deposit("deposit-1"),
        Product {
            eligibility: Some(adults),
            ..deposit("adults-only")
        },
        fund("fund-1"),
    ];
    let mut release = Release {
        revision,
        tenant: "acme".to_owned(),
        catalogue: Some(Catalogue { products }),
        // The order is then that of the values.
        parameters: [("slate.exploration".to_owned(), "0".to_owned())].into(),
        ..Release::default()
    };
    release.content_hash = content_hash(&release);
    Live::check(release).expect("a release that passes")
}

fn smallest() -> Option<Money> {
    Some(Money {
        minor: 5_000,
        currency: "CNY".to_owned(),
    })
}

fn deposit(id: &str) -> Product {
    let terms = DepositTerms {
        yield_ppm: 15_000,
        tenor_months: 12,
        min_amount: smallest(),
    };
    Product {
        product_id: id.to_owned(),
        name: id.to_owned(),
        kind: ProductKind::Deposit.into(),
        category: id.to_owned(),
        currency: "CNY".to_owned(),
        active: true,
        listed_at_ms: 1_000,
        terms: Some(Terms::Deposit(terms)),
        ..Product::default()
    }
}

fn fund(id: &str) -> Product {
    let terms = FundTerms {
        risk_class: 1,
        min_amount: smallest(),
        ..FundTerms::default()
    };
    Product {
        kind: ProductKind::Fund.into(),
        terms: Some(Terms::Fund(terms)),
        ..deposit(id)
    }
}
