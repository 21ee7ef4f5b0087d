//! Putting products: all products of a call, or none.

use std::collections::{BTreeMap, BTreeSet};

use fairlead_proto::catalogue::v1::Product;
use fairlead_proto::control::v1::{Finding, PutProductsRequest, PutProductsResponse};
use fairlead_release::Catalogue;
use serde_json::json;

use crate::Error;
use crate::call::Call;
use crate::fingerprint::{fingerprint, listed};
use crate::service::Service;

/// The changes that a call makes to the catalogue.
#[derive(Debug, Default, PartialEq)]
struct Changes {
    added: Vec<Product>,
    changed: Vec<Product>,
    withdrawn: Vec<Product>,
}

impl Service {
    pub(crate) async fn put_all_products(
        &self,
        call: &Call,
        request: PutProductsRequest,
    ) -> Result<PutProductsResponse, Error> {
        let tenant = &call.tenant;
        if request.products.is_empty() {
            return Err(Error::argument("products", "", "at least one product"));
        }
        Catalogue::new(request.products.clone()).map_err(|findings| Error::Refused {
            what: "the list of products",
            sent: true,
            findings: findings.iter().map(Finding::from).collect(),
        })?;
        let sha256 = fingerprint(&request);
        let mut write = self.parts.store.write(tenant).await?;
        let changes = changes(
            &write.products().await?,
            request.products,
            request.replace_all,
        );
        let Changes {
            added,
            changed,
            withdrawn,
        } = &changes;
        for product in added.iter().chain(changed).chain(withdrawn) {
            write.put_product(product).await?;
        }
        let ids = |products: &[Product]| {
            listed(products.iter().map(|product| product.product_id.as_str()))
        };
        let detail = json!({
            "added": ids(added),
            "changed": ids(changed),
            "withdrawn": ids(withdrawn),
            "replace_all": request.replace_all,
            "sha256": sha256,
        });
        let answer = PutProductsResponse {
            added: count(added.len()),
            changed: count(changed.len() + withdrawn.len()),
        };
        write
            .commit(self.entry(call, "products.put", "catalogue", detail))
            .await?;
        Ok(answer)
    }
}

fn count(products: usize) -> i32 {
    i32::try_from(products).unwrap_or(i32::MAX)
}

/// Returns the changes that putting `products` makes. With `replace_all`, every other product is
/// withdrawn: it stays in the catalogue, so that old decisions can be read, and is never shown.
fn changes(
    before: &BTreeMap<String, Product>,
    products: Vec<Product>,
    replace_all: bool,
) -> Changes {
    let mut changes = Changes::default();
    if replace_all {
        let kept: BTreeSet<&str> = products
            .iter()
            .map(|product| product.product_id.as_str())
            .collect();
        changes.withdrawn = before
            .values()
            .filter(|product| product.active && !kept.contains(product.product_id.as_str()))
            .map(|product| Product {
                active: false,
                ..product.clone()
            })
            .collect();
    }
    for product in products {
        match before.get(&product.product_id) {
            None => changes.added.push(product),
            Some(before) if *before != product => changes.changed.push(product),
            Some(_) => {}
        }
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn product(id: &str, name: &str) -> Product {
        Product {
            product_id: id.to_owned(),
            name: name.to_owned(),
            active: true,
            ..Product::default()
        }
    }

    #[test]
    fn products_are_added_changed_withdrawn_or_left() {
        let before: BTreeMap<String, Product> = ["a", "b", "c"]
            .map(|id| (id.to_owned(), product(id, "old")))
            .into();
        let put = vec![
            product("a", "old"),
            product("b", "new"),
            product("d", "new"),
        ];
        let some = changes(&before, put.clone(), false);
        assert_eq!(some.added, [product("d", "new")]);
        assert_eq!(some.changed, [product("b", "new")]);
        assert_eq!(some.withdrawn, []);
        let all = changes(&before, put.clone(), true);
        assert_eq!(
            all.withdrawn,
            [Product {
                active: false,
                ..product("c", "old")
            }]
        );
        // A product that is withdrawn already does not change again.
        let mut after = before;
        after.insert("c".to_owned(), all.withdrawn[0].clone());
        assert_eq!(changes(&after, put, true).withdrawn, []);
    }
}
