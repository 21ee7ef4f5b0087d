//! The permissions of each service of an installation.

use crate::{Permission, Permissions};

/// Returns what the service of this name may do, or `None` if there is no such service, or none that
/// calls others.
pub fn service_permissions(name: &str) -> Option<Permissions> {
    let follows = Permissions::NONE
        .with(Permission::ReleaseFollow)
        .with(Permission::InstanceReport);
    match name {
        "gateway" => Some(
            follows
                .with(Permission::AccessFollow)
                .with(Permission::Decide),
        ),
        "profile" | "recall" | "ranking" | "pricing" => Some(follows),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gateway_alone_decides() {
        for name in ["profile", "recall", "ranking", "pricing"] {
            let may = service_permissions(name).expect(name);
            assert!(may.contains(Permission::ReleaseFollow), "{name}");
            assert!(!may.contains(Permission::Decide), "{name}");
            assert!(!may.contains(Permission::ReleaseRead), "{name}");
        }
        let gateway = service_permissions("gateway").expect("a service");
        assert!(gateway.contains(Permission::Decide));
        for name in ["", "control", "stream", "lake", "Gateway", "gateway2"] {
            assert_eq!(service_permissions(name), None, "{name}");
        }
    }
}
