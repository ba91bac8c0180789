//! Where records, slots and the log live.
