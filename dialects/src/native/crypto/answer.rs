//! This file is about what came of an exercise, on the wire: written without an intermediate form. Of what is asked of a key that
//! never leaves, most takes the key less time than its answer took the serializer, and some of it is secret, so that each copy
//! has to be wiped.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use keyward_client::wire;
use keyward_core::crypto::Exercised;

use super::super::render::{json, json_text};
use crate::dialect::Response;

pub(in super::super) fn render(exercised: &Exercised) -> Response {
    match exercised {
        Exercised::Signature(signature) => in_base64([("signature", signature)]),
        Exercised::Fits(valid) => json(StatusCode::OK, &wire::Checked { valid: *valid }),
        Exercised::Mac(mac) => in_base64([("mac", mac)]),
        Exercised::Ciphertext { ciphertext, iv, tag } => {
            in_base64([("ciphertext", ciphertext), ("iv", iv), ("tag", tag)])
        }
        Exercised::Plaintext(plaintext) => in_base64([("plaintext", plaintext)]),
        Exercised::Wrapped(wrapped) => in_base64([("wrapped", wrapped)]),
        Exercised::Unwrapped(key) => in_base64([("key", key)]),
        Exercised::Agreed(secret) | Exercised::Decapsulated(secret) => in_base64([("secret", secret)]),
        Exercised::Encapsulated { ciphertext, secret } => {
            in_base64([("ciphertext", ciphertext), ("secret", secret)])
        }
    }
}

/// An object whose members are bytes. Neither their names nor base64 has a character that JSON would escape.
fn in_base64<const N: usize>(members: [(&str, &[u8]); N]) -> Response {
    let room = |(name, bytes): &(&str, &[u8])| name.len() + bytes.len().div_ceil(3) * 4 + r#","":"""#.len();
    // All of it at once: a secret leaves no shorter copy behind.
    let mut body = Vec::with_capacity(members.iter().map(room).sum::<usize>() + r"{}".len());
    for (place, (name, bytes)) in members.into_iter().enumerate() {
        body.extend(if place == 0 { b"{\"".as_slice() } else { b",\"" });
        body.extend(name.as_bytes());
        body.extend(b"\":\"");
        let begin = body.len();
        body.resize(begin + bytes.len().div_ceil(3) * 4, 0);
        let written = body.get_mut(begin..).map(|text| STANDARD.encode_slice(bytes, text));
        debug_assert_eq!(written, Some(Ok(body.len() - begin)));
        body.push(b'"');
    }
    body.push(b'}');
    json_text(StatusCode::OK, body)
}
