//! This file is about what there is to say about each call of the native API, for its `OpenAPI` document.

mod headers;

use keyward_client::wire;

use self::headers::{
    FORWARDED, IF_MATCH, LAST_EVENT, OF_FAULTS, OF_KEYS, ONCE, PREFER, PREFERENCE_APPLIED, RECEIPT, VERSION,
    WHERE,
};
use crate::openapi::{Content, Fault, Operation, schema};

/// Every problem of the native API.
pub const PROBLEM: Fault =
    Fault { content: ("application/problem+json", schema::<wire::Problem>), headers: &OF_FAULTS };

const TEXT: Content = ("text/plain", schema::<String>);
const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";
const PATCH: &str = "application/merge-patch+json";
const LINES: &str = "application/x-ndjson";
const KEY: Option<Content> = Some((JSON, schema::<wire::Key>));
const ACCOUNT: Option<Content> = Some((JSON, schema::<wire::Account>));
const LEVEL: Option<Content> = Some((JSON, schema::<wire::AccessLevel>));
const ORGANIZATION: Option<Content> = Some((JSON, schema::<wire::Organization>));
const ISSUED: Option<Content> = Some((JSON, schema::<wire::Issued>));
/// Where a verifier may go on as if nothing had been taken away.
const CHANGED_KEY: Option<Content> = Some((JSON, schema::<wire::Changed<wire::Key>>));
const CHANGED_ACCOUNT: Option<Content> = Some((JSON, schema::<wire::Changed<wire::Account>>));
const CHANGED_ORGANIZATION: Option<Content> = Some((JSON, schema::<wire::Changed<wire::Organization>>));
const UNCOVERED: Option<Content> = Some((JSON, schema::<wire::Uncovered>));

const fn operation(
    method: &'static str,
    path: &'static str,
    id: &'static str,
    summary: &'static str,
) -> Operation {
    Operation { method, path, id, summary, query: None, headers: &[], takes: &[], answers: &[], tells: &[] }
}

