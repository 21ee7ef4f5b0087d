//! The arithmetic of micro-batching: several requests as one, and one answer as several.

use crate::batch::{CheckedBatch, GroupRows, Values, signed};
use crate::manifest::{Dtype, Manifest, RowGroup};

/// One output per entry of the manifest's `outputs`: flat values, row after row.
pub(crate) type Raw = Vec<Vec<f32>>;

/// Returns all requests one after the other. Row numbers of a group are shifted by the rows that earlier
/// requests have in it.
pub(crate) fn concat<'a>(
    manifest: &Manifest,
    requests: impl IntoIterator<Item = &'a CheckedBatch>,
) -> CheckedBatch {
    let mut all = CheckedBatch {
        values: manifest
            .inputs
            .iter()
            .map(|spec| match spec.dtype {
                Dtype::F32 => Values::F32(Vec::new()),
                Dtype::I64 => Values::I64(Vec::new()),
            })
            .collect(),
        rows: GroupRows::default(),
    };
    for request in requests {
        for ((spec, into), from) in manifest
            .inputs
            .iter()
            .zip(&mut all.values)
            .zip(&request.values)
        {
            let offset = spec.index_of.map_or(0, |group| signed(all.rows.of(group)));
            match (into, from) {
                (Values::F32(into), Values::F32(from)) => into.extend_from_slice(from),
                (Values::I64(into), Values::I64(from)) => {
                    into.extend(from.iter().map(|value| value + offset));
                }
                // A checked batch has the manifest's types, and so has `all`.
                (Values::F32(_), Values::I64(_)) | (Values::I64(_), Values::F32(_)) => {}
            }
        }
        for group in RowGroup::ALL {
            *all.rows.of_mut(group) += request.rows.of(group);
        }
    }
    all
}

/// Cuts the outputs of a concatenation into those of its requests, whose sizes are `requests`.
pub(crate) fn split(manifest: &Manifest, outputs: Raw, requests: &[GroupRows]) -> Vec<Raw> {
    let mut parts: Vec<Raw> = requests
        .iter()
        .map(|_| Vec::with_capacity(outputs.len()))
        .collect();
    for (spec, values) in manifest.outputs.iter().zip(outputs) {
        let columns = spec.columns.unwrap_or(1);
        let mut rest = values.as_slice();
        for (part, rows) in parts.iter_mut().zip(requests) {
            let (own, later) = rest.split_at(rows.of(spec.rows) * columns);
            part.push(own.to_vec());
            rest = later;
        }
    }
    parts
}
