//! Requests, checked: every field is checked before any score is computed.

use fairlead_domain::TenantId;
use fairlead_proto::feature::v1::FeatureSet;
use fairlead_proto::ranking::v1::RankRequest;
use fairlead_release::Live;

use crate::error::Error;

/// The most products that can be scored in one call.
const MOST: usize = 1_000;

/// A checked request. The feature set is checked when the model's inputs are made of it.
#[derive(Debug)]
pub(crate) struct Ask<'a> {
    pub(crate) features: &'a FeatureSet,
    /// Numbers of the products in the catalogue, in the order asked.
    pub(crate) products: Vec<u32>,
}

impl<'a> Ask<'a> {
    /// Takes a request.
    pub(crate) fn check(request: &'a RankRequest, live: &Live) -> Result<Self, Error> {
        let refuse = |field, value: &str, allowed: &str| Error::Argument {
            field,
            value: value.to_owned(),
            allowed: allowed.to_owned(),
        };
        TenantId::new(&request.tenant)
            .map_err(|error| refuse("tenant", &error.value, error.allowed))?;
        if request.tenant != live.release.tenant {
            return Err(Error::Tenant {
                asked: request.tenant.clone(),
                served: live.release.tenant.clone(),
            });
        }
        let features = request.features.as_ref().ok_or_else(|| {
            refuse(
                "features",
                "",
                "a set for the purpose recommend, as profile gives it",
            )
        })?;
        let asked = request.product_ids.len();
        if !(1..=MOST).contains(&asked) {
            let found = format!("{asked} products");
            return Err(refuse("product_ids", &found, "1 to 1000 products"));
        }
        let number = |id: &String| {
            live.catalogue.index_of(id).ok_or_else(|| {
                let revision = live.revision();
                let allowed = format!("ids in the catalogue of release {revision}");
                refuse("product_ids", id, &allowed)
            })
        };
        Ok(Self {
            features,
            products: request
                .product_ids
                .iter()
                .map(number)
                .collect::<Result<_, _>>()?,
        })
    }
}