/// One for every route.
pub static OPERATIONS: [Operation; 52] = [
    Operation {
        headers: &[ONCE],
        takes: &[(JSON, schema::<wire::IssueKey>)],
        answers: &[(201, ISSUED), (202, ISSUED)],
        tells: &[VERSION, WHERE],
        ..operation("POST", "/v1/keys", "issue_key", "Issue a key; its secret is shown this once.")
    },
    Operation {
        headers: &[ONCE],
        takes: &[(JSON, schema::<Vec<wire::ImportKey>>), (LINES, schema::<wire::ImportKey>)],
        answers: &[(200, Some((LINES, schema::<wire::ImportedLine>)))],
        ..operation(
            "POST",
            "/v1/keys/import",
            "import_keys",
            "Bring keys along: an array of at most 1,000, or lines without end; a line of answer for each.",
        )
    },
    Operation {
        query: Some(schema::<wire::ListKeys>),
        answers: &[(200, Some((JSON, schema::<wire::List<wire::FoundKey>>)))],
        ..operation("GET", "/v1/keys", "list_keys", "Read the keys that fit.")
    },
    Operation {
        answers: &[(200, KEY)],
        tells: &[VERSION],
        ..operation("GET", "/v1/keys/{id}", "find_key", "Read a key; 410 with what is left of a removed one.")
    },
    Operation {
        headers: &[IF_MATCH],
        takes: &[(PATCH, schema::<wire::UpdateKey>)],
        answers: &[(200, KEY), (202, CHANGED_KEY)],
        tells: &[VERSION],
        ..operation("PATCH", "/v1/keys/{id}", "update_key", "Change a key.")
    },
    Operation {
        query: Some(schema::<wire::RemoveKey>),
        headers: &[IF_MATCH, PREFER],
        answers: &[
            (204, None),
            (200, Some((JSON, schema::<wire::Removed>))),
            (202, Some((JSON, schema::<wire::Removed>))),
        ],
        tells: &[RECEIPT, PREFERENCE_APPLIED],
        ..operation(
            "DELETE",
            "/v1/keys/{id}",
            "remove_key",
            "Remove a key for ever: every verify that begins after the answer is refused.",
        )
    },
    Operation {
        headers: &[ONCE, IF_MATCH],
        takes: &[(JSON, schema::<wire::SuspendKey>)],
        answers: &[(200, KEY), (202, CHANGED_KEY)],
        tells: &[VERSION],
        ..operation("POST", "/v1/keys/{id}/suspend", "suspend_key", "Stop a key, until it is resumed.")
    },
    Operation {
        headers: &[ONCE, IF_MATCH],
        answers: &[(200, KEY)],
        tells: &[VERSION],
        ..operation("POST", "/v1/keys/{id}/resume", "resume_key", "Let a key work again.")
    },
    Operation {
        headers: &[ONCE, IF_MATCH],
        takes: &[(JSON, schema::<wire::RotateKey>)],
        answers: &[(201, ISSUED), (202, ISSUED)],
        tells: &[VERSION, WHERE],
        ..operation(
            "POST",
            "/v1/keys/{id}/rotate",
            "rotate_key",
            "Give a key a successor with the same rights.",
        )
    },
    Operation {
        answers: &[(200, Some((JSON, schema::<wire::Usage>)))],
        ..operation("GET", "/v1/keys/{id}/usage", "read_usage", "Read who uses a key, or still tries to.")
    },
    Operation {
        takes: &[(JSON, schema::<wire::Verify<'_>>)],
        answers: &[(200, Some((JSON, schema::<wire::Verdict>)))],
        ..operation(
            "POST",
            "/v1/keys/verify",
            "verify_key",
            "Ask whether a key is valid for something. `Idempotency-Key` means nothing here: each question is judged, and \
                counted, anew.",
        )
    },
    Operation {
        takes: &[(FORM, schema::<wire::Token>)],
        answers: &[(200, Some((JSON, schema::<wire::Introspection>)))],
        ..operation("POST", "/v1/introspect", "introspect", "Ask whether a token is active (RFC 7662).")
    },
    Operation {
        takes: &[(FORM, schema::<wire::Token>)],
        answers: &[(200, None)],
        ..operation(
            "POST",
            "/v1/revoke",
            "revoke",
            "Remove the key that a token is; an unknown one is answered alike (RFC 7009). 503 while a verifier may go on accepting \
                it: ask again.",
        )
    },
    Operation {
        headers: &FORWARDED,
        answers: &[(200, None)],
        tells: &OF_KEYS,
        ..operation(
            "ANY",
            "/v1/forward-auth",
            "forward_auth",
            "Ask, by any method, whether a request with this key may pass; 401, 403 or 429, without a body, if not.",
        )
    },
    Operation {
        headers: &FORWARDED,
        answers: &[(200, None)],
        tells: &OF_KEYS,
        ..operation(
            "ANY",
            "/v1/forward-auth/{*path}",
            "forward_auth_path",
            "The same, for gateways that put the path of the request behind it.",
        )
    },
    Operation {
        headers: &[ONCE],
        takes: &[(JSON, schema::<wire::DeriveKey>)],
        answers: &[(201, ISSUED)],
        tells: &[VERSION, WHERE],
        ..operation("POST", "/v1/keys/{id}/derive", "derive_key", "Make a key of what a key agrees on.")
    },
    Operation {
        takes: &[(JSON, schema::<wire::Sign>)],
        answers: &[(200, Some((JSON, schema::<wire::Signature>)))],
        ..operation("POST", "/v1/keys/{id}/sign", "sign", "Sign a message with a key.")
    },
    Operation {
        takes: &[(JSON, schema::<wire::Check>)],
        answers: &[(200, Some((JSON, schema::<wire::Checked>)))],
        ..operation(
            "POST",
            "/v1/keys/{id}/verify",
            "check",
            "Check a signature, or a message authentication code, with a key.",
        )
    },
    Operation {
        takes: &[(JSON, schema::<wire::Authenticate>)],
        answers: &[(200, Some((JSON, schema::<wire::Mac>)))],
        ..operation(
            "POST",
            "/v1/keys/{id}/mac",
            "authenticate",
            "Take a message authentication code with a key.",
        )
    },
    Operation {
        takes: &[(JSON, schema::<wire::Encrypt>)],
        answers: &[(200, Some((JSON, schema::<wire::Ciphertext>)))],
        ..operation("POST", "/v1/keys/{id}/encrypt", "encrypt", "Encrypt with a key.")
    },
    Operation {
        takes: &[(JSON, schema::<wire::Decrypt>)],
        answers: &[(200, Some((JSON, schema::<wire::Plaintext>)))],
        ..operation("POST", "/v1/keys/{id}/decrypt", "decrypt", "Decrypt with a key.")
    },
    Operation {
        takes: &[(JSON, schema::<wire::Wrap>)],
        answers: &[(200, Some((JSON, schema::<wire::Wrapped>)))],
        ..operation("POST", "/v1/keys/{id}/wrap", "wrap", "Wrap another key with a key.")
    },
    Operation {
        takes: &[(JSON, schema::<wire::Unwrap>)],
        answers: &[(200, Some((JSON, schema::<wire::Unwrapped>)))],
        ..operation("POST", "/v1/keys/{id}/unwrap", "unwrap", "Unwrap another key with a key.")
    },
    Operation {
        takes: &[(JSON, schema::<wire::Agree>)],
        answers: &[(200, Some((JSON, schema::<wire::SharedSecret>)))],
        ..operation("POST", "/v1/keys/{id}/agree", "agree", "Agree on a secret.")
    },
    Operation {
        takes: &[(JSON, schema::<wire::Encapsulate>)],
        answers: &[(200, Some((JSON, schema::<wire::Encapsulated>)))],
        ..operation(
            "POST",
            "/v1/keys/{id}/encapsulate",
            "encapsulate",
            "Make a secret, and seal it for the holder of a key.",
        )
    },
    Operation {
        takes: &[(JSON, schema::<wire::Decapsulate>)],
        answers: &[(200, Some((JSON, schema::<wire::SharedSecret>)))],
        ..operation("POST", "/v1/keys/{id}/decapsulate", "decapsulate", "Open a sealed secret with a key.")
    },
    Operation {
        headers: &[ONCE],
        takes: &[(JSON, schema::<wire::RemoveKeys>)],
        answers: &[
            (200, Some((JSON, schema::<wire::Plan>))),
            (202, Some((JSON, schema::<wire::RemovalProgress>))),
        ],
        tells: &[WHERE],
        ..operation(
            "POST",
            "/v1/removals",
            "remove_keys",
            "Remove keys by anything that names them, accounts for their own keys alone; with `dry_run`, say what that would do.",
        )
    },
    Operation {
        query: Some(schema::<wire::Page>),
        answers: &[(200, Some((JSON, schema::<wire::RemovalProgress>)))],
        ..operation("GET", "/v1/removals/{id}", "find_removal", "Read how far a removal is.")
    },
    Operation {
        answers: &[(200, Some(TEXT)), (200, Some((JSON, schema::<wire::Receipt>)))],
        ..operation("GET", "/v1/receipts/{id}", "read_receipt", "Read a receipt, as text or JSON.")
    },
    Operation {
        answers: &[(200, Some((JSON, schema::<wire::Verifiers>)))],
        ..operation("GET", "/v1/verifiers", "list_verifiers", "See who accepts keys besides the server.")
    },
    Operation {
        answers: &[(101, None)],
        ..operation(
            "GET",
            "/v1/verifiers/stream",
            "join_verifiers",
            "Accept keys oneself: a WebSocket, whose messages are the frames of docs/verifier-protocol.md.",
        )
    },
    Operation {
        answers: &[(200, Some(TEXT))],
        ..operation(
            "GET",
            "/v1/log/checkpoint",
            "read_checkpoint",
            "Read the newest checkpoint of the log (C2SP tlog-checkpoint).",
        )
    },
    Operation {
        answers: &[(200, Some(("application/octet-stream", |_| schemars::Schema::default())))],
        ..operation(
            "GET",
            "/v1/log/tile/{*tile}",
            "read_tile",
            "Read a tile of the log, or of its entries (C2SP tlog-tiles).",
        )
    },
    Operation {
        query: Some(schema::<wire::ListEvents>),
        headers: &[LAST_EVENT],
        answers: &[
            (200, Some((JSON, schema::<wire::List<wire::Event>>))),
            (200, Some(("text/event-stream", schema::<String>))),
        ],
        ..operation(
            "GET",
            "/v1/events",
            "list_events",
            "Read events in clear; `Accept: text/event-stream` follows them. Whoever comes again later asks for those after the \
             position of the last event that they have, and misses none.",
        )
    },
    Operation {
        headers: &[ONCE],
        answers: &[(200, Some((JSON, schema::<wire::Epoch>)))],
        ..operation(
            "POST",
            "/v1/store/reroot",
            "reroot",
            "Wrap every slot under a new root and destroy the old one: every older copy of the slots is noise.",
        )
    },
    Operation {
        answers: &[(200, Some((JSON, schema::<wire::Backup>)))],
        ..operation(
            "POST",
            "/v1/store/backup",
            "back_up",
            "Write a backup of the store into the folder that is configured for it, while the server goes on.",
        )
    },
    Operation {
        headers: &[ONCE],
        takes: &[(JSON, schema::<wire::CreateAccount>)],
        answers: &[(201, ACCOUNT)],
        tells: &[VERSION, WHERE],
        ..operation("POST", "/v1/accounts", "create_account", "Create an account.")
    },
    Operation {
        query: Some(schema::<wire::ListAccounts>),
        answers: &[(200, Some((JSON, schema::<wire::List<wire::Account>>)))],
        ..operation("GET", "/v1/accounts", "list_accounts", "Read the accounts of an organization.")
    },
    Operation {
        answers: &[(200, ACCOUNT)],
        tells: &[VERSION],
        ..operation("GET", "/v1/accounts/{id}", "find_account", "Read an account.")
    },
    Operation {
        headers: &[IF_MATCH],
        takes: &[(PATCH, schema::<wire::UpdateAccount>)],
        answers: &[(200, ACCOUNT), (202, CHANGED_ACCOUNT)],
        tells: &[VERSION],
        ..operation("PATCH", "/v1/accounts/{id}", "update_account", "Change an account.")
    },
    Operation {
        query: Some(schema::<wire::RemoveAccount>),
        headers: &[IF_MATCH],
        answers: &[(204, None), (202, UNCOVERED)],
        tells: &[RECEIPT],
        ..operation(
            "DELETE",
            "/v1/accounts/{id}",
            "remove_account",
            "Remove an account, and say what becomes of its keys.",
        )
    },
    Operation {
        takes: &[(JSON, schema::<wire::SetPassword>)],
        answers: &[(200, KEY), (202, CHANGED_KEY)],
        tells: &[VERSION],
        ..operation(
            "PUT",
            "/v1/accounts/{id}/password",
            "set_password",
            "Give an account a password, or another one; it signs in where another system's clients do.",
        )
    },
    Operation {
        headers: &[ONCE],
        takes: &[(JSON, schema::<wire::CreateAccessLevel>)],
        answers: &[(201, LEVEL)],
        tells: &[VERSION, WHERE],
        ..operation("POST", "/v1/access-levels", "create_access_level", "Create an access level.")
    },
    Operation {
        query: Some(schema::<wire::ListAccessLevels>),
        answers: &[(200, Some((JSON, schema::<wire::List<wire::AccessLevel>>)))],
        ..operation(
            "GET",
            "/v1/access-levels",
            "list_access_levels",
            "Read the access levels of an organization.",
        )
    },
    Operation {
        answers: &[(200, LEVEL)],
        tells: &[VERSION],
        ..operation("GET", "/v1/access-levels/{id}", "find_access_level", "Read an access level.")
    },
    Operation {
        headers: &[IF_MATCH],
        takes: &[(PATCH, schema::<wire::UpdateAccessLevel>)],
        answers: &[(200, LEVEL)],
        tells: &[VERSION],
        ..operation("PATCH", "/v1/access-levels/{id}", "update_access_level", "Change an access level.")
    },
    Operation {
        headers: &[IF_MATCH],
        answers: &[(204, None)],
        tells: &[RECEIPT],
        ..operation(
            "DELETE",
            "/v1/access-levels/{id}",
            "remove_access_level",
            "Remove an access level for ever: no read at a door of it that begins after the answer is let in, whatever key names it.",
        )
    },
    Operation {
        headers: &[ONCE],
        takes: &[(JSON, schema::<wire::CreateOrganization>)],
        answers: &[(201, ORGANIZATION)],
        tells: &[VERSION, WHERE],
        ..operation("POST", "/v1/organizations", "create_organization", "Create an organization.")
    },
    Operation {
        query: Some(schema::<wire::Page>),
        answers: &[(200, Some((JSON, schema::<wire::List<wire::Organization>>)))],
        ..operation(
            "GET",
            "/v1/organizations",
            "list_organizations",
            "Read the organizations that the caller may know of.",
        )
    },
    Operation {
        answers: &[(200, ORGANIZATION)],
        tells: &[VERSION],
        ..operation("GET", "/v1/organizations/{id}", "find_organization", "Read an organization.")
    },
    Operation {
        headers: &[IF_MATCH],
        takes: &[(PATCH, schema::<wire::UpdateOrganization>)],
        answers: &[(200, ORGANIZATION), (202, CHANGED_ORGANIZATION)],
        tells: &[VERSION],
        ..operation("PATCH", "/v1/organizations/{id}", "update_organization", "Change an organization.")
    },
    Operation {
        headers: &[IF_MATCH],
        answers: &[(204, None), (202, UNCOVERED)],
        tells: &[RECEIPT],
        ..operation(
            "DELETE",
            "/v1/organizations/{id}",
            "remove_organization",
            "Remove an organization with all below it.",
        )
    },
];
