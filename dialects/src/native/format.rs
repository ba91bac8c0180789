//! This file is about the forms that secrets are written in, if not in Keyward's own.

use keyward_client::wire;
use keyward_core::error::Error;
use keyward_core::secret::{Alphabet, Format};

/// The form of another system's secrets.
///
/// # Errors
/// [`Error::Invalid`] if a secret could be guessed (32 characters of the smallest alphabet are 128 bits), or two keys
/// would soon have the same public part.
pub fn format(given: wire::SecretFormat) -> Result<Format, Error> {
    if !(32..=256).contains(&given.private) {
        return Err(Error::invalid("format.private", "32 to 256"));
    }
    if given.public != 0 && !(8..=64).contains(&given.public) {
        return Err(Error::invalid("format.public", "0, or 8 to 64"));
    }
    let alphabet = match given.alphabet {
        wire::Alphabet::Hex => Alphabet::Hex,
        wire::Alphabet::Alphanumeric => Alphabet::Alphanumeric,
        wire::Alphabet::UrlSafe => Alphabet::UrlSafe,
    };
    Ok(Format::Plain { alphabet, public: given.public.into(), private: given.private.into(), hint: 0 })
}
