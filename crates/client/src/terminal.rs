//! Output for a terminal: progress bars, tables, colour.

use std::io::IsTerminal as _;
use std::time::Duration;

use comfy_table::{Cell, Table, presets};
use indicatif::{ProgressBar, ProgressStyle};

/// Progress bars on standard error, and notes beside them.
#[derive(Debug, Clone, Copy, Default)]
pub struct Bars {
    hidden: bool,
}

impl Bars {
    /// Returns bars that are never drawn; notes are not printed either (`--json`).
    pub fn hidden() -> Self {
        Self { hidden: true }
    }

    /// Prints a line of explanation, unless bars are hidden.
    pub fn note(&self, text: &str) {
        if !self.hidden {
            note(text);
        }
    }

    /// Returns a new bar with this label.
    pub fn bar(&self, stage: &str, steps: u64) -> ProgressBar {
        if self.hidden {
            return ProgressBar::hidden();
        }
        let bar = ProgressBar::new(steps).with_message(stage.to_owned());
        let template =
            "  {msg:<24} {bar:32.cyan/blue} {pos:>8}/{len:<8} {elapsed:>4} {prefix:.dim}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("█▉▊▋▌▍▎▏ "));
        }
        bar.enable_steady_tick(Duration::from_millis(120));
        bar
    }
}

/// Returns a table with a header, fitted to the terminal.
pub fn table<'h>(header: impl IntoIterator<Item = &'h str>) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::UTF8_HORIZONTAL_ONLY);
    table.set_content_arrangement(comfy_table::ContentArrangement::Dynamic);
    if !std::io::stdout().is_terminal() {
        table.set_width(140);
    }
    let bold = |name: &'h str| Cell::new(name).add_attribute(comfy_table::Attribute::Bold);
    table.set_header(header.into_iter().map(bold));
    table
}

/// Returns a table with a header, whose cells are never broken over lines.
pub fn wide_table<'h>(header: impl IntoIterator<Item = &'h str>) -> Table {
    let mut table = table(header);
    table.set_content_arrangement(comfy_table::ContentArrangement::Disabled);
    table
}

/// Asks for a line on standard error, and returns it without the end of the line.
///
/// # Errors
/// Standard input cannot be read.
pub fn ask(what: &str) -> std::io::Result<String> {
    eprint!("{what}: ");
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

/// Asks for a secret, which is not shown while it is typed. What is no terminal is read as it is.
///
/// # Errors
/// Standard input cannot be read.
pub fn ask_secret(what: &str) -> std::io::Result<String> {
    if !std::io::stdin().is_terminal() {
        return ask(what);
    }
    eprint!("{what}: ");
    console::Term::stderr().read_secure_line()
}

/// Prints a heading.
pub fn heading(text: &str) {
    use owo_colors::{OwoColorize as _, Stream};
    println!(
        "\n{}",
        text.if_supports_color(Stream::Stdout, |text| text.bold())
    );
}

/// Prints a line of explanation.
pub fn note(text: &str) {
    use owo_colors::{OwoColorize as _, Stream};
    println!(
        "  {}",
        text.if_supports_color(Stream::Stdout, |text| text.dimmed())
    );
}
