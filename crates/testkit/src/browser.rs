//! A person at a browser, without either: follows redirects, keeps cookies, fills in the pages of
//! [`crate::OidcProvider`].

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use crate::{Error, Result};

/// More steps than any sign-in has.
const MAX_STEPS: usize = 20;
const ANSWER_LIMIT: Duration = Duration::from_secs(30);

/// A browser that signs in.
#[derive(Debug, Default)]
pub struct Browser {
    /// By host, then by name.
    cookies: BTreeMap<String, BTreeMap<String, String>>,
}

/// An answer of a server.
#[derive(Debug)]
pub struct Page {
    /// The address that answered.
    pub address: String,
    /// The HTTP status.
    pub status: u16,
    /// The text.
    pub text: String,
    location: Option<String>,
}

impl Browser {
    /// Opens an address and does what a person does who signs in as `name`, until there is nothing left
    /// to do. Returns the last page.
    ///
    /// # Errors
    /// A server does not answer.
    pub fn sign_in(&mut self, address: &str, name: &str) -> Result<Page> {
        let mut page = self.send("GET", address, "")?;
        for _ in 0..MAX_STEPS {
            page = if let Some(location) = page.location.take() {
                let next = absolute(&page.address, &location);
                self.send("GET", &next, "")?
            } else if page.text.contains(r#"name="prompt" value="login""#) {
                let form = format!("prompt=login&login={name}&password=any");
                self.send("POST", &page.address, &form)?
            } else if page.text.contains(r#"name="prompt" value="consent""#) {
                self.send("POST", &page.address, "prompt=consent")?
            } else {
                return Ok(page);
            };
        }
        Ok(page)
    }

    /// Sends one request over HTTP/1.0, whose end is the end of the connection.
    fn send(&mut self, method: &str, address: &str, form: &str) -> Result<Page> {
        let rest = address.strip_prefix("http://").unwrap_or(address);
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let jar = self.cookies.entry(host.to_owned()).or_default();
        let cookies: Vec<String> = jar
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let request = format!(
            "{method} /{path} HTTP/1.0\r\nhost: {host}\r\ncookie: {}\r\ncontent-type: \
             application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{form}",
            cookies.join("; "),
            form.len()
        );
        let answer = exchange(host, &request).map_err(Error::io("ask a server"))?;
        let (head, text) = answer
            .split_once("\r\n\r\n")
            .unwrap_or((answer.as_str(), ""));
        let mut page = Page {
            address: address.to_owned(),
            status: status(head),
            text: text.to_owned(),
            location: None,
        };
        for (name, value) in head.lines().filter_map(|line| line.split_once(": ")) {
            match name.to_ascii_lowercase().as_str() {
                "location" => page.location = Some(value.to_owned()),
                "set-cookie" => {
                    let pair = value.split(';').next().unwrap_or_default();
                    if let Some((name, value)) = pair.split_once('=') {
                        jar.insert(name.to_owned(), value.to_owned());
                    }
                }
                _ => {}
            }
        }
        Ok(page)
    }
}

fn status(head: &str) -> u16 {
    let code = head.split(' ').nth(1);
    code.and_then(|code| code.parse().ok()).unwrap_or_default()
}

/// Returns where a redirect of a page leads.
fn absolute(page: &str, location: &str) -> String {
    if location.starts_with("http://") {
        return location.to_owned();
    }
    let host = page.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
    format!("{host}{location}")
}

fn exchange(host: &str, request: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(host)?;
    stream.set_read_timeout(Some(ANSWER_LIMIT))?;
    stream.set_write_timeout(Some(ANSWER_LIMIT))?;
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}
