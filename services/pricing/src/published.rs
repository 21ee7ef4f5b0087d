//! A release as the service uses it: the engine, and the segmentation that prices may read.

use std::sync::Arc;

use fairlead_price_engine::{Engine, Source};
use fairlead_proto::control::v1::Release;
use fairlead_proto::pricing::v1::PricingContext;
use fairlead_registry::{Purpose, Registry};
use fairlead_release::Live;

use crate::error::Error;

/// A release, compiled.
#[derive(Debug)]
pub(crate) struct Published {
    pub(crate) live: Arc<Live>,
    pub(crate) pricing: Pricing,
}

/// The pricing parts of a release, compiled.
#[derive(Debug)]
pub(crate) struct Pricing {
    pub(crate) engine: Engine,
    /// The first segmentation that prices may read, or `None` where there is none.
    segmentation: Option<String>,
}

impl Published {
    /// Compiles the pricing parts of a release.
    pub(crate) fn compile(registry: &Registry, live: &Arc<Live>) -> Result<Self, Error> {
        Ok(Self {
            live: Arc::clone(live),
            pricing: Pricing::compile(registry, &live.release)?,
        })
    }
}

impl Pricing {
    fn compile(registry: &Registry, release: &Release) -> Result<Self, Error> {
        let engine = Engine::compile(&Source::of_release(release)).map_err(|errors| {
            let all: Vec<String> = errors.iter().map(ToString::to_string).collect();
            Error::Release(all.join("; "))
        })?;
        let layout = registry.layout(Purpose::Price);
        let known = |name: &str| layout.number(name).is_some() || layout.category(name).is_some();
        if let Some(name) = engine.features().into_iter().find(|name| !known(name)) {
            let message =
                format!("feature `{name}` is not allowed: a feature whose purposes include price");
            return Err(Error::Release(message));
        }
        let mut segmentations = release.segmentations.iter();
        Ok(Self {
            engine,
            segmentation: segmentations
                .find(|one| one.allow_price)
                .map(|one| one.segmentation_id.clone()),
        })
    }

    /// Returns the customer's segment in the segmentation that prices may read, or `None` where
    /// there is no such segmentation or no segment of it.
    pub(crate) fn segment<'a>(&self, context: &'a PricingContext) -> Option<&'a str> {
        context
            .segments
            .get(self.segmentation.as_ref()?)
            .map(String::as_str)
    }
}
