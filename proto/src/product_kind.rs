//! The names of the kinds of product: one table for files, metrics, answers and people.

use crate::catalogue::v1::ProductKind;

impl ProductKind {
    /// Every kind that a product can have, in the order of the contract.
    pub const ALL: [Self; 6] = [
        Self::CashLoan,
        Self::InstalmentPlan,
        Self::CreditCard,
        Self::Fund,
        Self::Deposit,
        Self::Insurance,
    ];

    /// Returns the name in files, feature names and metrics: `cash_loan`.
    pub const fn name(self) -> &'static str {
        self.names()[0]
    }

    /// Returns the name in the ids of strategies and rule packs: `cash-loan`.
    pub const fn hyphenated(self) -> &'static str {
        self.names()[1]
    }

    /// Returns the name for people: `cash loan`.
    pub const fn words(self) -> &'static str {
        self.names()[2]
    }

    /// Returns the contract's name without its prefix: `CASH_LOAN`.
    pub fn code(self) -> &'static str {
        let name = self.as_str_name();
        name.strip_prefix("PRODUCT_KIND_").unwrap_or(name)
    }

    const fn names(self) -> [&'static str; 3] {
        match self {
            Self::Unspecified => ["unspecified"; 3],
            Self::CashLoan => ["cash_loan", "cash-loan", "cash loan"],
            Self::InstalmentPlan => ["instalment_plan", "instalment-plan", "instalment plan"],
            Self::CreditCard => ["credit_card", "credit-card", "credit card"],
            Self::Fund => ["fund"; 3],
            Self::Deposit => ["deposit"; 3],
            Self::Insurance => ["insurance"; 3],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_the_contract_is_named_once() {
        let of_contract: Vec<ProductKind> = (1..)
            .map_while(|number| ProductKind::try_from(number).ok())
            .collect();
        assert_eq!(ProductKind::ALL.to_vec(), of_contract);
        for kind in ProductKind::ALL {
            assert_eq!(kind.name(), kind.code().to_ascii_lowercase());
            assert_eq!(kind.hyphenated(), kind.name().replace('_', "-"));
            assert_eq!(kind.words(), kind.name().replace('_', " "));
        }
    }
}
