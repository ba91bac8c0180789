//! What happens on bad days, and to bad input, over real HTTP.
#![cfg(test)]

mod harness;

mod adversity {
    mod canary;
    mod client;
    mod crash;
    mod crowd;
    mod damage;
    mod disk;
    mod input;
    mod program;
    mod race;
    mod recovery;
    mod refused;
    mod roots;
    mod tls;
}
