//! The files for running it in production.

use std::fs;
use std::process::Command;
use std::time::Duration;

use http::Response;
use loom_config::{Config, Loader};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::super::support::{Loom, Raw, Upstream, full, program};
use super::super::tls::support::Client;
use super::read;
use crate::built;
use crate::certificates::Authority;

const TOKEN: (&str, &str) = ("ADMIN_TOKEN", "0123456789abcdef");

/// A folder with the configuration and the certificate that it names.
fn folder(authority: &Authority) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let certificates = folder.path().join("certs");
    fs::create_dir(&certificates).expect("a folder");
    authority
        .identity("localhost")
        .write(&certificates, "server");
    fs::write(
        folder.path().join("loom.yaml"),
        read("production/loom.yaml"),
    )
    .expect("written");
    folder
}

pub(super) fn production() -> Config {
    let folder = folder(&Authority::new());
    let loader = Loader::new([(TOKEN.0.to_owned(), TOKEN.1.to_owned())]);
    let config = loader.load(folder.path().join("loom.yaml"));
    config.unwrap_or_else(|faults| panic!("{faults}"))
}

/// The values of a key of a unit.
fn of_unit<'a>(unit: &'a str, key: &'a str) -> impl Iterator<Item = &'a str> {
    let lines = unit.lines().filter_map(|line| line.split_once('='));
    lines
        .filter(move |(name, _)| *name == key)
        .map(|(_, value)| value)
}

const SOCKETS: [&str; 2] = ["loom.socket", "loom-plain.socket"];

#[test]
fn units_agree_with_the_configuration() {
    let service = read("production/loom.service");
    let config = production();
    let sockets = SOCKETS.map(|socket| read(&format!("production/{socket}")));
    let names = sockets
        .iter()
        .flat_map(|socket| of_unit(socket, "FileDescriptorName"));
    let listeners = config.listeners.iter().map(|listener| &*listener.name);
    assert!(names.eq(listeners), "each listener has its socket");
    for key in ["Sockets", "Requires"] {
        let named = of_unit(&service, key).next();
        assert_eq!(named, Some(&*SOCKETS.join(" ")), "{key}");
    }
    let stop = of_unit(&service, "TimeoutStopSec").next().expect("a time");
    let stop: u64 = stop.trim_end_matches('s').parse().expect("seconds");
    let shutdown = config.shutdown.delay + config.shutdown.drain_timeout;
    assert!(
        Duration::from_secs(stop) > shutdown,
        "{stop} s and {shutdown:?}"
    );
    let files = of_unit(&service, "LimitNOFILE").next().expect("a number");
    let clients = config
        .listeners
        .iter()
        .map(|listener| listener.limits.connections);
    let clients: usize = clients.sum();
    assert!(
        files.parse::<usize>().expect("a number") > 2 * clients,
        "{files}"
    );
    assert_eq!(
        of_unit(&service, "MemoryDenyWriteExecute").next(),
        None,
        "plugins are compiled"
    );
}

#[test]
fn systemd_understands_the_units() {
    let folder = tempfile::tempdir().expect("a folder");
    for unit in ["loom.service", SOCKETS[0], SOCKETS[1]] {
        let text = read(&format!("production/{unit}"));
        let program = program().to_str().expect("a path in UTF-8");
        let text = text.replace("/usr/local/bin/loom", program);
        fs::write(folder.path().join(unit), text).expect("written");
    }
    let verify = Command::new("systemd-analyze")
        .args(["verify", "--man=no", "loom.service", SOCKETS[0], SOCKETS[1]])
        .current_dir(folder.path())
        .output();
    let Ok(verify) = verify else {
        eprintln!("SKIPPED: there is no systemd-analyze");
        return;
    };
    let said = String::from_utf8_lossy(&verify.stderr);
    let about = said.lines().filter(|line| line.contains("loom"));
    assert_eq!(about.collect::<Vec<_>>(), [""; 0], "{said}");
}

