//! This file is about TLS: 1.3 and nothing older.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use crate::config::Tls;

/// Reads certificate and key.
pub(crate) fn acceptor(tls: &Tls) -> anyhow::Result<TlsAcceptor> {
    let file = |path: &Path| format!("{}", path.display());
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(&tls.certificate)
        .and_then(Iterator::collect)
        .with_context(|| file(&tls.certificate))?;
    let key = PrivateKeyDer::from_pem_file(&tls.private_key).with_context(|| file(&tls.private_key))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Makes a self-signed certificate for this machine's own names, for the demo.
pub(crate) fn self_signed(folder: &Path) -> anyhow::Result<Tls> {
    let tls = Tls { certificate: folder.join("demo-cert.pem"), private_key: folder.join("demo-key.pem") };
    if !tls.certificate.exists() {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()])?;
        crate::keyfiles::write_new(&tls.private_key, made.signing_key.serialize_pem().as_bytes(), 0o600)?;
        fs::write(&tls.certificate, made.cert.pem())?;
    }
    Ok(tls)
}
