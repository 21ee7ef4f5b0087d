//! The verified other end of a connection, as a value that a handler may require.

/// Who is at the other end of a connection, proven by its certificate. The server puts it into the
/// extensions of every request of that connection; one whose caller showed no certificate has none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Peer {
    /// A service, by its name: "ranking".
    Service(String),
}
