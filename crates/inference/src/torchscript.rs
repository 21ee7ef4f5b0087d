//! TorchScript programs, by libtorch. Every call is of the fallible kind.

use std::path::Path;

use tch::{CModule, Device, IValue, Kind, TchError, Tensor};

use crate::batch::{CheckedBatch, GroupRows, Values, signed};
use crate::error::Error;
use crate::manifest::{Manifest, OutputSpec};
use crate::model::Forward;

/// A program on the CPU, in evaluation mode.
#[derive(Debug)]
pub(crate) struct TorchScript {
    module: CModule,
}

impl TorchScript {
    /// Loads `path`. An exception of libtorch (truncated, foreign, made by a later version) is an
    /// error that names the file.
    pub(crate) fn load(path: &Path) -> Result<Self, Error> {
        let name = path.display().to_string();
        let mut module = CModule::load_on_device(path, Device::Cpu)
            .map_err(Error::torch(&name, "loading TorchScript"))?;
        module
            .f_set_eval()
            .map_err(Error::torch(&name, "switching to evaluation"))?;
        Ok(Self { module })
    }
}

impl Forward for TorchScript {
    fn forward(&self, manifest: &Manifest, batch: &CheckedBatch) -> Result<Vec<Vec<f32>>, Error> {
        let _no_grad = tch::no_grad_guard();
        let fail = |action| Error::torch(&manifest.title(), action);
        let mut tensors = manifest
            .inputs
            .iter()
            .zip(batch.values())
            .map(|(spec, values)| tensor(values, batch.rows().of(spec.rows), spec.columns))
            .collect::<Result<Vec<_>, _>>()
            .map_err(fail("making a tensor"))?;
        let arguments: Vec<IValue> = tensors
            .iter()
            .map(|tensor| IValue::Tensor(tensor.shallow_clone()))
            .collect();
        let result = self.module.forward_is(&arguments).map_err(|error| {
            // tch 0.24 forgets the arguments of a call that fails. They share their memory with
            // these tensors: emptied, what stays behind is a few hundred bytes.
            for tensor in &mut tensors {
                drop(tensor.f_set_());
            }
            fail("running TorchScript")(error)
        })?;
        let results = match result {
            IValue::Tensor(tensor) if manifest.outputs.len() > 1 => {
                columns(manifest, batch.rows(), &tensor)?
            }
            result => results(manifest, result)?,
        };
        manifest
            .outputs
            .iter()
            .zip(results)
            .map(|(spec, tensor)| {
                let rows = batch.rows().of(spec.rows);
                check_shape(manifest, spec, rows, &tensor)?;
                values(&tensor).map_err(fail("reading an output"))
            })
            .collect()
    }
}

fn tensor(values: &Values, rows: usize, columns: Option<usize>) -> Result<Tensor, TchError> {
    let flat = match values {
        Values::F32(values) => Tensor::f_from_slice(values)?,
        Values::I64(values) => Tensor::f_from_slice(values)?,
    };
    match columns {
        None => Ok(flat),
        Some(columns) => flat.f_view([signed(rows), signed(columns)]),
    }
}

/// Cuts one tensor into several outputs, their columns side by side in the manifest's order: what a
/// program traced by `tch` gives, for a trace with several results cannot be saved.
fn columns(
    manifest: &Manifest,
    batch_rows: GroupRows,
    tensor: &Tensor,
) -> Result<Vec<Tensor>, Error> {
    let unusable = |expected: String| Error::OutputShape {
        model: manifest.title(),
        output: "*".to_owned(),
        got: format!("one tensor of {:?}", tensor.size()),
        expected,
    };
    let group = manifest.outputs[0].rows;
    if manifest.outputs.iter().any(|spec| spec.rows != group) {
        return Err(unusable(
            "outputs by user and by row, which take a tuple".to_owned(),
        ));
    }
    let widths = manifest
        .outputs
        .iter()
        .map(|spec| signed(spec.columns.unwrap_or(1)));
    let shape = [signed(batch_rows.of(group)), widths.clone().sum()];
    if tensor.size() != shape {
        return Err(unusable(format!("{shape:?}")));
    }
    let mut start = 0;
    widths
        .map(|width| {
            let own = tensor.f_narrow(1, start, width);
            start += width;
            own.map_err(Error::torch(&manifest.title(), "reading an output"))
        })
        .collect()
}

