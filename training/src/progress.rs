//! The progress of training, for a display.

/// A receiver of progress.
pub trait Progress: Sync {
    /// Begins a stage of `steps` steps.
    fn begin(&self, stage: &str, steps: u64);
    /// Adds `steps` that are done; `note` is shown beside them.
    fn advance(&self, steps: u64, note: &str);
    /// Ends the stage.
    fn end(&self);
}

/// A receiver that ignores progress.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn begin(&self, _stage: &str, _steps: u64) {}
    fn advance(&self, _steps: u64, _note: &str) {}
    fn end(&self) {}
}
