//! The output of an import on the terminal: progress, questions, the report.

use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::bail;
use fairlead_client::terminal::{Bars, heading, note, table};
use fairlead_import::{CatalogueChange, ImportReport, PreviewRow, Progress};
use fairlead_proto::catalogue::v1::Product;
use indicatif::ProgressBar;
use jiff::Timestamp;

/// Products that a question names.
const NAMED: usize = 20;
/// The rate of fewer rows says nothing.
const MEASURED: u64 = 1_000;

/// The progress of an import.
pub(super) struct ImportBar {
    bar: ProgressBar,
    began: Instant,
}

impl ImportBar {
    pub(super) fn new(bars: Bars, file: &Path) -> Self {
        let name = file.file_name().unwrap_or(file.as_os_str());
        Self {
            bar: bars.bar(&name.to_string_lossy(), 0),
            began: Instant::now(),
        }
    }

    pub(super) fn show(&self, progress: Progress) {
        self.bar.set_length(progress.extent);
        self.bar.set_position(progress.done);
        let rate = per_second(progress.rows, self.began.elapsed());
        self.bar
            .set_prefix(format!("{} rows, {rate} rows/s", progress.rows));
    }

    /// Runs something that writes on the terminal itself.
    pub(super) fn aside<R>(&self, run: impl FnOnce() -> R) -> R {
        self.bar.suspend(run)
    }

    /// Removes the bar. Returns how long the import took.
    pub(super) fn finish(self) -> Duration {
        self.bar.finish_and_clear();
        self.began.elapsed()
    }
}

fn per_second(rows: u64, took: Duration) -> u64 {
    (rows as f64 / took.as_secs_f64().max(0.001)) as u64
}

/// Shows the products that would be withdrawn, and asks whether they may be. Without a terminal
/// nobody can answer: then `yes` must have been given.
pub(super) fn agree(gone: &[Product], yes: bool) -> anyhow::Result<bool> {
    let mut rows = table(["product", "name", "kind"]);
    for product in gone.iter().take(NAMED) {
        let kind = product.kind().name();
        rows.add_row([&product.product_id, &product.name, kind]);
    }
    eprintln!(
        "{} products are not in the file and would be withdrawn:\n{rows}",
        gone.len()
    );
    if let Some(more) = gone.len().checked_sub(NAMED).filter(|more| *more > 0) {
        eprintln!("  and {more} more");
    }
    if yes {
        return Ok(true);
    }
    if !std::io::stdin().is_terminal() {
        bail!("nothing was imported: nobody can be asked here; --yes withdraws them");
    }
    eprint!("withdraw them? [y/N] ");
    std::io::stderr().flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

/// Prints the report, as one JSON object if `json`.
pub(super) fn print(report: &ImportReport, took: Duration, json: bool) -> anyhow::Result<()> {
    if json {
        println!("{}", serde_json::to_string(report)?);
        return Ok(());
    }
    for text in &report.notes {
        note(text);
    }
    print_preview(&report.preview);
    let taken = if report.dry_run { "usable" } else { "taken" };
    let rate = if report.read < MEASURED {
        String::new()
    } else {
        format!(
            " ({:.1} s, {} rows/s)",
            took.as_secs_f64(),
            per_second(report.read, took)
        )
    };
    println!(
        "{} rows read, {} {taken}, {} rejected{rate}",
        report.read, report.accepted, report.rejected
    );
    if report.dry_run {
        note("a dry run: nothing was sent");
    }
    print_changes(report);
    for row in &report.first_rejected {
        note(&format!("line {}: {}", row.line, row.cause));
    }
    if let Some(rejects) = &report.rejects {
        note(&format!(
            "{} keeps the rejected rows, with lines and causes; mend it, and import it again",
            rejects.display()
        ));
    }
    if !report.ignored.is_empty() {
        note(&format!(
            "columns left alone: {}",
            report.ignored.join(", ")
        ));
    }
    Ok(())
}

fn print_changes(report: &ImportReport) {
    let kinds = report.events.iter();
    let kinds: Vec<String> = kinds
        .map(|(kind, count)| format!("{count} {kind}"))
        .collect();
    if let Some((earliest, latest)) = report.times {
        let time = |ms| {
            Timestamp::from_millisecond(ms).map_or_else(|_| String::new(), |at| at.to_string())
        };
        note(&format!(
            "events: {}; from {} to {}",
            kinds.join(", "),
            time(earliest),
            time(latest)
        ));
    }
    if let Some(change) = &report.catalogue {
        let CatalogueChange {
            added,
            changed,
            withdrawn,
        } = change;
        if !report.dry_run {
            note(&format!(
                "{added} products new, {changed} changed, {} withdrawn",
                withdrawn.len()
            ));
        } else if !withdrawn.is_empty() {
            note(&format!(
                "{} products would go away: {}",
                withdrawn.len(),
                withdrawn.join(", ")
            ));
        }
    }
}

fn print_preview(rows: &[PreviewRow]) {
    if rows.is_empty() {
        return;
    }
    heading("as understood");
    let mut shown = table(["line", "says"]);
    for row in rows {
        let mut says = String::new();
        for (name, value) in &row.fields {
            // A row may make two events, each on its own line.
            let between = match (says.is_empty(), name.as_str()) {
                (true, _) => "",
                (false, "kind") => "\n",
                (false, _) => ", ",
            };
            says.extend([between, name, " ", value]);
        }
        shown.add_row([row.line.to_string(), says]);
    }
    println!("{shown}");
}
