//! The catalogue: products by id and by position.

use std::collections::HashMap;

use fairlead_proto::catalogue::v1::Product;

use crate::finding::{Finding, Rule, blocks};
use crate::products::{check_listing, check_product};

/// The checked products of a release, in the release's order. Ids are unique.
#[derive(Debug, Clone, Default)]
pub struct Catalogue {
    products: Vec<Product>,
    index: HashMap<String, u32>,
}

impl Catalogue {
    /// Checks and indexes products.
    ///
    /// # Errors
    /// Every finding: ids that are repeated or not allowed, terms that are not the kind's,
    /// amounts, currencies, rates and tenors out of range.
    pub fn new(products: Vec<Product>) -> Result<Self, Vec<Finding>> {
        let mut findings: Vec<Finding> = products.iter().flat_map(check_product).collect();
        let catalogue = Self::index(products, &mut findings);
        if blocks(&findings) {
            Err(findings)
        } else {
            Ok(catalogue)
        }
    }

    /// Checks and indexes products whose terms are checked elsewhere, and adds the findings.
    pub(crate) fn with_listings(products: Vec<Product>, findings: &mut Vec<Finding>) -> Self {
        findings.extend(products.iter().flat_map(check_listing));
        Self::index(products, findings)
    }

    /// Indexes products and adds a finding for each repeated id, of which the first counts.
    fn index(products: Vec<Product>, findings: &mut Vec<Finding>) -> Self {
        let mut index = HashMap::with_capacity(products.len());
        let mut repeats: HashMap<&str, usize> = HashMap::new();
        for (position, product) in products.iter().enumerate() {
            let id = product.product_id.as_str();
            if index.contains_key(id) {
                *repeats.entry(id).or_insert(1) += 1;
            } else {
                index.insert(id.to_owned(), position as u32);
            }
        }
        let mut repeats: Vec<_> = repeats.into_iter().collect();
        repeats.sort_unstable();
        for (id, times) in repeats {
            let allowed = format!("each id once; this one is there {times} times");
            findings.push(Finding::error(Rule::Duplicate, "product id", id, allowed));
        }
        Self { products, index }
    }

    /// Returns the product of an id, or `None` if the catalogue has no such id.
    pub fn get(&self, id: &str) -> Option<&Product> {
        self.products.get(*self.index.get(id)? as usize)
    }

    /// Returns the position of an id in [`Catalogue::products`], or `None` if it has none.
    pub fn index_of(&self, id: &str) -> Option<u32> {
        self.index.get(id).copied()
    }

    /// Returns every product, the withdrawn ones too.
    pub fn products(&self) -> &[Product] {
        &self.products
    }

    /// Returns the number of products.
    pub fn len(&self) -> usize {
        self.products.len()
    }

    /// Returns true if there is no product.
    pub fn is_empty(&self) -> bool {
        self.products.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::products::tests::{deposit, fund};

    #[test]
    fn finds_products_by_id_and_position() {
        let catalogue = Catalogue::new(vec![fund("F-1", 2), deposit("D-1")]).expect("valid");
        assert_eq!(catalogue.index_of("D-1"), Some(1));
        assert_eq!(
            catalogue.get("F-1").map(|found| found.product_id.as_str()),
            Some("F-1")
        );
        assert_eq!(catalogue.get("F-2"), None);
        assert_eq!(catalogue.len(), 2);
    }

    #[test]
    fn repeated_ids_are_named_once_with_their_number() {
        let products = vec![
            deposit("D-1"),
            deposit("D-2"),
            deposit("D-1"),
            deposit("D-1"),
        ];
        let findings = Catalogue::new(products).expect_err("repeated");
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert_eq!(
            findings[0].to_string(),
            "product id is `D-1`; allowed: each id once; this one is there 3 times"
        );
    }
}
