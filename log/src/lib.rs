//! What happened, provably: the Merkle tree, its tiles, checkpoints and proofs.
