//! Releases and products.

use fairlead_proto::catalogue::v1::product::Terms;
use fairlead_proto::catalogue::v1::{Catalogue, DepositTerms, Product, ProductKind};
use fairlead_proto::control::v1::Release;
use fairlead_proto::money::v1::Money;
use fairlead_release::{Live, content_hash};

/// Returns a release of these products and no more.
pub fn release(revision: i64, products: Vec<Product>) -> Release {
    Release {
        revision,
        tenant: "acme".into(),
        catalogue: Some(Catalogue { products }),
        ..Release::default()
    }
}

/// Returns the release with the hash of its content, as a control plane sends it.
pub fn sealed(mut release: Release) -> Release {
    release.content_hash = content_hash(&release);
    release
}

/// Returns the release as a service takes it.
///
/// # Panics
/// The release does not pass its checks.
pub fn checked(release: Release) -> Live {
    Live::check(sealed(release)).expect("the test's release passes its checks")
}

/// Returns an amount in fen.
pub fn cny(minor: i64) -> Money {
    Money {
        minor,
        currency: "CNY".into(),
    }
}

/// Returns a deposit that was listed long ago.
pub fn deposit(id: &str) -> Product {
    let terms = DepositTerms {
        yield_ppm: 15_000,
        tenor_months: 12,
        min_amount: Some(cny(5_000)),
    };
    Product {
        product_id: id.into(),
        name: id.into(),
        kind: ProductKind::Deposit.into(),
        currency: "CNY".into(),
        active: true,
        listed_at_ms: 1_000,
        terms: Some(Terms::Deposit(terms)),
        ..Product::default()
    }
}
