//! `fairlead lake` and `fairlead sql`: run `fairlead-lake`, which links DataFusion.

use std::os::unix::process::CommandExt as _;
use std::process::Command;

use anyhow::bail;
use clap::Args;

/// Arguments for `fairlead-lake`.
#[derive(Debug, Args)]
pub(crate) struct LakeArgs {
    /// Arguments as in `fairlead-lake --help`; without any, `write`.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

/// Replaces this process by `fairlead-lake`, with `command` before the other arguments. Returns only
/// if that fails.
pub(crate) fn become_lake(command: Option<&str>, args: LakeArgs) -> anyhow::Result<()> {
    let mut arguments: Vec<String> = command.map(str::to_owned).into_iter().collect();
    arguments.extend(args.arguments);
    if arguments.is_empty() {
        arguments.push("write".to_owned());
    }
    let beside = std::env::current_exe()?.with_file_name("fairlead-lake");
    let program = if beside.is_file() {
        beside
    } else {
        "fairlead-lake".into()
    };
    let error = Command::new(&program).args(arguments).exec();
    bail!(
        "cannot start {}: {error}; build it (cargo build --release -p fairlead-lake), beside `fairlead` or on PATH",
        program.display()
    )
}
