//! Purposes, sensitivities and entities: what a feature may be read for.

use std::fmt;

use fairlead_proto::feature::v1 as wire;

use crate::error::Error;

/// The purpose of a read. There is no "unspecified": a reader without a purpose reads nothing.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Purpose {
    /// Finding and ranking candidates.
    Recommend,
    /// Rates, limits, premiums and fees: risk and cost only.
    Price,
    /// Fraud checks.
    Fraud,
    /// Targeting of experiments, reports.
    Analytics,
}

impl Purpose {
    /// All purposes, in the order of their numbers in the contract.
    pub const ALL: [Self; 4] = [Self::Recommend, Self::Price, Self::Fraud, Self::Analytics];

    /// Returns its name in the features file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Recommend => "recommend",
            Self::Price => "price",
            Self::Fraud => "fraud",
            Self::Analytics => "analytics",
        }
    }

    pub(crate) const fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

impl TryFrom<i32> for Purpose {
    type Error = Error;

    /// Reads the number of a message field; refuses 0 and unknown numbers.
    fn try_from(number: i32) -> Result<Self, Error> {
        let wire = wire::Purpose::try_from(number).map_err(|_| Error::UnknownPurpose {
            value: number.to_string(),
        })?;
        Self::try_from(wire)
    }
}

impl TryFrom<wire::Purpose> for Purpose {
    type Error = Error;

    fn try_from(purpose: wire::Purpose) -> Result<Self, Error> {
        match purpose {
            wire::Purpose::Unspecified => Err(Error::UnknownPurpose { value: "0".into() }),
            wire::Purpose::Recommend => Ok(Self::Recommend),
            wire::Purpose::Price => Ok(Self::Price),
            wire::Purpose::Fraud => Ok(Self::Fraud),
            wire::Purpose::Analytics => Ok(Self::Analytics),
        }
    }
}

impl From<Purpose> for wire::Purpose {
    fn from(purpose: Purpose) -> Self {
        match purpose {
            Purpose::Recommend => Self::Recommend,
            Purpose::Price => Self::Price,
            Purpose::Fraud => Self::Fraud,
            Purpose::Analytics => Self::Analytics,
        }
    }
}

/// A set of purposes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PurposeSet(u8);

impl PurposeSet {
    /// Returns the set with one purpose more.
    #[must_use]
    pub const fn with(self, purpose: Purpose) -> Self {
        Self(self.0 | 1 << purpose.index())
    }

    /// Returns true if the purpose is in the set.
    pub const fn contains(self, purpose: Purpose) -> bool {
        self.0 & (1 << purpose.index()) != 0
    }

    /// Returns the purposes in the set.
    pub fn iter(self) -> impl Iterator<Item = Purpose> {
        Purpose::ALL.into_iter().filter(move |p| self.contains(*p))
    }
}

/// The class of data protection of a feature; it also decides if a price may rest on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sensitivity {
    /// Not about a person.
    Public,
    /// Income, debts, credit history.
    Financial,
    /// The person's identity and circumstances.
    Personal,
    /// A characteristic that the law protects from unequal treatment.
    Protected,
    /// The person's actions.
    Behaviour,
    /// The person's tastes.
    Preference,
    /// The times, the frequency and the means of the person's actions.
    Habit,
}

impl Sensitivity {
    /// All sensitivities.
    pub const ALL: [Self; 7] = [
        Self::Public,
        Self::Financial,
        Self::Personal,
        Self::Protected,
        Self::Behaviour,
        Self::Preference,
        Self::Habit,
    ];

    /// Returns its name in the features file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Financial => "financial",
            Self::Personal => "personal",
            Self::Protected => "protected",
            Self::Behaviour => "behaviour",
            Self::Preference => "preference",
            Self::Habit => "habit",
        }
    }

    /// Returns true if a price may rest on such a feature: on risk and cost, never on taste, habit,
    /// behaviour or a protected characteristic.
    pub const fn may_price(self) -> bool {
        matches!(self, Self::Public | Self::Financial | Self::Personal)
    }
}

/// The entity that a feature describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Entity {
    /// A customer.
    Customer,
    /// A product, over all customers.
    Product,
}

impl Entity {
    /// Both entities.
    pub const ALL: [Self; 2] = [Self::Customer, Self::Product];

    /// Returns its name in the features file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Product => "product",
        }
    }

    pub(crate) const fn index(self) -> usize {
        self as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_purpose_is_never_unsaid() {
        for number in [0, 5, -1] {
            let error = Purpose::try_from(number).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!(
                    "purpose `{number}` is not allowed: \
                     1 (recommend), 2 (price), 3 (fraud) or 4 (analytics)"
                )
            );
        }
        for purpose in Purpose::ALL {
            let number = wire::Purpose::from(purpose) as i32;
            assert_eq!(Purpose::try_from(number).unwrap(), purpose);
        }
    }

    #[test]
    fn a_set_holds_what_was_put_in() {
        let set = PurposeSet::default()
            .with(Purpose::Price)
            .with(Purpose::Fraud);
        assert_eq!(
            set.iter().collect::<Vec<_>>(),
            [Purpose::Price, Purpose::Fraud]
        );
        assert!(!set.contains(Purpose::Recommend));
    }
}
