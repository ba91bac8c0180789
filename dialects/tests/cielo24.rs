//! The language of cielo24's clients: what requests become, and what answers look like.

mod accounts;
mod faults;
mod fields;
mod jobs;
mod keys;
mod scene;
mod sessions;
mod settings;
