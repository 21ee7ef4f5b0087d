//! A cache of states, so that the owner of a partition mostly writes to the store only.

use std::collections::HashMap;

use fairlead_online::EntityKey;
use fairlead_proto::feature::v1::EntityState;

/// A state with the offset that the store acknowledged for it, or `None` if the store has no state.
#[derive(Debug, Default)]
pub(crate) struct CachedState {
    pub(crate) offset: Option<i64>,
    pub(crate) state: EntityState,
}

/// A cache of two generations. A used state moves to the young one; when that is full, the old one
/// is dropped and the young one becomes the old one. The states used last, up to half of the
/// capacity, are always in the cache.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    young: HashMap<EntityKey, CachedState>,
    old: HashMap<EntityKey, CachedState>,
    half: usize,
}

impl Cache {
    /// Sets the number of states to keep, which is 0 in a new cache.
    pub(crate) fn set_capacity(&mut self, capacity: usize) {
        self.half = capacity / 2;
        if self.young.len() > self.half {
            self.old = std::mem::take(&mut self.young);
        }
        if self.old.len() > self.half {
            self.old.clear();
        }
    }

    /// Removes and returns a state, or `None` if it is not in the cache. The caller puts it back
    /// once the store has the changed state.
    pub(crate) fn take(&mut self, key: &EntityKey) -> Option<CachedState> {
        self.young.remove(key).or_else(|| self.old.remove(key))
    }

    pub(crate) fn put(&mut self, key: EntityKey, state: CachedState) {
        if self.half == 0 {
            return;
        }
        if self.young.len() >= self.half {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, state);
    }

    pub(crate) fn clear(&mut self) {
        self.young.clear();
        self.old.clear();
    }
}

#[cfg(test)]
mod tests {
    use fairlead_domain::{ProductId, TenantId};

    use super::*;

    fn key(index: usize) -> EntityKey {
        let tenant = TenantId::new("acme").expect("a tenant");
        let product = ProductId::new(&format!("p{index}")).expect("a product");
        EntityKey::product(&tenant, &product)
    }

    #[test]
    fn used_states_stay_and_the_size_is_bounded() {
        let mut cache = Cache::default();
        cache.set_capacity(100);
        for index in 0..10_000 {
            cache.put(key(index), CachedState::default());
            let hot = cache.take(&key(0)).expect("used in every round");
            cache.put(key(0), hot);
            assert!(cache.young.len() + cache.old.len() <= 101);
        }
        assert!(cache.take(&key(5_000)).is_none());
        assert!(cache.take(&key(9_999)).is_some());
        cache.set_capacity(4);
        assert!(cache.young.len() + cache.old.len() <= 4);
        cache.clear();
        assert!(cache.take(&key(0)).is_none());
    }

    #[test]
    fn a_cache_without_capacity_keeps_no_state() {
        let mut cache = Cache::default();
        cache.put(key(1), CachedState::default());
        assert!(cache.take(&key(1)).is_none());
    }
}
