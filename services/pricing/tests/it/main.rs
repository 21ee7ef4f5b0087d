//! The pricing service over real gRPC, on a Redis of its own.

mod bad_input;
mod campaigns;
mod prices;
mod quotes;
mod releases;
mod replay;
mod sellable;
mod standing;
mod store_away;
mod support;
