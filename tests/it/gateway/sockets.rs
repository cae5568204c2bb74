//! What a gateway listens on, other than a port of its own.

use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;

use loom_gateway::{Drained, Running};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;

use super::support::{Raw, address, parse, program, start, within};
use crate::gateway::keys::shows;

shows! {
    ["admin", "listeners[]"]: "address" or "127.0.0.1:0" => addresses_are_those_of_the_file;
    ["listeners[]"]: "mode" => a_unix_socket_is_served_and_its_file_goes_with_the_gateway;
    ["listeners[]"]: "reuse_port" => two_gateways_share_a_port_when_both_say_so;
}

const ECHO: &str = "routes: [{id: all, path: '/*', upstream: echo}]
upstreams: [{name: echo, builtin: echo}]
";
const GET: &str = "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";

async fn at_socket(path: &Path) -> std::io::Result<String> {
    let mut stream = UnixStream::connect(path).await?;
    stream.write_all(GET.as_bytes()).await?;
    let mut answer = String::new();
    within(stream.read_to_string(&mut answer)).await?;
    Ok(answer)
}

async fn at_unix(path: &Path, more: &str) -> Running {
    let socket = path.display();
    start(&format!(
        "listeners: [{{name: web, address: 'unix:{socket}'{more}}}]\n{ECHO}"
    ))
    .await
}

#[tokio::test]
async fn a_unix_socket_is_served_and_its_file_goes_with_the_gateway() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("loom.sock");
    let gateway = at_unix(&path, ", mode: '0600'").await;
    let mode = std::fs::metadata(&path)
        .expect("a file")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let answer = at_socket(&path).await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(
        answer.contains(r#""x-forwarded-proto":["http"]"#),
        "{answer}"
    );
    // Nobody has an address here, and nobody gets one.
    assert!(!answer.contains("x-forwarded-for"), "{answer}");
    assert_eq!(gateway.addresses(), []);
    assert_eq!(within(gateway.shutdown()).await, Drained::Complete);
    assert!(!path.exists());

    // One that a process left behind is replaced.
    drop(std::os::unix::net::UnixListener::bind(&path).expect("bound"));
    let gateway = at_unix(&path, "").await;
    assert!(at_socket(&path).await.is_ok());
    drop(gateway);
}

#[tokio::test]
async fn addresses_are_those_of_the_file() {
    let gateway = start(
        "listeners: [{name: web, address: '127.0.0.2:0'}]
admin: {address: '127.0.0.3:0'}",
    )
    .await;
    assert_eq!(address(&gateway).ip().to_string(), "127.0.0.2");
    let admin = gateway.admin_address().expect("there is one");
    assert_eq!(admin.ip().to_string(), "127.0.0.3");
    for address in [address(&gateway), admin] {
        let answer = Raw::exchange(address, GET).await;
        assert!(answer.starts_with("HTTP/1.1 "), "{address}: {answer}");
    }
}

#[tokio::test]
async fn two_gateways_share_a_port_when_both_say_so() {
    let listening = |address: &str, more: &str| {
        format!("listeners: [{{name: web, address: '{address}'{more}}}]\n{ECHO}")
    };
    let old = start(&listening("127.0.0.1:0", ", reuse_port: true")).await;
    let at = address(&old);
    let new = start(&listening(&at.to_string(), ", reuse_port: true")).await;
    let config = parse("loom.yaml", &listening(&at.to_string(), "")).expect("valid");
    let error = loom_gateway::Gateway::start(config).await;
    assert!(error.is_err_and(|error| error.to_string().contains("`web`")));
    // The new one takes over when the old one ends.
    assert_eq!(within(old.shutdown()).await, Drained::Complete);
    assert!(Raw::exchange(at, GET).await.starts_with("HTTP/1.1 200 "));
    assert_eq!(address(&new), at);
}

/// Runs `loom` with this socket as its descriptor 3, as systemd does it.
fn with_socket(folder: &Path, socket: OwnedFd, names: &str) -> tokio::process::Child {
    let script = "exec 3<&0 0</dev/null; LISTEN_PID=$$ exec \"$0\"";
    tokio::process::Command::new("sh")
        .args(["-c", script])
        .arg(program())
        .env("LISTEN_FDS", "1")
        .env("LISTEN_FDNAMES", names)
        .current_dir(folder)
        .stdin(Stdio::from(socket))
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("loom runs")
}

/// Reads the log on to the line with this text, and leaves the rest to nobody: little follows.
async fn until(child: &mut tokio::process::Child, text: &str) {
    let mut lines = BufReader::new(child.stderr.take().expect("a pipe")).lines();
    within(async {
        while let Ok(Some(line)) = lines.next_line().await {
            if line.contains(text) {
                return;
            }
        }
        panic!("the log ended without {text:?}");
    })
    .await;
}

#[tokio::test]
async fn a_socket_that_is_handed_over_is_found_by_its_address_or_by_its_name() {
    let folder = tempfile::tempdir().expect("a folder");
    for by_name in [false, true] {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let at = socket.local_addr().expect("bound");
        let (configured, names) = if by_name {
            ("127.0.0.1:0".to_owned(), "web")
        } else {
            (at.to_string(), "")
        };
        let yaml =
            format!("workers: 1\nlisteners: [{{name: web, address: '{configured}'}}]\n{ECHO}");
        std::fs::write(folder.path().join("loom.yaml"), yaml).expect("written");
        let ours = socket.try_clone().expect("a copy");
        let mut loom = with_socket(folder.path(), socket.into(), names);
        until(&mut loom, "listening").await;
        assert!(Raw::exchange(at, GET).await.starts_with("HTTP/1.1 200 "));
        // While one process follows the other, whoever connects waits in the socket's queue.
        loom.kill().await.expect("killed");
        let waiting = tokio::spawn(Raw::exchange(at, GET));
        let mut next = with_socket(folder.path(), ours.into(), names);
        until(&mut next, "listening").await;
        let answer = within(waiting).await.expect("no panic");
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
}

#[tokio::test]
async fn a_unix_socket_that_is_handed_over_keeps_its_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("loom.sock");
    let socket = std::os::unix::net::UnixListener::bind(&path).expect("bound");
    let yaml = format!(
        "workers: 1\nlisteners: [{{name: web, address: 'unix:{}'}}]\n{ECHO}",
        path.display()
    );
    std::fs::write(folder.path().join("loom.yaml"), yaml).expect("written");
    let mut loom = with_socket(folder.path(), socket.into(), "");
    until(&mut loom, "listening").await;
    let answer = at_socket(&path).await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let id = loom.id().expect("it runs").to_string();
    let killed = std::process::Command::new("kill").arg(&id).status();
    assert!(killed.expect("kill runs").success());
    within(loom.wait()).await.expect("it ends");
    assert!(path.exists(), "it belongs to whoever made it");
}
