//! `fairlead access people` and `fairlead access roles`.

use clap::{Args, Subcommand};
use fairlead_client::answered;
use fairlead_client::terminal::{note, table};
use fairlead_identity::{Role, permission_name};
use fairlead_proto::access::v1::{
    CreatePersonRequest, DisablePersonRequest, InvitePersonRequest, ListPeopleRequest,
    SetRolesRequest,
};

use super::{client, time};
use crate::args::ControlArgs;

/// Commands on people.
#[derive(Debug, Subcommand)]
pub(crate) enum PeopleCommand {
    /// List the people who have a role in the tenant.
    List {
        /// The control plane to call.
        #[command(flatten)]
        server: ControlArgs,
    },
    /// Add a person, and print the invitation by which they choose a password.
    Add {
        /// The name: lower-case letters, digits and `._@-`.
        name: String,
        /// A role; may be given several times.
        #[arg(long = "role", required = true, value_name = "ROLE")]
        roles: Vec<String>,
        /// The subject by which the identity provider knows the person, in place of a password.
        #[arg(long, default_value = "")]
        subject: String,
        /// The control plane to call.
        #[command(flatten)]
        server: ControlArgs,
    },
    /// Print another invitation: password and sessions of the person end.
    Invite(Named),
    /// Disable a person: sessions end at once.
    Disable(Named),
    /// Let a person sign in again.
    Enable(Named),
}

/// A person.
#[derive(Debug, Args)]
pub(crate) struct Named {
    /// The name.
    name: String,
    /// The control plane to call.
    #[command(flatten)]
    server: ControlArgs,
}

/// Commands on roles.
#[derive(Debug, Subcommand)]
pub(crate) enum RolesCommand {
    /// List the roles and what each may do; needs no server.
    List,
    /// Set the roles of a person in the tenant; none takes the person out of it.
    Set {
        /// The name of the person.
        name: String,
        /// The roles.
        roles: Vec<String>,
        /// The control plane to call.
        #[command(flatten)]
        server: ControlArgs,
    },
}

/// Runs a command on people.
pub(super) async fn run(command: PeopleCommand) -> anyhow::Result<()> {
    match command {
        PeopleCommand::List { server } => list(&server).await,
        PeopleCommand::Add {
            name,
            roles,
            subject,
            server,
        } => {
            let request = CreatePersonRequest {
                tenant: server.tenant.clone(),
                name: name.clone(),
                roles,
                subject,
            };
            let made = client(&server)?.create_person(request).await;
            let made = answered(made, &server.control)?;
            if made.invitation.is_empty() {
                note(&format!("{name} signs in at the identity provider"));
                return Ok(());
            }
            invited(&name, &made.invitation, made.expires_at_ms)
        }
        PeopleCommand::Invite(Named { name, server }) => {
            let request = InvitePersonRequest {
                tenant: server.tenant.clone(),
                name: name.clone(),
            };
            let made = client(&server)?.invite_person(request).await;
            let made = answered(made, &server.control)?;
            invited(&name, &made.invitation, made.expires_at_ms)
        }
        PeopleCommand::Disable(named) => disable(named, false).await,
        PeopleCommand::Enable(named) => disable(named, true).await,
    }
}

/// Runs a command on roles.
pub(super) async fn run_roles(command: RolesCommand) -> anyhow::Result<()> {
    match command {
        RolesCommand::List => {
            let mut rows = table(["role", "may"]);
            for role in Role::ALL {
                let may: Vec<String> = role.permissions().iter().map(permission_name).collect();
                rows.add_row([role.to_string(), may.join(", ")]);
            }
            println!("{rows}");
            Ok(())
        }
        RolesCommand::Set {
            name,
            roles,
            server,
        } => {
            let request = SetRolesRequest {
                tenant: server.tenant.clone(),
                name: name.clone(),
                roles: roles.clone(),
            };
            answered(client(&server)?.set_roles(request).await, &server.control)?;
            note(&format!("{name}: {}", roles.join(", ")));
            Ok(())
        }
    }
}

/// Prints an invitation: on standard output nothing but the secret.
fn invited(name: &str, invitation: &str, expires_at_ms: i64) -> anyhow::Result<()> {
    let until = time(expires_at_ms)?;
    note(&format!(
        "{name} signs in once by this, until {until}: fairlead login --name {name} --invitation SECRET"
    ));
    println!("{invitation}");
    Ok(())
}

async fn disable(Named { name, server }: Named, enable: bool) -> anyhow::Result<()> {
    let request = DisablePersonRequest {
        tenant: server.tenant.clone(),
        name: name.clone(),
        enable,
    };
    answered(
        client(&server)?.disable_person(request).await,
        &server.control,
    )?;
    let done = if enable {
        "may sign in again"
    } else {
        "may not sign in any more"
    };
    note(&format!("{name} {done}"));
    Ok(())
}

async fn list(server: &ControlArgs) -> anyhow::Result<()> {
    let request = ListPeopleRequest {
        tenant: server.tenant.clone(),
    };
    let listed = answered(client(server)?.list_people(request).await, &server.control)?;
    if server.json {
        println!("{}", serde_json::to_string_pretty(&listed)?);
        return Ok(());
    }
    let mut rows = table(["name", "roles", "signs in", "added"]);
    for person in listed.people {
        let how = match (person.disabled, person.has_password) {
            (true, _) => "not: disabled".to_owned(),
            (false, true) => "by password".to_owned(),
            (false, false) if person.subject.is_empty() => "was invited".to_owned(),
            (false, false) => format!("at the identity provider as {}", person.subject),
        };
        let added = time(person.created_at_ms)?;
        rows.add_row([person.name, person.roles.join(", "), how, added]);
    }
    println!("{rows}");
    Ok(())
}
