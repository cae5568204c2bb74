//! What spans say where connections are encrypted.

use opentelemetry_proto::tonic::trace::v1::span::SpanKind;

use super::super::support::address;
use super::super::tls::support::{Client, folder, listener, start};
use super::collector::{Collector, attribute};
use crate::certificates::Authority;
use crate::tls_server::Server;

#[tokio::test]
async fn both_sides_are_https() {
    let collector = Collector::start().await;
    let authority = Authority::new();
    let folder = folder(&authority);
    authority.identity("a.test").write(folder.path(), "a");
    let server = Server {
        identity: authority.identity("127.0.0.1"),
        protocols: &["http/1.1"],
        clients: None,
    };
    let server = server.start().await;
    let yaml = listener(&["a"], "")
        + &collector.section("")
        + &format!(
            "routes: [{{id: all, path: '/*', upstream: backend}}]
upstreams: [{{name: backend, endpoints: '{server}', tls: {{ca_file: ca.pem}}}}]
"
        );
    let gateway = start(folder.path(), &yaml).await;
    let client = Client::new(&authority);
    let connected = client.connect(address(&gateway), "a.test").await;
    let mut secure = connected.expect("a connection");
    let request = "GET http://a.test/b?c HTTP/1.1\r\nhost: a.test\r\nconnection: close\r\n\r\n";
    secure.send(request).await.expect("a response");
    drop(secure);
    let seen = collector.after(gateway).await;

    let (outer, inner) = (seen.only("GET /*"), seen.only("GET"));
    assert_eq!(
        (outer.kind(), inner.kind()),
        (SpanKind::Server, SpanKind::Client)
    );
    assert_eq!(attribute(&outer.attributes, "url.scheme"), "https");
    assert_eq!(attribute(&outer.attributes, "url.path"), "/b");
    let url = format!("https://{server}/b");
    assert_eq!(attribute(&inner.attributes, "url.full"), url);
}
