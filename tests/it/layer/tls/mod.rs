//! Calls of plugins over TLS: who is trusted, and what becomes of calls to those who are not.

use std::net::SocketAddr;

use loom_layer::{LoomPlugin, LoomPluginBuilder, UpstreamTls};
use rustls::ClientConfig;
use tokio::net::TcpListener;
use tracing::Level;

use super::grpc::{ask, caller};
use super::support::{Guest, logs, plugin};
use crate::certificates::{Authority, Identity, provider};
use crate::tls_server::Server;

const BOTH: &[&str] = &["h2", "http/1.1"];

/// A server that is called by both of its protocols, with this certificate.
async fn start(identity: Identity) -> SocketAddr {
    let server = Server {
        identity,
        protocols: BOTH,
        clients: None,
    };
    server.start().await
}

fn url(host: &str, server: SocketAddr) -> String {
    format!("https://{host}:{}", server.port())
}

/// What the plugin is told of an HTTP call and of a gRPC call to the upstream `named`.
async fn calls(plugin: &LoomPlugin, named: &str) -> [String; 2] {
    let mut told = [
        format!("http {named} 20000 / x"),
        format!("call {named} t.S M 20000 x"),
    ];
    for call in &mut told {
        *call = ask(plugin, &[("start", call)]).await;
    }
    told
}

async fn built(builder: LoomPluginBuilder) -> LoomPlugin {
    builder.build_async().await.unwrap()
}

/// A call of each kind to a server that is not trusted, and the warning that says why.
async fn refused(named: &str, url: &str, tls: UpstreamTls) -> logs::Line {
    let builder = caller(named).upstream_with_tls(named, url, tls);
    let plugin = built(builder).await;
    let [http, grpc] = calls(&plugin, named).await;
    assert!(http.starts_with("1: answer 503 of 3 headers"), "{http}");
    assert!(http.contains("upstream connect error"), "{http}");
    assert!(
        grpc.starts_with("1: failed 14: 14 upstream connect error"),
        "{grpc}"
    );
    let lines = logs::of("");
    let about_it = |line: &&logs::Line| line.field("upstream") == named;
    let lines = lines.iter().filter(about_it);
    let (warnings, others): (Vec<_>, Vec<_>) = lines.partition(|line| line.level == Level::WARN);
    let [warning] = &warnings[..] else {
        panic!("one warning: {warnings:?}");
    };
    assert_eq!(others.len(), 2, "a line for each call: {others:?}");
    for line in others {
        assert!(
            line.field("error").contains(warning.field("error")),
            "{line:?} tells the cause: {warning:?}"
        );
    }
    (*warning).clone()
}

#[tokio::test]
async fn a_server_that_is_trusted() {
    let authority = Authority::new();
    let named = start(authority.identity("localhost")).await;
    let numbered = start(authority.identity("127.0.0.1")).await;
    let tls = UpstreamTls::roots(authority.pem());
    let plugin = caller("tls-trusted")
        .upstream_with_tls("named", &url("localhost", named), tls.clone())
        .upstream_with_tls("numbered", &url("127.0.0.1", numbered), tls);
    let plugin = built(plugin).await;
    let [http, grpc] = calls(&plugin, "named").await;
    assert!(
        http.contains("HTTP/1.1 no scheme localhost http/1.1"),
        "{http}"
    );
    assert_eq!(grpc, "1: response of 27: HTTP/2.0 https localhost h2");
    let [http, grpc] = calls(&plugin, "numbered").await;
    assert!(
        http.contains("HTTP/1.1 no scheme no name http/1.1"),
        "{http}"
    );
    assert_eq!(grpc, "1: response of 25: HTTP/2.0 https no name h2");
}

/// The system's authorities are named by the environment, which has to be there from the begin: the test starts itself.
#[tokio::test]
async fn a_server_that_the_system_trusts() {
    const KEY: &str = "LOOM_TEST_SERVER";
    let Some(url) = std::env::var_os(KEY) else {
        let authority = Authority::new();
        let server = start(authority.identity("localhost")).await;
        let roots = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(roots.path(), authority.pem()).unwrap();
        let test = "layer::tls::a_server_that_the_system_trusts";
        let output = tokio::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", test])
            .env(KEY, url("localhost", server))
            .env("SSL_CERT_FILE", roots.path())
            .output()
            .await
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success() && text.contains("1 passed"),
            "{text}"
        );
        return;
    };
    let plugin = caller("tls-system-trusts").upstream("system", &url.into_string().unwrap());
    let [http, grpc] = calls(&built(plugin).await, "system").await;
    assert!(http.contains("localhost http/1.1"), "{http}");
    assert!(grpc.contains("localhost h2"), "{grpc}");
}

