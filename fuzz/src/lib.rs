//! Hostile bytes for every parser of bytes that strangers write. All there is stands in `tests/`.
