//! Arguments that several commands take.

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use fairlead_proto::catalogue::v1::ProductKind;

/// The gateway to call.
#[derive(Debug, Clone, Args)]
pub(crate) struct GatewayArgs {
    /// Address of the gateway.
    #[arg(
        long,
        env = "FAIRLEAD_SERVER",
        default_value = "http://127.0.0.1:7001",
        value_name = "URL"
    )]
    pub(crate) server: String,
    /// The tenant; if absent, the default tenant of the gateway.
    #[arg(long, default_value = "")]
    pub(crate) tenant: String,
    /// Print JSON instead of tables.
    #[arg(long)]
    pub(crate) json: bool,
}

/// The control plane to call.
#[derive(Debug, Clone, Args)]
pub(crate) struct ControlArgs {
    /// Address of the control plane.
    #[arg(
        long,
        env = "FAIRLEAD_CONTROL",
        default_value = "http://127.0.0.1:7006",
        value_name = "URL"
    )]
    pub(crate) control: String,
    /// The tenant.
    #[arg(long, default_value = "demo")]
    pub(crate) tenant: String,
    /// Print JSON instead of tables.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Parses a product kind by its hyphenated name: `cash-loan`.
pub(crate) fn product_kind() -> impl TypedValueParser<Value = ProductKind> {
    PossibleValuesParser::new(ProductKind::ALL.map(ProductKind::hyphenated)).try_map(|name| {
        let mut kinds = ProductKind::ALL.into_iter();
        kinds
            .find(|kind| kind.hyphenated() == name)
            .ok_or_else(|| format!("no kind of product is named `{name}`"))
    })
}
