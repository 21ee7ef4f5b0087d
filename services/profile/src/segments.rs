//! Published segmentations: CEL over features by name, compiled once per release.
//!
//! An expression reads features of one purpose: price where pricing may read the segmentation,
//! analytics otherwise. A number that was not observed is not there, so that a comparison with it
//! does not hold; `has(profile.age_years)` asks. A sequence is the list of its product ids.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, LazyLock};

use cel::common::ast::{EntryExpr, Expr, IdedExpr, LiteralValue, operators};
use cel::common::types::CelBool;
use cel::{Context, Env, ExecutionError, Program, Value};
use fairlead_proto::control::v1::Segmentation;
use fairlead_registry::{FeatureReader, Layout, Purpose, Registry};

use crate::error::Error;
use crate::segments::values::{Features, PROFILE};

mod values;

/// The standard CEL environment: built once, for it holds some hundred overloads.
static ENVIRONMENT: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));

/// CEL's names of types, which an expression may use as values.
const TYPES: [&str; 9] = [
    "bool",
    "bytes",
    "double",
    "int",
    "list",
    "map",
    "null_type",
    "string",
    "uint",
];

/// The segmentations of one release.
#[derive(Debug, Default)]
pub(crate) struct Segmentations(Vec<Compiled>);

struct Compiled {
    id: String,
    purpose: Purpose,
    segments: Vec<(String, Program)>,
    otherwise: String,
}

impl fmt::Debug for Compiled {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let segments: Vec<&str> = self.segments.iter().map(|(id, _)| id.as_str()).collect();
        out.debug_struct("Compiled")
            .field("id", &self.id)
            .field("purpose", &self.purpose)
            .field("segments", &segments)
            .field("otherwise", &self.otherwise)
            .finish()
    }
}

impl Segmentations {
    /// Compiles a release's segmentations.
    ///
    /// # Errors
    /// The first expression that does not parse or names what its purpose does not get, with
    /// segmentation, segment and what is allowed.
    pub(crate) fn compile(
        registry: &Registry,
        segmentations: &[Segmentation],
    ) -> Result<Self, Error> {
        let compiled = segmentations.iter().map(|one| Compiled::new(registry, one));
        Ok(Self(compiled.collect::<Result<_, _>>()?))
    }

    /// Returns `true` if some segmentation reads features of the purpose price.
    pub(crate) fn read_price(&self) -> bool {
        self.0.iter().any(|one| one.purpose == Purpose::Price)
    }

    /// Returns the segment of each segmentation: the first whose expression holds, else the one for
    /// all other customers, else none.
    pub(crate) fn assign(
        &self,
        analytics: &FeatureReader<'_>,
        price: Option<&FeatureReader<'_>>,
    ) -> BTreeMap<String, String> {
        let mut segments = BTreeMap::new();
        for one in &self.0 {
            let features = match one.purpose {
                Purpose::Price => price,
                _ => Some(analytics),
            };
            let segment = features.map_or(one.otherwise.as_str(), |of| one.segment(of));
            if !segment.is_empty() {
                segments.insert(one.id.clone(), segment.to_owned());
            }
        }
        segments
    }
}

impl Compiled {
    fn new(registry: &Registry, segmentation: &Segmentation) -> Result<Self, Error> {
        let purpose = if segmentation.allow_price {
            Purpose::Price
        } else {
            Purpose::Analytics
        };
        let layout = registry.layout(purpose);
        let mut segments = Vec::with_capacity(segmentation.segments.len());
        for segment in &segmentation.segments {
            let program =
                compile(&segment.expression, purpose, layout).map_err(|reason| Error::Segment {
                    segmentation: segmentation.segmentation_id.clone(),
                    segment: segment.segment_id.clone(),
                    reason,
                })?;
            segments.push((segment.segment_id.clone(), program));
        }
        Ok(Self {
            id: segmentation.segmentation_id.clone(),
            purpose,
            segments,
            otherwise: segmentation.otherwise.clone(),
        })
    }

    fn segment(&self, features: &FeatureReader<'_>) -> &str {
        let features = Features(*features);
        let mut context = Context::with_env(Arc::clone(&ENVIRONMENT));
        context.set_variable_resolver(&features);
        let holds = self
            .segments
            .iter()
            .find(|(_, program)| holds(program, &context));
        holds.map_or(&self.otherwise, |(segment, _)| segment)
    }
}

