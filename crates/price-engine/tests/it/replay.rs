//! The same inputs give the same bytes: now, again, and from another compilation of the release.

use fairlead_domain::{Currency, Money};
use prost::Message as _;

use crate::support::{ask, compile, customer, engine, minor, products, release};

#[test]
fn every_kind_of_price_is_the_same_bytes_again() {
    let features = customer();
    let (first, second) = (engine(), compile(&release()));
    for product in products() {
        let inputs = ask(&product.product_id, None, None, &features);
        let price = first.price(&inputs).expect("priced");
        let bytes = price.encode_to_vec();
        assert_eq!(bytes, first.price(&inputs).expect("priced").encode_to_vec());
        assert_eq!(
            bytes,
            second.price(&inputs).expect("priced").encode_to_vec()
        );

        // From the price's own words: what was offered, asked for as such, is the same price.
        let mut again = ask(&product.product_id, None, None, &features);
        again.amount = Some(Money::new(minor(price.amount.as_ref()), Currency::CNY));
        again.tenor_months = (price.tenor_months > 0).then_some(price.tenor_months);
        assert_eq!(
            bytes,
            second.price(&again).expect("priced").encode_to_vec(),
            "{}",
            product.product_id
        );
    }
}
