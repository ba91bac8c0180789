//! This file is about JWT under HMAC-SHA256 (RFC 7515, RFC 7519): bearers, and the *eJWT* whose key two sides agree on.
//! What is checked is the bytes as they came: clients differ in the order of members and in how they escape.

use aws_lc_rs::hmac::{self, HMAC_SHA256, Key};
use serde_json::{Map, Value, json};

use super::encoding::{decode, decode_exactly, encode_url_safe};

/// A JWT that was read, and may be anybody's until [`Jwt::is_under`] says whose.
pub(super) struct Jwt<'a> {
    signed: &'a str,
    tag: Vec<u8>,
    claims: Map<String, Value>,
}

impl<'a> Jwt<'a> {
    /// Reads one in the compact notation, if it says that its algorithm is HS256, and none other.
    pub(super) fn read(text: &'a str) -> Option<Self> {
        let (signed, tag) = text.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let header = object(header)?;
        let is_or_is_not_there = |name: &str, must: &str| header.get(name).is_none_or(|value| value == must);
        let understood = header.get("alg").is_some_and(|alg| alg == "HS256")
            && is_or_is_not_there("typ", "JWT")
            && is_or_is_not_there("ecdh", "x25519")
            // RFC 7515, section 4.1.11: extensions that must be understood; there are none here.
            && !header.contains_key("crit");
        understood.then_some(())?;
        Some(Self { signed, tag: decode(tag)?, claims: object(claims)? })
    }

    /// Whether it was signed under this key.
    pub(super) fn is_under(&self, key: &[u8]) -> bool {
        hmac::verify(&Key::new(HMAC_SHA256, key), self.signed.as_bytes(), &self.tag).is_ok()
    }

    /// A claim that is text.
    pub(super) fn text(&self, claim: &str) -> Option<&str> {
        self.claims.get(claim)?.as_str()
    }

    /// A claim that is a whole number.
    pub(super) fn number(&self, claim: &str) -> Option<u64> {
        self.claims.get(claim)?.as_u64()
    }

    /// A claim that is base64 of exactly so many bytes.
    pub(super) fn bytes<const N: usize>(&self, claim: &str) -> Option<[u8; N]> {
        decode_exactly(self.text(claim)?)
    }

    /// A claim that is an object.
    pub(super) fn object(&self, claim: &str) -> Option<&Map<String, Value>> {
        self.claims.get(claim)?.as_object()
    }

    /// Whether there is such a claim.
    pub(super) fn has(&self, claim: &str) -> bool {
        self.claims.get(claim).is_some_and(|value| !value.is_null())
    }
}

/// A bearer: a JWT under a key that nobody else has.
pub(super) fn write(claims: &Value, key: &[u8]) -> String {
    signed(&json!({ "alg": "HS256", "typ": "JWT" }), claims, key)
}

/// An eJWT: a JWT under a key that two sides agree on.
pub(super) fn write_agreed(claims: &Value, key: &[u8]) -> String {
    signed(&json!({ "ecdh": "x25519", "alg": "HS256", "typ": "JWT" }), claims, key)
}

fn signed(header: &Value, claims: &Value, key: &[u8]) -> String {
    let part = |value: &Value| encode_url_safe(value.to_string().as_bytes());
    let signed = format!("{}.{}", part(header), part(claims));
    let tag = hmac::sign(&Key::new(HMAC_SHA256, key), signed.as_bytes());
    format!("{signed}.{}", encode_url_safe(tag.as_ref()))
}

fn object(part: &str) -> Option<Map<String, Value>> {
    serde_json::from_slice(&decode(part)?).ok()
}

#[cfg(test)]
mod tests {
    use super::super::{agreement, encoding, passphrase};
    use super::{Jwt, write, write_agreed};
    use serde_json::json;

    /// The vector of the contract: its members are in an order that is not ours.
    const HEADER: &str = r#"{"ecdh":"x25519","alg":"HS256","typ":"JWT"}"#;

    fn vector(claims: &str) -> String {
        let part = |text: &str| encoding::encode_url_safe(text.as_bytes());
        format!("{}.{}", part(HEADER), part(claims))
    }

    #[test]
    fn takes_the_published_vector() {
        let eid = "d4ad81b06b1d493ab2b6f9b1a3e2c7f0";
        let seed = passphrase::seed("correct horse battery staple", eid);
        assert_eq!(hex::encode(*seed), "6a0bac730fe27e1fa8b55c49790e3d94436ecee976a9efdeeeb326e7e5b36d29");
        let iss = encoding::encode(&agreement::public(&seed).unwrap());
        assert_eq!(iss, "CdLq53eX780FeZR4/hOee5rTtcl7ajJdYwVwcjL5cxY=");
        let shared = agreement::shared(&seed, &[1; 32]).unwrap();
        assert_eq!(hex::encode(*shared), "ef921919b80e68924fc0f454e11c4409b7a2cce484387a9c1d8a6bf5d151f740");
        let claims = format!(
            r#"{{"jti":"0123456789abcdef","aud":"{}","exp":1700003600,"iat":1700000000,"iss":"{iss}","scope":"keymgmt:gen"}}"#,
            encoding::encode(&[1; 32])
        );
        let text = format!("{}.oPm7pWzqB9VImg5OpTllCqbQAO-xkdgoRfdzyLj09qE", vector(&claims));
        let jwt = Jwt::read(&text).unwrap();
        assert!(jwt.is_under(&*shared));
        assert!(!jwt.is_under(&*seed));
        assert_eq!(
            (jwt.text("scope"), jwt.number("exp"), jwt.bytes("aud")),
            (Some("keymgmt:gen"), Some(1_700_003_600), Some([1; 32]))
        );
        // The same claims, escaped as other clients do: not the bytes that were signed.
        let escaped = vector(&claims.replace('/', r"\/"));
        assert!(
            !Jwt::read(&format!("{escaped}.oPm7pWzqB9VImg5OpTllCqbQAO-xkdgoRfdzyLj09qE"))
                .unwrap()
                .is_under(&*shared)
        );
    }

    #[test]
    fn refuses_other_algorithms_and_damage() {
        let key = [9; 32];
        let text = write(&json!({ "sub": "U" }), &key);
        assert!(Jwt::read(&text).unwrap().is_under(&key));
        assert!(Jwt::read(&write_agreed(&json!({ "sub": "U" }), &key)).unwrap().is_under(&key));
        let (_, rest) = text.split_once('.').unwrap();
        for header in [
            r#"{"alg":"none"}"#,
            r#"{"alg":"HS512"}"#,
            r#"{"typ":"JWT"}"#,
            r#"{"alg":"HS256","typ":"JWE"}"#,
            r#"{"alg":"HS256","ecdh":"p256"}"#,
            r#"{"alg":"HS256","crit":["b64"]}"#,
            "[]",
            "",
        ] {
            let text = format!("{}.{rest}", encoding::encode_url_safe(header.as_bytes()));
            assert!(Jwt::read(&text).is_none(), "{header}");
        }
        for wrong in ["", ".", "..", "...", "a.b", &text[..text.len() - 2], &format!("{text}.x")] {
            assert!(Jwt::read(wrong).is_none_or(|jwt| !jwt.is_under(&key)), "{wrong}");
        }
        let shortened = text.rsplit_once('.').unwrap().0;
        assert!(!Jwt::read(&format!("{shortened}.")).unwrap().is_under(&key));
    }
}
