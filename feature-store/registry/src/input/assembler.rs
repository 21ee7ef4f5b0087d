//! Building the rows of a model's input tensors.

use std::collections::HashMap;

use fairlead_proto::catalogue::v1::{Product, ProductKind};
use fairlead_proto::feature::v1::FeatureSet;
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use crate::error::Error;
use crate::input::plan::{IdColumn, IdTable, Plan};
use crate::input::spec::{InputSpec, ItemSource};
use crate::purpose::Entity;
use crate::registry::Registry;

/// Builds rows of model inputs. Rows are appended to the caller's vectors, so that a batch is one
/// allocation; after an error they may hold a part of a row.
#[derive(Debug)]
pub struct Assembler {
    plan: Plan,
    vocabulary: HashMap<String, i64>,
    products: i64,
    schema_hash: String,
}

impl Assembler {
    /// Resolves the names of a spec. `vocabulary` holds the product ids that the model knows: the
    /// i-th is id i + 1, id 0 stands for all others.
    ///
    /// # Errors
    /// A name that is unknown, a product given twice, or a value out of range.
    pub fn new(registry: &Registry, spec: InputSpec, vocabulary: &[String]) -> Result<Self, Error> {
        let schema_hash = schema_hash(registry, &spec)?;
        let plan = Plan::new(registry, spec)?;
        let mut ids = HashMap::with_capacity(vocabulary.len());
        for (id, product) in (1_i64..).zip(vocabulary) {
            if ids.insert(product.clone(), id).is_some() {
                return Err(Error::Spec {
                    place: "vocabulary".into(),
                    key: "product id",
                    value: product.clone(),
                    allowed: "each product once".into(),
                });
            }
        }
        Ok(Self {
            products: i64::try_from(vocabulary.len()).unwrap_or(i64::MAX - 1) + 1,
            vocabulary: ids,
            plan,
            schema_hash,
        })
    }

    /// Returns the spec.
    pub fn spec(&self) -> &InputSpec {
        &self.plan.spec
    }

    /// Returns the hash, in hex, of the spec and of the definitions of its features: a model
    /// trained under another hash must not be served.
    pub fn schema_hash(&self) -> &str {
        &self.schema_hash
    }

    /// Returns the id of a product, or 0 if the model does not know it.
    pub fn product_id(&self, product: &str) -> i64 {
        self.vocabulary.get(product).copied().unwrap_or(0)
    }

    /// Returns the numbers per customer.
    pub fn user_dense_width(&self) -> usize {
        let flags = self.plan.spec.user_numbers.iter();
        self.plan.numbers.len()
            + flags.filter(|number| number.observed_flag).count()
            + self.plan.sequences.len()
    }

    /// Returns the ids per customer.
    pub fn user_ids_width(&self) -> usize {
        let sequences = self.plan.sequences.iter();
        self.plan.categories.len() + sequences.map(|sequence| sequence.length).sum::<usize>()
    }

    /// Returns the numbers per product.
    pub fn item_dense_width(&self) -> usize {
        self.plan.items.len()
    }

    /// Returns the ids per product.
    pub fn item_ids_width(&self) -> usize {
        1 + usize::from(self.plan.spec.item_category_buckets > 0)
    }

    /// Returns the id inputs of a customer, in the order of their columns.
    pub fn user_id_columns(&self) -> Vec<IdColumn> {
        let mut columns = Vec::new();
        let mut next = 0;
        for category in &self.plan.spec.user_categories {
            columns.push(IdColumn {
                name: category.feature.clone(),
                table: IdTable::Own,
                rows: i64::from(category.buckets) + 1,
                columns: next..next + 1,
            });
            next += 1;
        }
        for sequence in &self.plan.spec.user_sequences {
            columns.push(IdColumn {
                name: sequence.feature.clone(),
                table: IdTable::Vocabulary,
                rows: self.products,
                columns: next..next + sequence.length,
            });
            next += sequence.length;
        }
        columns
    }

    /// Returns the id inputs of a product, in the order of their columns.
    pub fn item_id_columns(&self) -> Vec<IdColumn> {
        let mut columns = vec![IdColumn {
            name: "product".into(),
            table: IdTable::Vocabulary,
            rows: self.products,
            columns: 0..1,
        }];
        if self.plan.spec.item_category_buckets > 0 {
            columns.push(IdColumn {
                name: "product_category".into(),
                table: IdTable::Own,
                rows: i64::from(self.plan.spec.item_category_buckets) + 1,
                columns: 1..2,
            });
        }
        columns
    }

