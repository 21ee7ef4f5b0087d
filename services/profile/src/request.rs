//! Requests, checked: every field is checked before the store is read.

use fairlead_domain::{CustomerId, RequestId, TenantId};
use fairlead_proto::profile::v1::{FindDecisionRequest, GetProfileRequest};
use fairlead_registry::Purpose;

use crate::error::Error;

/// A checked request.
#[derive(Debug)]
pub(crate) struct Ask {
    pub(crate) tenant: TenantId,
    pub(crate) customer: CustomerId,
    /// Unix milliseconds.
    pub(crate) as_of_ms: i64,
    pub(crate) purposes: Vec<Purpose>,
}

impl Ask {
    /// Takes a request at the instant `now_ms`.
    pub(crate) fn check(request: &GetProfileRequest, now_ms: i64) -> Result<Self, Error> {
        let as_of_ms = match request.as_of_ms {
            0 => now_ms,
            instant if instant > 0 => instant,
            negative => {
                return Err(Error::Argument {
                    field: "as_of_ms",
                    value: negative.to_string(),
                    allowed: "Unix milliseconds from 1, or 0 for now".to_owned(),
                });
            }
        };
        Ok(Self {
            tenant: TenantId::new(&request.tenant).map_err(|error| refused("tenant", error))?,
            customer: CustomerId::new(&request.customer_id)
                .map_err(|error| refused("customer_id", error))?,
            as_of_ms,
            purposes: purposes(&request.purposes)?,
        })
    }
}

/// A checked request for the offset of a decision record.
#[derive(Debug)]
pub(crate) struct DecisionAsk {
    pub(crate) tenant: TenantId,
    pub(crate) request_id: RequestId,
    pub(crate) partition: i32,
}

impl DecisionAsk {
    pub(crate) fn check(request: &FindDecisionRequest) -> Result<Self, Error> {
        if request.partition < 0 {
            return Err(Error::Argument {
                field: "partition",
                value: request.partition.to_string(),
                allowed: "0 or more".to_owned(),
            });
        }
        Ok(Self {
            tenant: TenantId::new(&request.tenant).map_err(|error| refused("tenant", error))?,
            request_id: RequestId::new(&request.request_id)
                .map_err(|error| refused("request_id", error))?,
            partition: request.partition,
        })
    }
}

fn refused(field: &'static str, error: fairlead_domain::Error) -> Error {
    Error::Argument {
        field,
        value: error.value,
        allowed: error.allowed.to_owned(),
    }
}

fn purposes(numbers: &[i32]) -> Result<Vec<Purpose>, Error> {
    let mut purposes = Vec::with_capacity(numbers.len().min(Purpose::ALL.len()));
    for &number in numbers {
        let refused = |allowed: &str| Error::Argument {
            field: "purposes",
            value: number.to_string(),
            allowed: allowed.to_owned(),
        };
        let purpose = Purpose::try_from(number)
            .map_err(|_| refused("1 (recommend), 2 (price), 3 (fraud) or 4 (analytics)"))?;
        if purposes.contains(&purpose) {
            return Err(refused("each purpose once"));
        }
        purposes.push(purpose);
    }
    Ok(purposes)
}
