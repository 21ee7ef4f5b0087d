//! `fairlead access`: people, roles, keys, and the table of who may call what.

mod keys;
mod people;
mod table;

use clap::Subcommand;
use fairlead_chassis::link::Link;
use fairlead_proto::access::v1::access_service_client::AccessServiceClient;

use crate::args::ControlArgs;

/// Commands on access.
#[derive(Debug, Subcommand)]
pub(crate) enum AccessCommand {
    /// People: list, add, invite again, disable, enable.
    #[command(subcommand)]
    People(people::PeopleCommand),
    /// Roles: what each may do, and who has which.
    #[command(subcommand)]
    Roles(people::RolesCommand),
    /// Keys of apps and partners: list, create, rotate, revoke.
    #[command(subcommand)]
    Keys(keys::KeysCommand),
    /// Show which role may call which method; needs no server.
    Table(table::TableArgs),
}

/// Runs the command.
pub(crate) async fn run(command: AccessCommand) -> anyhow::Result<()> {
    match command {
        AccessCommand::People(command) => people::run(command).await,
        AccessCommand::Roles(command) => people::run_roles(command).await,
        AccessCommand::Keys(command) => keys::run(command).await,
        AccessCommand::Table(args) => table::print(&args),
    }
}

fn client(server: &ControlArgs) -> anyhow::Result<AccessServiceClient<Link>> {
    Ok(AccessServiceClient::new(server.link()?))
}

/// Returns a time for people, or nothing for 0.
fn time(at_ms: i64) -> anyhow::Result<String> {
    if at_ms == 0 {
        return Ok(String::new());
    }
    Ok(jiff::Timestamp::from_millisecond(at_ms)?.to_string())
}
