//! `fairlead lake` and `fairlead sql`: the binary beside this one, which brings DataFusion.

use std::os::unix::process::CommandExt as _;
use std::process::Command;

use anyhow::bail;
use clap::Args;

/// What is handed on.
#[derive(Debug, Args)]
pub(crate) struct LakeArgs {
    /// As `fairlead-lake --help` says; nothing writes until SIGTERM.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

/// Becomes `fairlead-lake` with a command before what was given; returns only where that fails.
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
