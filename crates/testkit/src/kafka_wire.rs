//! One request of Kafka's protocol: enough to ask a broker whether it serves.
//!
//! Kafka opens its port well before it answers, and answers before it is a live member of its own
//! cluster; a client that comes in between fails or waits. The Metadata request tells all three apart.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

const ANSWER_LIMIT: Duration = Duration::from_secs(2);

/// Metadata, version 2: the first whose answer names the cluster.
const API_KEY: i16 = 3;
const API_VERSION: i16 = 2;
const CORRELATION: i32 = 1;

/// An answer that lists one broker is some 60 bytes.
const LONGEST_ANSWER: usize = 64 * 1024;

/// Returns `true` if a broker of this very cluster answers there and lists a live broker.
pub(crate) fn serves(addr: SocketAddr, cluster_id: &str) -> bool {
    ask(addr)
        .and_then(|answer| read_metadata(&answer))
        .is_ok_and(|metadata| metadata.brokers > 0 && metadata.cluster_id == cluster_id)
}

#[derive(Debug, PartialEq, Eq)]
struct Metadata {
    brokers: usize,
    cluster_id: String,
}

fn ask(addr: SocketAddr) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect_timeout(&addr, ANSWER_LIMIT)?;
    stream.set_read_timeout(Some(ANSWER_LIMIT))?;
    stream.set_write_timeout(Some(ANSWER_LIMIT))?;
    stream.write_all(&metadata_request())?;
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let length =
        usize::try_from(i32::from_be_bytes(length)).map_err(|_| malformed("a negative length"))?;
    if length > LONGEST_ANSWER {
        return Err(malformed("an answer longer than one broker's metadata"));
    }
    let mut answer = vec![0; length];
    stream.read_exact(&mut answer)?;
    Ok(answer)
}

fn metadata_request() -> Vec<u8> {
    let mut body = Vec::new();
    body.extend(API_KEY.to_be_bytes());
    body.extend(API_VERSION.to_be_bytes());
    body.extend(CORRELATION.to_be_bytes());
    body.extend((-1_i16).to_be_bytes()); // no client id
    body.extend(0_i32.to_be_bytes()); // no topics
    let length = i32::try_from(body.len()).expect("a request of 14 bytes");
    [length.to_be_bytes().to_vec(), body].concat()
}

/// Reads an answer: correlation, brokers: [node, host, port, rack], cluster id, ...
fn read_metadata(answer: &[u8]) -> io::Result<Metadata> {
    let mut rest = answer;
    if int(&mut rest)? != CORRELATION {
        return Err(malformed("the answer to another request"));
    }
    let brokers = usize::try_from(int(&mut rest)?).map_err(|_| malformed("a negative count"))?;
    for _ in 0..brokers {
        int(&mut rest)?;
        string(&mut rest)?;
        int(&mut rest)?;
        string(&mut rest)?;
    }
    let cluster_id = string(&mut rest)?.unwrap_or_default();
    Ok(Metadata {
        brokers,
        cluster_id,
    })
}

fn int(rest: &mut &[u8]) -> io::Result<i32> {
    let mut bytes = [0; 4];
    rest.read_exact(&mut bytes)?;
    Ok(i32::from_be_bytes(bytes))
}

/// Reads a string; returns `None` for Kafka's null, a negative length.
fn string(rest: &mut &[u8]) -> io::Result<Option<String>> {
    let mut length = [0; 2];
    rest.read_exact(&mut length)?;
    let Ok(length) = usize::try_from(i16::from_be_bytes(length)) else {
        return Ok(None);
    };
    let mut bytes = vec![0; length];
    rest.read_exact(&mut bytes)?;
    String::from_utf8(bytes)
        .map(Some)
        .map_err(|_| malformed("a text that is not UTF-8"))
}

fn malformed(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer() -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend(CORRELATION.to_be_bytes());
        bytes.extend(1_i32.to_be_bytes());
        bytes.extend(1_i32.to_be_bytes());
        bytes.extend(9_i16.to_be_bytes());
        bytes.extend(b"127.0.0.1");
        bytes.extend(9092_i32.to_be_bytes());
        bytes.extend((-1_i16).to_be_bytes());
        bytes.extend(3_i16.to_be_bytes());
        bytes.extend(b"abc");
        bytes
    }

    #[test]
    fn an_answer_tells_brokers_and_cluster() {
        let metadata = read_metadata(&answer()).unwrap();
        assert_eq!(
            metadata,
            Metadata {
                brokers: 1,
                cluster_id: "abc".into()
            }
        );
    }

    #[test]
    fn every_cut_answer_is_refused() {
        let full = answer();
        for length in 0..full.len() {
            assert!(
                read_metadata(&full[..length]).is_err(),
                "{length} of {} bytes",
                full.len()
            );
        }
    }
}
