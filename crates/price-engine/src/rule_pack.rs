//! Law as dated data: the rule packs that bind a product at an instant, and their bounds together.
//!
//! Every pack that matches binds; of each bound the strictest holds, and the pack it came from is
//! named. Where no pack is valid there is no price: a gap in the law's data is not permission.

use fairlead_domain::{Money, RatePpm};
use fairlead_proto::catalogue::v1::ProductKind;
use fairlead_proto::control::v1 as pb;

use crate::Error;
use crate::error::Checks;
use crate::redemption::RedemptionStep;
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
    max_exposure: Option<Money>,
    max_bullet_months: Option<i32>,
    redemption: Vec<RedemptionStep>,
    pub(crate) source: String,
}

/// The place of a rule pack in its book.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct PackIndex(usize);

/// A bound, and the rule pack that sets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PackBound<T> {
    pub(crate) pack: PackIndex,
    pub(crate) most: T,
}

/// The bounds of the law at an instant.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Binding {
    /// The pack that is named on the quote: the one with the strictest cap, else the first valid.
    pub(crate) named: PackIndex,
    /// The strictest cap on the all-in cost.
    pub(crate) cap: Option<PackBound<RatePpm>>,
    /// The strictest cap on unsecured exposure.
    pub(crate) exposure: Option<PackBound<Money>>,
    /// The strictest cap on the tenor of a bullet loan, months.
    pub(crate) bullet: Option<PackBound<i32>>,
}

/// The products that a rule pack may bind.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scope<'a> {
    pub(crate) jurisdiction: &'a str,
    pub(crate) licence: &'a str,
    pub(crate) kind: ProductKind,
}

/// Every rule pack of a release.
#[derive(Debug, Clone, Default)]
pub(crate) struct RuleBook {
    packs: Vec<RulePack>,
}

/// Returns every error in the rule packs of a draft.
pub fn check_rule_packs(packs: &[pb::RulePack]) -> Vec<Error> {
    RuleBook::compile(packs).err().unwrap_or_default()
}

impl RuleBook {
    pub(crate) fn compile(packs: &[pb::RulePack]) -> Result<Self, Vec<Error>> {
        let mut errors = Vec::new();
        let mut compiled: Vec<RulePack> = Vec::new();
        for pack in packs {
            let id = &pack.rule_pack_id;
            let mut checks = Checks::new(format!("rule pack {id:?}"));
            let known = compiled.iter().any(|other| other.id == *id);
            checks.once(!known, "rule_pack_id", id, "each id once");
            compiled.push(RulePack::compile(pack, &mut checks));
            errors.extend(checks.into_errors());
        }
        if errors.is_empty() {
            Ok(Self { packs: compiled })
        } else {
            Err(errors)
        }
    }

    pub(crate) fn pack(&self, index: PackIndex) -> &RulePack {
        &self.packs[index.0]
    }

    /// Returns the packs that may bind a product, whatever the instant.
    pub(crate) fn matching(&self, scope: Scope<'_>) -> Vec<PackIndex> {
        let packs = self.packs.iter().enumerate();
        packs
            .filter(|(_, pack)| pack.covers(scope))
            .map(|(index, _)| PackIndex(index))
            .collect()
    }

