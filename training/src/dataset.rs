//! Datasets: assemble replayed rows into tensors with the assembler that serving uses.

use std::collections::HashMap;
use std::ops::Range;

use fairlead_proto::catalogue::v1::Product;
use fairlead_proto::feature::v1::FeatureSet;
use fairlead_registry::input::{Assembler, Fitter, InputSpec};
use fairlead_registry::{Purpose, Registry};
use tch::Tensor;

use crate::Error;
use crate::replay::ReplayedHistory;

/// Assembled customers, one row each.
#[derive(Debug)]
pub(crate) struct Users {
    pub(crate) dense: Tensor,
    pub(crate) ids: Tensor,
}

impl Users {
    /// Assembles feature sets.
    pub(crate) fn assemble<'f>(
        assembler: &Assembler,
        sets: impl IntoIterator<Item = &'f FeatureSet>,
    ) -> Result<Self, Error> {
        let (mut dense, mut ids) = (Vec::new(), Vec::new());
        for set in sets {
            assembler.user(set, &mut dense, &mut ids)?;
        }
        Ok(Self {
            dense: matrix(&dense, assembler.user_dense_width()),
            ids: matrix(&ids, assembler.user_ids_width()),
        })
    }

    /// Returns some of the rows.
    pub(crate) fn select(&self, rows: &Tensor) -> Self {
        Self {
            dense: self.dense.index_select(0, rows),
            ids: self.ids.index_select(0, rows),
        }
    }
}

/// A product to assemble: with its counters at an instant.
pub(crate) struct ItemInput<'p> {
    pub(crate) product: &'p Product,
    pub(crate) counters: &'p [f64],
    pub(crate) as_of_ms: i64,
}

/// Assembled products, one row each.
#[derive(Debug)]
pub(crate) struct Items {
    pub(crate) ids: Tensor,
    pub(crate) dense: Tensor,
}

impl Items {
    /// Assembles products.
    pub(crate) fn assemble<'p>(
        assembler: &Assembler,
        rows: impl IntoIterator<Item = ItemInput<'p>>,
    ) -> Result<Self, Error> {
        let (mut ids, mut dense) = (Vec::new(), Vec::new());
        for row in rows {
            assembler.item(
                row.product,
                row.counters,
                row.as_of_ms,
                &mut ids,
                &mut dense,
            )?;
        }
        Ok(Self {
            ids: matrix(&ids, assembler.item_ids_width()),
            dense: matrix(&dense, assembler.item_dense_width()),
        })
    }

    /// Returns some of the rows.
    pub(crate) fn select(&self, rows: &Tensor) -> Self {
        Self {
            ids: self.ids.index_select(0, rows),
            dense: self.dense.index_select(0, rows),
        }
    }
}

/// Makes a tensor `[rows, width]` of values.
pub(crate) fn matrix<T: tch::kind::Element>(values: &[T], width: usize) -> Tensor {
    Tensor::from_slice(values).reshape([(values.len() / width.max(1)) as i64, width as i64])
}

/// A replayed history with the catalogue and the assembler.
pub(crate) struct Dataset<'d> {
    pub(crate) replayed: &'d ReplayedHistory,
    pub(crate) products: &'d [Product],
    /// The row of each product in `products`, by id.
    pub(crate) row_of: HashMap<&'d str, usize>,
    pub(crate) assembler: Assembler,
}

impl<'d> Dataset<'d> {
    /// Fits the standardisation to the rows before `split_ms`, and makes the assembler.
    pub(crate) fn new(
        registry: &Registry,
        products: &'d [Product],
        replayed: &'d ReplayedHistory,
        split_ms: i64,
    ) -> Result<Self, Error> {
        let mut fitter = Fitter::new(registry, InputSpec::default_for(registry))?;
        for set in replayed
            .snapshots
            .iter()
            .filter(|set| set.as_of_ms < split_ms)
        {
            fitter.user(set)?;
        }
        let row_of: HashMap<&str, usize> = products
            .iter()
            .enumerate()
            .map(|(row, p)| (p.product_id.as_str(), row))
            .collect();
        for impression in &replayed.impressions {
            let as_of_ms = replayed.snapshots[impression.snapshot].as_of_ms;
            if let Some(row) = row_of
                .get(impression.product.as_str())
                .filter(|_| as_of_ms < split_ms)
            {
                fitter.item(
                    &products[*row],
                    &replayed.counters[impression.counters],
                    as_of_ms,
                )?;
            }
        }
        if replayed.impressions.is_empty() {
            let none = vec![0.0; registry.product_layout().number_names().len()];
            for product in products {
                fitter.item(product, &none, split_ms)?;
            }
        }
        let vocabulary: Vec<String> = products.iter().map(|p| p.product_id.clone()).collect();
        let assembler = Assembler::new(registry, fitter.finish(), &vocabulary)?;
        Ok(Self {
            replayed,
            products,
            row_of,
            assembler,
        })
    }

    /// Returns the instant of a snapshot.
    pub(crate) fn at_ms(&self, snapshot: usize) -> i64 {
        self.replayed.snapshots[snapshot].as_of_ms
    }

    /// Returns the products that a customer holds in a feature set, as rows of the catalogue.
    pub(crate) fn held(&self, registry: &Registry, set: &FeatureSet) -> Vec<usize> {
        let at = registry.layout(Purpose::Recommend).sequence("holdings");
        let entries = at
            .and_then(|at| set.sequences.get(at))
            .map_or(&[][..], |s| &s.entries);
        entries
            .iter()
            .filter_map(|e| self.row_of.get(e.product_id.as_str()).copied())
            .collect()
    }
}

/// A customer at one instant with the products to score: a row of the user tensors and rows of the
/// item tensors.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    pub(crate) user: usize,
    pub(crate) rows: Range<usize>,
}

/// A batch of groups: each customer once, with the rows that refer to it.
pub(crate) struct Batch {
    pub(crate) users: Users,
    pub(crate) user_of_row: Tensor,
    pub(crate) items: Items,
    /// The positions of the batch's rows in the item tensors, for labels.
    pub(crate) rows: Tensor,
}

impl Batch {
    /// Gathers the rows of groups.
    pub(crate) fn gather(groups: &[&Group], users: &Users, items: &Items) -> Self {
        let user_rows: Vec<i64> = groups.iter().map(|group| group.user as i64).collect();
        let mut user_of_row = Vec::new();
        let mut rows = Vec::new();
        for (user, group) in groups.iter().enumerate() {
            user_of_row.extend(std::iter::repeat_n(user as i64, group.rows.len()));
            rows.extend(group.rows.clone().map(|row| row as i64));
        }
        let rows = Tensor::from_slice(&rows);
        Self {
            users: users.select(&Tensor::from_slice(&user_rows)),
            user_of_row: Tensor::from_slice(&user_of_row),
            items: items.select(&rows),
            rows,
        }
    }
}
