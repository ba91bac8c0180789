//! This file is about Encedo HEM.

mod agreement;
mod delay;
mod encoding;
mod jwt;
mod passphrase;
mod sealing;
mod tickets;
