//! Puts the rankers of a release together: as they are loaded, and as product counters are
//! read.

use std::collections::BTreeMap;
use std::sync::Arc;

use fairlead_chassis::clock::{Clock, full_minute};
use fairlead_online::ProductStates;
use fairlead_proto::control::v1::ModelRef;
use fairlead_registry::Registry;
use fairlead_release::Live;
use fairlead_release_follow::{Models, Refreshed, Standing};

use crate::fleet::{DefaultRanker, Fleet, Ready};
use crate::ranker::{ROLE, Ranker};
use crate::rows::{Observed, Rows};

/// Makes fleets of the live release, its rankers and the product counters.
pub(crate) struct FleetBuilder {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) registry: Registry,
    pub(crate) rankers: Models<Ranker>,
    pub(crate) states: Refreshed<ProductStates>,
}

impl FleetBuilder {
    /// Makes the fleet of `live`; the ranker that answered by default in `before` goes on to
    /// answer until the release's default can.
    pub(crate) fn build(&self, live: &Arc<Live>, before: Option<&Fleet>) -> Fleet {
        let models = live.release.models.iter();
        let named: Vec<&ModelRef> = models.filter(|model| model.role == ROLE).collect();
        let standings = self.rankers.standings(live.revision(), &named);
        let states = self.states.get();
        let observed = Observed {
            states: &states.by_id,
            as_of_ms: full_minute(self.clock.now_ms()),
        };
        let versions: BTreeMap<String, Standing<Ready>> = named
            .iter()
            .zip(standings)
            .map(|(named, standing)| {
                let standing = match standing {
                    Standing::Ready(ranker) => self.with_rows(ranker, live, observed),
                    Standing::Loading => Standing::Loading,
                    Standing::Refused(reason) => Standing::Refused(reason),
                };
                (named.version.clone(), standing)
            })
            .collect();
        let default = match live.model(ROLE, "") {
            _ if versions.is_empty() => DefaultRanker::NoRanker,
            None => DefaultRanker::NoDefault,
            Some(named) if matches!(versions.get(&named.version), Some(Standing::Ready(_))) => {
                DefaultRanker::Version(named.version.clone())
            }
            Some(named) => {
                let earlier = before.and_then(|before| before.choose("").ok());
                let earlier = earlier.map(|ready| Arc::clone(&ready.ranker));
                match earlier.map(|ranker| self.with_rows(ranker, live, observed)) {
                    Some(Standing::Ready(ready)) => DefaultRanker::Earlier(ready),
                    _ => DefaultRanker::Version(named.version.clone()),
                }
            }
        };
        Fleet {
            live: Arc::clone(live),
            as_of_ms: observed.as_of_ms,
            counters_read_ms: states.read_ms,
            versions,
            default,
        }
    }

    /// The ranker with the rows of the release's products; refused where they cannot be made.
    fn with_rows(
        &self,
        ranker: Arc<Ranker>,
        live: &Live,
        observed: Observed<'_>,
    ) -> Standing<Ready> {
        let products = live.catalogue.products();
        match Rows::make(&self.registry, &ranker.assembler, products, observed) {
            Ok(rows) => Standing::Ready(Arc::new(Ready { ranker, rows })),
            Err(error) => Standing::Refused(error.to_string()),
        }
    }
}
