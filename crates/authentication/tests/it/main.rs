//! Tests of the guard through a router.

mod guard;
