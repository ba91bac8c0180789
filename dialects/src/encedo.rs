//! This file is about Encedo HEM, a device that holds keys that never leave: its calls, and who may make each.
//!
//! A server is one unit. It acts by one key of Keyward's, whoever its own bearers speak for; those it judges itself, at the
//! [`gate`], in the order that the vendor publishes.

mod agreement;
mod answers;
mod ask;
mod audit;
mod auth;
mod awaited;
mod bearer;
mod crypto;
mod delay;
mod encoding;
#[cfg(test)]
mod example;
mod gate;
mod jwt;
mod keymgmt;
mod keys;
mod kid;
mod logging;
mod mark;
mod page;
mod paging;
mod pairings;
mod passphrase;
mod reading;
mod scope;
mod sealing;
mod start;
mod state;
mod system;
mod tickets;
mod turns;
mod types;
mod unit;

use keyward_core::error::Error;
use keyward_core::permit::Verb;

use self::audit::{Event, Outcome};
pub use self::auth::SetUp;
use self::gate::{Call, Roles};
pub use self::passphrase::answer;
use self::scope::Needs;
pub use self::start::{set_up, start};
pub use self::unit::{Clock, Fill, Unit};
use crate::dialect::{ByItself, Credential, Dialect, Form, Request, Route, in_steps};

/// The language of Encedo HEM.
///
/// # Errors
/// [`Error::Internal`] if the table of routes contradicts itself, which a test would have shown.
pub fn dialect() -> Result<Dialect, Error> {
    let dialect = Dialect::new("encedo", &ROUTES, claims, |_| Credential::Anonymous, answers::fault)?;
    Ok(dialect.judging(ByItself { secret: |request| request.unit.credential(), astray: gate::astray }))
}

/// What stands behind `/api/` in every path of the vendor's.
const PARTS: [&str; 7] = ["auth", "crypto", "diag", "keymgmt", "logger", "storage", "system"];

fn claims(request: &Request<'_>) -> bool {
    let part = request.path.strip_prefix("/api/").and_then(|rest| rest.split('/').next());
    part.is_some_and(|part| PARTS.contains(&part))
}

/// What may be asked in any state, by anybody, over plain HTTP too; the others differ from it in what they say.
const OPEN: Call = Call {
    needs_tls: false,
    needs_owner: false,
    needs: Needs::Nothing,
    roles: Roles::All,
    is_open: |_, _| false,
    event: None,
    failure: Outcome::Failed,
    is_slow: false,
    run: system::status,
};

/// A call of an owner's unit.
const OWNED: Call = Call { needs_owner: true, ..OPEN };

/// A call on keys.
const ON_KEYS: Call = Call { needs_tls: true, roles: Roles::NotMaster, ..OWNED };

/// The use of a key.
const USE: Call = Call { needs: Needs::Use, ..ON_KEYS };

/// A call of whoever pairs apps.
const PAIR: Call =
    Call { needs: Needs::OneOf(&["auth:ext:pair", "system:config"]), roles: Roles::UserOnly, ..OWNED };

/// A call on the log.
const LOG: Call = Call { needs: Needs::OneOf(&["logger:get"]), ..OWNED };

/// What ends all sessions.
const RESTART: Call = Call {
    needs: Needs::OneOf(&["system:config", "system:upgrade", "system:shutdown"]),
    run: system::restart,
    ..OWNED
};

/// What nobody may.
const PROVISION: Call = Call { needs: Needs::AnySession, run: system::provision, ..OWNED };

/// The list of keys.
const LIST: Call = Call { needs: Needs::OneOf(&["keymgmt:list"]), run: keymgmt::list, ..ON_KEYS };

/// One key.
const GET: Call =
    Call { needs: Needs::OneOfOrUse(&["keymgmt:get", "keymgmt:gen"]), run: keymgmt::get, ..ON_KEYS };

/// The removal of a key.
const DELETE: Call = Call {
    needs: Needs::OneOf(&["keymgmt:del"]),
    event: Some(Event::KeyDeleted),
    run: keymgmt::delete,
    ..ON_KEYS
};

/// The list of files of the log.
const LIST_LOG: Call = Call { event: Some(Event::LogListed), run: reading::list, ..LOG };

/// The table of calls. What a session may do is judged at the gate; the verb says whether the unit stays as it is.
macro_rules! calls {
    (@verb) => { Verb::ReadResources };
    (@verb $verb:path) => { $verb };
    ($($method:literal $path:literal $($verb:path)? => $call:expr,)*) => {
        [$(
            in_steps($method, $path, Some(calls!(@verb $($verb)?)), |_| {
                static CALL: Call = $call;
                Ok(Form::Steps(|request, params, _| gate::begin(request, params, &CALL)))
            }),
        )*]
    };
}

