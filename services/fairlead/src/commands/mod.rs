//! One file per command.

pub mod doctor;
pub mod eval;
pub mod import;
pub mod lake;
pub mod quote;
pub mod recommend;
pub mod release;
pub mod track;
pub mod train;
pub mod up;
