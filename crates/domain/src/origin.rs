//! The origin of a statement about a customer.

use std::fmt;

/// The party that states a fact: the same event weighs differently from an app and from the bank.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Origin {
    /// The lender's own app, on the customer's device: it speaks for the customer and for what
    /// happens on the screen.
    App,
    /// Another company's system, such as a shop that offers instalments.
    Partner,
    /// The lender's own systems: ledger, credit bureau feed, identity, compliance.
    Bank,
}

impl Origin {
    /// All origins.
    pub const ALL: [Self; 3] = [Self::App, Self::Partner, Self::Bank];

    /// Returns its name in files, headers and messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::App => "app",
            Self::Partner => "partner",
            Self::Bank => "bank",
        }
    }

    /// Returns the origin of this name, or `None` if there is none.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|origin| origin.name() == name)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

/// A set of origins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Origins(u8);

impl Origins {
    /// The bank and no other.
    pub const BANK: Self = Self(0).with(Origin::Bank);

    /// Returns the set with one origin more.
    #[must_use]
    pub const fn with(self, origin: Origin) -> Self {
        Self(self.0 | 1 << origin as u8)
    }

    /// Returns true if the origin is in the set.
    pub const fn contains(self, origin: Origin) -> bool {
        self.0 & (1 << origin as u8) != 0
    }

    /// Returns true if every origin of `other` is in this set.
    pub const fn includes(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Returns the origins in the set.
    pub fn iter(self) -> impl Iterator<Item = Origin> {
        Origin::ALL
            .into_iter()
            .filter(move |one| self.contains(*one))
    }
}

impl FromIterator<Origin> for Origins {
    fn from_iter<T: IntoIterator<Item = Origin>>(origins: T) -> Self {
        origins.into_iter().fold(Self::default(), Self::with)
    }
}

impl fmt::Display for Origins {
    /// Writes the names, separated by commas.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, origin) in self.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(out, "{comma}{origin}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back_and_nothing_else_is() {
        for origin in Origin::ALL {
            assert_eq!(Origin::from_name(origin.name()), Some(origin));
        }
        for junk in ["", "BANK", "bank ", "owner"] {
            assert_eq!(Origin::from_name(junk), None, "{junk:?}");
        }
    }

    #[test]
    fn a_set_holds_what_was_put_in() {
        let both: Origins = [Origin::Bank, Origin::App].into_iter().collect();
        assert_eq!(both.to_string(), "app, bank");
        assert!(!both.contains(Origin::Partner));
        assert!(both.includes(Origins::BANK) && !Origins::BANK.includes(both));
        assert_eq!(Origins::default().iter().count(), 0);
    }
}
