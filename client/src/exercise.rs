//! This file is about calls that use keys that never leave.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Error;
use crate::transport::{Call, Client, segment};
use crate::wire::{
    Agree, Authenticate, Check, Checked, Ciphertext, Decapsulate, Decrypt, DeriveKey, Encapsulate,
    Encapsulated, Encrypt, Issued, Mac, Plaintext, SharedSecret, Sign, Signature, Unwrap, Unwrapped, Wrap,
    Wrapped,
};

impl Client {
    /// Makes a key of what a key agrees on.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn derive_key(&self, id: &str, how: &DeriveKey) -> Result<Issued, Error> {
        self.json(self.post(path(id, "derive"))?.with_body("application/json", how)?).await
    }

    /// Signs a message.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn sign(&self, id: &str, what: &Sign) -> Result<Signature, Error> {
        self.exercise(id, "sign", what).await
    }

    /// Checks a signature, or a message authentication code.
    ///
    /// # Errors
    /// [`Error`]; one that does not fit is no error.
    pub async fn check(&self, id: &str, what: &Check) -> Result<Checked, Error> {
        self.exercise(id, "verify", what).await
    }

    /// Takes a message authentication code.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn authenticate(&self, id: &str, what: &Authenticate) -> Result<Mac, Error> {
        self.exercise(id, "mac", what).await
    }

    /// Encrypts.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn encrypt(&self, id: &str, what: &Encrypt) -> Result<Ciphertext, Error> {
        self.exercise(id, "encrypt", what).await
    }

    /// Decrypts.
    ///
    /// # Errors
    /// [`Error`]; the code is `rejected` where the key does not accept it.
    pub async fn decrypt(&self, id: &str, what: &Decrypt) -> Result<Plaintext, Error> {
        self.exercise(id, "decrypt", what).await
    }

    /// Wraps another key.
    ///
    /// # Errors
    /// [`Error`]; the code is `rejected` where the key does not accept it.
    pub async fn wrap(&self, id: &str, what: &Wrap) -> Result<Wrapped, Error> {
        self.exercise(id, "wrap", what).await
    }

    /// Unwraps another key.
    ///
    /// # Errors
    /// [`Error`]; the code is `rejected` where the key does not accept it.
    pub async fn unwrap(&self, id: &str, what: &Unwrap) -> Result<Unwrapped, Error> {
        self.exercise(id, "unwrap", what).await
    }

    /// Agrees on a secret.
    ///
    /// # Errors
    /// [`Error`]; the code is `rejected` where the key does not accept it.
    pub async fn agree(&self, id: &str, with: &Agree) -> Result<SharedSecret, Error> {
        self.exercise(id, "agree", with).await
    }

    /// Makes a secret, and seals it for the holder of a key.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn encapsulate(&self, id: &str) -> Result<Encapsulated, Error> {
        self.exercise(id, "encapsulate", &Encapsulate {}).await
    }

    /// Opens a sealed secret.
    ///
    /// # Errors
    /// [`Error`]; the code is `rejected` where the key does not accept it.
    pub async fn decapsulate(&self, id: &str, what: &Decapsulate) -> Result<SharedSecret, Error> {
        self.exercise(id, "decapsulate", what).await
    }

    /// Not repeated by itself: a use is counted.
    async fn exercise<T: DeserializeOwned>(
        &self,
        id: &str,
        verb: &str,
        body: &impl Serialize,
    ) -> Result<T, Error> {
        self.json(Call::ask(path(id, verb), body)?).await
    }
}

fn path(id: &str, verb: &str) -> String {
    format!("/v1/keys/{}/{verb}", segment(id))
}
