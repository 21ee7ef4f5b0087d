//! `test-run PROGRAM ARGUMENT...`: starts the heavy servers that tests use, runs the program with their
//! addresses in its environment, and ends them. Its exit status is the program's.

use std::process::ExitCode;

use fairlead_testkit::TestRun;

fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let mut arguments = std::env::args_os().skip(1);
    let program = arguments
        .next()
        .ok_or("usage: test-run PROGRAM ARGUMENT...")?;
    let servers = TestRun::start()?;
    let status = servers.command(program, arguments).status()?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}
