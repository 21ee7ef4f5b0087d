//! `fairlead release diff`: what changes from one release to another, or to the draft.

use clap::Args;
use fairlead_client::terminal::note;
use fairlead_client::{answered, difference};
use fairlead_proto::control::v1::Difference;

use crate::args::ControlArgs;

/// The two that are compared.
#[derive(Debug, Args)]
pub(crate) struct DiffArgs {
    /// The revision before; if absent, the release in force.
    before: Option<i64>,
    /// The revision after; if absent, the draft.
    after: Option<i64>,
    /// The control plane to call.
    #[command(flatten)]
    server: ControlArgs,
}

/// Prints what changes, by section, object and part.
pub(crate) async fn run(args: DiffArgs) -> anyhow::Result<()> {
    let DiffArgs {
        before,
        after,
        server,
    } = args;
    let control = server.link()?;
    let compared = difference::compare(&control, &server.tenant, before, after).await;
    let found = answered(compared, &server.control)?;
    if server.json {
        println!("{}", serde_json::to_string_pretty(&found)?);
        return Ok(());
    }
    print(&found);
    Ok(())
}

fn print(found: &Difference) {
    if found.changes.is_empty() {
        note("nothing changes");
        return;
    }
    println!("{}", difference::as_table(found));
    for more in &found.left_out {
        note(&format!(
            "{} more changes of {}",
            more.changes, more.section
        ));
    }
}
