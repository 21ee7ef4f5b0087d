//! Products that a release takes away: a short file must not empty a catalogue unnoticed.

use std::collections::BTreeSet;

use fairlead_proto::control::v1::Release;

use crate::Error;

/// Products that an error names.
const NAMED: usize = 10;
const PERCENT: usize = 100;

/// Refuses a release that takes away more of the products on offer than `percent` of them, and more
/// than `allowed`.
pub(crate) fn check(
    release: &Release,
    in_force: &Release,
    percent: u32,
    allowed: i32,
) -> Result<(), Error> {
    let before = on_offer(in_force);
    let after = on_offer(release);
    let gone: Vec<&str> = before.difference(&after).copied().collect();
    let few = gone.len() * PERCENT <= before.len() * percent as usize;
    if few || usize::try_from(allowed).is_ok_and(|allowed| gone.len() <= allowed) {
        return Ok(());
    }
    let named = gone
        .iter()
        .take(NAMED)
        .copied()
        .collect::<Vec<_>>()
        .join(", ");
    let more = if gone.len() > NAMED { ", ..." } else { "" };
    Err(Error::Argument {
        field: "allow_removals",
        value: allowed.to_string(),
        allowed: format!(
            "at least {}, because the release takes away so many of the {} products on offer, \
             more than {percent} % (control.max_removals_percent): {named}{more}",
            gone.len(),
            before.len(),
        ),
    })
}

fn on_offer(release: &Release) -> BTreeSet<&str> {
    let catalogue = release.catalogue.iter();
    let products = catalogue.flat_map(|catalogue| &catalogue.products);
    let on_offer = products.filter(|product| product.active);
    on_offer
        .map(|product| product.product_id.as_str())
        .collect()
}