#[test]
fn the_image_is_built_with_the_compiler_of_the_workspace() {
    let dockerfile = read("production/Dockerfile");
    let toolchain = fs::read_to_string(xtask::root().join("rust-toolchain.toml")).expect("a file");
    let channel = toolchain.split('"').nth(1).expect("a channel");
    let minor = channel.rsplit_once('.').expect("three numbers").0;
    assert!(
        dockerfile.contains(&format!("FROM rust:{minor}-")),
        "{channel}"
    );
    assert!(dockerfile.contains("\nUSER nonroot\n"));
    let help = Command::new(program())
        .arg("--help")
        .output()
        .expect("it runs");
    let help = String::from_utf8_lossy(&help.stdout).into_owned();
    assert!(
        dockerfile.contains("\"loom\", \"health\"") && help.contains("  health "),
        "{help}"
    );
}

/// With PROXY protocol from this machine, a server behind it, and free ports.
#[tokio::test]
async fn the_configuration_does_what_it_says() {
    let plugin = built::plugin("metrics-log").expect("it is in Rust");
    let authority = Authority::new();
    let folder = folder(&authority);
    let backend = Upstream::bind()
        .await
        .serve(|request| async move { Response::new(full(request.uri().path().to_owned())) });
    let yaml = read("production/loom.yaml");
    let changed = [
        ("[10.0.0.0/8]", "[127.0.0.1]"),
        ("0.0.0.0:8443", "127.0.0.1:0"),
        ("0.0.0.0:8080", "127.0.0.1:0"),
        ("0.0.0.0:9091", "127.0.0.1:0"),
        // Its first line is read for the address.
        ("format: json}", "format: text}"),
    ];
    let yaml = changed.iter().fold(yaml, |yaml, (from, to)| {
        assert!(yaml.contains(from), "{from}");
        yaml.replace(from, to)
    });
    fs::write(folder.path().join("loom.yaml"), yaml).expect("written");
    let plugins = plugin
        .parent()
        .and_then(|folder| folder.to_str())
        .expect("UTF-8");
    let backend = backend.to_string();
    let environment = [TOKEN, ("PLUGINS", plugins), ("BACKEND", &backend)];
    let mut loom = Loom::start_with(folder.path(), &[], &environment);
    let (web, plain) = (loom.address().await, loom.address().await);

    let header = |client: &str| format!("PROXY TCP4 {client} 192.0.2.1 4711 443\r\n");
    let redirect = format!(
        "{}GET /api/a HTTP/1.1\r\nhost: a.test\r\n\r\n",
        header("192.0.2.7")
    );
    let mut redirected = Raw::connect(plain).await;
    redirected.send(redirect).await;
    let redirected = redirected.until("\r\n\r\n").await;
    assert!(redirected.starts_with("HTTP/1.1 308 "), "{redirected}");
    assert!(
        redirected.contains("location: https://a.test/api/a\r\n"),
        "{redirected}"
    );

    let ask = async |client: &str, request: &str| {
        let mut stream = TcpStream::connect(web).await.expect("a listener");
        stream
            .write_all(header(client).as_bytes())
            .await
            .expect("a reader");
        let mut secure = Client::new(&authority)
            .over(stream, "localhost")
            .await
            .expect("TLS");
        secure
            .send(&format!(
                "{request} HTTP/1.1\r\nhost: a.test\r\ncontent-length: 0\r\n\r\n"
            ))
            .await
            .expect("a response")
    };
    let answer = ask("192.0.2.7", "GET /api/a").await;
    assert!(
        answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("\r\n\r\n/a"),
        "{answer}"
    );
    // Each client by itself.
    for client in ["192.0.2.7", "192.0.2.8"] {
        for status in ["200", "200", "200", "200", "200", "429"] {
            let answer = ask(client, "POST /login").await;
            assert_eq!(&answer[9..12], status, "{client}: {answer}");
        }
    }
}
