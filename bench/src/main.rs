//! Measures Keyward beside its floor and its peers.
fn main() {}
