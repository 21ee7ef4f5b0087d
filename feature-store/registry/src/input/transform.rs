//! The transform of a number before it enters a model.

use serde::{Deserialize, Serialize};

/// `clip((log1p(value * scale) - mean) / std)`; a neutral value leaves its step out.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Transform {
    /// The factor applied first: 0.01 turns fen into yuan. Neutral: 1.
    pub scale: f64,
    /// Applies `sign(x) * ln(1 + |x|)`: for counts and amounts, which spread over powers of ten.
    pub log1p: bool,
    /// The number subtracted. Neutral: 0.
    pub mean: f64,
    /// The divisor. Neutral: 1.
    pub std: f64,
    /// The bound of the result, in both directions.
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

/// A value of a transform that cannot be used.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct TransformFault {
    /// The field.
    pub(crate) key: &'static str,
    /// Its value.
    pub(crate) value: f64,
    /// The allowed values.
    pub(crate) allowed: &'static str,
}

impl Transform {
    /// Returns the transform that only takes the logarithm.
    #[must_use]
    pub fn log1p() -> Self {
        Self {
            log1p: true,
            ..Self::default()
        }
    }

    /// Returns the first value that cannot be used, or `None` if all can.
    pub(crate) fn fault(&self) -> Option<TransformFault> {
        let fault = |key, value, allowed| TransformFault {
            key,
            value,
            allowed,
        };
        let finite = [("scale", self.scale), ("mean", self.mean)];
        if let Some((key, value)) = finite.into_iter().find(|(_, value)| !value.is_finite()) {
            return Some(fault(key, value, "a finite number"));
        }
        let positive = [("std", self.std), ("clip", self.clip)];
        positive
            .into_iter()
            .find(|(_, value)| !(value.is_finite() && *value > 0.0))
            .map(|(key, value)| fault(key, value, "a finite number above 0"))
    }

    /// Returns the value before it is centred; means and deviations are computed from it.
    pub(crate) fn spread(&self, value: f64) -> f64 {
        let scaled = value * self.scale;
        if self.log1p {
            scaled.abs().ln_1p().copysign(scaled)
        } else {
            scaled
        }
    }

    /// Returns the value as the model gets it. A finite value gives a finite result.
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
        assert_eq!(with(0.0, 1.0).fault().map(|fault| fault.key), Some("std"));
        assert_eq!(
            with(1.0, f64::NAN).fault().map(|fault| fault.key),
            Some("clip")
        );
        assert_eq!(with(1.0, 1.0).fault(), None);
    }
}