/// Returns `true` if the expression holds. One that cannot be decided (a number that was not observed) does
/// not; one that fails otherwise does not either, and is counted.
fn holds(program: &Program, context: &Context<'_, '_>) -> bool {
    match Value::resolve_val(program.expression(), context) {
        Ok(value) => value
            .downcast_ref::<CelBool>()
            .is_some_and(|holds| *holds.inner()),
        Err(ExecutionError::UndeclaredReference(_) | ExecutionError::NoSuchKey(_)) => false,
        Err(_) => {
            metrics::counter!("fairlead_profile_segment_failures_total").increment(1);
            false
        }
    }
}

/// Compiles an expression; the error says what is wrong and what is allowed.
fn compile(expression: &str, purpose: Purpose, layout: &Layout) -> Result<Program, String> {
    let program = ENVIRONMENT.compile(expression).map_err(|errors| {
        let cause = errors.to_string().replace('\n', " ");
        format!("{cause}; allowed: a CEL expression that gives a bool")
    })?;
    let mut names = Names::default();
    names.collect(program.expression());
    let is_known = |name: &str| {
        layout.number(name).is_some()
            || layout.category(name).is_some()
            || layout.sequence(name).is_some()
    };
    match names.read().find(|name| !is_known(name)) {
        None => Ok(program),
        Some(unknown) => {
            let known: Vec<&str> = layout
                .number_names()
                .chain(layout.category_names())
                .chain(layout.sequence_names())
                .collect();
            Err(format!(
                "it names {unknown:?}; allowed for purpose {purpose}: {}",
                known.join(", ")
            ))
        }
    }
}

/// The names that an expression uses.
#[derive(Default)]
struct Names {
    used: BTreeSet<String>,
    /// Variables that macros such as `exists` bind.
    bound: BTreeSet<String>,
}

impl Names {
    /// Returns the features that are read.
    fn read(&self) -> impl Iterator<Item = &str> {
        let used = self.used.iter().map(String::as_str);
        used.filter(|name| !self.bound.contains(*name) && !TYPES.contains(name))
    }

    fn collect(&mut self, expression: &IdedExpr) {
        match &expression.expr {
            Expr::Unspecified | Expr::Literal(_) => {}
            // `@`-names are CEL's own.
            Expr::Ident(name) if name == PROFILE || name.starts_with('@') => {}
            Expr::Ident(name) => {
                self.used.insert(name.clone());
            }
            Expr::Select(select) => {
                if is_profile(&select.operand) {
                    self.used.insert(select.field.clone());
                }
                self.collect(&select.operand);
            }
            Expr::Call(call) => {
                if let [map, key] = call.args.as_slice()
                    && call.func_name == operators::INDEX
                    && is_profile(map)
                    && let Expr::Literal(LiteralValue::String(key)) = &key.expr
                {
                    self.used.insert(key.inner().to_owned());
                }
                call.target.iter().for_each(|target| self.collect(target));
                call.args.iter().for_each(|argument| self.collect(argument));
            }
            Expr::List(list) => list.elements.iter().for_each(|one| self.collect(one)),
            Expr::Map(map) => map.entries.iter().for_each(|one| self.entry(&one.expr)),
            Expr::Struct(fields) => fields.entries.iter().for_each(|one| self.entry(&one.expr)),
            Expr::Comprehension(comprehension) => {
                self.bound.insert(comprehension.iter_var.clone());
                self.bound.extend(comprehension.iter_var2.clone());
                self.bound.insert(comprehension.accu_var.clone());
                for part in [
                    &comprehension.iter_range,
                    &comprehension.accu_init,
                    &comprehension.loop_cond,
                    &comprehension.loop_step,
                    &comprehension.result,
                ] {
                    self.collect(part);
                }
            }
        }
    }

    fn entry(&mut self, entry: &EntryExpr) {
        match entry {
            EntryExpr::StructField(field) => self.collect(&field.value),
            EntryExpr::MapEntry(entry) => {
                self.collect(&entry.key);
                self.collect(&entry.value);
            }
        }
    }
}

fn is_profile(expression: &IdedExpr) -> bool {
    matches!(&expression.expr, Expr::Ident(name) if name == PROFILE)
}

#[cfg(test)]
mod tests;
