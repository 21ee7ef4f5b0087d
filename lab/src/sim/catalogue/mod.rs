//! The demo's catalogue: more than three hundred products of six kinds in yuan, with terms that the
//! default strategies price within the law.
//!
//! Ids describe the product and never change. The seed changes terms, the instant only the dates of
//! listing.

mod credit;
mod insurance;
mod savings;

use fairlead_proto::catalogue::v1::product::Terms;
use fairlead_proto::catalogue::v1::{Eligibility, Product, ProductKind};
use fairlead_proto::money::v1::Money;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

pub(crate) use insurance::LINES as INSURANCE_LINES;

const DAY_MS: i64 = 86_400_000;
/// The instant from which [`catalogue`] counts listing dates back: 2025-10-01.
const REFERENCE_MS: i64 = 1_759_276_800_000;
/// One product in this many was listed within the last thirty days.
const NEW_EVERY: u32 = 16;

/// Regions of the population; some products are offered in five of them only.
pub(crate) const REGIONS: [&str; 8] = [
    "beijing",
    "shanghai",
    "guangdong",
    "zhejiang",
    "jiangsu",
    "sichuan",
    "hubei",
    "shaanxi",
];

/// The providers of the products: code and name. The last two offer products in some regions only.
const PROVIDERS: [(&str, &str); 6] = [
    ("jade", "Jade River 玉河"),
    ("crane", "Golden Crane 金鹤"),
    ("lotus", "White Lotus 白莲"),
    ("bamboo", "Bamboo Bridge 竹桥"),
    ("lantern", "Red Lantern 红灯"),
    ("silk", "Silk Road 丝路"),
];

/// A line of products within a kind: one product per provider.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ProductLine {
    /// The category, and part of the product's id.
    pub(crate) category: &'static str,
    /// The name, without that of the provider.
    name: &'static str,
}

const fn line(category: &'static str, name: &'static str) -> ProductLine {
    ProductLine { category, name }
}

/// A product being generated: its line, its provider and its own random numbers.
struct ProductDraft {
    line: ProductLine,
    provider: usize,
    dice: ChaCha8Rng,
}

impl ProductDraft {
    /// Returns a random multiple of `step` within `share` of `middle` either way, at least `step`.
    fn vary(&mut self, middle: i64, share: f64, step: i64) -> i64 {
        let factor = 1.0 + self.dice.random_range(-share..=share);
        ((middle as f64 * factor / step as f64).round() as i64).max(1) * step
    }

    fn finish(mut self, kind: ProductKind, terms: Terms, eligibility: Eligibility) -> Product {
        let (code, provider) = PROVIDERS[self.provider];
        let local = self.provider >= 4 && eligibility.regions.is_empty();
        let regions = if local {
            self.some_regions()
        } else {
            eligibility.regions
        };
        let ProductLine { category, name } = self.line;
        Product {
            product_id: format!("{}-{category}-{code}", prefix(kind)),
            name: format!("{provider} {name}"),
            kind: kind.into(),
            category: category.to_owned(),
            currency: "CNY".to_owned(),
            active: true,
            eligibility: Some(Eligibility {
                regions,
                ..eligibility
            }),
            // The age for now; `catalogue_at` converts it to a date.
            listed_at_ms: self.age_days() * DAY_MS,
            tags: vec![category.to_owned(), code.to_owned()],
            terms: Some(terms),
            ..Product::default()
        }
    }

    /// Returns five of the eight regions.
    fn some_regions(&mut self) -> Vec<String> {
        let first = self.dice.random_range(0..REGIONS.len());
        let mut regions: Vec<String> = (0..5)
            .map(|step| REGIONS[(first + step) % REGIONS.len()].to_owned())
            .collect();
        regions.sort_unstable();
        regions
    }

    fn age_days(&mut self) -> i64 {
        if self.dice.random_ratio(1, NEW_EVERY) {
            self.dice.random_range(1..30)
        } else {
            self.dice.random_range(30..3_000)
        }
    }
}

/// Returns the prefix of the ids of a kind's products.
fn prefix(kind: ProductKind) -> &'static str {
    match kind {
        ProductKind::CashLoan => "loan",
        ProductKind::InstalmentPlan => "plan",
        ProductKind::CreditCard => "card",
        ProductKind::Fund => "fund",
        ProductKind::Deposit => "deposit",
        ProductKind::Insurance => "cover",
        ProductKind::Unspecified => "product",
    }
}

fn yuan(amount: i64) -> Option<Money> {
    Some(Money {
        minor: amount * 100,
        currency: "CNY".to_owned(),
    })
}

fn words(list: &[&str]) -> Vec<String> {
    list.iter().map(|word| (*word).to_owned()).collect()
}

