//! FAISS against the reference, filters, files and threads.

mod agreement;
mod data;
mod filters;
mod refusals;
mod searching;
mod storing;