#[tokio::test]
async fn a_server_of_another_authority() {
    let server = start(Authority::new().identity("localhost")).await;
    let ours = UpstreamTls::roots(Authority::new().pem());
    let why = refused("tls-untrusted", &url("localhost", server), ours).await;
    // It has the same name as the one that is trusted.
    assert!(why.field("error").contains("BadSignature"), "{why:?}");
    assert!(
        why.field("cure").contains("no trusted authority"),
        "{why:?}"
    );
    let why = refused(
        "tls-system",
        &url("localhost", server),
        UpstreamTls::system_roots(),
    )
    .await;
    assert!(why.field("error").contains("UnknownIssuer"), "{why:?}");
}

#[tokio::test]
async fn a_server_of_another_name() {
    let authority = Authority::new();
    let server = start(authority.identity("elsewhere")).await;
    let ours = UpstreamTls::roots(authority.pem());
    let why = refused("tls-name", &url("localhost", server), ours).await;
    assert!(why.field("error").contains("elsewhere"), "{why:?}");
    assert!(why.field("cure").contains("another name"), "{why:?}");
}

#[tokio::test]
async fn a_certificate_that_is_too_old() {
    let authority = Authority::new();
    let server = start(authority.identity_until("localhost", 2001)).await;
    let ours = UpstreamTls::roots(authority.pem());
    let why = refused("tls-old", &url("localhost", server), ours).await;
    assert!(why.field("cure").contains("too old"), "{why:?}");
}

#[tokio::test]
async fn a_server_without_tls() {
    let server = crate::grpc_server::GrpcServer::start().await;
    let ours = UpstreamTls::roots(Authority::new().pem());
    let why = refused("tls-plain", &url("127.0.0.1", server.address), ours).await;
    assert!(why.field("cure").contains("does not speak TLS"), "{why:?}");
}

#[tokio::test]
async fn a_server_without_http2() {
    let authority = Authority::new();
    let server = Server {
        identity: authority.identity("localhost"),
        protocols: &["http/1.1"],
        clients: None,
    };
    let server = server.start().await;
    let tls = UpstreamTls::roots(authority.pem());
    let plugin = caller("tls-http1").upstream_with_tls("http1", &url("localhost", server), tls);
    let [http, grpc] = calls(&built(plugin).await, "http1").await;
    assert!(http.starts_with("1: answer 200"), "{http}");
    assert!(grpc.starts_with("1: failed 14"), "{grpc}");
}

#[tokio::test]
async fn a_server_that_wants_a_certificate() {
    let (servers, clients) = (Authority::new(), Authority::new());
    let server = Server {
        identity: servers.identity("localhost"),
        protocols: BOTH,
        clients: Some(&clients),
    };
    let url = url("localhost", server.start().await);
    let me = clients.identity("me");
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(servers.roots())
        .with_client_auth_cert(me.chain, me.key)
        .unwrap();
    let plugin = caller("tls-client")
        .upstream_with_tls("known", &url, config)
        .upstream_with_tls("unknown", &url, UpstreamTls::roots(servers.pem()));
    let plugin = built(plugin).await;
    let [http, grpc] = calls(&plugin, "known").await;
    assert!(http.contains("localhost http/1.1"), "{http}");
    assert!(grpc.contains("localhost h2"), "{grpc}");
    let [http, grpc] = calls(&plugin, "unknown").await;
    assert!(http.starts_with("1: answer 503"), "{http}");
    assert!(grpc.starts_with("1: failed 14"), "{grpc}");
}

#[tokio::test]
async fn a_handshake_without_an_end() {
    // The kernel takes connections, and nobody ever answers.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = url("localhost", listener.local_addr().unwrap());
    let tls = UpstreamTls::roots(Authority::new().pem());
    let plugin = caller("tls-silent").upstream_with_tls("silent", &url, tls);
    let plugin = built(plugin).await;
    let told = ask(&plugin, &[("start", "http silent 50 / x")]).await;
    assert!(told.starts_with("1: answer 504"), "the call's: {told}");
    let told = ask(&plugin, &[("start", "call silent t.S M 50 x")]).await;
    assert_eq!(told, "1: failed 14: 14 upstream request timeout");
    let told = ask(&plugin, &[("start", "http silent 20000 / x")]).await;
    assert!(
        told.starts_with("1: answer 503"),
        "the connection's: {told}"
    );
}

#[test]
fn what_is_no_upstream() {
    let roots = || UpstreamTls::roots(Authority::new().pem());
    for (url, tls, wrong) in [
        (
            "http://a",
            roots(),
            "`http://a` does not begin with https://",
        ),
        ("https://a/b", roots(), "has a path"),
        (
            "https://a",
            UpstreamTls::roots("none"),
            "no certificate in PEM",
        ),
    ] {
        let error = plugin("tls-wrong", &Guest::new())
            .upstream_with_tls("a", url, tls)
            .build()
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("upstream `a`: ") && error.contains(wrong),
            "{error}"
        );
    }
}
