//! Who accepts keys, and for how long.
