//! A gateway served on a port of its own, in front of stub servers of the services behind it, with an
//! embedded event log.

mod access;
mod authority;
mod calls;
mod customer_tokens;
mod deadlines;
mod events;
mod explain;
mod fallbacks;
mod http_client;
mod log_valve;
mod quotes;
mod releases;
mod rest;
mod setup;
mod shedding;
mod slates;
mod stub;
mod stubs;
