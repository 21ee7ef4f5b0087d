//! An issuer of signed tokens: keys, and a real HTTP server with their public halves (JWKS).

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
};
use serde_json::{Value, json};

use crate::{Error, Result};

/// A key that signs tokens.
pub struct TokenKey {
    id: String,
    pair: Pair,
}

enum Pair {
    P256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl TokenKey {
    /// Returns a fresh key on the curve P-256, for `ES256`.
    pub fn es256(id: &str) -> Self {
        let (scheme, random) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
        let document =
            EcdsaKeyPair::generate_pkcs8(scheme, &random).expect("the system's random numbers");
        let pair = EcdsaKeyPair::from_pkcs8(scheme, document.as_ref(), &random);
        Self {
            id: id.to_owned(),
            pair: Pair::P256(pair.expect("a key made just now")),
        }
    }

    /// Returns a fresh Ed25519 key, for `EdDSA`.
    pub fn ed25519(id: &str) -> Self {
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new());
        let document = document.expect("the system's random numbers");
        let pair = Ed25519KeyPair::from_pkcs8(document.as_ref());
        Self {
            id: id.to_owned(),
            pair: Pair::Ed25519(pair.expect("a key made just now")),
        }
    }

    /// Returns the algorithm by which it signs.
    pub fn algorithm(&self) -> &'static str {
        match self.pair {
            Pair::P256(_) => "ES256",
            Pair::Ed25519(_) => "EdDSA",
        }
    }

    /// Returns its public half, as JWK.
    pub fn jwk(&self) -> Value {
        match &self.pair {
            Pair::P256(pair) => {
                // 4, x, y: a point without compression.
                let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
                let (x, y) = (BASE64.encode(x), BASE64.encode(y));
                json!({"kid": self.id, "kty": "EC", "crv": "P-256", "x": x, "y": y, "use": "sig"})
            }
            Pair::Ed25519(pair) => {
                let x = BASE64.encode(pair.public_key());
                json!({"kid": self.id, "kty": "OKP", "crv": "Ed25519", "x": x, "use": "sig"})
            }
        }
    }

    /// Returns a token with the header that belongs to the key.
    pub fn token(&self, claims: &Value) -> String {
        let header = json!({"typ": "JWT", "alg": self.algorithm(), "kid": self.id});
        self.token_with(&header, claims)
    }

    /// Returns a token with this header, whatever it says.
    pub fn token_with(&self, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| BASE64.encode(value.to_string());
        let message = format!("{}.{}", part(header), part(claims));
        let signature = self.sign(message.as_bytes());
        format!("{message}.{}", BASE64.encode(signature))
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        match &self.pair {
            Pair::P256(pair) => {
                let signature = pair.sign(&SystemRandom::new(), message);
                signature
                    .expect("the system's random numbers")
                    .as_ref()
                    .to_vec()
            }
            Pair::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
        }
    }
}

/// Serves the public keys of an issuer over HTTP, and counts who asks. It ends with the test process.
#[derive(Debug, Clone)]
pub struct TokenIssuer {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    /// Status, further header lines and body.
    answer: (u16, String, String),
    requests: usize,
}

impl TokenIssuer {
    /// Starts a server on a free port of the loopback address that has these keys.
    ///
    /// # Errors
    /// No port, or no thread to be had.
    pub fn start(keys: &[&TokenKey]) -> Result<Self> {
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(Error::io("bind a free port"))?;
        let address = listener
            .local_addr()
            .map_err(Error::io("read the port just bound"))?;
        let issuer = Self {
            address,
            state: Arc::default(),
        };
        issuer.set_keys(keys);
        let state = Arc::clone(&issuer.state);
        thread::Builder::new()
            .name("token-issuer".to_owned())
            .spawn(move || {
                for client in listener.incoming().flatten() {
                    // A client that went away needs no answer.
                    let _ = answer(client, &state);
                }
            })
            .map_err(Error::io("start a thread"))?;
        Ok(issuer)
    }

    /// Returns the address of the keys.
    pub fn jwks_url(&self) -> String {
        format!("http://{}/jwks", self.address)
    }

    /// From now on these are its keys.
    pub fn set_keys(&self, keys: &[&TokenKey]) {
        let keys: Vec<Value> = keys.iter().map(|key| key.jwk()).collect();
        self.answer_with(200, "", &json!({ "keys": keys }).to_string());
    }

    /// From now on it answers with this status, these header lines (each ends with CRLF) and this body.
    pub fn answer_with(&self, status: u16, headers: &str, body: &str) {
        self.lock().answer = (status, headers.to_owned(), body.to_owned());
    }

    /// Returns how often it was asked.
    pub fn requests(&self) -> usize {
        self.lock().requests
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads the head of a request, and answers.
fn answer(mut client: TcpStream, state: &Mutex<State>) -> std::io::Result<()> {
    let mut head = Vec::new();
    let mut byte = [0; 1];
    while !head.ends_with(b"\r\n\r\n") && client.read(&mut byte)? == 1 {
        head.push(byte[0]);
    }
    let (status, headers, body) = {
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        state.requests += 1;
        state.answer.clone()
    };
    let length = body.len();
    write!(
        client,
        "HTTP/1.1 {status} x\r\ncontent-length: {length}\r\nconnection: close\r\n{headers}\r\n{body}"
    )
}
