//! Progress of long work, for whoever shows it.

/// Told how far the work is.
pub trait Progress: Sync {
    /// A stage begins, of `steps` steps.
    fn begin(&self, stage: &str, steps: u64);
    /// So many more steps are done; `note` is worth showing beside them.
    fn advance(&self, steps: u64, note: &str);
    /// The stage is over.
    fn end(&self);
}

/// Shows nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn begin(&self, _stage: &str, _steps: u64) {}
    fn advance(&self, _steps: u64, _note: &str) {}
    fn end(&self) {}
}
