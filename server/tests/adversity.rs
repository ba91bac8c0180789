//! What happens on bad days, and to bad input, over real HTTP.

mod harness;

mod adversity {
    mod canary;
    mod client;
    mod race;
}
