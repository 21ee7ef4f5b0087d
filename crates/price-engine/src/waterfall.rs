//! The steps from cost to price, itemised on every quote.

use fairlead_proto::pricing::v1 as pb;

/// Steps in order. A level states where the waterfall stands; the contributions between two levels
/// sum to their difference, and those before the first level to the level itself.
#[derive(Debug, Default)]
pub(crate) struct Waterfall {
    steps: Vec<pb::WaterfallStep>,
}

impl Waterfall {
    pub(crate) fn with_capacity(steps: usize) -> Self {
        Self {
            steps: Vec::with_capacity(steps),
        }
    }

    /// A contribution, ppm per year.
    pub(crate) fn add(&mut self, name: &str, ppm: i64, detail: impl Into<String>) {
        self.push(name, ppm, false, detail.into());
    }

    /// A level, ppm per year.
    pub(crate) fn level(&mut self, name: &str, ppm: i64, detail: impl Into<String>) {
        self.push(name, ppm, true, detail.into());
    }

    fn push(&mut self, name: &str, ppm: i64, total: bool, detail: String) {
        self.steps.push(pb::WaterfallStep {
            name: name.to_owned(),
            ppm,
            total,
            detail,
        });
    }

    pub(crate) fn into_steps(self) -> Vec<pb::WaterfallStep> {
        self.steps
    }
}
