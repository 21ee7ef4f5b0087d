//! What a number goes through before a model sees it.

use serde::{Deserialize, Serialize};

/// `clip((log1p(value * scale) - mean) / std)`; each step is optional by its neutral value.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Transform {
    /// The value is multiplied by this first: 0.01 makes yuan of fen. Neutral: 1.
    pub scale: f64,
    /// `sign(x) * ln(1 + |x|)`: for counts and amounts, which spread over powers of ten.
    pub log1p: bool,
    /// Subtracted. Neutral: 0.
    pub mean: f64,
    /// Divided by. Neutral: 1.
    pub std: f64,
    /// The result is held within plus and minus this.
    pub clip: f64,
}

impl Default for Transform {
    fn default() -> Self {
        Self {
            scale: 1.0,
            log1p: false,
            mean: 0.0,
            std: 1.0,
            clip: 10.0,
        }
    }
}

impl Transform {
    /// The neutral one but for the logarithm.
    #[must_use]
    pub fn log1p() -> Self {
        Self {
            log1p: true,
            ..Self::default()
        }
    }

    /// What cannot be followed, as key and value.
    pub(crate) fn fault(&self) -> Option<(&'static str, f64, &'static str)> {
        let finite = [("scale", self.scale), ("mean", self.mean)];
        if let Some((key, value)) = finite.into_iter().find(|(_, value)| !value.is_finite()) {
            return Some((key, value, "a finite number"));
        }
        let positive = [("std", self.std), ("clip", self.clip)];
        positive
            .into_iter()
            .find(|(_, value)| !(value.is_finite() && *value > 0.0))
            .map(|(key, value)| (key, value, "a finite number above 0"))
    }

    /// The value before it is centred: what means and deviations are taken of.
    pub(crate) fn spread(&self, value: f64) -> f64 {
        let scaled = value * self.scale;
        if self.log1p {
            scaled.abs().ln_1p().copysign(scaled)
        } else {
            scaled
        }
    }

    /// The value as the model sees it. A finite value gives a finite result.
    pub(crate) fn apply(&self, value: f64) -> f32 {
        let centred = (self.spread(value) - self.mean) / self.std;
        centred.clamp(-self.clip, self.clip) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(value: f32, expected: f64) -> bool {
        (f64::from(value) - expected).abs() < 1e-6
    }

    #[test]
    fn the_steps_follow_each_other() {
        let transform = Transform {
            scale: 0.01,
            log1p: true,
            mean: 1.0,
            std: 2.0,
            clip: 3.0,
        };
        let expected = ((1.0_f64 + 5.0).ln() - 1.0) / 2.0;
        assert!(close(transform.apply(500.0), expected));
        assert!(close(transform.apply(f64::MAX), 3.0));
        assert!(close(Transform::log1p().apply(-1.0), -2.0_f64.ln()));
        assert!(close(Transform::default().apply(0.25), 0.25));
    }

    #[test]
    fn faults_are_named() {
        let with = |std, clip| Transform {
            std,
            clip,
            ..Transform::default()
        };
        assert_eq!(with(0.0, 1.0).fault().map(|fault| fault.0), Some("std"));
        assert_eq!(
            with(1.0, f64::NAN).fault().map(|fault| fault.0),
            Some("clip")
        );
        assert_eq!(with(1.0, 1.0).fault(), None);
    }
}
