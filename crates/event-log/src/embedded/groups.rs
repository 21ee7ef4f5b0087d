//! The assignment of partitions to the members of a consumer group in this process. Pure.
//!
//! Partitions move as in Kafka's cooperative protocol: a member keeps a partition until it polls;
//! then it gives up what is assigned to another member, and only then can the other take it. So a
//! partition never has two owners, and no member loses one while it works on its records. A member
//! that has not polled for too long is evicted, so that it does not block the others.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::schema::PartitionId;

/// A member's number, unique within the process.
pub(crate) type MemberId = u64;

/// The changes of ownership for a member since its last poll.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct OwnershipChanges {
    pub(crate) revoked: Vec<PartitionId>,
    pub(crate) assigned: Vec<PartitionId>,
    /// True if partitions became free that other members may take.
    pub(crate) wake_others: bool,
}

#[derive(Debug)]
struct Member {
    partitions: BTreeSet<PartitionId>,
    last_seen: Instant,
    max_poll_interval: Duration,
}

/// One consumer group.
#[derive(Debug, Default)]
pub(crate) struct Group {
    members: BTreeMap<MemberId, Member>,
    /// The member to which each partition is assigned.
    assignment: BTreeMap<PartitionId, MemberId>,
    /// The member that owns each partition now.
    owned: BTreeMap<PartitionId, MemberId>,
}

impl Group {
    /// Adds a member that subscribes to topics with these partitions.
    pub(crate) fn join(
        &mut self,
        id: MemberId,
        partitions: BTreeSet<PartitionId>,
        max_poll_interval: Duration,
        now: Instant,
    ) {
        let member = Member {
            partitions,
            last_seen: now,
            max_poll_interval,
        };
        self.members.insert(id, member);
        self.reassign();
    }