static ROUTES: [Route; 50] = calls! {
    "GET" "/api/system/status" => OPEN,
    "GET" "/api/system/version" => Call { run: system::version, ..OPEN },
    "GET" "/api/system/checkin" => Call { run: system::check_out, ..OPEN },
    "POST" "/api/system/checkin" => Call { run: system::check_in, ..OPEN },
    "GET" "/api/system/config" => Call {
        needs: Needs::OneOf(&["system:config", "logger:get", "auth:ext:pair"]),
        run: system::show,
        ..OWNED
    },
    "POST" "/api/system/config" => Call {
        needs: Needs::OneOf(&["system:config"]),
        roles: Roles::NotApps,
        event: Some(Event::Configured),
        run: system::configure,
        ..OWNED
    },
    "GET" "/api/system/config/attestation" => Call { needs: Needs::AnySession, run: system::attestation, ..OWNED },
    "GET" "/api/system/config/provisioning" => PROVISION,
    "POST" "/api/system/config/provisioning" => PROVISION,
    "GET" "/api/system/reboot" Verb::WriteResources => RESTART,
    "POST" "/api/system/reboot" => RESTART,
    "GET" "/api/system/selftest" => Call {
        needs: Needs::AnySession,
        event: Some(Event::SelfTested),
        run: system::self_test,
        ..OWNED
    },
    "GET" "/api/auth/init" => Call { run: auth::set_up_challenge, ..OPEN },
    "POST" "/api/auth/init" => Call { event: Some(Event::SetUp), is_slow: true, run: auth::over_wire, ..OPEN },
    "GET" "/api/auth/token" => Call { run: auth::challenge, ..OWNED },
    "POST" "/api/auth/token" => Call { event: Some(Event::LoggedIn), is_slow: true, run: auth::log_in, ..OWNED },
    "POST" "/api/auth/ext/init" => Call { run: auth::pair, ..PAIR },
    "POST" "/api/auth/ext/validate" => Call { event: Some(Event::AppPaired), run: auth::validate, ..PAIR },
    "POST" "/api/auth/ext/mac" => Call { run: auth::mac, ..PAIR },
    "POST" "/api/auth/ext/request" => Call { run: auth::request, ..OWNED },
    "POST" "/api/auth/ext/token" => Call { event: Some(Event::AppLoggedIn), is_slow: true, run: auth::grant, ..OWNED },
    "GET" "/api/keymgmt/list" => LIST,
    "GET" "/api/keymgmt/list/{offset}" => LIST,
    "GET" "/api/keymgmt/list/{offset}/{count}" => LIST,
    "POST" "/api/keymgmt/search" => Call {
        needs: Needs::OneOf(&["keymgmt:search", "keymgmt:list", "auth:ext:pair"]),
        is_open: keymgmt::is_open_search,
        run: keymgmt::search,
        ..ON_KEYS
    },
    "GET" "/api/keymgmt/get/{kid}" => GET,
    "GET" "/api/keymgmt/get/" => GET,
    "POST" "/api/keymgmt/create" => Call {
        needs: Needs::OneOf(&["keymgmt:gen"]),
        event: Some(Event::KeyGenerated),
        run: keymgmt::create,
        ..ON_KEYS
    },
    "POST" "/api/keymgmt/import" => Call {
        needs: Needs::OneOf(&["keymgmt:imp"]),
        event: Some(Event::KeyImported),
        run: keymgmt::import,
        ..ON_KEYS
    },
    "POST" "/api/keymgmt/derive" => Call {
        needs: Needs::OneOf(&["keymgmt:derive", "keymgmt:gen", "keymgmt:ecdh"]),
        event: Some(Event::KeyDerived),
        failure: Outcome::Error,
        run: keymgmt::derive,
        ..ON_KEYS
    },
    "POST" "/api/keymgmt/update" => Call {
        needs: Needs::OneOf(&["keymgmt:upd"]),
        event: Some(Event::KeyUpdated),
        run: keymgmt::update,
        ..ON_KEYS
    },
    "DELETE" "/api/keymgmt/delete/{kid}" => DELETE,
    "DELETE" "/api/keymgmt/delete/" => DELETE,
    "POST" "/api/crypto/hmac/hash" => Call { event: Some(Event::MacTaken), run: crypto::mac, ..USE },
    "POST" "/api/crypto/hmac/verify" => Call { event: Some(Event::MacChecked), run: crypto::verify_mac, ..USE },
    "POST" "/api/crypto/exdsa/sign" => Call { event: Some(Event::Signed), run: crypto::sign, ..USE },
    "POST" "/api/crypto/exdsa/verify" => Call { event: Some(Event::SignatureChecked), run: crypto::verify, ..USE },
    "POST" "/api/crypto/cipher/encrypt" => Call { event: Some(Event::Encrypted), run: crypto::encrypt, ..USE },
    "POST" "/api/crypto/cipher/decrypt" => Call { event: Some(Event::Decrypted), run: crypto::decrypt, ..USE },
    "POST" "/api/crypto/cipher/wrap" => Call { event: Some(Event::Wrapped), run: crypto::wrap, ..USE },
    "POST" "/api/crypto/cipher/unwrap" => Call { event: Some(Event::Unwrapped), run: crypto::unwrap, ..USE },
    "POST" "/api/crypto/ecdh" => Call { event: Some(Event::Agreed), run: crypto::ecdh, ..USE },
    "POST" "/api/crypto/pqc/mlkem/encaps" => Call { event: Some(Event::Encapsulated), run: crypto::encapsulate, ..USE },
    "POST" "/api/crypto/pqc/mlkem/decaps" => Call { event: Some(Event::Decapsulated), run: crypto::decapsulate, ..USE },
    "POST" "/api/crypto/pqc/mldsa/sign" => Call { event: Some(Event::PqcSigned), run: crypto::pqc_sign, ..USE },
    "POST" "/api/crypto/pqc/mldsa/verify" => Call {
        event: Some(Event::PqcSignatureChecked),
        run: crypto::pqc_verify,
        ..USE
    },
    "GET" "/api/logger/key" => Call { run: reading::key, ..LOG },
    "GET" "/api/logger/list" => LIST_LOG,
    "GET" "/api/logger/list/{offset}" => LIST_LOG,
    "GET" "/api/logger/{file}" => Call { event: Some(Event::LogRead), run: reading::read, ..LOG },
};
