//! The requirement of a method on its caller.

use fairlead_proto::REQUIREMENTS;

use crate::permission::name;
use crate::{Permission, Permissions};

/// The requirement of a method on its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Requirement {
    /// Nobody needs to be known.
    Anyone,
    /// One of these permissions.
    AnyOf(Permissions),
}

/// A caller was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// No method has this path.
    #[error("no method of the contracts has this path")]
    UnknownMethod,
    /// The caller has none of the permissions.
    #[error("this needs the permission {}", .0.join(" or "))]
    Permission(Vec<String>),
    /// The caller does not speak for this tenant.
    #[error("the caller does not speak for the tenant `{0}`")]
    Tenant(String),
    /// The caller speaks for another customer.
    #[error("the caller does not speak for the customer `{0}`")]
    Customer(String),
}

impl Requirement {
    /// Returns what the method at a gRPC path requires, or `None` if the contracts have no such
    /// method.
    pub fn of(path: &str) -> Option<Self> {
        let index = REQUIREMENTS
            .binary_search_by(|(listed, _)| (*listed).cmp(path))
            .ok()?;
        let numbers = REQUIREMENTS[index].1;
        if numbers.is_empty() {
            return Some(Self::Anyone);
        }
        let known = |number: &i32| Permission::try_from(*number).ok();
        Some(Self::AnyOf(numbers.iter().filter_map(known).collect()))
    }

    /// Checks that these permissions are enough.
    ///
    /// # Errors
    /// [`Refused::Permission`] names the permissions of which one is needed.
    pub fn check(self, held: Permissions) -> Result<(), Refused> {
        match self {
            Self::Anyone => Ok(()),
            Self::AnyOf(wanted) if wanted.intersection(held) != Permissions::NONE => Ok(()),
            Self::AnyOf(wanted) => Err(Refused::Permission(wanted.iter().map(name).collect())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_order_and_every_number_is_a_permission() {
        assert!(REQUIREMENTS.windows(2).all(|pair| pair[0].0 < pair[1].0));
        for (path, numbers) in REQUIREMENTS {
            for number in *numbers {
                let permission = Permission::try_from(*number).expect(path);
                assert_ne!(permission, Permission::Unspecified, "{path}");
            }
            assert!(Requirement::of(path).is_some(), "{path}");
        }
    }

    #[test]
    fn a_refusal_names_the_permissions() {
        let publish = Requirement::of("/fairlead.control.v1.ReleaseService/Publish");
        let publish = publish.expect("a method");
        let held = Permissions::NONE.with(Permission::Read);
        let refused = publish.check(held).expect_err("refused").to_string();
        let expected = "this needs the permission change.publish or unpriced-change.publish";
        assert_eq!(refused, expected);
        assert_eq!(publish.check(held.with(Permission::ChangePublish)), Ok(()));
        assert_eq!(
            Requirement::of("/fairlead.control.v1.ReleaseService/"),
            None
        );
    }
}
