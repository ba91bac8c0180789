//! The SDK: management calls, and the wire types of the native API.
