//! What a client gets: the protocol, and the certificate for the name that it asks for.

use http::{Request, Version};
use http_body_util::Empty;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::CertificateParams;
use rustls::version::{TLS12, TLS13};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::super::support::{address, text, within};
use super::support::{Client, ECHO, folder, listener, start};
use crate::certificates::Authority;
use crate::gateway::keys::shows;

shows! {
    ["listeners[].tls"]: "min_version" => versions_from_the_oldest_one_on;
    ["listeners[].tls.certificates[]"]: "cert_file" or "other.pem", "key_file" only => http1_and_http2_by_alpn;
}

#[tokio::test]
async fn http1_and_http2_by_alpn() {
    let authority = Authority::new();
    let folder = folder(&authority);
    let own = authority.identity("a.test");
    own.write(folder.path(), "a");
    // Of somebody whom nobody trusts.
    Authority::new().write_for(&own, "a.test", folder.path(), "other");
    let gateway = start(folder.path(), &(listener(&["a"], "") + ECHO)).await;
    let client = Client::new(&authority);
    for (offered, chosen) in [
        (&["http/1.1"][..], Some("http/1.1")),
        (&[], None),
        (&["http/1.0", "http/1.1"], Some("http/1.1")),
    ] {
        let client = client.clone().alpn(offered);
        let connected = client.connect(address(&gateway), "a.test").await;
        let mut secure = connected.expect("a connection");
        let alpn = secure.0.get_ref().1.alpn_protocol();
        assert_eq!(alpn, chosen.map(str::as_bytes), "{offered:?}");
        let response = secure.get("/").await.expect("a response");
        assert!(response.starts_with("HTTP/1.1 200 "), "{response}");
        assert!(
            response.contains(r#""x-forwarded-proto":["https"]"#),
            "{response}"
        );
    }

    let both = client.clone().alpn(&["http/1.1", "h2"]);
    let connected = both.connect(address(&gateway), "a.test").await;
    let secure = connected.expect("a connection").0;
    assert_eq!(secure.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let handshake =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(secure));
    let (mut sender, connection) = handshake.await.expect("a connection");
    tokio::spawn(connection);
    let request = Request::get("https://a.test/").body(Empty::<bytes::Bytes>::new());
    let response = within(sender.send_request(request.expect("a request"))).await;
    let response = response.expect("a response");
    assert_eq!(
        (response.status().as_u16(), response.version()),
        (200, Version::HTTP_2)
    );
    let echoed = text(response).await;
    assert!(
        echoed.contains(r#""x-forwarded-proto":["https"]"#),
        "{echoed}"
    );

    let other = client.alpn(&["acme-tls/1"]);
    assert!(other.connect(address(&gateway), "a.test").await.is_err());
}

/// RFC 9113, 3.2 and 3.4
#[tokio::test]
async fn what_was_settled_is_what_is_spoken() {
    let authority = Authority::new();
    let folder = folder(&authority);
    authority.identity("a.test").write(folder.path(), "a");
    let gateway = start(folder.path(), &(listener(&["a"], "") + ECHO)).await;
    let client = Client::new(&authority).alpn(&["h2"]);
    let connected = client.connect(address(&gateway), "a.test").await;
    let mut secure = connected.expect("a connection").0;
    let request = "GET / HTTP/1.1\r\nhost: a.test\r\n\r\n";
    let sent = secure.write_all(request.as_bytes()).await;
    sent.expect("a reader");
    let mut rest = Vec::new();
    // It may be cut off as well.
    let _ = within(secure.read_to_end(&mut rest)).await;
    let rest = String::from_utf8_lossy(&rest);
    assert!(!rest.contains("HTTP/1.1"), "{rest}");
}

#[tokio::test]
async fn the_name_chooses_the_certificate() {
    let authority = Authority::new();
    let folder = folder(&authority);
    let first = authority.identity("a.test");
    let params = CertificateParams::new(["*.b.test".to_owned(), "b.test".to_owned()]);
    let wildcard = authority.sign(&params.expect("names"));
    let exact = authority.identity("one.b.test");
    for (name, identity) in [
        ("first", &first),
        ("wildcard", &wildcard),
        ("exact", &exact),
    ] {
        identity.write(folder.path(), name);
    }
    let yaml = listener(&["first", "wildcard", "exact"], "") + ECHO;
    let gateway = start(folder.path(), &yaml).await;
    let client = Client::new(&authority);
    for (name, expected) in [
        ("a.test", &first),
        ("b.test", &wildcard),
        ("two.b.test", &wildcard),
        ("TWO.b.TEST", &wildcard),
        ("one.b.test", &exact),
    ] {
        let connected = client.connect(address(&gateway), name).await;
        let secure = connected.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(secure.certificate(), *expected.leaf(), "{name}");
    }
    let nameless = client
        .clone()
        .without_sni()
        .connect(address(&gateway), "a.test")
        .await;
    assert_eq!(nameless.expect("a connection").certificate(), *first.leaf());
    // For a name that no certificate has there is the first one, which the client refuses.
    for name in ["c.test", "x.one.b.test"] {
        let refused = client.connect(address(&gateway), name).await.err();
        let said = refused.map(|error| error.to_string()).unwrap_or_default();
        assert!(said.contains("a.test"), "{name}: {said}");
    }
}

#[tokio::test]
async fn versions_from_the_oldest_one_on() {
    let authority = Authority::new();
    let folder = folder(&authority);
    authority.identity("a.test").write(folder.path(), "a");
    for (key, old) in [
        ("", true),
        ("min_version: '1.2'", true),
        ("min_version: '1.3'", false),
    ] {
        let gateway = start(folder.path(), &(listener(&["a"], key) + ECHO)).await;
        for (version, works) in [(&TLS12, old), (&TLS13, true)] {
            let client = Client::speaking(&authority, &[version]);
            let connected = client.connect(address(&gateway), "a.test").await;
            assert_eq!(connected.is_ok(), works, "{key:?} {version:?}");
        }
    }
}
