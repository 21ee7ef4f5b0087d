//! The file of rejected rows: line and cause, as CSV. It is created with the first of them.

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// Writes rejected rows.
#[derive(Debug)]
pub(super) struct Rejects {
    path: PathBuf,
    writer: Option<csv::Writer<File>>,
    count: u64,
}

impl Rejects {
    /// Creates a writer to `path`, or to `FILE.rejects.csv` if that is `None`.
    pub(super) fn new(imported: &Path, path: Option<&Path>) -> Self {
        let beside = || {
            let mut name = imported.as_os_str().to_owned();
            name.push(".rejects.csv");
            PathBuf::from(name)
        };
        Self {
            path: path.map_or_else(beside, Path::to_path_buf),
            writer: None,
            count: 0,
        }
    }

    /// Adds a row.
    pub(super) fn add(&mut self, line: u64, cause: &str) -> anyhow::Result<()> {
        let cannot = || format!("cannot write the rejects file {}", self.path.display());
        if self.writer.is_none() {
            let mut writer = csv::Writer::from_path(&self.path).with_context(cannot)?;
            writer
                .write_record(["line", "cause"])
                .with_context(cannot)?;
            self.writer = Some(writer);
        }
        if let Some(writer) = &mut self.writer {
            let line = line.to_string();
            writer
                .write_record([line.as_str(), cause])
                .with_context(cannot)?;
        }
        self.count += 1;
        Ok(())
    }

    /// Returns the number of rows.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// Finishes the file. Returns its path, or `None` if no row was rejected.
    pub(super) fn finish(self) -> anyhow::Result<Option<PathBuf>> {
        let Some(mut writer) = self.writer else {
            return Ok(None);
        };
        let cannot = || format!("cannot write the rejects file {}", self.path.display());
        writer.flush().with_context(cannot)?;
        Ok(Some(self.path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_listed_with_line_and_cause_and_nothing_is_written_for_none() {
        let folder = tempfile::tempdir().expect("a folder");
        let imported = folder.path().join("a.csv");
        let none = Rejects::new(&imported, None);
        assert_eq!(none.finish().expect("ended"), None);
        let mut some = Rejects::new(&imported, None);
        some.add(3, "kind `x` is not allowed: \"a, b\"")
            .expect("written");
        let path = some.finish().expect("ended").expect("a file");
        assert!(path.ends_with("a.csv.rejects.csv"));
        let text = std::fs::read_to_string(path).expect("read");
        assert_eq!(
            text,
            "line,cause\n3,\"kind `x` is not allowed: \"\"a, b\"\"\"\n"
        );
        assert_eq!(std::fs::read_dir(folder.path()).expect("listed").count(), 1);
    }

    #[test]
    fn a_file_that_cannot_be_made_is_named() {
        let mut rejects = Rejects::new(Path::new("/nowhere/a.csv"), None);
        let error = rejects.add(1, "x").expect_err("no folder").to_string();
        assert!(error.contains("/nowhere/a.csv.rejects.csv"), "{error}");
    }
}
