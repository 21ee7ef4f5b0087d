//! The least of a client: this crate must not use the servers' own.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

/// Sends one inline Redis command and returns the last line of its answer: the value of a GET, the
/// last element of an array.
pub(crate) fn redis(addr: SocketAddr, command: &str) -> String {
    let mut stream = TcpStream::connect(addr).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    stream
        .write_all(format!("{command}\r\nQUIT\r\n").as_bytes())
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let of_command = answer.strip_suffix("+OK\r\n").unwrap();
    of_command.lines().last().unwrap().to_owned()
}

/// Returns `true` if a server listens there.
pub(crate) fn listens(addr: SocketAddr) -> bool {
    TcpStream::connect(addr).is_ok()
}
