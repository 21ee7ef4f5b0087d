//! Targeting: a CEL expression over the attributes, compiled once, that never fails a request.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, LazyLock};

use cel::common::ast::{
    CallExpr, ComprehensionExpr, EntryExpr, Expr, IdedEntryExpr, IdedExpr, LiteralValue, operators,
};
use cel::common::types::CelBool;
use cel::{Context, Env, ExecutionError, Program, Value};

use crate::assignment::NotTargetedReason;
use crate::attributes::{Attributes, PROFILE};
use crate::error::list;

/// The longest expression, in bytes: bounds what parsing can cost.
const MAX_EXPRESSION: usize = 4_096;

/// The deepest tree of operators. Evaluation recurses over it, and the stack of a runtime's
/// thread (2 MiB) holds some thousand levels.
const MAX_DEPTH: usize = 128;

/// The functions that targeting may call, besides operators and macros. CEL looks a function up
/// when it is called, so a misspelt one would silently exclude everyone.
const FUNCTIONS: [&str; 11] = [
    "bool",
    "contains",
    "double",
    "dyn",
    "endsWith",
    "int",
    "size",
    "startsWith",
    "string",
    "type",
    "uint",
];

/// CEL's names of types, which an expression may use as values: `type(age) == int`.
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

/// The standard CEL environment: built once, for it holds some hundred overloads.
static ENVIRONMENT: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));

/// What is wrong with an expression, and what is allowed.
pub(crate) struct Refusal {
    pub(crate) cause: String,
    pub(crate) allowed: String,
}

/// A compiled expression.
pub(crate) struct Targeting(Program);

impl fmt::Debug for Targeting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Targeting")
            .field(&self.0.source_info().source)
            .finish()
    }
}

impl Targeting {
    /// Compiles `expression`; where `attributes` are given, it may name no others.
    pub(crate) fn compile(
        expression: &str,
        attributes: Option<&[String]>,
    ) -> Result<Self, Refusal> {
        if expression.len() > MAX_EXPRESSION {
            return Err(Refusal {
                cause: format!("it is {} bytes long", expression.len()),
                allowed: format!("at most {MAX_EXPRESSION} bytes"),
            });
        }
        let program = ENVIRONMENT.compile(expression).map_err(|errors| Refusal {
            cause: errors.to_string().replace('\n', " "),
            allowed: "a CEL expression that gives a bool, such as grade in [\"A\", \"B\"]"
                .to_owned(),
        })?;
        let mut names = Names::default();
        names.collect(program.expression(), Place::default())?;
        names.check(attributes)?;
        let targeting = Self(program);
        if names.is_constant() {
            targeting.check_constant()?;
        }
        Ok(targeting)
    }

    /// An expression that reads no attribute gives the same for everyone: it must be a bool.
    fn check_constant(&self) -> Result<(), Refusal> {
        match self.evaluate(&Attributes::default()) {
            Ok(()) | Err(NotTargetedReason::Excluded) => Ok(()),
            Err(reason) => Err(Refusal {
                cause: reason.to_string(),
                allowed: "an expression that gives a bool".to_owned(),
            }),
        }
    }

    /// Whether the expression holds for a unit; otherwise why the unit is out.
    pub(crate) fn evaluate(&self, attributes: &Attributes) -> Result<(), NotTargetedReason> {
        let mut context = Context::with_env(Arc::clone(&ENVIRONMENT));
        context.set_variable_resolver(attributes);
        let value = Value::resolve_val(self.0.expression(), &context).map_err(reason)?;
        match value.downcast_ref::<CelBool>().map(|holds| *holds.inner()) {
            Some(true) => Ok(()),
            Some(false) => Err(NotTargetedReason::Excluded),
            None => Err(NotTargetedReason::NotBool {
                kind: value.get_type().name().to_owned(),
            }),
        }
    }
}

