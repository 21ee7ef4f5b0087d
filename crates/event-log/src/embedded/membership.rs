//! The groups of this process, and the bell that wakes whoever waits.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::groups::{Changes, Group, MemberId};
use super::schema::PartitionId;

/// All consumer groups with members in this process.
#[derive(Debug, Default)]
pub(crate) struct Membership {
    groups: Mutex<HashMap<Arc<str>, Group>>,
    next_member: AtomicU64,
    /// Rung when records, ownership or the log's state changed.
    bell: Notify,
}

impl Membership {
    pub(crate) fn new_member(&self) -> MemberId {
        self.next_member.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn join(
        &self,
        group: &Arc<str>,
        member: MemberId,
        partitions: BTreeSet<PartitionId>,
        max_poll_interval: Duration,
    ) {
        self.groups
            .lock()
            .entry(Arc::clone(group))
            .or_default()
            .join(member, partitions, max_poll_interval, Instant::now());
        self.ring();
    }

    pub(crate) fn leave(&self, group: &Arc<str>, member: MemberId) {
        let mut groups = self.groups.lock();
        if let Some(state) = groups.get_mut(group) {
            state.leave(member);
            if state.is_empty() {
                groups.remove(group);
            }
        }
        drop(groups);
        self.ring();
    }

    /// What changed for a member since it last asked; none if it was put out.
    pub(crate) fn sync(&self, group: &Arc<str>, member: MemberId) -> Option<Changes> {
        let changes = self
            .groups
            .lock()
            .get_mut(group)
            .and_then(|state| state.sync(member, Instant::now()));
        if changes.as_ref().is_some_and(|changes| changes.wake_others) {
            self.ring();
        }
        changes
    }

    pub(crate) fn owns(&self, group: &Arc<str>, member: MemberId, partition: PartitionId) -> bool {
        let groups = self.groups.lock();
        groups
            .get(group)
            .is_some_and(|state| state.owns(member, partition))
    }

    /// Whether any member of the group is here.
    pub(crate) fn has_members(&self, group: &str) -> bool {
        self.groups.lock().contains_key(group)
    }

    pub(crate) fn ring(&self) {
        self.bell.notify_waiters();
    }

    /// Wakes at the next [`Membership::ring`]; enable it before looking at what may change.
    pub(crate) fn bell(&self) -> tokio::sync::futures::Notified<'_> {
        self.bell.notified()
    }
}
