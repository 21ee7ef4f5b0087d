//! The cost models and the guardrails of a release, by the strategies that they name.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use fairlead_domain::StrategyLabel;

use crate::Error;
use crate::error::Checks;

/// Objects of one sort by the strategy, or the strategy version, that they are for; `None` for one
/// that was refused.
#[derive(Debug)]
pub(crate) struct ByStrategy<T> {
    objects: BTreeMap<String, Option<Arc<T>>>,
}

impl<T> ByStrategy<T> {
    /// Compiles objects, each with its id and the strategies that it names, adding errors to
    /// `errors`. `sort` is what an object is in words.
    pub(crate) fn compile<'p, P: 'p>(
        sort: &str,
        entries: impl IntoIterator<Item = (&'p String, &'p Vec<String>, &'p P)>,
        compile: impl Fn(&'p P) -> Result<T, Vec<Error>>,
        errors: &mut Vec<Error>,
    ) -> Self {
        let mut objects = BTreeMap::new();
        let mut ids = BTreeSet::new();
        for (id, strategies, object) in entries {
            let mut checks = Checks::new(format!("{sort} {id:?}"));
            checks.present(!id.is_empty(), "id", "an id of at least one character");
            checks.once(ids.insert(id), "id", id, "each id once");
            let compiled = compile(object).map_err(|found| checks.extend(found));
            let compiled = compiled.ok().map(Arc::new);
            for strategy in strategies {
                let new = !objects.contains_key(strategy);
                checks.once(new, "strategies", strategy, "each strategy once over all");
                objects.insert(strategy.clone(), compiled.clone());
            }
            errors.extend(checks.into_errors());
        }
        Self { objects }
    }

    /// Returns the object for a strategy version: the one that names the version, else the one that
    /// names the strategy.
    pub(crate) fn of(&self, label: &StrategyLabel) -> Found<'_, T> {
        let own = self.objects.get(&label.to_string());
        match own.or_else(|| self.objects.get(&label.strategy_id)) {
            Some(Some(object)) => Found::Object(object),
            Some(None) => Found::Refused,
            None => Found::Nothing,
        }
    }
}

/// The result of looking a strategy up.
#[derive(Debug)]
pub(crate) enum Found<'f, T> {
    /// Nothing that names it.
    Nothing,
    /// An object that was refused, whose errors were noted with it.
    Refused,
    /// An object.
    Object(&'f Arc<T>),
}

impl<T> Clone for Found<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Found<'_, T> {}

impl<'f, T> Found<'f, T> {
    /// Returns true if an object names the strategy, refused or not.
    pub(crate) fn is_there(self) -> bool {
        !matches!(self, Self::Nothing)
    }

    /// Returns the object, or `None` if there is none or it was refused.
    pub(crate) fn object(self) -> Option<&'f Arc<T>> {
        match self {
            Self::Object(object) => Some(object),
            Self::Nothing | Self::Refused => None,
        }
    }
}

/// Returns true if a list of strategies names this one, or this version of it.
pub(crate) fn names(strategies: &[String], label: &StrategyLabel) -> bool {
    let version = label.to_string();
    strategies
        .iter()
        .any(|one| *one == label.strategy_id || *one == version)
}