    /// Appends one customer: [`Assembler::user_dense_width`] numbers and
    /// [`Assembler::user_ids_width`] ids.
    ///
    /// # Errors
    /// A set of another registry or purpose, or a number that is not finite.
    pub fn user(
        &self,
        set: &FeatureSet,
        dense: &mut Vec<f32>,
        ids: &mut Vec<i64>,
    ) -> Result<(), Error> {
        let reader = self.plan.reader(set)?;
        for (index, number) in self.plan.numbers.iter().zip(&self.plan.spec.user_numbers) {
            let value = set.numbers.get(*index).copied().unwrap_or_default();
            dense.push(number.transform.apply(value));
            if number.observed_flag {
                dense.push(f32::from(u8::from(reader.number_at(*index).is_some())));
            }
        }
        for (index, category) in self
            .plan
            .categories
            .iter()
            .zip(&self.plan.spec.user_categories)
        {
            let text = set.categories.get(*index).map_or("", String::as_str);
            ids.push(bucket(text, category.buckets));
        }
        for sequence in &self.plan.sequences {
            let start = ids.len();
            let mut entries = 0_u32;
            for product in sequence.entries(set) {
                entries += 1;
                let id = self.product_id(product);
                if id != 0 && ids.len() - start < sequence.length {
                    ids.push(id);
                }
            }
            ids.resize(start + sequence.length, 0);
            dense.push(f64::from(entries).ln_1p() as f32);
        }
        Ok(())
    }

    /// Appends one product: [`Assembler::item_ids_width`] ids and [`Assembler::item_dense_width`]
    /// numbers. `counters` follow the registry's product layout. Returns true if the model knows
    /// the product.
    ///
    /// # Errors
    /// Counters of another length, or one that is not finite.
    pub fn item(
        &self,
        product: &Product,
        counters: &[f64],
        as_of_ms: i64,
        ids: &mut Vec<i64>,
        dense: &mut Vec<f32>,
    ) -> Result<bool, Error> {
        self.plan.check_counters(counters)?;
        let id = self.product_id(&product.product_id);
        ids.push(id);
        if self.plan.spec.item_category_buckets > 0 {
            ids.push(category_bucket(
                product,
                self.plan.spec.item_category_buckets,
            ));
        }
        for (item, number) in self.plan.items.iter().zip(&self.plan.spec.item_numbers) {
            let value = item.value(product, counters, as_of_ms);
            dense.push(number.transform.apply(value));
        }
        Ok(id != 0)
    }
}

/// Returns a bucket from 1 to `buckets` by the hash of the text, or 0 for an empty text.
fn bucket(text: &str, buckets: u32) -> i64 {
    if text.is_empty() {
        return 0;
    }
    let bucket = xxh3_64(text.as_bytes()) % u64::from(buckets);
    1 + i64::try_from(bucket).unwrap_or_default()
}

/// Returns the bucket of a product's category within its kind: "travel" of a card is not "travel"
/// of an insurance.
fn category_bucket(product: &Product, buckets: u32) -> i64 {
    if product.category.is_empty() {
        return 0;
    }
    let kind = ProductKind::try_from(product.kind).unwrap_or_default();
    bucket(
        &format!("{}/{}", kind.as_str_name(), product.category),
        buckets,
    )
}

/// Returns the hash over the meaning of the features, their transforms and their order.
fn schema_hash(registry: &Registry, spec: &InputSpec) -> Result<String, Error> {
    let mut hasher = Xxh3::new();
    let users = spec.user_numbers.iter().map(|number| &number.feature);
    let users = users.chain(
        spec.user_categories
            .iter()
            .map(|category| &category.feature),
    );
    let users = users.chain(spec.user_sequences.iter().map(|sequence| &sequence.feature));
    let users = users.map(|name| (Entity::Customer, name));
    let items = spec
        .item_numbers
        .iter()
        .flat_map(|number| match &number.source {
            ItemSource::Counter(name) => vec![name],
            ItemSource::Ratio {
                numerator,
                denominator,
                ..
            } => vec![numerator, denominator],
            _ => Vec::new(),
        });
    let items = items.map(|name| (Entity::Product, name));
    for (entity, name) in users.chain(items) {
        if let Some(feature) = registry.feature(entity, name) {
            hasher.update(feature.meaning().as_bytes());
            hasher.update(b"\n");
        }
    }
    let spec = serde_json::to_vec(spec).map_err(|cause| Error::Spec {
        place: "the spec".into(),
        key: "json",
        value: cause.to_string(),
        allowed: "numbers and texts".into(),
    })?;
    hasher.update(&spec);
    Ok(format!("{:032x}", hasher.digest128()))
}
