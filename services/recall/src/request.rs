//! The check of a request: every field is checked before any source is asked.

use fairlead_domain::TenantId;
use fairlead_proto::catalogue::v1::ProductKind;
use fairlead_proto::feature::v1::FeatureSet;
use fairlead_proto::profile::v1::Profile;
use fairlead_proto::recall::v1::RecallRequest;
use fairlead_registry::{FeatureReader, Purpose, Registry};
use fairlead_release::{Live, RecallParameters};

use crate::error::Error;

/// The most candidates that a request may ask for.
const MAX_LIMIT: i32 = 1_000;

/// A checked request.
#[derive(Debug)]
pub(crate) struct Ask<'a> {
    pub(crate) profile: &'a Profile,
    /// The features of the customer; `None` asks for the non-personalised order.
    pub(crate) personal: Option<Personal<'a>>,
    /// The instant of the request, Unix milliseconds.
    pub(crate) as_of_ms: i64,
    pub(crate) limit: usize,
    pub(crate) kinds: &'a [i32],
    pub(crate) parameters: RecallParameters,
}

/// A customer's features for the purpose recommend.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Personal<'a> {
    /// The set as it came.
    pub(crate) features: &'a FeatureSet,
    /// A checked reader of the set.
    pub(crate) reader: FeatureReader<'a>,
}

impl<'a> Ask<'a> {
    /// Checks a request that came at the instant `now_ms`.
    ///
    /// # Errors
    /// A tenant that is not served here, or a field with a value that is not allowed.
    pub(crate) fn check(
        request: &'a RecallRequest,
        registry: &'a Registry,
        live: &Live,
        now_ms: i64,
    ) -> Result<Self, Error> {
        check_tenant(request, live)?;
        let refuse = |field, value: String, allowed: &str| Error::Argument {
            field,
            value,
            allowed: allowed.to_owned(),
        };
        let profile = request.profile.as_ref().ok_or_else(|| {
            refuse(
                "profile",
                String::new(),
                "the customer's, as profile gives it",
            )
        })?;
        if !(1..=MAX_LIMIT).contains(&request.limit) {
            return Err(refuse("limit", request.limit.to_string(), "1 to 1000"));
        }
        let known = |kind: &i32| {
            ProductKind::try_from(*kind).is_ok_and(|kind| kind != ProductKind::Unspecified)
        };
        if let Some(kind) = request.kinds.iter().find(|kind| !known(kind)) {
            return Err(refuse(
                "kinds",
                kind.to_string(),
                "1 to 6, the kinds of product",
            ));
        }
        let features = features(request, profile);
        let personal = match (request.personalised, features) {
            (false, _) => None,
            (true, None) => {
                let allowed = "a set for the purpose recommend, or personalised = false";
                return Err(refuse("features", String::new(), allowed));
            }
            (true, Some(set)) => {
                let reader = FeatureReader::for_purpose(registry, set, Purpose::Recommend)?;
                let features = set;
                Some(Personal { features, reader })
            }
        };
        let parameters = live.parameters.with(&request.parameters).map_err(first)?;
        Ok(Self {
            profile,
            personal,
            as_of_ms: match features.map_or(0, |set| set.as_of_ms) {
                instant if instant > 0 => instant,
                _ => now_ms,
            },
            limit: request.limit as usize,
            kinds: &request.kinds,
            parameters: parameters.recall,
        })
    }
}

fn check_tenant(request: &RecallRequest, live: &Live) -> Result<(), Error> {
    TenantId::new(&request.tenant).map_err(|error| Error::Argument {
        field: "tenant",
        value: error.value,
        allowed: error.allowed.to_owned(),
    })?;
    if request.tenant != live.release.tenant {
        return Err(Error::Tenant {
            asked: request.tenant.clone(),
            served: live.release.tenant.clone(),
        });
    }
    Ok(())
}

/// Returns the request's own set, else the profile's set for the purpose recommend, else `None`.
fn features<'a>(request: &'a RecallRequest, profile: &'a Profile) -> Option<&'a FeatureSet> {
    let recommends = |set: &&FeatureSet| Purpose::try_from(set.purpose) == Ok(Purpose::Recommend);
    let of_profile = || profile.features.iter().find(recommends);
    request.features.as_ref().or_else(of_profile)
}

fn first(findings: Vec<fairlead_release::Finding>) -> Error {
    match findings.into_iter().next() {
        Some(finding) => Error::Parameter(finding),
        // A refusal comes with at least one finding.
        None => Error::Argument {
            field: "parameters",
            value: String::new(),
            allowed: "the declared parameters".to_owned(),
        },
    }
}
