//! The stream against real parts: the embedded event log, Redis, the store in memory. Whatever
//! happens on the way, every entity ends as a straight fold of the log gives it.

mod crashes;
mod dead_letters;
mod kafka;
mod redis;
mod stores;
mod way;
mod world;
