//! The languages we speak: bytes in, bytes out.
