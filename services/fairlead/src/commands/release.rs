//! `fairlead release`: show, list, draft the defaults, publish, roll back.

use std::collections::BTreeMap;

use clap::{Args, Subcommand};
use fairlead_client::terminal::table;
use fairlead_client::{Drafts, answered, show};
use fairlead_proto::control::v1::release_service_client::ReleaseServiceClient;
use fairlead_proto::control::v1::{
    GetReleaseRequest, ListInstancesRequest, ListReleasesRequest, PublishRequest, RollBackRequest,
};

use super::diff::{self, DiffArgs};
use crate::args::ControlArgs;

/// Largest release that is received, bytes.
const MAX_RELEASE: usize = 64 << 20;

/// Commands on releases.
#[derive(Debug, Subcommand)]
pub(crate) enum ReleaseCommand {
    /// Show a release as JSON.
    Show {
        /// The revision; if absent, the release in force.
        #[arg(default_value_t = 0)]
        revision: i64,
        /// The control plane to call.
        #[command(flatten)]
        server: ControlArgs,
    },
    /// List the releases, newest first.
    List {
        /// The control plane to call.
        #[command(flatten)]
        server: ControlArgs,
    },
    /// List the release that each instance of each service uses, and the one that it refused.
    Instances {
        /// The control plane to call.
        #[command(flatten)]
        server: ControlArgs,
    },
    /// Show what changes from the release in force to the draft, or between revisions.
    Diff(DiffArgs),
    /// Put the default strategies, cost models, guardrails, rule packs, risk model and segments as drafts, to start from.
    DraftDefaults {
        /// The control plane to call.
        #[command(flatten)]
        server: ControlArgs,
    },
    /// Publish the drafts.
    Publish {
        /// Let so many products on offer go; without it, a release that takes away more than a
        /// fifth of them is refused (control.max_removals_percent).
        #[arg(long, value_name = "N", default_value_t = 0)]
        allow_removals: i32,
        /// The comment for the audit log.
        #[command(flatten)]
        audit: AuditArgs,
        /// The control plane to call.
        #[command(flatten)]
        server: ControlArgs,
    },
    /// Publish the content of an earlier release again.
    RollBack {
        /// The revision whose content is published again.
        revision: i64,
        /// The comment for the audit log.
        #[command(flatten)]
        audit: AuditArgs,
        /// The control plane to call.
        #[command(flatten)]
        server: ControlArgs,
    },
}

/// The comment on a change, which goes into the audit log beside who made it.
#[derive(Debug, Args)]
pub(crate) struct AuditArgs {
    /// Comment.
    #[arg(long, default_value = "")]
    comment: String,
}

/// Runs the command.
pub(crate) async fn run(command: ReleaseCommand) -> anyhow::Result<()> {
    match command {
        ReleaseCommand::Show { revision, server } => show(revision, server).await,
        ReleaseCommand::List { server } => list(server).await,
        ReleaseCommand::Instances { server } => instances(server).await,
        ReleaseCommand::Diff(args) => diff::run(args).await,
        ReleaseCommand::DraftDefaults { server } => draft_defaults(&server).await,
        ReleaseCommand::Publish {
            allow_removals,
            audit,
            server,
        } => {
            let request = PublishRequest {
                tenant: server.tenant.clone(),
                comment: audit.comment,
                allow_removals,
                ..PublishRequest::default()
            };
            let answer = answered(client(&server)?.publish(request).await, &server.control)?;
            println!("release {} ({})", answer.revision, answer.content_hash);
            Ok(())
        }
        ReleaseCommand::RollBack {
            revision,
            audit,
            server,
        } => {
            let request = RollBackRequest {
                tenant: server.tenant.clone(),
                to_revision: revision,
                comment: audit.comment,
                ..RollBackRequest::default()
            };
            let answer = answered(client(&server)?.roll_back(request).await, &server.control)?;
            println!("release {} has the content of {revision}", answer.revision);
            Ok(())
        }
    }
}

async fn draft_defaults(server: &ControlArgs) -> anyhow::Result<()> {
    let mut drafts = Drafts::new(&server.link()?, &server.tenant);
    let put = drafts.defaults().await?;
    if server.json {
        let versions: BTreeMap<&str, i64> = put
            .iter()
            .map(|one| (one.id.as_str(), one.version))
            .collect();
        println!("{}", serde_json::to_string_pretty(&versions)?);
        return Ok(());
    }
    let mut rows = table(["strategy", "version", "prices"]);
    for one in put {
        let kinds: Vec<&str> = one.kinds.iter().map(|kind| show::kind(*kind)).collect();
        rows.add_row([one.id, one.version.to_string(), kinds.join(", ")]);
    }
    println!("{rows}");
    Ok(())
}

fn client(
    server: &ControlArgs,
) -> anyhow::Result<ReleaseServiceClient<fairlead_chassis::link::Link>> {
    Ok(ReleaseServiceClient::new(server.link()?).max_decoding_message_size(MAX_RELEASE))
}

async fn show(revision: i64, server: ControlArgs) -> anyhow::Result<()> {
    let request = GetReleaseRequest {
        tenant: server.tenant.clone(),
        revision,
    };
    let answer = answered(client(&server)?.get_release(request).await, &server.control)?;
    println!("{}", serde_json::to_string_pretty(&answer.release)?);
    Ok(())
}

async fn list(server: ControlArgs) -> anyhow::Result<()> {
    let request = ListReleasesRequest {
        tenant: server.tenant.clone(),
        limit: 0,
    };
    let answer = answered(
        client(&server)?.list_releases(request).await,
        &server.control,
    )?;
    if server.json {
        println!("{}", serde_json::to_string_pretty(&answer)?);
        return Ok(());
    }
    let mut rows = table(["revision", "published", "by", "why", "hash"]);
    for release in answer.releases {
        let at = jiff::Timestamp::from_millisecond(release.published_at_ms)?.to_string();
        let hash = release.content_hash.chars().take(12).collect();
        rows.add_row([
            release.revision.to_string(),
            at,
            release.published_by,
            release.comment,
            hash,
        ]);
    }
    println!("{rows}");
    Ok(())
}

async fn instances(server: ControlArgs) -> anyhow::Result<()> {
    let request = ListInstancesRequest {
        tenant: server.tenant.clone(),
    };
    let answer = answered(
        client(&server)?.list_instances(request).await,
        &server.control,
    )?;
    if server.json {
        println!("{}", serde_json::to_string_pretty(&answer)?);
        return Ok(());
    }
    let mut rows = table([
        "service", "instance", "version", "release", "reported", "refused",
    ]);
    for one in answer.instances {
        let at = jiff::Timestamp::from_millisecond(one.reported_at_ms)?.to_string();
        let refused = match one.refused_revision {
            0 => String::new(),
            revision => format!("{revision}: {}", one.reason),
        };
        let reported = if one.gone { format!("{at} (gone)") } else { at };
        rows.add_row([
            one.service,
            one.instance,
            one.version,
            one.revision.to_string(),
            reported,
            refused,
        ]);
    }
    println!("{rows}");
    Ok(())
}
