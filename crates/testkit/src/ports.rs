//! Free TCP ports on the loopback address.

use std::net::{Ipv4Addr, TcpListener};

use crate::{Error, Result};

/// The number of times that a server is started anew when another process takes its port first.
const ATTEMPTS: usize = 5;

/// Returns `N` different ports that were free a moment ago. They are held together until all are
/// known, so that the system cannot hand out the same one twice.
pub(crate) fn free_ports<const N: usize>() -> Result<[u16; N]> {
    let mut held = Vec::with_capacity(N);
    let mut ports = [0; N];
    for port in &mut ports {
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(Error::io("bind a free port"))?;
        *port = listener
            .local_addr()
            .map_err(Error::io("read the port just bound"))?
            .port();
        held.push(listener);
    }
    Ok(ports)
}

/// Starts a server on fresh ports, again on others when it lost the race for them.
pub(crate) fn on_free_ports<const N: usize, T>(start: impl Fn([u16; N]) -> Result<T>) -> Result<T> {
    for _ in 1..ATTEMPTS {
        match start(free_ports()?) {
            Err(error) if error.is_lost_port() => {}
            settled => return settled,
        }
    }
    start(free_ports()?)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn lost() -> Error {
        Error::Ended {
            program: "server".into(),
            status: "exit status: 1".into(),
            log: "bind: Address already in use".into(),
        }
    }

    #[test]
    fn ports_differ_and_can_be_bound() {
        let ports = free_ports::<8>().unwrap();
        let held: Vec<_> = ports
            .iter()
            .map(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).unwrap())
            .collect();
        assert_eq!(held.len(), 8);
    }

    #[test]
    fn a_lost_race_is_run_again_and_other_failures_are_not() {
        let starts = Cell::new(0);
        let started = on_free_ports(|[port]: [u16; 1]| {
            starts.set(starts.get() + 1);
            if starts.get() < 3 {
                Err(lost())
            } else {
                Ok(port)
            }
        });
        assert!(started.is_ok());
        assert_eq!(starts.get(), 3);

        starts.set(0);
        let failed: Result<()> = on_free_ports(|[_]: [u16; 1]| {
            starts.set(starts.get() + 1);
            Err(Error::KafkaMissing {
                cache: "nowhere".into(),
            })
        });
        assert!(matches!(failed, Err(Error::KafkaMissing { .. })));
        assert_eq!(starts.get(), 1);
    }
}
