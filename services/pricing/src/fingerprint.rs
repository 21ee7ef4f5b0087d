//! The fingerprint of a request for a firm quote: what must be equal where its idempotency key is used
//! again.

use fairlead_proto::pricing::v1::{CreateQuoteRequest, PricingContext};
use prost::Message as _;
use sha2::{Digest as _, Sha256};

/// Returns the digest of the customer, the item and the channel that a request is for. The instant,
/// the request's id and the customer's features may differ when it is sent again.
pub(crate) fn of(request: &CreateQuoteRequest) -> Vec<u8> {
    let context = request.context.as_ref();
    let asked = CreateQuoteRequest {
        context: context.map(|context| PricingContext {
            tenant: context.tenant.clone(),
            customer_id: context.customer_id.clone(),
            channel: context.channel.clone(),
            campaign: context.campaign.clone(),
            ..Default::default()
        }),
        item: request.item.clone(),
        idempotency_key: request.idempotency_key.clone(),
        ..CreateQuoteRequest::default()
    };
    Sha256::digest(asked.encode_to_vec()).to_vec()
}

#[cfg(test)]
mod tests {
    use fairlead_proto::pricing::v1::PriceItem;

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
            ..CreateQuoteRequest::default()
        }
    }

    #[test]
    fn sent_again_it_is_the_same_request() {
        let mut again = request();
        let context = again.context.as_mut().expect("a context");
        context.request_id = "another".to_owned();
        context.as_of_ms = 17;
        again.record = b"another".to_vec();
        assert_eq!(of(&again), of(&request()));
        let changes: [fn(&mut CreateQuoteRequest); 3] = [
            |request| request.item.as_mut().expect("an item").tenor_months = 24,
            |request| request.context.as_mut().expect("a context").customer_id = "c2".to_owned(),
            |request| request.context.as_mut().expect("a context").channel = "web".to_owned(),
        ];
        for change in changes {
            let mut other = request();
            change(&mut other);
            assert_ne!(of(&other), of(&request()));
        }
    }
}
