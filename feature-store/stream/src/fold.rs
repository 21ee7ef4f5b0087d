//! Folding a batch into the store: load states that are not cached, compute new ones, write them by
//! compare-and-swap, and repeat for those that another writer changed meanwhile.

use std::collections::HashMap;
use std::time::Duration;

use fairlead_online::{FeatureStore, SourcePartition, Write, WriteOutcome};
use fairlead_proto::event::v1::Event;
use fairlead_proto::feature::v1::EntityState;
use fairlead_registry::{Applied, Entity, Registry};

use crate::batch::{Batch, EntityEvents};
use crate::cache::CachedState;
use crate::error::Error;
use crate::meters;
use crate::partition::Partition;
use crate::progress::Counts;

/// The most attempts to write the states of one batch.
const MAX_ATTEMPTS: usize = 8;
/// The number of groups after which the task yields: a batch takes milliseconds to compute.
const GROUPS_PER_YIELD: usize = 64;

pub(crate) struct Fold<'a> {
    pub(crate) store: &'a dyn FeatureStore,
    pub(crate) registry: &'a Registry,
    pub(crate) partitions: &'a mut HashMap<i32, Partition>,
}

/// A group whose new state is to be written.
struct ComputedState {
    /// The group's index in the batch.
    group: usize,
    state: CachedState,
    counts: Counts,
}

impl Fold<'_> {
    /// Applies the batch and returns the counts of its events once the store has acknowledged all
    /// writes. After an error the caches are invalid.
    pub(crate) async fn apply(&mut self, batch: &Batch) -> Result<Counts, Error> {
        let mut counts = batch.counts;
        let mut pending: Vec<usize> = (0..batch.groups.len()).collect();
        for attempt in 0..MAX_ATTEMPTS {
            let states = self.load(&batch.groups, &pending).await?;
            let (computed, writes) = self.compute(batch, &pending, states, &mut counts).await;
            pending = self.write(batch, computed, writes, &mut counts).await?;
            if pending.is_empty() {
                return Ok(counts);
            }
            meters::stale(pending.len());
            tracing::debug!(
                groups = pending.len(),
                attempt,
                "states changed by another writer"
            );
        }
        Err(Error::Contended {
            partition: pending
                .first()
                .map_or(0, |group| batch.groups[*group].partition),
            attempts: MAX_ATTEMPTS,
        })
    }

    /// Returns the states of the pending groups, from the cache or else from the store.
    async fn load(
        &mut self,
        groups: &[EntityEvents],
        pending: &[usize],
    ) -> Result<Vec<CachedState>, Error> {
        let mut states = Vec::with_capacity(pending.len());
        let mut missing = Vec::new();
        let mut fields = Vec::new();
        for (index, group) in pending.iter().map(|group| &groups[*group]).enumerate() {
            let partition = self.partitions.get_mut(&group.partition);
            let cached = partition.and_then(|partition| partition.cache.take(&group.key));
            if cached.is_none() {
                missing.push(index);
                fields.push((group.key.clone(), self.source(group.partition)));
            }
            states.push(cached.unwrap_or_default());
        }
        if fields.is_empty() {
            return Ok(states);
        }
        let fields = self.store.read_fields(&fields).await?;
        for (index, field) in missing.into_iter().zip(fields) {
            let Some(field) = field else { continue };
            let state = self.registry.decode(&field.state).unwrap_or_else(|cause| {
                // An unreadable state is of no use, so an empty one replaces it.
                tracing::error!(%cause, "stored state unreadable, begun anew");
                meters::unreadable_state();
                EntityState::default()
            });
            states[index] = CachedState {
                offset: Some(field.offset),
                state,
            };
        }
        Ok(states)
    }

    fn source(&self, partition: i32) -> SourcePartition {
        self.partitions.get(&partition).map_or_else(
            || SourcePartition::new("", partition),
            |partition| partition.source.clone(),
        )
    }

    /// Returns the changed states and the writes of them, in the same order. Unchanged states go
    /// back to the cache.
    async fn compute(
        &mut self,
        batch: &Batch,
        pending: &[usize],
        states: Vec<CachedState>,
        counts: &mut Counts,
    ) -> (Vec<ComputedState>, Vec<Write>) {
        let mut computed = Vec::with_capacity(pending.len());
        let mut writes = Vec::with_capacity(pending.len());
        for (number, (index, mut cached)) in pending.iter().zip(states).enumerate() {
            if number % GROUPS_PER_YIELD == GROUPS_PER_YIELD - 1 {
                tokio::task::yield_now().await;
            }
            let group = &batch.groups[*index];
            let (offset, group_counts) = fold(self.registry, group, &batch.events, &mut cached);
            let Some(offset) = offset else {
                counts.add(group_counts);
                self.cache_state(group, cached);
                continue;
            };
            let state = self.registry.encode(group.entity, &mut cached.state);
            writes.push(Write {
                key: group.key.clone(),
                source: self.source(group.partition),
                expected_offset: cached.offset,
                offset,
                state: state.into(),
                ttl: Some(ttl(self.registry, group.entity)),
            });
            computed.push(ComputedState {
                group: *index,
                state: cached,
                counts: group_counts,
            });
        }
        (computed, writes)
    }

    /// Writes the states and returns the groups that must be computed again.
    async fn write(
        &mut self,
        batch: &Batch,
        computed: Vec<ComputedState>,
        writes: Vec<Write>,
        counts: &mut Counts,
    ) -> Result<Vec<usize>, Error> {
        if writes.is_empty() {
            return Ok(Vec::new());
        }
        let offsets: Vec<i64> = writes.iter().map(|write| write.offset).collect();
        let outcomes = self.store.apply(writes).await?;
        let mut again = Vec::new();
        for ((mut computed, offset), outcome) in computed.into_iter().zip(offsets).zip(outcomes) {
            match outcome {
                WriteOutcome::Applied => {
                    counts.add(computed.counts);
                    computed.state.offset = Some(offset);
                    self.cache_state(&batch.groups[computed.group], computed.state);
                }
                WriteOutcome::Stale { current_offset } => {
                    if let Some(expected) = computed.state.offset
                        && current_offset < Some(expected)
                    {
                        return Err(Error::StoreWentBack {
                            expected,
                            found: current_offset,
                        });
                    }
                    again.push(computed.group);
                }
            }
        }
        Ok(again)
    }

    fn cache_state(&mut self, group: &EntityEvents, state: CachedState) {
        if let Some(partition) = self.partitions.get_mut(&group.partition) {
            partition.cache.put(group.key.clone(), state);
        }
    }
}

