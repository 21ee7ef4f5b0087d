//! One file per command.

pub(crate) mod access;
pub(crate) mod audit;
mod diff;
pub(crate) mod doctor;
pub(crate) mod explain;
pub(crate) mod import;
pub(crate) mod lake;
mod provider;
pub(crate) mod quote;
pub(crate) mod recommend;
pub(crate) mod release;
pub(crate) mod session;
pub(crate) mod track;
pub(crate) mod train;
pub(crate) mod up;