    /// Returns the bounds of the law at an instant, or `None` where no pack is valid then.
    pub(crate) fn binding(&self, matching: &[PackIndex], as_of_ms: i64) -> Option<Binding> {
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
            keep_strictest(&mut binding.cap, index, pack.max_all_in);
            keep_strictest(&mut binding.exposure, index, pack.max_exposure);
            keep_strictest(&mut binding.bullet, index, pack.max_bullet_months);
        }
        if let Some(cap) = binding.cap {
            binding.named = cap.pack;
        }
        Some(binding)
    }

    /// Returns the regulated floors of redemption fees at an instant, every valid pack's.
    pub(crate) fn redemption_floors<'a>(
        &'a self,
        matching: &'a [PackIndex],
        as_of_ms: i64,
    ) -> impl Iterator<Item = &'a RedemptionStep> + Clone {
        matching
            .iter()
            .map(|index| self.pack(*index))
            .filter(move |pack| pack.valid_at(as_of_ms))
            .flat_map(|pack| &pack.redemption)
    }

    /// Returns `from_ms` and the later instants at which a pack begins or ends, ascending.
    pub(crate) fn instants(&self, matching: &[PackIndex], from_ms: i64) -> Vec<i64> {
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

fn keep_strictest<T: PartialOrd + Copy>(
    held: &mut Option<PackBound<T>>,
    pack: PackIndex,
    most: Option<T>,
) {
    if let Some(most) = most
        && held.is_none_or(|other| most < other.most)
    {
        *held = Some(PackBound { pack, most });
    }
}

impl RulePack {
    fn covers(&self, scope: Scope<'_>) -> bool {
        let licence = |one: &String| one == scope.licence;
        self.jurisdiction == scope.jurisdiction
            && (self.licences.is_empty() || self.licences.iter().any(licence))
            && (self.kinds.is_empty() || self.kinds.contains(&scope.kind.into()))
    }

    fn valid_at(&self, as_of_ms: i64) -> bool {
        self.valid_from_ms <= as_of_ms && (self.valid_to_ms == 0 || as_of_ms < self.valid_to_ms)
    }

    /// Returns whether its cap on exposure, where it has one, can be compared with amounts in
    /// `currency`.
    pub(crate) fn fits_currency(&self, currency: &str) -> bool {
        let cap = self.max_exposure;
        cap.is_none_or(|cap| cap.currency().code() == currency)
    }

    fn compile(pack: &pb::RulePack, checks: &mut Checks) -> Self {
        let named = |text: &str| !text.trim().is_empty();
        checks.present(named(&pack.rule_pack_id), "rule_pack_id", "a name");
        let somewhere = named(&pack.jurisdiction);
        checks.present(somewhere, "jurisdiction", "a jurisdiction such as CN");
        checks.present(named(&pack.source), "source", "where the rule is written");
        checks.at_least("valid_from_ms", pack.valid_from_ms, 0);
        checks.require(
            pack.valid_to_ms == 0 || pack.valid_to_ms > pack.valid_from_ms,
            "valid_to_ms",
            pack.valid_to_ms,
            "0, or after valid_from_ms",
        );
        let most = RatePpm::MAX.ppm();
        let max_all_in = pack
            .max_all_in_ppm
            .map(|cap| checks.rate("max_all_in_ppm", cap, 0..=most));
        let max_exposure = pack
            .max_exposure_minor
            .and_then(|most| exposure(most, &pack.currency, checks));
        if let Some(months) = pack.max_bullet_months {
            let months = i64::from(months);
            checks.within("max_bullet_months", months, 0..=i64::from(MAX_MONTHS));
        }
        let redemption = pack
            .min_redemption_fees
            .iter()
            .map(|fee| RedemptionStep::compile("min_redemption_fees", fee, checks))
            .collect();
        Self {
            id: pack.rule_pack_id.clone(),
            jurisdiction: pack.jurisdiction.clone(),
            licences: pack.licences.clone(),
            kinds: pack.kinds.clone(),
            valid_from_ms: pack.valid_from_ms,
            valid_to_ms: pack.valid_to_ms,
            max_all_in,
            max_exposure,
            max_bullet_months: pack.max_bullet_months,
            redemption,
            source: pack.source.clone(),
        }
    }
}

/// Returns a cap on exposure; notes an error and returns `None` where its currency is none.
fn exposure(minor: i64, currency: &str, checks: &mut Checks) -> Option<Money> {
    checks.within("max_exposure_minor", minor, 0..=MAX_AMOUNT_MINOR);
    let currency = checks.currency("currency", currency)?;
    Some(Money::new(minor, currency))
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
        let matching = |jurisdiction, licence| {
            book.matching(Scope {
                jurisdiction,
                licence,
                kind: ProductKind::CashLoan,
            })
        };
        let all = matching("CN", "bank");
        assert_eq!(all, [0, 1, 2].map(PackIndex));
        let cap = |as_of| {
            let binding = book.binding(&all, as_of)?;
            let cap = binding.cap?.most;
            Some((book.pack(binding.named).id.as_str(), cap.ppm()))
        };
        assert_eq!(cap(99), Some(("old", 300_000)));
        assert_eq!(cap(100), Some(("new", 240_000)));
        assert_eq!(cap(-1), None, "before every law");
        assert!(matching("US", "bank").is_empty());
        assert_eq!(matching("CN", "micro"), [0, 2].map(PackIndex));
        assert_eq!(book.instants(&all, 50), [50, 100]);
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
