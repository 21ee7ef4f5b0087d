//! Checks a release written as JSON and prints every finding.
//!
//! `cargo run --release -p fairlead-release --example check -- release.json`

use std::process::ExitCode;

use fairlead_proto::control::v1::Release;
use fairlead_release::{Live, content_hash};

fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("usage: check RELEASE.json")?;
    let mut release: Release = serde_json::from_slice(&std::fs::read(&path)?)?;
    // A release written by hand has no number and no hash yet.
    release.revision = release.revision.max(1);
    release.content_hash = content_hash(&release);
    match Live::check(release) {
        Ok(live) => {
            for warning in &live.warnings {
                println!("warning: {warning}");
            }
            println!(
                "{} products, {}",
                live.catalogue.len(),
                live.release.content_hash
            );
            Ok(ExitCode::SUCCESS)
        }
        Err(findings) => {
            for finding in findings {
                println!("{:?}: {finding}", finding.severity);
            }
            Ok(ExitCode::FAILURE)
        }
    }
}
