//! `fairlead access table`: which role may call which method.

use clap::Args;
use fairlead_client::terminal::wide_table;
use fairlead_identity::{Permissions, Requirement, Role, permission_name, service_permissions};
use fairlead_proto::REQUIREMENTS;
use serde_json::json;

/// Options of `access table`.
#[derive(Debug, Args)]
pub(crate) struct TableArgs {
    /// Print JSON instead of a table.
    #[arg(long)]
    json: bool,
}

/// The services that call others.
const SERVICES: [&str; 5] = ["gateway", "profile", "recall", "ranking", "pricing"];

/// Who may call a method.
struct Row {
    method: &'static str,
    anyone: bool,
    roles: Vec<Role>,
    services: Vec<&'static str>,
    /// The scopes of a key, each of which is enough.
    scopes: Vec<String>,
}

impl Row {
    fn of(path: &'static str) -> Self {
        let requirement = Requirement::of(path).unwrap_or(Requirement::AnyOf(Permissions::NONE));
        let may = |held: Permissions| requirement.check(held).is_ok();
        let scopes = match requirement {
            Requirement::Anyone => Permissions::NONE,
            Requirement::AnyOf(wanted) => wanted.intersection(Permissions::OF_KEYS),
        };
        Self {
            method: path.strip_prefix("/fairlead.").unwrap_or(path),
            anyone: requirement == Requirement::Anyone,
            roles: Role::ALL
                .into_iter()
                .filter(|role| may(role.permissions()))
                .collect(),
            services: SERVICES
                .into_iter()
                .filter(|name| service_permissions(name).is_some_and(may))
                .collect(),
            scopes: scopes.iter().map(permission_name).collect(),
        }
    }

    fn cells(&self) -> Vec<String> {
        let mark = |role: &Role| if self.roles.contains(role) { "●" } else { "" };
        let method = self
            .method
            .rsplit_once('.')
            .map_or(self.method, |(_, name)| name);
        let mut cells = vec![method.to_owned()];
        cells.extend(Role::ALL.iter().map(|role| mark(role).to_owned()));
        let mut others = Vec::new();
        if self.anyone {
            others.push("anyone".to_owned());
        } else if self.services.len() == SERVICES.len() {
            others.push("services".to_owned());
        } else {
            others.extend(self.services.iter().map(|name| format!("service {name}")));
        }
        if !self.anyone {
            others.extend(self.scopes.iter().map(|scope| format!("keys: {scope}")));
        }
        cells.push(others.join(", "));
        cells
    }
}

/// Prints the table.
pub(super) fn print(args: &TableArgs) -> anyhow::Result<()> {
    let all: Vec<Row> = REQUIREMENTS.iter().map(|(path, _)| Row::of(path)).collect();
    if args.json {
        let rows = all.iter().map(|row| {
            json!({
                "method": row.method,
                "anyone": row.anyone,
                "roles": row.roles.iter().map(|role| role.name()).collect::<Vec<_>>(),
                "services": row.services,
                "scopes": row.scopes,
            })
        });
        let rows: Vec<_> = rows.collect();
        println!("{}", serde_json::to_string_pretty(&rows)?);
        return Ok(());
    }
    let header = ["method"].into_iter().chain(Role::ALL.map(Role::name));
    let mut rows = wide_table(header.chain(["others"]));
    for row in &all {
        rows.add_row(row.cells());
    }
    println!("{rows}");
    Ok(())
}
