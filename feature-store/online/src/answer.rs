//! The answer that is kept under an idempotency key, as it is stored.

use bytes::Bytes;
use fairlead_proto::pricing::v1::{PriceItem, Quote, Refusal};
use prost::Message as _;

use crate::error::Error;

/// The answer to a request for a firm quote: a quote or a refusal.
#[derive(Clone, PartialEq, prost::Message)]
pub struct KeptAnswer {
    /// The digest of what was asked; empty where it was restored from the log.
    #[prost(bytes = "vec", tag = "1")]
    pub fingerprint: Vec<u8>,
    /// The request that it was made for.
    #[prost(string, tag = "2")]
    pub request_id: String,
    /// The item as it was priced.
    #[prost(message, optional, tag = "3")]
    pub item: Option<PriceItem>,
    /// The quote, if it is one.
    #[prost(message, optional, tag = "4")]
    pub quote: Option<Quote>,
    /// The refusal in its place.
    #[prost(message, optional, tag = "5")]
    pub refusal: Option<Refusal>,
}

impl KeptAnswer {
    /// Returns its bytes.
    pub fn to_bytes(&self) -> Bytes {
        self.encode_to_vec().into()
    }

    /// Reads it back.
    ///
    /// # Errors
    /// [`Error::Corrupt`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let answer = Self::decode(bytes).map_err(|error| Error::Corrupt {
            thing: "answer",
            detail: error.to_string(),
        })?;
        if answer.quote.is_some() == answer.refusal.is_some() {
            return Err(Error::Corrupt {
                thing: "answer",
                detail: "it is neither a quote nor a refusal".to_owned(),
            });
        }
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_reads_back_and_junk_does_not() {
        let quote = KeptAnswer {
            fingerprint: vec![7; 32],
            request_id: "r-1".to_owned(),
            quote: Some(Quote::default()),
            ..KeptAnswer::default()
        };
        let refusal = KeptAnswer {
            quote: None,
            refusal: Some(Refusal::default()),
            ..quote.clone()
        };
        for answer in [quote, refusal] {
            let read = KeptAnswer::from_bytes(&answer.to_bytes());
            assert_eq!(read.expect("readable"), answer);
        }
        let neither = KeptAnswer::default().to_bytes();
        assert!(KeptAnswer::from_bytes(&neither).is_err());
        assert!(KeptAnswer::from_bytes(b"junk").is_err());
    }
}
