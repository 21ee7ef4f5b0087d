//! Imports a catalogue: all of it or nothing.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, bail};
use fairlead_chassis::link::Link;
use fairlead_proto::catalogue::v1::Product;
use fairlead_proto::control::v1::draft_service_client::DraftServiceClient;
use fairlead_proto::control::v1::{GetDraftRequest, PutProductsRequest};
use fairlead_release::Severity;
use prost::Message as _;

use super::preview;
use super::reading::Reading;
use super::refused;
use crate::columns::{CATALOGUE, CATALOGUE_NEEDED, KnownColumns};
use crate::refusal::Refusal;
use crate::report::{CatalogueChange, ImportReport, ImportSource};
use crate::rows;

/// Bytes of a catalogue, which is sent in one call.
const CATALOGUE_BYTES: usize = 4 << 20;
/// Bytes of a draft that is received.
const DRAFT_BYTES: usize = 64 << 20;
/// Duplicate ids that an error message lists.
const MAX_LISTED: usize = 10;

/// The fate of products that are not in the file.
#[derive(Clone, Copy)]
pub enum Replace<'r> {
    /// They stay.
    Keep,
    /// They are withdrawn, if the callback agrees: it is given those that are on offer now, and
    /// is not called if there are none.
    Withdraw(&'r dyn Fn(&[Product]) -> anyhow::Result<bool>),
}

/// Imports a catalogue as drafts: all products or none. If a row cannot be used or an id is
/// repeated, nothing is changed and the rejects file says why.
pub async fn catalogue(
    control: &Link,
    replace: Replace<'_>,
    source: &ImportSource<'_>,
) -> anyhow::Result<ImportReport> {
    let known = KnownColumns::new(CATALOGUE, &[]);
    let mut reading = Reading::open(source, known, CATALOGUE_NEEDED)?;
    let products = read(&mut reading)?;
    let mut report = reading.finish()?;
    check_complete(source, &report, &products)?;
    if source.dry_run {
        report.preview = preview::products(&products);
    }
    let products: Vec<Product> = products.into_iter().map(|(_, product)| product).collect();
    let mut drafts =
        DraftServiceClient::new(control.clone()).max_decoding_message_size(DRAFT_BYTES);
    let mut change = CatalogueChange::default();
    if let Replace::Withdraw(agree) = replace {
        let gone = gone(&mut drafts, source, &products).await?;
        change.withdrawn = gone.iter().map(|one| one.product_id.clone()).collect();
        let asks = !gone.is_empty() && !source.dry_run;
        if asks && !agree(&gone)? {
            bail!(
                "nothing was imported: {} products would go away",
                gone.len()
            );
        }
    }
    if !source.dry_run {
        let request = PutProductsRequest {
            tenant: source.tenant.to_string(),
            products,
            replace_all: matches!(replace, Replace::Withdraw(_)),
        };
        let bytes = request.encoded_len();
        if bytes > CATALOGUE_BYTES {
            bail!(
                "{} is a catalogue of {bytes} bytes; at most {CATALOGUE_BYTES} go in as one: \
                 split the file",
                source.file.display()
            );
        }
        let put = drafts.put_products(request).await;
        let put = put
            .map_err(|status| refused(&status))
            .context("nothing was imported")?
            .into_inner();
        let withdrawn = i32::try_from(change.withdrawn.len()).unwrap_or(i32::MAX);
        change.added = put.added;
        change.changed = put.changed.saturating_sub(withdrawn);
    }
    report.catalogue = Some(change);
    Ok(report)
}

/// Returns the products of a file with their lines; those that cannot be are rejected.
fn read(reading: &mut Reading<'_>) -> anyhow::Result<Vec<(u64, Product)>> {
    let mut products = Vec::new();
    while let Some(row) = reading.next()? {
        let product = rows::product(&row.fields).and_then(checked);
        match product {
            Ok(product) => products.push((row.line, product)),
            Err(refusal) => reading.reject(&row, &refusal)?,
        }
    }
    Ok(products)
}

/// Returns a product if a release may have it.
fn checked(product: Product) -> Result<Product, Refusal> {
    let findings = fairlead_release::check_product(&product);
    let errors = findings
        .iter()
        .filter(|finding| finding.severity == Severity::Error);
    let errors: Vec<String> = errors.map(ToString::to_string).collect();
    if errors.is_empty() {
        return Ok(product);
    }
    Err(Refusal::plain(errors.join("; ")))
}

/// Returns the products on offer that are not in the file.
async fn gone(
    drafts: &mut DraftServiceClient<Link>,
    source: &ImportSource<'_>,
    products: &[Product],
) -> anyhow::Result<Vec<Product>> {
    let tenant = source.tenant.to_string();
    let draft = drafts.get_draft(GetDraftRequest { tenant }).await;
    let draft = draft
        .map_err(|status| refused(&status))
        .context("nothing was imported: what would go away is not known")?;
    let draft = draft.into_inner().draft.unwrap_or_default();
    let kept: BTreeSet<&str> = products.iter().map(|one| one.product_id.as_str()).collect();
    let mut gone = draft.catalogue.unwrap_or_default().products;
    gone.retain(|one| one.active && !kept.contains(one.product_id.as_str()));
    Ok(gone)
}

/// Returns an error unless every row can be used and every id is unique.
fn check_complete(
    source: &ImportSource<'_>,
    report: &ImportReport,
    products: &[(u64, Product)],
) -> anyhow::Result<()> {
    let file = source.file.display();
    if report.rejected > 0 {
        let rejects = report.rejects.as_deref().unwrap_or(source.file).display();
        let first = report.first_rejected.iter();
        let first: Vec<String> = first
            .map(|row| format!("\n  line {}: {}", row.line, row.cause))
            .collect();
        bail!(
            "nothing was imported: {} of {} rows of {file} cannot be used; {rejects} keeps \
             them, with lines and causes{}",
            report.rejected,
            report.read,
            first.concat()
        );
    }
    let mut lines: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    for (line, product) in products {
        lines.entry(&product.product_id).or_default().push(*line);
    }
    lines.retain(|_, lines| lines.len() > 1);
    if !lines.is_empty() {
        let named = lines.iter().take(MAX_LISTED).map(|(id, lines)| {
            let lines: Vec<String> = lines.iter().map(u64::to_string).collect();
            format!("`{id}` on lines {}", lines.join(", "))
        });
        let named: Vec<String> = named.collect();
        bail!(
            "nothing was imported: {} product ids come more than once in {file}, each may once: {}",
            lines.len(),
            named.join("; ")
        );
    }
    if report.read == 0 {
        bail!("nothing was imported: {file} has no rows");
    }
    Ok(())
}
