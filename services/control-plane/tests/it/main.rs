//! The control plane as its callers see it: a real server, a SQLite file in a folder of its own.

mod audit;
mod concurrency;
mod drafts;
mod following;
mod models;
mod plane;
mod publishing;
mod refusals;
mod strategies;
mod watching;
