//! Reads the operators' page of a process.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use super::instance::PATIENCE;

const LIMIT: Duration = Duration::from_secs(5);

/// Returns the answer to a GET, from the status line on.
pub fn get(address: SocketAddr, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, LIMIT)?;
    stream.set_read_timeout(Some(LIMIT))?;
    stream.write_all(format!("GET {path} HTTP/1.0\r\nHost: here\r\n\r\n").as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// Returns the sum of a metric over all series whose labels contain each of `labels`; 0 if it is
/// absent.
///
/// # Panics
/// The page was not read for [`PATIENCE`]: a page that is late on a busy machine is not one that says 0.
pub fn total(address: SocketAddr, metric: &str, labels: &[&str]) -> f64 {
    let until = Instant::now() + PATIENCE;
    let page = loop {
        match get(address, "/metrics") {
            Ok(page)
                if page
                    .lines()
                    .next()
                    .is_some_and(|line| line.contains(" 200 ")) =>
            {
                break page;
            }
            other => assert!(Instant::now() < until, "{address}/metrics: {other:?}"),
        }
        std::thread::park_timeout(Duration::from_millis(20));
    };
    let lines = page.lines().filter(|line| {
        let name = line.split(['{', ' ']).next();
        name == Some(metric) && labels.iter().all(|label| line.contains(label))
    });
    let values = lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
    // Not `sum`: that of an empty iterator is -0.
    values.fold(0.0, |sum, value| sum + value)
}