/// Why an evaluation failed, without the values, which may be personal.
fn reason(error: ExecutionError) -> NotTargetedReason {
    match error {
        ExecutionError::UndeclaredReference(name) | ExecutionError::NoSuchKey(name) => {
            NotTargetedReason::Missing {
                attribute: name.to_string(),
            }
        }
        // Names the operator and the types of its arguments.
        ExecutionError::NoSuchOverload(overload) => NotTargetedReason::Failed {
            cause: overload.to_string(),
        },
        ExecutionError::ValuesNotComparable(left, right) => NotTargetedReason::Failed {
            cause: format!("cannot compare {} with {}", left.type_of(), right.type_of()),
        },
        ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_) => {
            NotTargetedReason::Failed {
                cause: "division by zero".to_owned(),
            }
        }
        ExecutionError::Overflow(operator, ..) => NotTargetedReason::Failed {
            cause: format!("overflow in {operator}"),
        },
        ExecutionError::IndexOutOfBounds(_) => NotTargetedReason::Failed {
            cause: "index outside a list".to_owned(),
        },
        _ => NotTargetedReason::Failed {
            cause: "an operation does not apply to the values of this unit".to_owned(),
        },
    }
}

/// The names that an expression uses.
#[derive(Default)]
struct Names {
    /// With dots where the expression selects a field: `address.city`.
    attributes: BTreeSet<String>,
    functions: BTreeSet<String>,
    /// Variables that macros such as `exists` bind.
    bound: BTreeSet<String>,
}

impl Names {
    fn check(&self, declared: Option<&[String]>) -> Result<(), Refusal> {
        if let Some(unknown) = self
            .functions
            .iter()
            .find(|name| !FUNCTIONS.contains(&name.as_str()))
        {
            return Err(Refusal {
                cause: format!("it calls {unknown:?}"),
                allowed: format!(
                    "operators, the macros has, all, exists, exists_one, map, filter, and the \
                     functions {}",
                    FUNCTIONS.join(", ")
                ),
            });
        }
        let Some(declared) = declared else {
            return Ok(());
        };
        let is_declared = |name: &str| declared.iter().any(|declared| declared == name);
        match self
            .unit_attributes()
            .find(|path| !prefixes(path).any(is_declared))
        {
            Some(unknown) => Err(Refusal {
                cause: format!("it names attribute {unknown:?}"),
                allowed: list(declared),
            }),
            None => Ok(()),
        }
    }

    /// Whether nothing of the unit is read.
    fn is_constant(&self) -> bool {
        self.unit_attributes().next().is_none()
    }

    /// The names that stand for attributes: neither bound by a macro nor CEL's own.
    fn unit_attributes(&self) -> impl Iterator<Item = &str> {
        self.attributes.iter().map(String::as_str).filter(|path| {
            let root = path.split('.').next().unwrap_or_default();
            !self.bound.contains(root) && !TYPES.contains(path)
        })
    }

    fn collect(&mut self, expression: &IdedExpr, place: Place) -> Result<(), Refusal> {
        let inner = place.deeper()?;
        match &expression.expr {
            Expr::Unspecified | Expr::Literal(_) => {}
            Expr::Ident(name) => self.path(name.clone()),
            Expr::Select(select) if is_profile(&select.operand) => self.path(select.field.clone()),
            Expr::Select(select) => match path_of(expression) {
                Some(path) => self.path(path),
                None => self.collect(&select.operand, inner)?,
            },
            Expr::Call(call) => self.call(call, inner)?,
            Expr::List(list) => self.all(&list.elements, inner)?,
            Expr::Map(map) => self.entries(&map.entries, inner)?,
            Expr::Struct(fields) => {
                // A struct literal: no struct type is declared, so it could only fail.
                self.functions.insert(fields.type_name.clone());
                self.entries(&fields.entries, inner)?;
            }
            Expr::Comprehension(comprehension) => self.comprehension(comprehension, inner)?,
        }
        Ok(())
    }

