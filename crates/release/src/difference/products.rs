//! The products that are added, changed, withdrawn or gone.

use std::collections::BTreeMap;

use fairlead_proto::catalogue::v1::Product;
use fairlead_proto::control::v1::Release;

use super::collect::Collector;
use super::value::Parts;
use super::{Change, ChangeKind, json};
use crate::section::{Section, products};

const SECTION: Section = Section::Products;

/// Notes the products that differ. One that is withdrawn is said to be that, and nothing else.
pub(super) fn compare(before: &Release, after: &Release, found: &mut Collector) {
    let old = by_id(before);
    let new = by_id(after);
    for (id, product) in &old {
        match new.get(id) {
            None => found.note(SECTION, id, "", Some(product.name.clone()), None),
            Some(now) if now == product => {}
            Some(now) if product.active && !now.active => found.push(Change {
                section: SECTION,
                object: (*id).to_owned(),
                part: String::new(),
                kind: ChangeKind::Withdrawn,
                before: product.name.clone(),
                after: String::new(),
            }),
            Some(now) => {
                let parts = Parts {
                    section: SECTION,
                    object: id,
                };
                parts.compare(String::new(), &json(product), &json(now), found);
            }
        }
    }
    for (id, product) in new.iter().filter(|(id, _)| !old.contains_key(*id)) {
        found.note(SECTION, id, "", None, Some(product.name.clone()));
    }
}

fn by_id(release: &Release) -> BTreeMap<&str, &Product> {
    let products = products(release).iter();
    products.map(|one| (one.product_id.as_str(), one)).collect()
}
