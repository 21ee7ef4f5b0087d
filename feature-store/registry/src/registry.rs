//! The registry: the definitions, and what is computed from them once.

use std::fmt;
use std::sync::{Arc, LazyLock};

use fairlead_domain::Origins;
use xxhash_rust::xxh3::Xxh3;

use crate::definition::Feature;
use crate::error::Error;
use crate::layout::Layout;
use crate::parse;
use crate::purpose::{Entity, Purpose};
use crate::rules::Rules;

/// All features, checked, with the rules that fold events and the layouts that read values. Cheap
/// to clone: clones share one copy.
#[derive(Clone)]
pub struct Registry(Arc<Inner>);

struct Inner {
    features: Vec<Feature>,
    hash: u64,
    idle_days: [u32; 2],
    rules: [Rules; 2],
    layouts: [Layout; 4],
    product_layout: Layout,
    longest_window_ms: i64,
    /// Who may state each kind of event, by the number of the kind.
    stated_by: Vec<Origins>,
}

impl Registry {
    /// Reads a features file.
    ///
    /// # Errors
    /// The first fault, with its feature, key, value and what is allowed.
    pub fn from_yaml(text: &str) -> Result<Self, Error> {
        let parsed = parse::parse(text)?;
        let features = parsed.features;
        let of_purpose = |purpose: Purpose| {
            Layout::new(
                format!("purpose {purpose}"),
                features.iter().filter(move |feature| {
                    feature.entity == Entity::Customer && feature.purposes.contains(purpose)
                }),
            )
        };
        let inner = Inner {
            hash: hash(&features),
            idle_days: parsed.idle_days,
            stated_by: parsed.stated_by,
            rules: [
                Rules::new(Entity::Customer, &features)?,
                Rules::new(Entity::Product, &features)?,
            ],
            layouts: Purpose::ALL.map(of_purpose),
            product_layout: Layout::new(
                "entity product".into(),
                features
                    .iter()
                    .filter(|feature| feature.entity == Entity::Product),
            ),
            longest_window_ms: features.iter().filter_map(window_ms).max().unwrap_or(0),
            features,
        };
        Ok(Self(Arc::new(inner)))
    }

    /// Returns Fairlead's own features: `features.yaml` of this crate.
    pub fn builtin() -> Self {
        static BUILTIN: LazyLock<Registry> = LazyLock::new(|| {
            Registry::from_yaml(include_str!("../features.yaml"))
                .expect("the features file of the crate parses: a test holds it")
        });
        BUILTIN.clone()
    }

    /// Returns the hash of the meaning and the order of all features: registries with the same hash
    /// can read each other's feature sets and states.
    pub fn hash(&self) -> u64 {
        self.0.hash
    }

    /// Returns all features in the order of the file.
    pub fn features(&self) -> &[Feature] {
        &self.0.features
    }

    /// Returns a feature by name, or `None` if the entity has none of that name.
    pub fn feature(&self, entity: Entity, name: &str) -> Option<&Feature> {
        self.0
            .features
            .iter()
            .find(|feature| feature.entity == entity && feature.name == name)
    }

    /// Returns the layout of the customer features that a purpose gets.
    pub fn layout(&self, purpose: Purpose) -> &Layout {
        &self.0.layouts[purpose.index()]
    }

    /// Returns the layout of the product features.
    pub fn product_layout(&self) -> &Layout {
        &self.0.product_layout
    }

    /// Returns the milliseconds without a write after which the state of such an entity is
    /// forgotten: the TTL of its key.
    pub fn idle_ms(&self, entity: Entity) -> i64 {
        i64::from(self.0.idle_days[entity.index()]) * 86_400_000
    }

    /// Returns the length of the longest window, milliseconds: an earlier event changes no count.
    pub fn longest_window_ms(&self) -> i64 {
        self.0.longest_window_ms
    }

    /// Returns who may state events of this kind: none for a number that is no kind.
    pub(crate) fn stated_by(&self, kind: i32) -> Origins {
        let number = usize::try_from(kind).ok();
        let origins = number.and_then(|number| self.0.stated_by.get(number));
        origins.copied().unwrap_or_default()
    }

    pub(crate) fn rules(&self, entity: Entity) -> &Rules {
        &self.0.rules[entity.index()]
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "Registry({:016x}, {} features)",
            self.hash(),
            self.features().len()
        )
    }
}

fn window_ms(feature: &Feature) -> Option<i64> {
    use crate::definition::Aggregate;
    match &feature.aggregate {
        Aggregate::Count { window } | Aggregate::Sum { window, .. } => Some(window.length_ms()),
        _ => None,
    }
}

/// Returns the hash over order, meaning and purposes, which decide the layouts. Owner and
/// description do not enter.
fn hash(features: &[Feature]) -> u64 {
    let mut hasher = Xxh3::new();
    for feature in features {
        hasher.update(feature.meaning().as_bytes());
        for purpose in feature.purposes.iter() {
            hasher.update(b" ");
            hasher.update(purpose.name().as_bytes());
        }
        hasher.update(b"\n");
    }
    hasher.digest()
}
