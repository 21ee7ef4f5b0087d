//! Following a release service over a real tonic codec, and what is made of releases.

mod derived;
mod follower;
mod models;
mod refreshed;
mod releases;
mod reporting;
