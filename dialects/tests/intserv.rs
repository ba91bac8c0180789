//! The language of IntServ's clients: what requests become, and what answers look like.

mod events;
mod fault;
mod keys;
mod levels;
mod requests;
mod scene;