    /// Removes a member and frees its partitions.
    pub(crate) fn leave(&mut self, id: MemberId) {
        if self.members.remove(&id).is_some() {
            self.owned.retain(|_, owner| *owner != id);
            self.reassign();
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Returns true if `id` owns the partition.
    pub(crate) fn owns(&self, id: MemberId, partition: PartitionId) -> bool {
        self.owned.get(&partition) == Some(&id)
    }

    /// Applies the assignment to a member that polls: it gives up and takes partitions. Returns
    /// the changes, or `None` if the member was evicted, owns nothing and has to join again.
    pub(crate) fn sync(&mut self, id: MemberId, now: Instant) -> Option<OwnershipChanges> {
        self.members.get_mut(&id)?.last_seen = now;
        let evicted = self.evict_silent(now);
        let mut changes = OwnershipChanges {
            wake_others: evicted,
            ..OwnershipChanges::default()
        };
        self.owned.retain(|partition, owner| {
            let keeps = *owner != id || self.assignment.get(partition) == Some(&id);
            if !keeps {
                changes.revoked.push(*partition);
            }
            keeps
        });
        for (partition, owner) in &self.assignment {
            if *owner == id && !self.owned.contains_key(partition) {
                self.owned.insert(*partition, id);
                changes.assigned.push(*partition);
            }
        }
        changes.wake_others |= !changes.revoked.is_empty();
        Some(changes)
    }

    /// Removes members that have not polled for too long. Returns true if there were any.
    fn evict_silent(&mut self, now: Instant) -> bool {
        let silent: Vec<MemberId> = self
            .members
            .iter()
            .filter(|(_, m)| now.saturating_duration_since(m.last_seen) > m.max_poll_interval)
            .map(|(id, _)| *id)
            .collect();
        for id in &silent {
            self.leave(*id);
        }
        !silent.is_empty()
    }

    /// Computes the assignment again: as even as subscriptions allow, with as few moves as
    /// possible.
    fn reassign(&mut self) {
        let members = &self.members;
        let subscribed = |id: &MemberId, p: &PartitionId| {
            members.get(id).is_some_and(|m| m.partitions.contains(p))
        };
        self.assignment
            .retain(|partition, id| subscribed(id, partition));
        let wanted: BTreeSet<PartitionId> = members
            .values()
            .flat_map(|member| member.partitions.iter().copied())
            .collect();
        let mut load: BTreeMap<MemberId, usize> = members.keys().map(|id| (*id, 0)).collect();
        for id in self.assignment.values() {
            *load.entry(*id).or_default() += 1;
        }
        for partition in &wanted {
            if !self.assignment.contains_key(partition)
                && let Some(id) = least_loaded(&load, |id| subscribed(id, partition))
            {
                self.assignment.insert(*partition, id);
                *load.entry(id).or_default() += 1;
            }
        }
        // Each move lowers the sum of the squared loads, so the loop ends.
        while let Some((partition, from, to)) =
            self.assignment.iter().find_map(|(partition, from)| {
                let to = least_loaded(&load, |id| subscribed(id, partition))?;
                (load[&to] + 1 < load[from]).then_some((*partition, *from, to))
            })
        {
            self.assignment.insert(partition, to);
            *load.entry(from).or_default() -= 1;
            *load.entry(to).or_default() += 1;
        }
    }
}

fn least_loaded(
    load: &BTreeMap<MemberId, usize>,
    eligible: impl Fn(&MemberId) -> bool,
) -> Option<MemberId> {
    load.iter()
        .filter(|(id, _)| eligible(id))
        .min_by_key(|(id, count)| (**count, **id))
        .map(|(id, _)| *id)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const INTERVAL: Duration = Duration::from_mins(5);

    fn topic(id: u32, partitions: u32) -> BTreeSet<PartitionId> {
        (0..partitions).map(|partition| (id, partition)).collect()
    }

    fn owned_by(group: &Group, id: MemberId) -> Vec<PartitionId> {
        let own = group.owned.iter().filter(|(_, owner)| **owner == id);
        own.map(|(partition, _)| *partition).collect()
    }

    #[test]
    fn a_partition_moves_only_after_its_owner_polled() {
        let now = Instant::now();
        let mut group = Group::default();
        group.join(1, topic(1, 2), INTERVAL, now);
        assert_eq!(
            group.sync(1, now).expect("member").assigned,
            [(1, 0), (1, 1)]
        );

        group.join(2, topic(1, 2), INTERVAL, now);
        assert_eq!(
            group.sync(2, now),
            Some(OwnershipChanges::default()),
            "1 still owns both"
        );
        let changes = group.sync(1, now).expect("member");
        assert_eq!((changes.revoked.len(), changes.wake_others), (1, true));
        assert_eq!(
            group.sync(2, now).expect("member").assigned,
            changes.revoked
        );
    }

    #[test]
    fn a_member_that_leaves_frees_its_partitions_at_once() {
        let now = Instant::now();
        let mut group = Group::default();
        group.join(1, topic(1, 3), INTERVAL, now);
        group.sync(1, now);
        group.join(2, topic(1, 3), INTERVAL, now);
        group.leave(1);
        assert_eq!(group.sync(2, now).expect("member").assigned.len(), 3);
        assert!(group.sync(1, now).is_none());
        group.leave(2);
        assert!(group.is_empty());
    }

    #[test]
    fn a_silent_member_is_evicted() {
        let start = Instant::now();
        let mut group = Group::default();
        group.join(1, topic(1, 1), INTERVAL, start);
        group.sync(1, start);
        group.join(2, topic(1, 1), INTERVAL, start);
        let at_the_limit = start + INTERVAL;
        assert!(
            group
                .sync(2, at_the_limit)
                .expect("member")
                .assigned
                .is_empty()
        );
        let beyond = at_the_limit + Duration::from_millis(1);
        assert_eq!(group.sync(2, beyond).expect("member").assigned, [(1, 0)]);
        assert!(!group.owns(1, (1, 0)) && group.owns(2, (1, 0)));
        assert!(group.sync(1, beyond).is_none());
    }

    #[test]
    fn topics_of_one_partition_are_spread_over_members() {
        let now = Instant::now();
        let mut group = Group::default();
        let all: BTreeSet<PartitionId> = (0..4).map(|topic| (topic, 0)).collect();
        group.join(1, all.clone(), INTERVAL, now);
        group.join(2, all, INTERVAL, now);
        group.sync(1, now);
        group.sync(2, now);
        assert_eq!(
            (owned_by(&group, 1).len(), owned_by(&group, 2).len()),
            (2, 2)
        );
    }

    #[derive(Debug, Clone)]
    enum Step {
        Join(MemberId, bool),
        Leave(MemberId),
        Poll(MemberId),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            (0..5_u64, any::<bool>()).prop_map(|(id, both)| Step::Join(id, both)),
            (0..5_u64).prop_map(Step::Leave),
            (0..5_u64).prop_map(Step::Poll),
        ];
        prop::collection::vec(step, 1..60)
    }

    proptest! {
        /// Each member's view of what it owns is built from the results of `sync`. The views never
        /// overlap, and once all members have polled they cover all partitions evenly.
        #[test]
        fn members_views_never_overlap_and_become_even(steps in steps(), partitions in 1_u32..9) {
            let now = Instant::now();
            let mut group = Group::default();
            let mut views: BTreeMap<MemberId, BTreeSet<PartitionId>> = BTreeMap::new();
            let poll = |group: &mut Group, views: &mut BTreeMap<_, BTreeSet<_>>, id| {
                if let Some(changes) = group.sync(id, now) {
                    let view = views.entry(id).or_default();
                    for partition in changes.revoked {
                        assert!(view.remove(&partition), "revoked what it did not own");
                    }
                    for partition in changes.assigned {
                        assert!(view.insert(partition), "assigned what it owned");
                    }
                }
            };
            let mut both_topics = false;
            for step in steps {
                match step {
                    Step::Join(id, both) if !views.contains_key(&id) => {
                        let mut wanted = topic(1, partitions);
                        if both {
                            wanted.extend(topic(2, 1));
                        }
                        both_topics |= both;
                        group.join(id, wanted, INTERVAL, now);
                        views.insert(id, BTreeSet::new());
                    }
                    Step::Join(..) => {}
                    Step::Leave(id) => {
                        group.leave(id);
                        views.remove(&id);
                    }
                    Step::Poll(id) => poll(&mut group, &mut views, id),
                }
                let held: usize = views.values().map(BTreeSet::len).sum();
                let distinct: BTreeSet<_> = views.values().flatten().collect();
                prop_assert_eq!(held, distinct.len());
            }
            // In the first round members give partitions up, in the second they take them.
            for _ in 0..2 {
                for id in views.keys().copied().collect::<Vec<_>>() {
                    poll(&mut group, &mut views, id);
                }
            }
            if !views.is_empty() {
                let covered: BTreeSet<_> = views.values().flatten().copied().collect();
                prop_assert!(topic(1, partitions).is_subset(&covered));
                if !both_topics {
                    let sizes: Vec<usize> = views.values().map(BTreeSet::len).collect();
                    let (least, most) = (sizes.iter().min(), sizes.iter().max());
                    prop_assert!(most.zip(least).is_some_and(|(m, l)| m - l <= 1));
                }
            }
        }
    }
}
