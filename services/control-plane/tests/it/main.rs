//! The control plane as its callers see it: a real server, on SQLite and on a real PostgreSQL.

mod audit;
mod audit_heads;
mod concurrency;
mod differences;
mod drafts;
mod experiments;
mod following;
mod guard;
mod instances;
mod keys;
mod migrations;
mod models;
mod old_form;
mod people;
mod plane;
mod postgres;
mod postgres_tls;
mod provider;
mod publishing;
mod refusals;
mod roles;
mod sign_in;
mod strategies;
mod table;
mod watching;
