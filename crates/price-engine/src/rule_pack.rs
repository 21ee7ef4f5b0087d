//! Law as dated data: which rule packs bind a product at an instant, and what they say together.
//!
//! Every pack that matches binds; of each bound the strictest holds, and the pack it came from is
//! named. Where no pack is valid nothing is priced: a gap in the law's data is not permission.

use fairlead_domain::RatePpm;
use fairlead_proto::catalogue::v1::{ProductKind, RedemptionFee};
use fairlead_proto::control::v1 as pb;

use crate::Error;
use crate::error::Checks;
use crate::schedule::{MAX_AMOUNT_MINOR, MAX_MONTHS};

/// One pack, checked.
#[derive(Debug, Clone)]
pub(crate) struct RulePack {
    pub(crate) id: String,
    jurisdiction: String,
    licences: Vec<String>,
    kinds: Vec<i32>,
    valid_from_ms: i64,
    valid_to_ms: i64,
    pub(crate) max_all_in: Option<RatePpm>,
    max_exposure: Option<i64>,
    max_bullet_months: Option<i32>,
    redemption: Vec<RedemptionFee>,
    currency: String,
    pub(crate) source: String,
}

/// What binds at an instant; indexes point into the book.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Binding {
    /// The pack that is named on the quote: the one with the strictest cap, else the first valid.
    pub(crate) named: usize,
    /// Strictest all-in cap.
    pub(crate) cap: Option<(usize, RatePpm)>,
    /// Strictest exposure, minor units.
    pub(crate) exposure: Option<(usize, i64)>,
    /// Shortest longest bullet tenor.
    pub(crate) bullet: Option<(usize, i32)>,
}

/// Every rule pack of a release.
#[derive(Debug, Clone, Default)]
pub(crate) struct RuleBook {
    packs: Vec<RulePack>,
}

impl RuleBook {
    pub(crate) fn compile(packs: &[pb::RulePack]) -> Result<Self, Vec<Error>> {
        let mut errors = Vec::new();
        let mut compiled: Vec<RulePack> = Vec::new();
        for pack in packs {
            let mut checks = Checks::of(format!("rule pack {}", pack.rule_pack_id));
            let known = compiled.iter().any(|other| other.id == pack.rule_pack_id);
            checks.require(!known, "rule_pack_id", &pack.rule_pack_id, "each id once");
            compiled.push(RulePack::compile(pack, &mut checks));
            errors.extend(checks.into_errors());
        }
        if errors.is_empty() {
            Ok(Self { packs: compiled })
        } else {
            Err(errors)
        }
    }

    pub(crate) fn pack(&self, index: usize) -> &RulePack {
        &self.packs[index]
    }

    /// Packs that may bind a product, whatever the instant.
    pub(crate) fn matching(
        &self,
        (jurisdiction, licence): (&str, &str),
        kind: ProductKind,
    ) -> Vec<usize> {
        let any_or = |list: &[String]| list.is_empty() || list.iter().any(|one| one == licence);
        self.packs
            .iter()
            .enumerate()
            .filter(|(_, pack)| {
                pack.jurisdiction == jurisdiction
                    && any_or(&pack.licences)
                    && (pack.kinds.is_empty() || pack.kinds.contains(&kind.into()))
            })
            .map(|(index, _)| index)
            .collect()
    }

    /// What binds at an instant; nothing when no pack is valid then.
    pub(crate) fn binding(&self, matching: &[usize], as_of_ms: i64) -> Option<Binding> {
        let mut valid = matching
            .iter()
            .map(|index| (*index, self.pack(*index)))
            .filter(|(_, pack)| pack.valid_at(as_of_ms))
            .peekable();
        let (first, _) = *valid.peek()?;
        let mut binding = Binding {
            named: first,
            ..Binding::default()
        };
        for (index, pack) in valid {
            strictest(&mut binding.cap, index, pack.max_all_in);
            strictest(&mut binding.exposure, index, pack.max_exposure);
            strictest(&mut binding.bullet, index, pack.max_bullet_months);
        }
        if let Some((index, _)) = binding.cap {
            binding.named = index;
        }
        Some(binding)
    }

    /// Regulated floors of redemption fees at an instant, every valid pack's.
    pub(crate) fn redemption_floors<'a>(
        &'a self,
        matching: &'a [usize],
        as_of_ms: i64,
    ) -> impl Iterator<Item = &'a RedemptionFee> + Clone {
        matching
            .iter()
            .map(|index| self.pack(*index))
            .filter(move |pack| pack.valid_at(as_of_ms))
            .flat_map(|pack| &pack.redemption)
    }

    /// Instants at or after `from_ms` at which what is valid changes, `from_ms` first.
    pub(crate) fn instants(&self, matching: &[usize], from_ms: i64) -> Vec<i64> {
        let mut instants = vec![from_ms];
        for index in matching {
            let pack = self.pack(*index);
            instants.extend(
                [pack.valid_from_ms, pack.valid_to_ms]
                    .iter()
                    .filter(|at| **at > from_ms),
            );
        }
        instants.sort_unstable();
        instants.dedup();
        instants
    }
}

