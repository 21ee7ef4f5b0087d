//! Folding a batch into the store: load what is not in memory, compute, swap, and again where
//! somebody else was faster.

use std::collections::HashMap;
use std::time::Duration;

use fairlead_online::{FeatureStore, SourcePartition, Write, WriteOutcome};
use fairlead_proto::event::v1::Event;
use fairlead_proto::feature::v1::EntityState;
use fairlead_registry::{Applied, Entity, Registry};

use crate::batch::{Batch, Group};
use crate::cache::Marked;
use crate::error::Error;
use crate::meters;
use crate::partition::Partition;
use crate::progress::Counts;

/// How often a group may be found changed by somebody else within one batch.
const ATTEMPTS: usize = 8;
/// After so many groups others may use the thread: a batch is milliseconds of arithmetic.
const GROUPS_IN_A_ROW: usize = 64;

pub(crate) struct Fold<'a> {
    pub(crate) store: &'a dyn FeatureStore,
    pub(crate) registry: &'a Registry,
    pub(crate) partitions: &'a mut HashMap<i32, Partition>,
}

/// A group whose new state waits for the store.
struct Waiting {
    group: usize,
    state: Marked,
    counts: Counts,
}

impl Fold<'_> {
    /// Applies the batch and returns what became of its events once the store has acknowledged
    /// everything. On an error the caches no longer count.
    pub(crate) async fn apply(&mut self, batch: &Batch) -> Result<Counts, Error> {
        let mut counts = batch.counts;
        let mut open: Vec<usize> = (0..batch.groups.len()).collect();
        for attempt in 0..ATTEMPTS {
            let states = self.load(&batch.groups, &open).await?;
            let (waiting, writes) = self.compute(batch, &open, states, &mut counts).await;
            open = self.swap(batch, waiting, writes, &mut counts).await?;
            if open.is_empty() {
                return Ok(counts);
            }
            meters::stale(open.len());
            tracing::debug!(
                groups = open.len(),
                attempt,
                "states changed by another writer"
            );
        }
        Err(Error::Contended {
            partition: open
                .first()
                .map_or(0, |group| batch.groups[*group].partition),
            attempts: ATTEMPTS,
        })
    }

    /// The states of the groups: from memory, else from the store.
    async fn load(&mut self, groups: &[Group], open: &[usize]) -> Result<Vec<Marked>, Error> {
        let mut states = Vec::with_capacity(open.len());
        let mut missing = Vec::new();
        let mut asked = Vec::new();
        for (place, group) in open.iter().map(|index| &groups[*index]).enumerate() {
            let partition = self.partitions.get_mut(&group.partition);
            let known = partition.and_then(|partition| partition.cache.take(&group.key));
            if known.is_none() {
                missing.push(place);
                asked.push((group.key.clone(), self.source(group.partition)));
            }
            states.push(known.unwrap_or_default());
        }
        if asked.is_empty() {
            return Ok(states);
        }
        let fields = self.store.read_fields(&asked).await?;
        for (place, field) in missing.into_iter().zip(fields) {
            let Some(field) = field else { continue };
            let state = self.registry.decode(&field.state).unwrap_or_else(|cause| {
                // Begun anew rather than left: a state that nobody can read helps nobody.
                tracing::error!(%cause, "stored state unreadable, begun anew");
                meters::unreadable_state();
                EntityState::default()
            });
            states[place] = Marked {
                mark: Some(field.mark),
                state,
            };
        }
        Ok(states)
    }

    fn source(&self, partition: i32) -> SourcePartition {
        self.partitions.get(&partition).map_or_else(
            || SourcePartition::new("", partition),
            |known| known.source.clone(),
        )
    }

    /// The new states, and the writes that make them stand. What did not change goes back to
    /// memory.
    async fn compute(
        &mut self,
        batch: &Batch,
        open: &[usize],
        states: Vec<Marked>,
        counts: &mut Counts,
    ) -> (Vec<Waiting>, Vec<Write>) {
        let mut waiting = Vec::with_capacity(open.len());
        let mut writes = Vec::with_capacity(open.len());
        for (turn, (index, mut marked)) in open.iter().zip(states).enumerate() {
            if turn % GROUPS_IN_A_ROW == GROUPS_IN_A_ROW - 1 {
                tokio::task::yield_now().await;
            }
            let group = &batch.groups[*index];
            let (mark, seen) = fold(self.registry, group, &batch.events, &mut marked);
            let Some(mark) = mark else {
                counts.add(seen);
                self.keep(group, marked);
                continue;
            };
            let state = self.registry.encode(group.entity, &mut marked.state);
            writes.push(Write {
                key: group.key.clone(),
                source: self.source(group.partition),
                expected_mark: marked.mark,
                mark,
                state: state.into(),
                ttl: Some(ttl(self.registry, group.entity)),
            });
            waiting.push(Waiting {
                group: *index,
                state: marked,
                counts: seen,
            });
        }
        (waiting, writes)
    }

    /// Writes; returns the groups that have to be computed again.
    async fn swap(
        &mut self,
        batch: &Batch,
        waiting: Vec<Waiting>,
        writes: Vec<Write>,
        counts: &mut Counts,
    ) -> Result<Vec<usize>, Error> {
        if writes.is_empty() {
            return Ok(Vec::new());
        }
        let marks: Vec<i64> = writes.iter().map(|write| write.mark).collect();
        let outcomes = self.store.apply(writes).await?;
        let mut again = Vec::new();
        for ((mut waiting, mark), outcome) in waiting.into_iter().zip(marks).zip(outcomes) {
            match outcome {
                WriteOutcome::Applied => {
                    counts.add(waiting.counts);
                    waiting.state.mark = Some(mark);
                    self.keep(&batch.groups[waiting.group], waiting.state);
                }
                WriteOutcome::Stale { current_mark } => {
                    if let Some(expected) = waiting.state.mark
                        && current_mark < Some(expected)
                    {
                        return Err(Error::WentBack {
                            expected,
                            found: current_mark,
                        });
                    }
                    again.push(waiting.group);
                }
            }
        }
        Ok(again)
    }

    fn keep(&mut self, group: &Group, marked: Marked) {
        if let Some(partition) = self.partitions.get_mut(&group.partition) {
            partition.cache.put(group.key.clone(), marked);
        }
    }
}

/// Folds the events above the state's mark into it. Returns the new mark where the state changed,
/// and what became of the events of customers (a product's are the same events once more).
fn fold(
    registry: &Registry,
    group: &Group,
    events: &[Event],
    marked: &mut Marked,
) -> (Option<i64>, Counts) {
    let mut counts = Counts::default();
    let mut mark = None;
    for place in &group.events {
        if marked.mark.is_some_and(|mark| place.offset <= mark) {
            counts.replayed += 1;
            continue;
        }
        let event = &events[place.event];
        let applied = match group.entity {
            Entity::Customer => registry.apply_customer(&mut marked.state, event),
            Entity::Product => registry.apply_product(&mut marked.state, event),
        };
        match applied {
            Applied::Changed => {
                counts.applied += 1;
                counts.outcomes.note(event.kind());
                mark = Some(place.offset);
            }
            Applied::Duplicate => counts.duplicates += 1,
            Applied::TooLate => counts.too_late += 1,
            Applied::Irrelevant => counts.irrelevant += 1,
        }
    }
    if group.entity == Entity::Product {
        counts = Counts::default();
    }
    (mark, counts)
}

fn ttl(registry: &Registry, entity: Entity) -> Duration {
    Duration::from_millis(registry.idle_ms(entity).unsigned_abs())
}