/// Folds the events above the state's offset into it. Returns the new offset, or `None` if the
/// state did not change, and the counts of the events. The counts of a product's group are zero,
/// because its events are counted with their customers.
fn fold(
    registry: &Registry,
    group: &EntityEvents,
    events: &[Event],
    cached: &mut CachedState,
) -> (Option<i64>, Counts) {
    let mut counts = Counts::default();
    let mut new_offset = None;
    for event_ref in &group.events {
        if cached.offset.is_some_and(|last| event_ref.offset <= last) {
            counts.replayed += 1;
            continue;
        }
        let event = &events[event_ref.index];
        let applied = match group.entity {
            Entity::Customer => registry.apply_customer(&mut cached.state, event),
            Entity::Product => registry.apply_product(&mut cached.state, event),
        };
        match applied {
            Applied::Changed => {
                counts.applied += 1;
                counts.outcomes.count(event.kind());
                new_offset = Some(event_ref.offset);
            }
            Applied::Duplicate => counts.duplicates += 1,
            Applied::TooLate => counts.too_late += 1,
            Applied::Irrelevant => counts.irrelevant += 1,
        }
    }
    if group.entity == Entity::Product {
        counts = Counts::default();
    }
    (new_offset, counts)
}

fn ttl(registry: &Registry, entity: Entity) -> Duration {
    Duration::from_millis(registry.idle_ms(entity).unsigned_abs())
}