fn strictest<T: PartialOrd + Copy>(held: &mut Option<(usize, T)>, index: usize, bound: Option<T>) {
    if let Some(bound) = bound
        && held.is_none_or(|(_, other)| bound < other)
    {
        *held = Some((index, bound));
    }
}

impl RulePack {
    fn valid_at(&self, as_of_ms: i64) -> bool {
        self.valid_from_ms <= as_of_ms && (self.valid_to_ms == 0 || as_of_ms < self.valid_to_ms)
    }

    /// A pack that caps money in another currency than a product's cannot be compared with it.
    pub(crate) fn fits_currency(&self, currency: &str) -> bool {
        self.max_exposure.is_none() || self.currency == currency
    }

    fn compile(pack: &pb::RulePack, checks: &mut Checks) -> Self {
        let named = |text: &str| !text.trim().is_empty();
        checks.require(named(&pack.rule_pack_id), "rule_pack_id", "", "a name");
        checks.require(
            named(&pack.jurisdiction),
            "jurisdiction",
            "",
            "a jurisdiction such as CN",
        );
        checks.require(
            named(&pack.source),
            "source",
            "",
            "where the rule is written",
        );
        checks.require(
            pack.valid_to_ms == 0 || pack.valid_to_ms > pack.valid_from_ms,
            "valid_to_ms",
            pack.valid_to_ms,
            "0, or after valid_from_ms",
        );
        if let Some(cap) = pack.max_all_in_ppm {
            checks.between("max_all_in_ppm", cap, 0, RatePpm::MAX.ppm());
        }
        if let Some(exposure) = pack.max_exposure_minor {
            checks.between("max_exposure_minor", exposure, 0, MAX_AMOUNT_MINOR);
            checks.require(
                fairlead_domain::Currency::new(&pack.currency).is_ok(),
                "currency",
                &pack.currency,
                "an ISO 4217 code such as CNY",
            );
        }
        if let Some(months) = pack.max_bullet_months {
            checks.between(
                "max_bullet_months",
                i64::from(months),
                0,
                i64::from(MAX_MONTHS),
            );
        }
        for fee in &pack.min_redemption_fees {
            checks.between(
                "min_redemption_fees.from_days",
                i64::from(fee.from_days),
                0,
                36_500,
            );
            checks.between("min_redemption_fees.fee_ppm", fee.fee_ppm, 0, 1_000_000);
        }
        Self {
            id: pack.rule_pack_id.clone(),
            jurisdiction: pack.jurisdiction.clone(),
            licences: pack.licences.clone(),
            kinds: pack.kinds.clone(),
            valid_from_ms: pack.valid_from_ms,
            valid_to_ms: pack.valid_to_ms,
            max_all_in: pack.max_all_in_ppm.and_then(|ppm| RatePpm::new(ppm).ok()),
            max_exposure: pack.max_exposure_minor,
            max_bullet_months: pack.max_bullet_months,
            redemption: pack.min_redemption_fees.clone(),
            currency: pack.currency.clone(),
            source: pack.source.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pack(id: &str, from: i64, to: i64, cap: Option<i64>) -> pb::RulePack {
        pb::RulePack {
            rule_pack_id: id.to_owned(),
            jurisdiction: "CN".to_owned(),
            valid_from_ms: from,
            valid_to_ms: to,
            max_all_in_ppm: cap,
            source: "a law".to_owned(),
            ..pb::RulePack::default()
        }
    }

    #[test]
    fn the_strictest_valid_pack_binds_and_is_named() {
        let mut lenient = pack("lenient", 0, 0, Some(360_000));
        lenient.licences = vec!["bank".to_owned()];
        let packs = [
            pack("old", 0, 100, Some(300_000)),
            lenient,
            pack("new", 100, 0, Some(240_000)),
        ];
        let book = RuleBook::compile(&packs).expect("good packs");
        let matching = book.matching(("CN", "bank"), ProductKind::CashLoan);
        assert_eq!(matching, [0, 1, 2]);
        let cap = |as_of| {
            let binding = book.binding(&matching, as_of)?;
            Some((book.pack(binding.named).id.as_str(), binding.cap?.1.ppm()))
        };
        assert_eq!(cap(99), Some(("old", 300_000)));
        assert_eq!(cap(100), Some(("new", 240_000)));
        assert_eq!(cap(-1), None, "before every law");
        assert_eq!(book.matching(("US", "bank"), ProductKind::CashLoan), [0; 0]);
        assert_eq!(
            book.matching(("CN", "micro"), ProductKind::CashLoan),
            [0, 2]
        );
        assert_eq!(book.instants(&matching, 50), [50, 100]);
    }

    #[test]
    fn refuses_packs_that_say_nothing_clear() {
        let mut bad = pack("", 5, 5, Some(-1));
        bad.source.clear();
        let errors = RuleBook::compile(&[bad]).expect_err("refused");
        let all: Vec<String> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(all.len(), 4, "{all:#?}");
        assert!(
            all[3].ends_with("max_all_in_ppm `-1` is not allowed: 0 to 100000000"),
            "{all:#?}"
        );
    }
}
