//! The address on this machine to which a provider sends the code: one that serves a single sign-in.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use reqwest::Url;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

const PATH: &str = "/callback";
/// The most bytes of a request that are read: a code fits many times.
const MAX_HEAD: usize = 16 << 10;
/// For so long a browser may take to send its request.
const READ_WITHIN: Duration = Duration::from_secs(5);

/// Waits for the code of one sign-in.
pub struct Callback {
    listener: TcpListener,
    address: SocketAddr,
}

/// No code came.
#[derive(Debug, thiserror::Error)]
pub enum CallbackError {
    /// No port of this machine is free for it.
    #[error("no port on 127.0.0.1: {0}")]
    Port(#[from] std::io::Error),
    /// The provider says that nobody signed in.
    #[error("the identity provider says: {0}")]
    Refused(String),
}

/// The meaning of a request to this address.
enum Heard {
    Code(String),
    Refused(String),
    /// It is none of the sign-in that is waited for.
    Foreign,
}

impl Callback {
    /// Binds a free port of the loopback address.
    ///
    /// # Errors
    /// There is none.
    pub async fn bind() -> Result<Self, CallbackError> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    /// Returns the address for the provider.
    pub fn redirect_uri(&self) -> String {
        format!("http://{}{PATH}", self.address)
    }

    /// Waits for the code that comes with this state, from this issuer. Requests of anyone else are
    /// answered with 400 and change nothing.
    ///
    /// # Errors
    /// The provider says that nobody signed in.
    pub async fn code(self, state: &str, issuer: &str) -> Result<String, CallbackError> {
        loop {
            let (mut browser, _) = self.listener.accept().await?;
            let Ok(Some(target)) = timeout(READ_WITHIN, target(&mut browser)).await else {
                continue;
            };
            let heard = heard(&target, state, issuer);
            let (status, text) = match &heard {
                Heard::Code(_) => ("200 OK", "You are signed in. You may close this page."),
                Heard::Refused(_) => ("200 OK", "Nobody was signed in. The command says more."),
                Heard::Foreign => ("400 Bad Request", "This is no answer that is waited for."),
            };
            answer(&mut browser, status, text).await;
            match heard {
                Heard::Code(code) => return Ok(code),
                Heard::Refused(cause) => return Err(CallbackError::Refused(cause)),
                Heard::Foreign => {}
            }
        }
    }
}

/// Returns the target of a GET request: `/callback?code=...`.
async fn target(browser: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    let mut chunk = [0; 1024];
    while !head.windows(4).any(|four| four == b"\r\n\r\n") {
        let length = browser.read(&mut chunk).await.ok()?;
        if length == 0 || head.len() + length > MAX_HEAD {
            return None;
        }
        head.extend_from_slice(&chunk[..length]);
    }
    let head = String::from_utf8(head).ok()?;
    let mut words = head.lines().next()?.split(' ');
    (words.next() == Some("GET")).then(|| words.next().map(str::to_owned))?
}

/// Returns what a target says to whoever waits for this state.
fn heard(target: &str, state: &str, issuer: &str) -> Heard {
    let Ok(url) = Url::parse(&format!("http://127.0.0.1{target}")) else {
        return Heard::Foreign;
    };
    let value = |name: &str| {
        let mut all = url.query_pairs().filter(|(key, _)| key == name);
        let first = all.next().map(|(_, value)| value.into_owned());
        all.next().is_none().then_some(first).flatten()
    };
    // RFC 9207: a provider that names itself is the one that was asked.
    let of_another = value("iss").is_some_and(|named| named != issuer);
    if url.path() != PATH || value("state").as_deref() != Some(state) || of_another {
        return Heard::Foreign;
    }
    match (value("code"), value("error")) {
        (Some(code), None) => Heard::Code(code),
        (None, Some(error)) => {
            let plain = |c: &char| c.is_ascii_alphanumeric() || *c == '_';
            Heard::Refused(error.chars().filter(plain).take(64).collect())
        }
        _ => Heard::Foreign,
    }
}

async fn answer(browser: &mut TcpStream, status: &str, text: &str) {
    let length = text.len();
    let answer = format!(
        "HTTP/1.1 {status}\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: {length}\r\n\
         cache-control: no-store\r\nreferrer-policy: no-referrer\r\nconnection: close\r\n\r\n{text}"
    );
    // A browser that went away needs no answer.
    let _ = browser.write_all(answer.as_bytes()).await;
    let _ = browser.shutdown().await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_answer_that_is_waited_for_counts() {
        let heard = |target: &str| match heard(target, "s-1", "https://id.example") {
            Heard::Code(code) => format!("code {code}"),
            Heard::Refused(cause) => format!("refused {cause}"),
            Heard::Foreign => "foreign".to_owned(),
        };
        for (target, expected) in [
            ("/callback?code=c%201&state=s-1", "code c 1"),
            (
                "/callback?state=s-1&code=c&iss=https%3A%2F%2Fid.example",
                "code c",
            ),
            (
                "/callback?state=s-1&code=c&iss=https%3A%2F%2Fevil.example",
                "foreign",
            ),
            (
                "/callback?state=s-1&error=access_denied",
                "refused access_denied",
            ),
            ("/callback?state=s-1&error=%1b%5b31m", "refused 31m"),
            ("/callback?state=s-2&code=c", "foreign"),
            ("/callback?code=c", "foreign"),
            ("/callback?state=s-1", "foreign"),
            ("/callback?state=s-1&state=s-2&code=c", "foreign"),
            ("/callback?state=s-1&code=c&code=d", "foreign"),
            ("/callback?state=s-1&code=c&error=x", "foreign"),
            ("/other?state=s-1&code=c", "foreign"),
            ("//evil.example/callback?state=s-1&code=c", "foreign"),
            ("", "foreign"),
        ] {
            assert_eq!(heard(target), expected, "{target}");
        }
    }
}