/// Returns the program's result as one tensor per output: a tensor, a tuple or list of tensors in the
/// manifest's order, or a dictionary by output name.
fn results(manifest: &Manifest, result: IValue) -> Result<Vec<Tensor>, Error> {
    let expected = manifest.outputs.len();
    let unusable = |got: String| Error::OutputShape {
        model: manifest.title(),
        output: "*".to_owned(),
        got,
        expected: format!("{expected} tensors, in a tuple, list or dictionary by name"),
    };
    let tensors = match result {
        IValue::Tensor(tensor) => vec![tensor],
        IValue::TensorList(tensors) => tensors,
        IValue::Tuple(values) | IValue::GenericList(values) => values
            .into_iter()
            .map(|value| match value {
                IValue::Tensor(tensor) => Ok(tensor),
                other => Err(unusable(format!("an element is {}", kind_of(&other)))),
            })
            .collect::<Result<_, _>>()?,
        IValue::GenericDict(entries) => by_name(manifest, entries)?,
        other => return Err(unusable(format!("the result is {}", kind_of(&other)))),
    };
    if tensors.len() != expected {
        return Err(unusable(format!(
            "the result has {} tensors",
            tensors.len()
        )));
    }
    Ok(tensors)
}

fn by_name(manifest: &Manifest, entries: Vec<(IValue, IValue)>) -> Result<Vec<Tensor>, Error> {
    let mut entries: Vec<(String, Tensor)> = entries
        .into_iter()
        .filter_map(|entry| match entry {
            (IValue::String(name), IValue::Tensor(tensor)) => Some((name, tensor)),
            _ => None,
        })
        .collect();
    manifest
        .outputs
        .iter()
        .map(|spec| {
            let at = entries.iter().position(|(name, _)| name == &spec.name);
            at.map(|at| entries.swap_remove(at).1)
                .ok_or_else(|| Error::OutputShape {
                    model: manifest.title(),
                    output: spec.name.clone(),
                    got: "the result, a dictionary, has no such tensor".to_owned(),
                    expected: "one".to_owned(),
                })
        })
        .collect()
}

fn check_shape(
    manifest: &Manifest,
    spec: &OutputSpec,
    rows: usize,
    tensor: &Tensor,
) -> Result<(), Error> {
    let shape = tensor.size();
    let rows = signed(rows);
    let fits = match spec.columns {
        None => shape == [rows] || shape == [rows, 1],
        Some(columns) => shape == [rows, signed(columns)],
    };
    if fits {
        return Ok(());
    }
    Err(Error::OutputShape {
        model: manifest.title(),
        output: spec.name.clone(),
        got: format!("{shape:?}"),
        expected: match spec.columns {
            None => format!("[{rows}]"),
            Some(columns) => format!("[{rows}, {columns}]"),
        },
    })
}

fn values(tensor: &Tensor) -> Result<Vec<f32>, TchError> {
    let length = tensor.numel();
    let mut values = vec![0.0f32; length];
    tensor
        .f_to_kind(Kind::Float)?
        .f_copy_data(&mut values, length)?;
    Ok(values)
}

fn kind_of(value: &IValue) -> &'static str {
    match value {
        IValue::None => "nothing",
        IValue::Tensor(_) | IValue::TensorList(_) => "a tensor or list of tensors",
        IValue::Double(_) | IValue::Int(_) | IValue::Bool(_) => "a number",
        IValue::String(_) | IValue::StringList(_) => "text",
        _ => "of another type",
    }
}
