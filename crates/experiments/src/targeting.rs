//! Targeting: a CEL expression over the attributes, compiled once, whose evaluation never fails a
//! request.

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

/// The largest length of an expression, in bytes: it bounds the cost of parsing.
const MAX_EXPRESSION: usize = 4_096;

/// The largest depth of a tree of operators. Evaluation recurses over it, and the stack of a
/// runtime's thread (2 MiB) holds some thousand levels.
const MAX_DEPTH: usize = 128;

/// The functions that targeting may call, besides operators and macros. CEL looks a function up
/// when it is called, so a misspelt one would silently exclude every unit.
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

/// The standard CEL environment, built once, as it holds some hundred overloads.
static ENVIRONMENT: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));

/// The error of an expression: the problem, and what is allowed.
pub(crate) struct ExpressionError {
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
    /// Compiles `expression`; if `attributes` are given, it may name no others.
    pub(crate) fn compile(
        expression: &str,
        attributes: Option<&[String]>,
    ) -> Result<Self, ExpressionError> {
        if expression.len() > MAX_EXPRESSION {
            return Err(ExpressionError {
                cause: format!("it is {} bytes long", expression.len()),
                allowed: format!("at most {MAX_EXPRESSION} bytes"),
            });
        }
        let program = ENVIRONMENT
            .compile(expression)
            .map_err(|errors| ExpressionError {
                cause: errors.to_string().replace('\n', " "),
                allowed: "a CEL expression that gives a bool, such as grade in [\"A\", \"B\"]"
                    .to_owned(),
            })?;
        let mut names = Names::default();
        names.collect(program.expression(), Nesting::default())?;
        names.check(attributes)?;
        let targeting = Self(program);
        if names.is_constant() {
            targeting.check_constant()?;
        }
        Ok(targeting)
    }

    /// Checks an expression that reads no attribute: its one value must be a bool.
    fn check_constant(&self) -> Result<(), ExpressionError> {
        match self.evaluate(&Attributes::default()) {
            Ok(()) | Err(NotTargetedReason::Excluded) => Ok(()),
            Err(reason) => Err(ExpressionError {
                cause: reason.to_string(),
                allowed: "an expression that gives a bool".to_owned(),
            }),
        }
    }

    /// Evaluates the expression for a unit; the error is the reason why the unit is kept out.
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

/// Converts the error of an evaluation into a reason without values, which may be personal.
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
    /// Attributes, with dots if the expression selects a field: `address.city`.
    attributes: BTreeSet<String>,
    functions: BTreeSet<String>,
    /// Variables that macros such as `exists` bind.
    bound: BTreeSet<String>,
}

