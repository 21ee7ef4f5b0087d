//! The consumer groups of this process, and the notification that wakes waiting polls.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::groups::{Group, MemberId, OwnershipChanges};
use super::schema::PartitionId;

/// All consumer groups with members in this process.
#[derive(Debug, Default)]
pub(crate) struct Membership {
    groups: Mutex<HashMap<Arc<str>, Group>>,
    next_member: AtomicU64,
    /// Notified when records, ownership or the log's state changed.
    changed: Notify,
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
        self.notify();
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
        self.notify();
    }

    /// Returns the changes for a member since its last poll, or `None` if it was evicted.
    pub(crate) fn sync(&self, group: &Arc<str>, member: MemberId) -> Option<OwnershipChanges> {
        let changes = self
            .groups
            .lock()
            .get_mut(group)
            .and_then(|state| state.sync(member, Instant::now()));
        if changes.as_ref().is_some_and(|changes| changes.wake_others) {
            self.notify();
        }
        changes
    }

    pub(crate) fn owns(&self, group: &Arc<str>, member: MemberId, partition: PartitionId) -> bool {
        let groups = self.groups.lock();
        groups
            .get(group)
            .is_some_and(|state| state.owns(member, partition))
    }

    /// Returns true if the group has a member in this process.
    pub(crate) fn has_members(&self, group: &str) -> bool {
        self.groups.lock().contains_key(group)
    }

    /// Wakes all waiting polls.
    pub(crate) fn notify(&self) {
        self.changed.notify_waiters();
    }

    /// Returns a future that completes at the next [`Membership::notify`]. Enable it before
    /// reading the state that may change.
    pub(crate) fn changed(&self) -> tokio::sync::futures::Notified<'_> {
        self.changed.notified()
    }
}
