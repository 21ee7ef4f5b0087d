//! Prices and refusals, to the byte: a digest of each product's answers over a grid of customers
//! and requests. A digest changes only with a change of prices that is meant; the grid then shows
//! which product it reaches.

use fairlead_domain::{Currency, Money};
use fairlead_price_engine::Engine;
use prost::Message as _;

use crate::support::{ask, customer, engine};

/// A digest by product, over the answers in the order of the grid.
const DIGESTS: [(&str, u64); 9] = [
    ("LOAN", 0x932b_3956_ff59_9910),
    ("LOAN-FEE", 0x6a8e_8512_6131_db0f),
    ("BULLET", 0x2ea9_d5cf_5dfe_c059),
    ("PLAN", 0xfe3b_0672_9d6f_5e0d),
    ("CARD", 0xb4aa_9c63_bb66_cde9),
    ("CARD-FEE", 0xd9ec_ea04_a060_13b9),
    ("FUND", 0x2739_cc26_1721_4985),
    ("DEPOSIT", 0x1dd5_020e_f3b6_2f85),
    ("INSURANCE", 0x59e2_77f6_324c_8505),
];

const SCORES: [f64; 6] = [800.0, 700.0, 650.0, 610.0, 560.0, 480.0];
/// Income, debt service, and exposure elsewhere.
const FINANCES: [[f64; 3]; 4] = [
    [5_000_000.0, 100_000.0, 0.0],
    [800_000.0, 0.0, 19_500_000.0],
    [800_000.0, 435_000.0, 0.0],
    [333_333.0, 12_345.0, 1_234_567.0],
];
const AMOUNTS: [Option<i64>; 5] = [
    None,
    Some(300_000),
    Some(1_200_000),
    Some(9_950_000),
    Some(1),
];
const TENORS: [Option<i32>; 4] = [None, Some(3), Some(24), Some(7)];
const LAST_RATES: [Option<i64>; 4] = [None, Some(72_000), Some(168_000), Some(-1)];

/// FNV-1a, 64 bits: the same on every machine, without a dependency.
fn digest(state: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(state, |state, byte| {
        (state ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

fn digest_of(engine: &Engine, product: &str) -> u64 {
    let mut state = 0xcbf2_9ce4_8422_2325;
    for score in SCORES {
        for [income, debts, elsewhere] in FINANCES {
            let features = customer()
                .with_number("bureau_score", score)
                .with_number("income_monthly_minor", income)
                .with_number("debt_service_monthly_minor", debts)
                .with_number("exposure_elsewhere_minor", elsewhere);
            for amount in AMOUNTS {
                for (tenor, last) in TENORS
                    .iter()
                    .flat_map(|tenor| LAST_RATES.map(|last| (*tenor, last)))
                {
                    let mut inputs = ask(product, None, tenor, &features);
                    inputs.amount = amount.map(|minor| Money::new(minor, Currency::CNY));
                    inputs.last_rate_ppm = last;
                    if last.is_some() {
                        inputs.segment = Some("established");
                    }
                    let bytes = match engine.price(&inputs) {
                        Ok(price) => price.encode_to_vec(),
                        Err(refusal) => refusal.encode_to_vec(),
                    };
                    state = digest(digest(state, &bytes), &[0xff]);
                }
            }
        }
    }
    state
}

#[test]
fn prices_and_refusals_are_those_of_the_digests() {
    let engine = engine();
    let found = DIGESTS.map(|(product, _)| (product, digest_of(&engine, product)));
    assert_eq!(found, DIGESTS, "{found:#x?}");
}
