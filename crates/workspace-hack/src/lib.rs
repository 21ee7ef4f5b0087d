//! One set of features for every outside crate, whichever of our crates is built: nothing but a manifest,
//! which `make features` writes.
