//! Features as CEL sees them: looked up when an expression asks, never copied.

use cel::ExecutionError;
use cel::common::traits::{Container, Indexer};
use cel::common::types::{CelDouble, CelList, CelString, MAP_TYPE, Type};
use cel::common::value::{CowVal, Val};
use cel::context::VariableResolver;
use fairlead_registry::FeatureReader;

/// The name under which an expression finds all features as one map, to ask whether one is there.
pub(super) const PROFILE: &str = "profile";

/// The features of one customer for one purpose.
#[derive(Debug, Clone, Copy)]
pub(super) struct Features<'a>(pub(super) FeatureReader<'a>);

impl Features<'_> {
    /// Returns a number or category that was observed, or a sequence, which may be empty.
    fn value(&self, name: &str) -> Option<Box<dyn Val + '_>> {
        if let Some(number) = self.0.number(name) {
            return Some(Box::new(CelDouble::from(number)));
        }
        if let Some(text) = self.0.category(name) {
            return Some(Box::new(CelString::from(text)));
        }
        self.0.layout().sequence(name)?;
        let entries = self.0.sequence(name).iter();
        let ids = entries
            .map(|entry| Box::new(CelString::from(entry.product_id.as_str())) as Box<dyn Val + '_>);
        Some(Box::new(CelList::from(ids.collect::<Vec<_>>())))
    }
}

impl VariableResolver for Features<'_> {
    fn resolve<'b>(&'b self, variable: &str) -> Option<CowVal<'b, 'b>> {
        if variable == PROFILE {
            return Some(CowVal::owned(FeatureMap(self)));
        }
        self.value(variable).map(CowVal::Owned)
    }
}

/// All features as one CEL map that is looked into, not built.
#[derive(Debug)]
struct FeatureMap<'a>(&'a Features<'a>);

fn key(index: &dyn Val) -> Result<&str, ExecutionError> {
    index
        .downcast_ref::<CelString>()
        .map(CelString::inner)
        .ok_or_else(|| ExecutionError::UnexpectedType {
            got: index.get_type().name().to_owned(),
            want: "string".to_owned(),
        })
}

impl<'a> FeatureMap<'a> {
    fn at(&self, index: &dyn Val) -> Result<Box<dyn Val + 'a>, ExecutionError> {
        let key = key(index)?;
        self.0
            .value(key)
            .ok_or_else(|| ExecutionError::no_such_key(key))
    }
}

impl Val for FeatureMap<'_> {
    fn get_type(&self) -> &Type {
        &MAP_TYPE
    }

    fn cel_type() -> &'static Type {
        &MAP_TYPE
    }

    fn as_container(&self) -> Option<&dyn Container> {
        Some(self)
    }

    fn as_indexer<'b, 'v>(&'b self) -> Option<&'b (dyn Indexer + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }

    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v>
    where
        Self: 'v,
    {
        Box::new(Self(self.0))
    }
}

impl Container for FeatureMap<'_> {
    fn contains(&self, value: &dyn Val) -> Result<bool, ExecutionError> {
        Ok(self.0.value(key(value)?).is_some())
    }
}

impl Indexer for FeatureMap<'_> {
    fn get<'b, 'v>(&'b self, index: &dyn Val) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        Ok(CowVal::Owned(self.at(index)?))
    }

    fn steal<'v>(self: Box<Self>, index: &dyn Val) -> Result<Box<dyn Val + 'v>, ExecutionError>
    where
        Self: 'v,
    {
        self.at(index)
    }
}
