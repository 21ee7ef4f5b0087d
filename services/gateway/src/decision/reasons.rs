//! The reasons for which a product is on the slate, in words, from the values that were used.

use fairlead_proto::decision::v1::Exposure;
use fairlead_proto::gateway::v1::Reason;
use fairlead_proto::pricing::v1::Price;
use fairlead_proto::recall::v1::{Candidate, RecallSource};

/// Returns the first source of the candidate, in words.
fn source_words(candidate: &Candidate) -> String {
    let Some(source) = candidate.sources.first() else {
        return "from the release's own list".to_owned();
    };
    match source.source() {
        RecallSource::TwoTower => "close to what you use and look at".to_owned(),
        RecallSource::ItemToItem if !source.because_of.is_empty() => {
            format!("often taken together with {}", source.because_of)
        }
        RecallSource::ItemToItem => "often taken together with what you hold".to_owned(),
        RecallSource::Popular => "popular now".to_owned(),
        RecallSource::New => "new".to_owned(),
        RecallSource::Campaign => "part of a campaign".to_owned(),
        RecallSource::Unspecified => "from the release's own list".to_owned(),
    }
}

/// Returns every reason of one slate item.
pub(super) fn reasons(
    candidate: &Candidate,
    filters_passed: &[String],
    price: Option<&Price>,
    model_version: &str,
    exposures: &[Exposure],
) -> Vec<Reason> {
    let say = |kind: &str, text: String| Reason {
        kind: kind.to_owned(),
        text,
    };
    let mut all = vec![say("source", source_words(candidate))];
    if !filters_passed.is_empty() {
        all.push(say("filter", filters_passed.join(", ")));
    }
    if !model_version.is_empty() {
        all.push(say("model", model_version.to_owned()));
    }
    all.extend(
        exposures
            .iter()
            .map(|e| say("experiment", format!("{} = {}", e.experiment_id, e.arm_id))),
    );
    if let Some(price) = price {
        if !price.grade.is_empty() {
            all.push(say("grade", price.grade.clone()));
        }
        let from = |rule: &str| {
            if rule.is_empty() {
                String::new()
            } else {
                format!(", within {rule}")
            }
        };
        let row = if price.rate_card_row > 0 {
            format!(" row {}", price.rate_card_row)
        } else {
            String::new()
        };
        if !price.strategy.is_empty() {
            all.push(say(
                "price",
                format!("{}{row}{}", price.strategy, from(&price.rule_pack)),
            ));
        }
        all.extend(
            price
                .reasons
                .iter()
                .map(|code| say("price", format!("{}: {}", code.code, code.text))),
        );
    }
    all
}
