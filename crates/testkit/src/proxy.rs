//! A proxy for TCP that can be made slow: what is sent through it waits first.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use crate::{Error, Result};

/// The bytes that are copied at once.
const CHUNK: usize = 64 * 1024;

/// Forwards connections to a server, with a delay that can be changed while they are open. It ends
/// with the test process.
#[derive(Debug)]
pub struct SlowProxy {
    addr: SocketAddr,
    delay_ms: Arc<AtomicU64>,
}

impl SlowProxy {
    /// Listens on a free port of the loopback address for connections to `target`; without delay.
    ///
    /// # Errors
    /// No port, or no thread to be had.
    pub fn to(target: SocketAddr) -> Result<Self> {
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(Error::io("bind a free port"))?;
        let addr = listener
            .local_addr()
            .map_err(Error::io("read the port just bound"))?;
        let delay_ms = Arc::new(AtomicU64::new(0));
        let delay = Arc::clone(&delay_ms);
        thread::Builder::new()
            .name("slow-proxy".to_owned())
            .spawn(move || {
                for client in listener.incoming().flatten() {
                    let Ok(server) = TcpStream::connect(target) else {
                        continue;
                    };
                    // A connection that cannot be served is closed by being dropped.
                    let _ = join(client, server, &delay);
                }
            })
            .map_err(Error::io("start a thread"))?;
        Ok(Self { addr, delay_ms })
    }

    /// Returns the address at which it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Sets the time for which every piece of an answer waits from now on.
    pub fn set_delay(&self, delay: Duration) {
        let delay = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        self.delay_ms.store(delay, Ordering::SeqCst);
    }
}

/// Copies both ways: at once to the server, delayed back.
fn join(client: TcpStream, server: TcpStream, delay: &Arc<AtomicU64>) -> std::io::Result<()> {
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (from_client, to_server) = (client.try_clone()?, server.try_clone()?);
    let none = Arc::new(AtomicU64::new(0));
    let delay = Arc::clone(delay);
    thread::Builder::new().spawn(move || copy(from_client, to_server, &none))?;
    thread::Builder::new().spawn(move || copy(server, client, &delay))?;
    Ok(())
}

fn copy(mut from: TcpStream, mut to: TcpStream, delay_ms: &AtomicU64) {
    let mut chunk = vec![0; CHUNK];
    while let Ok(length @ 1..) = from.read(&mut chunk) {
        let until =
            std::time::Instant::now() + Duration::from_millis(delay_ms.load(Ordering::SeqCst));
        while let Some(left) = until.checked_duration_since(std::time::Instant::now()) {
            if left.is_zero() {
                break;
            }
            thread::park_timeout(left);
        }
        if to.write_all(&chunk[..length]).is_err() {
            break;
        }
    }
    // The other direction ends as well; both may have ended already.
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
