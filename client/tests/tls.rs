//! TLS: a server is trusted by the certificate that was named, and by no other.

use std::sync::Arc;

use keyward_client::{Client, Error};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::server::{Server, secret};

/// A server with a certificate of its own for `localhost`; its address, and the certificate.
async fn start(server: Server) -> (String, String) {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_no_client_auth().with_single_cert(vec![cert.der().clone()], key).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            if let Ok(stream) = acceptor.accept(stream).await {
                tokio::spawn(server.clone().serve(stream));
            }
        }
    });
    (format!("https://localhost:{port}"), cert.pem())
}

#[tokio::test]
async fn only_the_named_certificate_is_trusted() {
    let server = Server::new(vec![(200, "", "a note".into())]);
    let (address, certificate) = start(server.clone()).await;
    let (_, other) = start(server.clone()).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, certificate).unwrap();
    let client = Client::with_ca_file(&address, &secret(), &file).unwrap();
    assert_eq!(client.checkpoint().await.unwrap(), "a note");
    std::fs::write(&file, other).unwrap();
    let client = Client::with_ca_file(&address, &secret(), &file).unwrap();
    let before = server.asked().len();
    assert!(matches!(client.checkpoint().await, Err(Error::Connection(_))));
    assert_eq!((before, server.asked().len()), (1, 0));
}

#[test]
fn a_file_without_a_certificate_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    let refused = || Client::with_ca_file("https://localhost", &secret(), &file).err();
    assert!(matches!(refused(), Some(Error::Setup(what)) if what.contains("ca.pem")));
    std::fs::write(&file, "nothing").unwrap();
    assert!(matches!(refused(), Some(Error::Setup(what)) if what.contains("ca.pem")));
}
