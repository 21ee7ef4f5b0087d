//! CPU time from the counters of the kernel.

use std::time::Duration;

use anyhow::Context as _;

/// Kernel ticks per second: `USER_HZ`, 100 on every Linux that Rust runs on.
const TICKS: u64 = 100;

/// Returns the CPU time of a process so far, user and system; `self` names this process.
pub(crate) fn of_process(process: &str) -> anyhow::Result<Duration> {
    let path = format!("/proc/{process}/stat");
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    // The name may hold spaces and brackets, so fields are counted after its last bracket.
    let (_, fields) = text
        .rsplit_once(')')
        .context("no name in the process's stat")?;
    let field = |at: usize| {
        fields
            .split_whitespace()
            .nth(at)
            .and_then(|text| text.parse::<u64>().ok())
    };
    let ticks = field(11).zip(field(12)).map(|(user, system)| user + system);
    Ok(Duration::from_millis(
        ticks.context("no times in the process's stat")? * 1000 / TICKS,
    ))
}

/// Returns the CPU time of the calling thread so far.
pub(crate) fn of_thread() -> anyhow::Result<Duration> {
    let text =
        std::fs::read_to_string("/proc/thread-self/schedstat").context("cannot read schedstat")?;
    let nanoseconds = text
        .split_whitespace()
        .next()
        .and_then(|text| text.parse().ok());
    Ok(Duration::from_nanos(
        nanoseconds.context("no time in schedstat")?,
    ))
}
