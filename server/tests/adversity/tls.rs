//! This file is about a server with a certificate.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::harness::{Server, eventually, folder};

/// Serves a folder on both ports, after a change of its configuration.
pub(crate) fn serve(folder: &Path, change: impl FnOnce(&mut toml::Table)) -> Server {
    certify(folder);
    Server::configured(folder, |config| {
        config.insert(
            "tls".to_owned(),
            toml::toml! { certificate = "cert.pem" private_key = "key.pem" }.into(),
        );
        config["listen"].as_table_mut().expect("a table").insert("https".to_owned(), "127.0.0.1:0".into());
        change(config);
    })
}

/// Puts a new certificate and its key in their files; the certificate.
fn certify(folder: &Path) -> String {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    std::fs::write(folder.join("cert.pem"), made.cert.pem()).expect("it can be written");
    std::fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).expect("it can be written");
    joined(&made.cert.pem())
}

/// What a PEM file holds, however its lines are broken.
fn joined(pem: &str) -> String {
    pem.split_ascii_whitespace().collect()
}

/// True if a new connection is shown this certificate.
fn shows(server: &Server, certificate: &str) -> bool {
    let address = server.https.strip_prefix("https://").expect("it listens for TLS");
    let mut openssl = Command::new("openssl");
    openssl.args(["s_client", "-connect", address]).stdin(Stdio::null());
    let shown = openssl.output().expect("openssl is installed");
    joined(&String::from_utf8_lossy(&shown.stdout)).contains(certificate)
}

/// The signal ended the server, at once and out of order.
#[test]
fn a_certificate_is_read_again_when_a_signal_says_so() {
    let folder = folder();
    let server = serve(folder.path(), |_| {});
    let renewed = certify(folder.path());
    assert!(!shows(&server, &renewed), "nothing is read before");
    server.signal("HUP");
    eventually("the new one is shown", || shows(&server, &renewed).then_some(()));

    std::fs::write(folder.path().join("cert.pem"), "nothing").expect("it can be written");
    server.signal("HUP");
    eventually("it is told", || server.log().contains("the certificate stays as it was").then_some(()));
    assert!(shows(&server, &renewed));
    assert_eq!(server.stop().code(), Some(0));
}

#[test]
fn without_a_certificate_the_signal_means_nothing() {
    let folder = folder();
    let server = Server::configured(folder.path(), |_| {});
    server.signal("HUP");
    assert_eq!(server.call_as("", "GET", "/healthz", None).status, 200);
    assert_eq!(server.stop().code(), Some(0));
}
