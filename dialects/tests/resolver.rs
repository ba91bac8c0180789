//! The language of Resolver's clients: what requests become, and what answers look like.

mod credentials;
mod faults;
mod keys;
mod page;
mod scene;
mod sessions;
mod users;
mod uses;
