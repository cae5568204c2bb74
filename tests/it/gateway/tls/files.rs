//! Files of certificates: their faults, and what becomes of a change.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use rustls::pki_types::CertificateDer;

use super::super::support::{Loom, address, loom};
use super::support::{Client, ECHO, Secure, config, folder, listener, start};
use crate::certificates::Authority;

#[tokio::test]
async fn a_reload_is_for_new_connections() {
    let authority = Authority::new();
    let folder = folder(&authority);
    let (old, new) = (authority.identity("a.test"), authority.identity("a.test"));
    let yaml = listener(&["a"], "") + ECHO;
    old.write(folder.path(), "a");
    let gateway = start(folder.path(), &yaml).await;
    let at = address(&gateway);
    let client = Client::new(&authority);
    let mut before = client.connect(at, "a.test").await.expect("a connection");
    assert_eq!(before.certificate(), *old.leaf());
    before.get("/").await.expect("a response");

    new.write(folder.path(), "a");
    let reloaded = gateway.reload(config(folder.path(), &yaml)).await;
    assert_eq!(reloaded.expect("a valid one").listeners, (1, 0, 0));
    assert_eq!(address(&gateway), at);
    let after = client.connect(at, "a.test").await.expect("a connection");
    assert_eq!(after.certificate(), *new.leaf());
    before.get("/").await.expect("the old one goes on");

    // TLS comes and goes with the key.
    let plain = format!("listeners: [{{name: web, address: '127.0.0.1:0'}}]\n{ECHO}");
    gateway
        .reload(config(folder.path(), &plain))
        .await
        .expect("a valid one");
    assert!(client.connect(at, "a.test").await.is_err());
    before.get("/").await.expect("the old one goes on");
}

/// What a `loom` that runs shows at this address.
async fn shown(client: &Client, at: std::net::SocketAddr) -> CertificateDer<'static> {
    let connected = client.connect(at, "a.test").await;
    connected.expect("a connection").certificate()
}

#[tokio::test]
async fn a_change_is_taken_over_and_a_bad_one_is_not() {
    let authority = Authority::new();
    let folder = folder(&authority);
    let [one, two, three] = [(); 3].map(|()| authority.identity("a.test"));
    one.write(folder.path(), "a");
    fs::write(folder.path().join("loom.yaml"), listener(&["a"], "") + ECHO).expect("written");
    let mut loom = Loom::start(folder.path(), &[]);
    let at = loom.address().await;
    let client = Client::new(&authority);
    let mut open: Secure = client.connect(at, "a.test").await.expect("a connection");
    assert_eq!(open.certificate(), *one.leaf());

    // A key of another certificate, and what is none.
    let certificate = fs::read(folder.path().join("a.pem")).expect("read");
    three.write(folder.path(), "b");
    fs::rename(folder.path().join("b.pem"), folder.path().join("a.pem")).expect("renamed");
    loom.line("reload refused").await;
    assert_eq!(shown(&client, at).await, *one.leaf());
    fs::write(folder.path().join("a.pem"), "none").expect("written");
    loom.line("reload refused").await;
    assert_eq!(shown(&client, at).await, *one.leaf());
    fs::write(folder.path().join("a.pem"), certificate).expect("written");
    loom.line("reloaded").await;

    two.write(folder.path(), "a");
    loom.line("reloaded").await;
    assert_eq!(shown(&client, at).await, *two.leaf());
    open.get("/").await.expect("the open one goes on");
}

/// Kubernetes mounts a secret as links, and changes it by one new link in the middle.
#[tokio::test]
async fn a_mounted_secret_is_followed() {
    let authority = Authority::new();
    let folder = folder(&authority);
    let [one, two, three] = [(); 3].map(|()| authority.identity("a.test"));
    let secret = folder.path().join("secret");
    fs::create_dir(&secret).expect("created");
    let put = |name: &str, identity: &crate::certificates::Identity| {
        fs::create_dir(secret.join(name)).expect("created");
        identity.write(&secret.join(name), "tls");
        symlink(name, secret.join("..data_tmp")).expect("linked");
        fs::rename(secret.join("..data_tmp"), secret.join("..data")).expect("renamed");
    };
    put("..one", &one);
    for file in ["tls.pem", "tls.key"] {
        symlink(Path::new("..data").join(file), secret.join(file)).expect("linked");
    }
    let yaml = listener(&["secret/tls"], "") + ECHO;
    fs::write(folder.path().join("loom.yaml"), yaml).expect("written");
    let mut loom = Loom::start(folder.path(), &[]);
    let at = loom.address().await;
    let client = Client::new(&authority);
    assert_eq!(shown(&client, at).await, *one.leaf());
    for (name, identity) in [("..two", &two), ("..three", &three)] {
        put(name, identity);
        loom.line("reloaded").await;
        assert_eq!(shown(&client, at).await, *identity.leaf());
    }
}

#[tokio::test]
async fn a_file_that_is_missing_is_waited_for() {
    let authority = Authority::new();
    let folder = folder(&authority);
    let (one, two) = (authority.identity("a.test"), authority.identity("a.test"));
    one.write(folder.path(), "a");
    let write = |yaml: String| fs::write(folder.path().join("loom.yaml"), yaml).expect("written");
    write(listener(&["a"], "") + ECHO);
    let mut loom = Loom::start(folder.path(), &[]);
    let at = loom.address().await;
    write(listener(&["b"], "") + ECHO);
    loom.line("reload refused").await;
    two.write(folder.path(), "b");
    loom.line("reloaded").await;
    assert_eq!(shown(&Client::new(&authority), at).await, *two.leaf());
}

#[test]
fn check_names_the_keys() {
    let authority = Authority::new();
    let folder = folder(&authority);
    authority.identity("a.test").write(folder.path(), "a");
    authority
        .identity_until("b.test", 2001)
        .write(folder.path(), "old");
    let yaml = listener(&["a", "old"], "") + ECHO;
    fs::write(folder.path().join("loom.yaml"), &yaml).expect("written");
    let output = loom(folder.path(), &["check"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let place = "warning: loom.yaml:7:23: listeners[0].tls.certificates[1].cert_file: the certificate in `old.pem` has expired on ";
    assert!(said.contains(place), "{said}");

    fs::copy(folder.path().join("old.key"), folder.path().join("a.key")).expect("copied");
    let output = loom(folder.path(), &["check"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    let place = "loom.yaml:6:40: listeners[0].tls.certificates[0].key_file: the key is not that of the first certificate in `a.pem`";
    assert!(said.contains(place), "{said}");
}
