//! The statements of a token.

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

/// The statements of a token. Those who get one have a token that passed every check.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Claims {
    /// Who issued it (`iss`).
    #[serde(rename = "iss")]
    pub issuer: String,
    /// Whom it is about (`sub`).
    #[serde(rename = "sub")]
    pub subject: String,
    /// The systems that it is for (`aud`).
    #[serde(rename = "aud", deserialize_with = "one_or_many")]
    pub audience: Vec<String>,
    /// The instant from which it is worthless (`exp`), Unix seconds.
    #[serde(rename = "exp", deserialize_with = "instant")]
    pub expires: i64,
    /// The instant from which it is valid (`nbf`), Unix seconds.
    #[serde(rename = "nbf", default, deserialize_with = "some_instant")]
    pub not_before: Option<i64>,
    /// The instant when it was issued (`iat`), Unix seconds.
    #[serde(rename = "iat", default, deserialize_with = "some_instant")]
    pub issued: Option<i64>,
    /// All other claims.
    #[serde(flatten)]
    pub others: Map<String, Value>,
}

impl Claims {
    /// Returns a claim that is a text, or `None` if there is none or it is something else.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.others.get(name).and_then(Value::as_str)
    }

    /// Returns the texts of a claim that is one text or a list of texts; other values give none.
    pub fn texts(&self, name: &str) -> Vec<&str> {
        match self.others.get(name) {
            Some(Value::String(one)) => vec![one],
            Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        }
    }
}

/// Reads a text, or a list of texts.
fn one_or_many<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Audience {
        One(String),
        Many(Vec<String>),
    }
    Ok(match Audience::deserialize(from)? {
        Audience::One(one) => vec![one],
        Audience::Many(many) => many,
    })
}

/// Reads an instant; the standard allows fractions of a second, which are cut off.
fn instant<'de, D: Deserializer<'de>>(from: D) -> Result<i64, D::Error> {
    Ok(f64::deserialize(from)?.floor() as i64)
}

fn some_instant<'de, D: Deserializer<'de>>(from: D) -> Result<Option<i64>, D::Error> {
    instant(from).map(Some)
}
