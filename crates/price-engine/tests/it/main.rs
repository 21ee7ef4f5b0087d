//! The engine from outside: golden prices, invariants, lint, bad input, real loans.

mod bad_input;
mod bytes;
mod defaults;
mod golden;
mod kinds;
mod lending_club;
mod lint;
mod never;
mod replay;
mod support;
