//! The `fairlead` binary: the command line of every service, its clients and the lab.
//!
//! Each command parses its options and calls a library; what a command does lives there.

mod args;
mod cli;
mod commands;
mod session_file;

use std::process::ExitCode;

use clap::Parser as _;

use cli::Cli;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let ran = runtime.map_err(anyhow::Error::from).and_then(|runtime| {
        let ran = runtime.block_on(Cli::parse().run());
        // Training blocks a thread for minutes; an interrupt must not wait for it.
        runtime.shutdown_background();
        ran
    });
    match ran {
        Ok(code) => code,
        Err(error) => {
            eprintln!("fairlead: {error:#}");
            ExitCode::FAILURE
        }
    }
}
