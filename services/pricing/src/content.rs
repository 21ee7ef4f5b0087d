//! The content kept under an idempotency key: the fingerprint of the request, and its answer.

use bytes::Bytes;
use fairlead_proto::pricing::v1::{CreateQuoteRequest, Quote, Refusal};
use prost::Message as _;
use sha2::{Digest as _, Sha256};

const FINGERPRINT: usize = 32;
const QUOTE: u8 = 1;
const REFUSAL: u8 = 2;

/// The answer of an idempotency key.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Answer {
    /// A quote.
    Quote(Box<Quote>),
    /// A refusal in its place.
    Refusal(Box<Refusal>),
}

/// Returns the digest of the customer, the item and the channel that a request is for. The instant,
/// the request's id and the customer's features may differ when it is sent again.
pub(crate) fn fingerprint(request: &CreateQuoteRequest) -> [u8; FINGERPRINT] {
    let context = request.context.as_ref();
    let asked = CreateQuoteRequest {
        context: context.map(|context| fairlead_proto::pricing::v1::PricingContext {
            tenant: context.tenant.clone(),
            customer_id: context.customer_id.clone(),
            channel: context.channel.clone(),
            campaign: context.campaign.clone(),
            ..Default::default()
        }),
        item: request.item.clone(),
        idempotency_key: request.idempotency_key.clone(),
        facts: None,
    };
    Sha256::digest(asked.encode_to_vec()).into()
}

/// Returns the content for an answer.
pub(crate) fn encode(fingerprint: &[u8; FINGERPRINT], answer: &Answer) -> Bytes {
    let mut content = fingerprint.to_vec();
    match answer {
        Answer::Quote(quote) => {
            content.push(QUOTE);
            content.extend(quote.encode_to_vec());
        }
        Answer::Refusal(refusal) => {
            content.push(REFUSAL);
            content.extend(refusal.encode_to_vec());
        }
    }
    content.into()
}

/// Returns the fingerprint and the answer that were kept, or `None` where the content is damaged.
pub(crate) fn decode(content: &[u8]) -> Option<([u8; FINGERPRINT], Answer)> {
    let (fingerprint, rest) = content.split_first_chunk::<FINGERPRINT>()?;
    let (kind, message) = rest.split_first()?;
    let answer = match *kind {
        QUOTE => Answer::Quote(Box::new(Quote::decode(message).ok()?)),
        REFUSAL => Answer::Refusal(Box::new(Refusal::decode(message).ok()?)),
        _ => return None,
    };
    Some((*fingerprint, answer))
}

#[cfg(test)]
mod tests {
    use fairlead_proto::pricing::v1::{PriceItem, PricingContext};

    use super::*;

    fn request() -> CreateQuoteRequest {
        CreateQuoteRequest {
            context: Some(PricingContext {
                tenant: "acme".to_owned(),
                customer_id: "c1".to_owned(),
                channel: "app".to_owned(),
                ..PricingContext::default()
            }),
            item: Some(PriceItem {
                product_id: "L1".to_owned(),
                tenor_months: 12,
                ..PriceItem::default()
            }),
            idempotency_key: "key".to_owned(),
            facts: None,
        }
    }

    #[test]
    fn sent_again_it_is_the_same_request() {
        let mut again = request();
        let context = again.context.as_mut().expect("a context");
        context.request_id = "another".to_owned();
        context.as_of_ms = 17;
        assert_eq!(fingerprint(&again), fingerprint(&request()));
        let changes: [fn(&mut CreateQuoteRequest); 3] = [
            |request| request.item.as_mut().expect("an item").tenor_months = 24,
            |request| request.context.as_mut().expect("a context").customer_id = "c2".to_owned(),
            |request| request.context.as_mut().expect("a context").channel = "web".to_owned(),
        ];
        for change in changes {
            let mut other = request();
            change(&mut other);
            assert_ne!(fingerprint(&other), fingerprint(&request()));
        }
    }

    #[test]
    fn what_is_kept_reads_back_and_junk_does_not() {
        let print = fingerprint(&request());
        let answers = [
            Answer::Quote(Box::new(Quote {
                quote_id: "Q1".to_owned(),
                ..Quote::default()
            })),
            Answer::Refusal(Box::new(Refusal {
                detail: "no".to_owned(),
                ..Refusal::default()
            })),
        ];
        for answer in answers {
            let kept = encode(&print, &answer);
            assert_eq!(decode(&kept), Some((print, answer)));
            assert_eq!(decode(&kept[..32]), None);
        }
        let junk = [&print[..], &[9, 1, 2]].concat();
        assert_eq!(decode(&junk), None);
    }
}
