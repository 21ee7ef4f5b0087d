//! `fairlead audit`: list the rows of the audit log, verify its chain.

use anyhow::bail;
use clap::Subcommand;
use fairlead_chassis::link::Link;
use fairlead_client::answered;
use fairlead_client::terminal::table;
use fairlead_proto::control::v1::audit_service_client::AuditServiceClient;
use fairlead_proto::control::v1::{
    AuditFault, ListAuditRequest, VerifyAuditRequest, VerifyAuditResponse,
};

use crate::args::ControlArgs;

/// Largest list of rows that is received, bytes: the detail of an import names every product.
const MAX_ROWS: usize = 64 << 20;

/// Commands on the audit log.
#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// List the newest rows, newest first.
    List {
        /// The most rows, 1 to 1000.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(i32).range(1..=1_000))]
        limit: i32,
        /// The control plane to call.
        #[command(flatten)]
        server: ControlArgs,
    },
    /// Recompute the hash of every row, and compare the chain with its heads on the event log. Exits
    /// with 1 if it is broken.
    Verify {
        /// The control plane to call.
        #[command(flatten)]
        server: ControlArgs,
    },
}

/// Runs the command.
pub(crate) async fn run(command: AuditCommand) -> anyhow::Result<()> {
    match command {
        AuditCommand::List { limit, server } => list(limit, &server).await,
        AuditCommand::Verify { server } => verify(&server).await,
    }
}

fn client(server: &ControlArgs) -> anyhow::Result<AuditServiceClient<Link>> {
    Ok(AuditServiceClient::new(server.link()?).max_decoding_message_size(MAX_ROWS))
}

async fn list(limit: i32, server: &ControlArgs) -> anyhow::Result<()> {
    let request = ListAuditRequest {
        tenant: server.tenant.clone(),
        limit,
    };
    let answer = answered(client(server)?.list_audit(request).await, &server.control)?;
    if server.json {
        println!("{}", serde_json::to_string_pretty(&answer)?);
        return Ok(());
    }
    let mut rows = table(["row", "at", "actor", "action", "subject", "hash"]);
    for row in answer.rows {
        let at = jiff::Timestamp::from_millisecond(row.at_ms)?.to_string();
        let hash = row.hash.chars().take(12).collect();
        let sequence = row.sequence.to_string();
        rows.add_row([sequence, at, row.actor, row.action, row.subject, hash]);
    }
    println!("{rows}");
    Ok(())
}

async fn verify(server: &ControlArgs) -> anyhow::Result<()> {
    let request = VerifyAuditRequest {
        tenant: server.tenant.clone(),
    };
    let answer = answered(client(server)?.verify_audit(request).await, &server.control)?;
    if server.json {
        println!("{}", serde_json::to_string_pretty(&answer)?);
    } else {
        let mut rows = table(["tenant", "rows that hold", "heads compared", "chain"]);
        let chain = if answer.intact {
            "intact".to_owned()
        } else {
            format!("broken at row {}", answer.broken_at)
        };
        let (held, heads) = (answer.rows.to_string(), answer.heads.to_string());
        rows.add_row([server.tenant.clone(), held, heads, chain]);
        println!("{rows}");
    }
    if !answer.intact {
        bail!("{}", broken(&answer));
    }
    Ok(())
}

/// Says what is wrong with a chain.
fn broken(answer: &VerifyAuditResponse) -> String {
    let at = answer.broken_at;
    let cause = match answer.fault() {
        AuditFault::Rewritten => {
            "the rows up to it were written anew or removed: the event log, or an earlier check, has \
             another hash"
        }
        AuditFault::Row | AuditFault::Unspecified => {
            "it is missing, or its content is not what its hash covers"
        }
    };
    format!(
        "the audit chain is broken at row {at}: {cause}; see docs/runbooks/FairleadAuditBroken.md"
    )
}
