//! The permissions of keys that name none.

use fairlead_identity::{Permission, Permissions};

/// Returns what an app of the lender may do where its key does not say.
pub(crate) fn of_apps() -> Permissions {
    of_partners()
        .with(Permission::CustomerRead)
        .with(Permission::DecisionRead)
}

/// Returns what another company's system may do where its key does not say: profiles and decision
/// records show what the lender knows and earns.
pub(crate) fn of_partners() -> Permissions {
    Permissions::NONE
        .with(Permission::Recommend)
        .with(Permission::Quote)
        .with(Permission::EventSend)
}
