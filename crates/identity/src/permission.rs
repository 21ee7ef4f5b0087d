//! Permissions, and sets of them.

use std::fmt;

/// A verb on a kind of object; see `proto/fairlead/access/v1/requirement.proto`.
pub use fairlead_proto::access::v1::Permission;

/// A set of permissions.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Permissions(u128);

impl Permissions {
    /// No permission.
    pub const NONE: Self = Self(0);

    /// The permissions that the key of an app or a partner may have, and no more.
    pub const OF_KEYS: Self = Self::NONE
        .with(Permission::ReleaseRead)
        .with(Permission::DecisionRead)
        .with(Permission::CustomerRead)
        .with(Permission::Recommend)
        .with(Permission::Quote)
        .with(Permission::EventSend);

    /// Returns every permission.
    pub fn all() -> Self {
        (1..128)
            .filter_map(|number| Permission::try_from(number).ok())
            .collect()
    }

    /// Returns the set with one permission more.
    #[must_use]
    pub const fn with(self, permission: Permission) -> Self {
        Self(self.0 | 1 << permission as u32)
    }

    /// Returns true if the permission is in the set.
    pub const fn contains(self, permission: Permission) -> bool {
        self.0 & (1 << permission as u32) != 0
    }

    /// Returns the permissions that are in both sets.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Returns the permissions that are in either set.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Returns true if every permission of `other` is in this set.
    pub const fn includes(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Returns the permissions in the set, in the order of their numbers.
    pub fn iter(self) -> impl Iterator<Item = Permission> {
        (1..128)
            .filter_map(|number| Permission::try_from(number).ok())
            .filter(move |permission| self.contains(*permission))
    }
}

impl FromIterator<Permission> for Permissions {
    fn from_iter<T: IntoIterator<Item = Permission>>(permissions: T) -> Self {
        permissions.into_iter().fold(Self::NONE, Self::with)
    }
}

impl fmt::Debug for Permissions {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_set().entries(self.iter().map(name)).finish()
    }
}

/// Returns the name of a permission in files, messages and tables: `strategy.edit`.
pub fn name(permission: Permission) -> String {
    let upper = permission.as_str_name();
    let upper = upper.strip_prefix("PERMISSION_").unwrap_or(upper);
    let lower = upper.to_ascii_lowercase().replace('_', "-");
    // The verb comes last: `risk-model.edit`.
    match lower.rsplit_once('-') {
        Some((object, verb)) => format!("{object}.{verb}"),
        None => lower,
    }
}

/// Returns the permission of this name, or `None` if there is none.
pub fn from_name(text: &str) -> Option<Permission> {
    Permissions::all().iter().find(|one| name(*one) == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back_and_nothing_else_is() {
        for permission in Permissions::all().iter() {
            assert_eq!(from_name(&name(permission)), Some(permission));
        }
        assert_eq!(name(Permission::StrategyEdit), "strategy.edit");
        assert_eq!(name(Permission::Recommend), "recommend");
        for junk in ["", "unspecified", "Strategy.edit", "strategy.edit "] {
            assert_eq!(from_name(junk), None, "{junk:?}");
        }
    }

    #[test]
    fn a_set_holds_what_was_put_in() {
        let set = Permissions::NONE
            .with(Permission::Read)
            .with(Permission::Decide);
        assert!(set.contains(Permission::Decide) && !set.contains(Permission::Quote));
        assert!(Permissions::all().includes(set) && !set.includes(Permissions::all()));
        assert_eq!(set.intersection(Permissions::NONE), Permissions::NONE);
        assert_eq!(format!("{set:?}"), r#"{"read", "decide"}"#);
    }
}
