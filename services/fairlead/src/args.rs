//! Arguments that several commands take.

use clap::{Args, ValueEnum};

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

/// A kind of product, as the command line names it.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum KindArg {
    /// A loan paid out in cash.
    CashLoan,
    /// A purchase in instalments.
    InstalmentPlan,
    /// A credit card.
    CreditCard,
    /// A fund.
    Fund,
    /// A deposit.
    Deposit,
    /// An insurance.
    Insurance,
}

impl From<KindArg> for fairlead_proto::catalogue::v1::ProductKind {
    fn from(kind: KindArg) -> Self {
        match kind {
            KindArg::CashLoan => Self::CashLoan,
            KindArg::InstalmentPlan => Self::InstalmentPlan,
            KindArg::CreditCard => Self::CreditCard,
            KindArg::Fund => Self::Fund,
            KindArg::Deposit => Self::Deposit,
            KindArg::Insurance => Self::Insurance,
        }
    }
}
