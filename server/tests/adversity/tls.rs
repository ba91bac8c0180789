//! This file is about a server with a certificate.

use std::path::Path;

use crate::harness::Server;

/// Serves a folder on both ports, after a change of its configuration.
pub(crate) fn serve(folder: &Path, change: impl FnOnce(&mut toml::Table)) -> Server {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    std::fs::write(folder.join("cert.pem"), made.cert.pem()).expect("it can be written");
    std::fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).expect("it can be written");
    Server::configured(folder, |config| {
        config.insert(
            "tls".to_owned(),
            toml::toml! { certificate = "cert.pem" private_key = "key.pem" }.into(),
        );
        config["listen"].as_table_mut().expect("a table").insert("https".to_owned(), "127.0.0.1:0".into());
        change(config);
    })
}