impl Names {
    /// Checks that functions are known, and that attributes are declared.
    fn check(&self, declared: Option<&[String]>) -> Result<(), ExpressionError> {
        if let Some(unknown) = self
            .functions
            .iter()
            .find(|name| !FUNCTIONS.contains(&name.as_str()))
        {
            return Err(ExpressionError {
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
            Some(unknown) => Err(ExpressionError {
                cause: format!("it names attribute {unknown:?}"),
                allowed: list(declared),
            }),
            None => Ok(()),
        }
    }

    /// Returns `true` if no attribute of the unit is read.
    fn is_constant(&self) -> bool {
        self.unit_attributes().next().is_none()
    }

    /// Returns the names of attributes: those that are neither bound by a macro nor CEL's own.
    fn unit_attributes(&self) -> impl Iterator<Item = &str> {
        self.attributes.iter().map(String::as_str).filter(|path| {
            let root = path.split('.').next().unwrap_or_default();
            !self.bound.contains(root) && !TYPES.contains(path)
        })
    }

    /// Collects the names of an expression.
    fn collect(&mut self, expression: &IdedExpr, nesting: Nesting) -> Result<(), ExpressionError> {
        let inner = nesting.deeper()?;
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
        nesting: Nesting,
    ) -> Result<(), ExpressionError> {
        expressions
            .into_iter()
            .try_for_each(|expression| self.collect(expression, nesting))
    }

    fn call(&mut self, call: &CallExpr, nesting: Nesting) -> Result<(), ExpressionError> {
        if let Some(key) = profile_index(&call.func_name, &call.args) {
            self.path(key.to_owned());
            return Ok(());
        }
        // Operators are named by their shape: `_&&_`, `@in`, `!_`.
        if call.func_name.starts_with(char::is_alphabetic) {
            self.functions.insert(call.func_name.clone());
        }
        self.all(call.target.as_deref(), nesting)?;
        self.all(&call.args, nesting)
    }

    fn comprehension(
        &mut self,
        comprehension: &ComprehensionExpr,
        nesting: Nesting,
    ) -> Result<(), ExpressionError> {
        self.bound.insert(comprehension.iter_var.clone());
        self.bound.extend(comprehension.iter_var2.clone());
        self.bound.insert(comprehension.accu_var.clone());
        self.all(
            [&comprehension.iter_range, &comprehension.accu_init],
            nesting,
        )?;
        let body = nesting.in_macro_body()?;
        let parts = [
            &comprehension.loop_cond,
            &comprehension.loop_step,
            &comprehension.result,
        ];
        self.all(parts, body)
    }

    fn entries(
        &mut self,
        entries: &[IdedEntryExpr],
        nesting: Nesting,
    ) -> Result<(), ExpressionError> {
        entries.iter().try_for_each(|entry| match &entry.expr {
            EntryExpr::StructField(field) => self.collect(&field.value, nesting),
            EntryExpr::MapEntry(entry) => self.all([&entry.key, &entry.value], nesting),
        })
    }

    /// Adds the path of an attribute. The map of all attributes is not one, and names that begin with
    /// `@` are CEL's own.
    fn path(&mut self, path: String) {
        if path != PROFILE && !path.starts_with('@') {
            self.attributes.insert(path);
        }
    }
}

/// The depth of an expression, and `true` if it lies in the body of a macro.
#[derive(Clone, Copy, Default)]
struct Nesting {
    depth: usize,
    in_body: bool,
}

impl Nesting {
    /// Returns the nesting one level deeper, or an error if that is too deep.
    fn deeper(self) -> Result<Self, ExpressionError> {
        if self.depth >= MAX_DEPTH {
            return Err(ExpressionError {
                cause: "it is nested too deeply".to_owned(),
                allowed: format!("at most {MAX_DEPTH} operators within one another"),
            });
        }
        Ok(Self {
            depth: self.depth + 1,
            ..self
        })
    }

    /// Returns the nesting of a macro's body, or an error within another macro's body: each evaluates
    /// its body once per element, so that nested ones multiply.
    fn in_macro_body(self) -> Result<Self, ExpressionError> {
        if self.in_body {
            return Err(ExpressionError {
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

/// Returns the path `a.b.c` of an expression, or `None` if it consists of more than names.
fn path_of(expression: &IdedExpr) -> Option<String> {
    match &expression.expr {
        Expr::Ident(name) if name != PROFILE => Some(name.clone()),
        Expr::Select(select) => Some(format!("{}.{}", path_of(&select.operand)?, select.field)),
        _ => None,
    }
}

/// Returns the attributes that a path may name: for `a.b.c` these are `a`, `a.b` and `a.b.c`.
fn prefixes(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('.')
        .map(|(dot, _)| &path[..dot])
        .chain([path])
}

fn is_profile(expression: &IdedExpr) -> bool {
    matches!(&expression.expr, Expr::Ident(name) if name == PROFILE)
}

/// Returns the key of `profile["key"]`, or `None` for any other call.
fn profile_index<'e>(function: &str, arguments: &'e [IdedExpr]) -> Option<&'e str> {
    match arguments {
        [map, key] if function == operators::INDEX && is_profile(map) => match &key.expr {
            Expr::Literal(LiteralValue::String(key)) => Some(key.inner()),
            _ => None,
        },
        _ => None,
    }
}
