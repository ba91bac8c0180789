//! This file is about removals of many keys at rest.
