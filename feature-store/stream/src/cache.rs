//! States in memory, so that the owner of a partition only writes.

use std::collections::HashMap;

use fairlead_online::EntityKey;
use fairlead_proto::feature::v1::EntityState;

/// A state with the mark that the store acknowledged for it; nothing where the store has none.
#[derive(Debug, Default)]
pub(crate) struct Marked {
    pub(crate) mark: Option<i64>,
    pub(crate) state: EntityState,
}

/// Two generations: what is used moves to the young one; when that is full, the old one is dropped
/// and the young one grows old. Whatever was used among the last half of the capacity is there.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    young: HashMap<EntityKey, Marked>,
    old: HashMap<EntityKey, Marked>,
    half: usize,
}

impl Cache {
    /// Sets how many states are kept; an empty cache keeps none until then.
    pub(crate) fn limit(&mut self, capacity: usize) {
        self.half = capacity / 2;
        if self.young.len() > self.half {
            self.old = std::mem::take(&mut self.young);
        }
        if self.old.len() > self.half {
            self.old.clear();
        }
    }

    /// Takes a state out: whoever changes it puts it back once the store has it.
    pub(crate) fn take(&mut self, key: &EntityKey) -> Option<Marked> {
        self.young.remove(key).or_else(|| self.old.remove(key))
    }

    pub(crate) fn put(&mut self, key: EntityKey, marked: Marked) {
        if self.half == 0 {
            return;
        }
        if self.young.len() >= self.half {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, marked);
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
    fn what_is_used_stays_and_the_rest_is_bounded() {
        let mut cache = Cache::default();
        cache.limit(100);
        for index in 0..10_000 {
            cache.put(key(index), Marked::default());
            let hot = cache.take(&key(0)).expect("used in every round");
            cache.put(key(0), hot);
            assert!(cache.young.len() + cache.old.len() <= 101);
        }
        assert!(cache.take(&key(5_000)).is_none());
        assert!(cache.take(&key(9_999)).is_some());
        cache.limit(4);
        assert!(cache.young.len() + cache.old.len() <= 4);
        cache.clear();
        assert!(cache.take(&key(0)).is_none());
    }

    #[test]
    fn no_capacity_is_no_cache() {
        let mut cache = Cache::default();
        cache.put(key(1), Marked::default());
        assert!(cache.take(&key(1)).is_none());
    }
}
