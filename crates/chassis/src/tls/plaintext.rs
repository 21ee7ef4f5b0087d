//! The answer to a caller that speaks plaintext to a TLS port, in its own protocol, and the end of a
//! connection that is refused.

use std::io;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// The first byte of a TLS connection: a record of a handshake.
const HANDSHAKE: u8 = 0x16;
const WHY: &str = "this port speaks TLS only: use https://";
/// An empty SETTINGS frame of HTTP/2, which goes before everything else.
const SETTINGS: [u8; 9] = [0, 0, 0, 4, 0, 0, 0, 0, 0];
/// The types of two frames.
const HEADERS: u8 = 1;
const GOAWAY: u8 = 7;
/// The reason of HTTP/2 for a transport that is not secure enough.
const INADEQUATE_SECURITY: u32 = 0xc;

/// Returns true if the caller begins a TLS handshake, false if it speaks something else; `None` if it
/// went away without a word.
pub(super) async fn begins_with_tls(stream: &TcpStream) -> io::Result<Option<bool>> {
    let mut first = [0];
    Ok(match stream.peek(&mut first).await? {
        0 => None,
        _ => Some(first[0] == HANDSHAKE),
    })
}

/// Tells the caller to use TLS.
pub(super) async fn refuse(stream: &mut TcpStream) -> io::Result<()> {
    let mut head = [0; 3];
    stream.read_exact(&mut head).await?;
    let answer = if &head == b"PRI" {
        stream.write_all(&SETTINGS).await?;
        read_to_call(stream).await?;
        goaway()
    } else {
        let body = format!("{WHY}\n");
        let length = body.len();
        format!(
            "HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
        )
        .into_bytes()
    };
    stream.write_all(&answer).await
}

/// Ends a connection whose caller was told why: what it still sends is read until it ends too, as closing
/// over unread bytes would take back what it was told.
pub(super) async fn hear_out(mut stream: TcpStream) -> io::Result<()> {
    stream.shutdown().await?;
    let mut rest = [0; 1024];
    while stream.read(&mut rest).await? > 0 {}
    Ok(())
}

/// Reads until the headers of the first call are here: a caller that is told before it has called
/// knows no more than that the connection was closed.
async fn read_to_call(stream: &mut TcpStream) -> io::Result<()> {
    let mut rest_of_preface = [0; 21];
    stream.read_exact(&mut rest_of_preface).await?;
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await?;
        let [high, middle, low, kind, ..] = head;
        let length = u32::from_be_bytes([0, high, middle, low]);
        let mut payload = (&mut *stream).take(length.into());
        tokio::io::copy(&mut payload, &mut tokio::io::sink()).await?;
        if kind == HEADERS {
            return Ok(());
        }
    }
}

/// GOAWAY with the reason in words.
fn goaway() -> Vec<u8> {
    let length = u8::try_from(8 + WHY.len()).expect("the text is short");
    let mut frame = vec![0, 0, length, GOAWAY, 0, 0, 0, 0, 0];
    frame.extend([0; 4]);
    frame.extend(INADEQUATE_SECURITY.to_be_bytes());
    frame.extend(WHY.as_bytes());
    frame
}