/// Returns the product that `make` returns for every line and provider.
fn of_lines<T: Copy>(
    lines: &[(ProductLine, T)],
    seed: u64,
    make: impl Fn(ProductDraft, T) -> Product,
) -> Vec<Product> {
    let each_provider = |(line, terms): &(ProductLine, T)| {
        let (line, terms) = (*line, *terms);
        (0..PROVIDERS.len()).map(move |provider| (line, terms, provider))
    };
    lines
        .iter()
        .flat_map(each_provider)
        .map(|(line, terms, provider)| {
            let dice = dice_of(seed, line.category, provider);
            let draft = ProductDraft {
                line,
                provider,
                dice,
            };
            make(draft, terms)
        })
        .collect()
}

/// Returns the random numbers of one product, which do not depend on other products (FNV-1a over
/// the category).
fn dice_of(seed: u64, category: &str, provider: usize) -> ChaCha8Rng {
    let start = 0xcbf2_9ce4_8422_2325 ^ seed;
    let hash = category.bytes().fold(start, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    ChaCha8Rng::seed_from_u64(hash.wrapping_add(provider as u64))
}

/// Returns the catalogue, with listing dates that count back from 2025-10-01.
pub fn catalogue(seed: u64) -> Vec<Product> {
    catalogue_at(seed, REFERENCE_MS)
}

/// Returns the catalogue as of an instant, Unix milliseconds: some products are always new.
pub fn catalogue_at(seed: u64, as_of_ms: i64) -> Vec<Product> {
    let mut products = credit::loans(seed);
    products.extend(credit::plans(seed));
    products.extend(credit::cards(seed));
    products.extend(savings::funds(seed));
    products.extend(savings::deposits(seed));
    products.extend(insurance::policies(seed));
    for product in &mut products {
        let age = product.listed_at_ms;
        product.listed_at_ms = (as_of_ms - age).max(0);
    }
    products
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use fairlead_price_engine::{LintContext, defaults, lint};
    use fairlead_release::check_product;

    use super::*;

    #[test]
    fn there_are_more_than_three_hundred_of_six_kinds_with_ids_of_their_own() {
        let products = catalogue(1);
        assert!(products.len() >= 300, "{}", products.len());
        let ids: BTreeSet<&str> = products.iter().map(|one| one.product_id.as_str()).collect();
        assert_eq!(ids.len(), products.len());
        let mut kinds: BTreeMap<i32, usize> = BTreeMap::new();
        for product in &products {
            *kinds.entry(product.kind).or_default() += 1;
        }
        assert_eq!(kinds.len(), 6);
        assert!(kinds.values().all(|count| *count >= 30), "{kinds:?}");
    }

    #[test]
    fn ids_stay_and_terms_follow_the_seed() {
        let (one, again, other) = (catalogue(1), catalogue(1), catalogue(2));
        assert_eq!(one, again);
        let ids = |products: &[Product]| -> Vec<String> {
            products.iter().map(|one| one.product_id.clone()).collect()
        };
        assert_eq!(ids(&one), ids(&other));
        assert_ne!(one, other);
    }

    #[test]
    fn some_products_are_new_at_any_instant_and_none_is_from_the_future() {
        let now_ms = REFERENCE_MS + 400 * DAY_MS;
        let products = catalogue_at(1, now_ms);
        let new = |one: &&Product| one.listed_at_ms > now_ms - 30 * DAY_MS;
        let count = products.iter().filter(new).count();
        assert!((8..40).contains(&count), "{count}");
        assert!(products.iter().all(|one| one.listed_at_ms < now_ms));
    }

    #[test]
    fn every_product_passes_the_check_of_a_release() {
        for product in catalogue(7) {
            let findings = check_product(&product);
            assert!(findings.is_empty(), "{findings:?}");
        }
    }

    #[test]
    fn the_default_strategies_price_all_of_it_within_the_law() {
        let settings = defaults::settings().expect("the defaults parse");
        let products = catalogue(7);
        let context = LintContext {
            cost_models: &settings.cost_models,
            guardrails: &settings.guardrails,
            risk_models: &settings.risk_models,
            rule_packs: &settings.rule_packs,
            products: &products,
            default_strategies: &settings.default_strategies,
            as_of_ms: REFERENCE_MS,
        };
        for strategy in defaults::strategies().expect("the defaults parse") {
            let findings = lint(&strategy, &context);
            let errors: Vec<_> = findings
                .iter()
                .filter(|one| one.severity == "error")
                .take(3)
                .collect();
            assert!(errors.is_empty(), "{}: {errors:#?}", strategy.strategy_id);
        }
    }
}
