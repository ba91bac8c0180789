//! This file is about roots that are wrapped in a PKCS#11 token: each under a key of its own, which never leaves the
//! token and is destroyed with the root. Then every copy of the root's file is noise, whoever kept it.

use anyhow::{Context as _, ensure};
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::mechanism::Mechanism;
use cryptoki::mechanism::aead::GcmParams;
use cryptoki::object::{Attribute, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::types::{AuthPin, Ulong};
use zeroize::Zeroizing;

use super::{Key, Provider};
use crate::config::Pkcs11 as Config;
use crate::environment;
use crate::keyfiles::read_private;

/// What our keys are called in the token, for people who look into it.
const LABEL: &[u8] = b"keyward root";
/// A key's id in the token, in bytes: random, so that servers can share a token.
const ID: usize = 16;
/// The nonce of AES-GCM, in bytes.
const NONCE: usize = 12;
/// The tag of AES-GCM, in bits.
const TAG_BITS: u64 = 128;

/// A token.
pub(super) struct Token(Config);

impl Token {
    /// The configured token. It is opened for each call, so it may be away in between.
    pub(super) const fn new(config: Config) -> Self {
        Self(config)
    }

    /// Does something in a session of the user's.
    fn with_session<T>(&self, act: impl FnOnce(&Session) -> anyhow::Result<T>) -> anyhow::Result<T> {
        let Config { module, token, pin_file } = &self.0;
        let library = Pkcs11::new(module).with_context(|| format!("{}", module.display()))?;
        library.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK))?;
        let in_session = || {
            for slot in library.get_slots_with_token()? {
                if library.get_token_info(slot)?.label() == token {
                    let pin = read_private(pin_file)?;
                    let session = library.open_rw_session(slot)?;
                    session.login(UserType::User, Some(&AuthPin::from(pin.trim_end())))?;
                    return act(&session);
                }
            }
            anyhow::bail!("{}: no token is called {token}", module.display())
        };
        let done = in_session();
        library.finalize()?;
        done
    }
}

/// The key with this id; `None` if the token has none.
fn key_of(session: &Session, id: &[u8]) -> anyhow::Result<Option<ObjectHandle>> {
    let template = [
        Attribute::Class(ObjectClass::SECRET_KEY),
        Attribute::Label(LABEL.to_vec()),
        Attribute::Id(id.to_vec()),
    ];
    Ok(session.find_objects(&template)?.first().copied())
}

/// A wrapped root is the id of its key (16 bytes), a nonce (12), and what AES-256-GCM made of it (48).
impl Provider for Token {
    fn name(&self) -> &'static str {
        "pkcs11"
    }

    fn wrap(&self, root: &Key) -> anyhow::Result<Vec<u8>> {
        let (mut id, mut nonce) = ([0; ID], [0; NONCE]);
        environment::fill(&mut id);
        environment::fill(&mut nonce);
        let template = [
            Attribute::Token(true),
            Attribute::Private(true),
            Attribute::Sensitive(true),
            Attribute::Extractable(false),
            Attribute::Encrypt(true),
            Attribute::Decrypt(true),
            Attribute::ValueLen(Ulong::new(32)),
            Attribute::Label(LABEL.to_vec()),
            Attribute::Id(id.to_vec()),
        ];
        self.with_session(|session| {
            let key = session.generate_key(&Mechanism::AesKeyGen, &template)?;
            let parameters = GcmParams::new(&mut nonce, &[], Ulong::new(TAG_BITS))?;
            let mechanism = Mechanism::AesGcm(parameters);
            let sealed = session.encrypt(&mechanism, key, root.as_slice())?;
            // Some tokens draw the nonce themselves, and put it there.
            let Mechanism::AesGcm(mut parameters) = mechanism else { anyhow::bail!("another mechanism") };
            Ok([&id[..], parameters.iv(), &sealed].concat())
        })
    }

    fn unwrap(&self, wrapped: &[u8]) -> anyhow::Result<Option<Key>> {
        let (id, rest) = wrapped.split_first_chunk::<ID>().context("it is cut short")?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE>().context("it is cut short")?;
        let mut nonce = *nonce;
        self.with_session(|session| {
            let Some(key) = key_of(session, id)? else { return Ok(None) };
            let parameters = GcmParams::new(&mut nonce, &[], Ulong::new(TAG_BITS))?;
            let opened = Zeroizing::new(session.decrypt(&Mechanism::AesGcm(parameters), key, sealed)?);
            Ok(Some(Zeroizing::new(<[u8; 32]>::try_from(opened.as_slice())?)))
        })
    }

    fn destroy(&self, wrapped: &[u8]) -> anyhow::Result<()> {
        let (id, _) = wrapped.split_first_chunk::<ID>().context("it is cut short")?;
        self.with_session(|session| {
            if let Some(key) = key_of(session, id)? {
                session.destroy_object(key)?;
            }
            // A token that says so and keeps it is no token.
            ensure!(key_of(session, id)?.is_none(), "the token still has the key");
            Ok(())
        })
    }
}