    fn all<'e>(
        &mut self,
        expressions: impl IntoIterator<Item = &'e IdedExpr>,
        place: Place,
    ) -> Result<(), Refusal> {
        expressions
            .into_iter()
            .try_for_each(|expression| self.collect(expression, place))
    }

    fn call(&mut self, call: &CallExpr, place: Place) -> Result<(), Refusal> {
        if let Some(key) = profile_index(&call.func_name, &call.args) {
            self.path(key.to_owned());
            return Ok(());
        }
        // Operators are named by their shape: `_&&_`, `@in`, `!_`.
        if call.func_name.starts_with(char::is_alphabetic) {
            self.functions.insert(call.func_name.clone());
        }
        self.all(call.target.as_deref(), place)?;
        self.all(&call.args, place)
    }

    fn comprehension(
        &mut self,
        comprehension: &ComprehensionExpr,
        place: Place,
    ) -> Result<(), Refusal> {
        self.bound.insert(comprehension.iter_var.clone());
        self.bound.extend(comprehension.iter_var2.clone());
        self.bound.insert(comprehension.accu_var.clone());
        self.all([&comprehension.iter_range, &comprehension.accu_init], place)?;
        let body = place.repeated()?;
        let parts = [
            &comprehension.loop_cond,
            &comprehension.loop_step,
            &comprehension.result,
        ];
        self.all(parts, body)
    }

    fn entries(&mut self, entries: &[IdedEntryExpr], place: Place) -> Result<(), Refusal> {
        entries.iter().try_for_each(|entry| match &entry.expr {
            EntryExpr::StructField(field) => self.collect(&field.value, place),
            EntryExpr::MapEntry(entry) => self.all([&entry.key, &entry.value], place),
        })
    }

    /// The map of all attributes names none in particular, and `@`-names are CEL's own.
    fn path(&mut self, path: String) {
        if path != PROFILE && !path.starts_with('@') {
            self.attributes.insert(path);
        }
    }
}

/// How deep in an expression, and whether in the body of a macro.
#[derive(Clone, Copy, Default)]
struct Place {
    depth: usize,
    in_body: bool,
}

impl Place {
    fn deeper(self) -> Result<Self, Refusal> {
        if self.depth >= MAX_DEPTH {
            return Err(Refusal {
                cause: "it is nested too deeply".to_owned(),
                allowed: format!("at most {MAX_DEPTH} operators within one another"),
            });
        }
        Ok(Self {
            depth: self.depth + 1,
            ..self
        })
    }

    /// A macro evaluates its body once per element: one within another multiplies.
    fn repeated(self) -> Result<Self, Refusal> {
        if self.in_body {
            return Err(Refusal {
                cause: "a macro stands in the body of another".to_owned(),
                allowed: "all, exists, exists_one, map and filter side by side or chained"
                    .to_owned(),
            });
        }
        Ok(Self {
            in_body: true,
            ..self
        })
    }
}

/// `a.b.c`, where the expression is nothing but names.
fn path_of(expression: &IdedExpr) -> Option<String> {
    match &expression.expr {
        Expr::Ident(name) if name != PROFILE => Some(name.clone()),
        Expr::Select(select) => Some(format!("{}.{}", path_of(&select.operand)?, select.field)),
        _ => None,
    }
}

/// `a`, `a.b` and `a.b.c`: the attributes that the path `a.b.c` may stand for.
fn prefixes(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('.')
        .map(|(dot, _)| &path[..dot])
        .chain([path])
}

fn is_profile(expression: &IdedExpr) -> bool {
    matches!(&expression.expr, Expr::Ident(name) if name == PROFILE)
}

/// The key in `profile["key"]`.
fn profile_index<'e>(function: &str, arguments: &'e [IdedExpr]) -> Option<&'e str> {
    match arguments {
        [map, key] if function == operators::INDEX && is_profile(map) => match &key.expr {
            Expr::Literal(LiteralValue::String(key)) => Some(key.inner()),
            _ => None,
        },
        _ => None,
    }
}
