//! The built-in roles of people, and what each may do.

use std::fmt;

use crate::{Permission, Permissions};

/// A role of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Looks.
    Viewer,
    /// Owns products and their prices.
    Owner,
    /// Runs campaigns and experiments.
    Marketing,
    /// Owns law, cost, risk models and guardrails.
    Risk,
    /// Trains models and defines metrics.
    Scientist,
    /// Runs the installation.
    Operator,
    /// Answers customers.
    Support,
    /// Reads the audit log and every decision.
    Auditor,
    /// Manages people, roles and keys.
    Admin,
}

use Permission as P;
use Role::{Admin, Auditor, Marketing, Operator, Owner, Risk, Scientist, Support, Viewer};

/// Who has which permission. Permissions that are not here belong to apps, partners and services.
const MATRIX: &[(Permission, &[Role])] = &[
    (P::ReleaseRead, &Role::ALL),
    (
        P::Read,
        &[
            Viewer, Owner, Marketing, Risk, Scientist, Operator, Auditor, Admin,
        ],
    ),
    (P::StrategyEdit, &[Owner]),
    (P::CatalogueEdit, &[Owner]),
    (P::ExperimentEdit, &[Owner, Marketing, Scientist]),
    (P::CampaignEdit, &[Owner, Marketing, Scientist]),
    (P::SegmentEdit, &[Owner, Marketing, Scientist]),
    (P::LawEdit, &[Risk]),
    (P::RiskModelEdit, &[Risk]),
    (P::GuardrailEdit, &[Risk]),
    (P::OverrideEdit, &[Risk]),
    (P::ParameterEdit, &[Owner, Scientist]),
    (P::ModelRegister, &[Scientist]),
    (P::ModelEdit, &[Scientist]),
    (P::TrainingStart, &[Scientist]),
    (P::MetricEdit, &[Marketing, Scientist]),
    (
        P::ChangeOpen,
        &[Owner, Marketing, Risk, Scientist, Operator],
    ),
    (
        P::ChangeComment,
        &[Owner, Marketing, Risk, Scientist, Operator],
    ),
    (P::ChangeApprove, &[Owner, Risk, Scientist]),
    (P::ChangePublish, &[Owner, Risk, Operator]),
    (P::UnpricedChangeApprove, &[Marketing]),
    (P::UnpricedChangePublish, &[Marketing]),
    (P::ExperimentRamp, &[Owner, Marketing, Risk, Operator]),
    (P::ExperimentStop, &[Owner, Marketing, Risk, Operator]),
    (P::ExperimentShip, &[Owner, Marketing]),
    (P::ReleaseRollback, &[Owner, Risk, Operator]),
    (P::Simulate, &[Owner, Marketing, Risk, Scientist]),
    (
        P::DecisionRead,
        &[
            Owner, Marketing, Risk, Scientist, Operator, Support, Auditor,
        ],
    ),
    (P::CustomerRead, &[Owner, Risk, Support]),
    (P::CustomerReveal, &[Risk]),
    (P::CustomerConsent, &[Support]),
    (P::SensitiveAggregate, &[Risk]),
    (
        P::Explore,
        &[Viewer, Owner, Marketing, Risk, Scientist, Operator],
    ),
    (P::Sql, &[Risk, Scientist]),
    (P::Export, &[Owner, Marketing, Risk, Scientist, Auditor]),
    (
        P::OperationsRead,
        &[Viewer, Owner, Marketing, Risk, Scientist, Operator, Admin],
    ),
    (P::OperationsAct, &[Operator]),
    (P::AuditRead, &[Risk, Operator, Auditor, Admin]),
    (P::AccessEdit, &[Admin]),
    (P::SessionOwn, &Role::ALL),
];

impl Role {
    /// All roles.
    pub const ALL: [Self; 9] = [
        Viewer, Owner, Marketing, Risk, Scientist, Operator, Support, Auditor, Admin,
    ];

    /// Returns its name in files, messages and tables.
    pub const fn name(self) -> &'static str {
        match self {
            Viewer => "viewer",
            Owner => "owner",
            Marketing => "marketing",
            Risk => "risk",
            Scientist => "scientist",
            Operator => "operator",
            Support => "support",
            Auditor => "auditor",
            Admin => "admin",
        }
    }

    /// Returns the role of this name, or `None` if there is none.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }

    /// Returns what the role may do.
    pub fn permissions(self) -> Permissions {
        MATRIX
            .iter()
            .filter(|(_, roles)| roles.contains(&self))
            .map(|(permission, _)| *permission)
            .collect()
    }
}

impl fmt::Display for Role {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back_and_nothing_else_is() {
        for role in Role::ALL {
            assert_eq!(Role::from_name(role.name()), Some(role));
        }
        for junk in ["", "Admin", "root", "viewer "] {
            assert_eq!(Role::from_name(junk), None, "{junk:?}");
        }
    }

    #[test]
    fn each_permission_stands_once() {
        for (index, (permission, roles)) in MATRIX.iter().enumerate() {
            assert!(!roles.is_empty());
            let again = MATRIX[index + 1..]
                .iter()
                .any(|(other, _)| other == permission);
            assert!(!again, "{permission:?}");
        }
    }

    #[test]
    fn no_person_calls_for_a_service_and_no_role_holds_everything() {
        for role in Role::ALL {
            let may = role.permissions();
            for permission in [P::Decide, P::ReleaseFollow, P::AccessFollow, P::Recommend] {
                assert!(!may.contains(permission), "{role} {permission:?}");
            }
            let both = may.contains(P::StrategyEdit) && may.contains(P::GuardrailEdit);
            assert!(!both, "{role} edits prices and what holds them");
        }
    }
}
