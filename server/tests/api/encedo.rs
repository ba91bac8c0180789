//! The language of Encedo HEM's clients, spoken with a real server.

mod apps;
mod cycle;
mod delete;
mod device;
mod golden;
mod keys;
mod log;
mod login;
mod marks;
mod set_up;
mod standing;
mod transport;
mod uses;
