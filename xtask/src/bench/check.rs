//! Whether a subject answers right, before it is measured: a wrong answer is often a fast one.

use std::net::SocketAddr;
use std::process::Command;

use super::cases::Case;
use super::load::{CALL_HEADERS, Generators, Load, said};
use super::subjects::{Kind, Task};
use crate::server::Server;
use crate::{Error, http};

/// What curl says at its end, behind the headers.
const SAY: &str = "\nVERSION %{http_version} STATUS %{http_code} BYTES %{size_download}\n";

/// Asks by curl, and compares the answer with what the case is about: protocol, status, size, the headers of the plugins; and
/// by nghttp for the status of a call of gRPC.
pub(super) fn answer(
    case: &Case,
    load: Load,
    task: &Task,
    server: SocketAddr,
    generators: &Generators,
) -> Result<(), Error> {
    let mut command = Command::new("curl");
    command.args(["--silent", "--show-error", "--insecure", "--max-time", "10"]);
    command.arg(match (load.wire.h2, load.wire.tls) {
        (false, _) => "--http1.1",
        (true, false) => "--http2-prior-knowledge",
        (true, true) => "--http2",
    });
    if let Some(body) = generators.body(load.content)? {
        command
            .arg("--data-binary")
            .arg(format!("@{}", body.display()));
        command.args(["-H", "expect:"]);
    }
    if load.is_call() {
        for header in CALL_HEADERS {
            command.args(["-H", header]);
        }
    }
    command
        .args(["--dump-header", "-", "--output", "/dev/null"])
        .args(["--write-out", SAY])
        .arg(load.url(server));
    let text = said(command, "curl, which looks whether the answer is right,")?;
    let version = if load.wire.h2 { "2" } else { "1.1" };
    let expected = format!("VERSION {version} STATUS 200 BYTES {}", load.answer());
    let marks = match case.plugins.mark() {
        Some((name, count)) if !task.plugins.is_empty() => count_headers(&text, name) == count,
        _ => true,
    };
    if marks && text.lines().any(|line| line == expected) {
        return if load.is_call() {
            status_of_call(load, server, generators)
        } else {
            Ok(())
        };
    }
    Err(Error::new(format!(
        "case {}: the answer is not right; `{expected}` was expected, with the headers of {} plugins:\n{text}",
        case.name,
        task.plugins.len(),
    )))
}

/// The call's own status stands in trailers, of which curl says nothing.
fn status_of_call(load: Load, server: SocketAddr, generators: &Generators) -> Result<(), Error> {
    let mut command = Command::new("nghttp");
    command.arg("--verbose");
    if let Some(message) = generators.body(load.content)? {
        command.arg("--data").arg(message);
    }
    for header in CALL_HEADERS {
        command.args(["--header", header]);
    }
    command.arg(load.url(server));
    let text = said(command, "nghttp, which comes with h2load,")?;
    if text.lines().any(|line| line.ends_with(" grpc-status: 0")) {
        return Ok(());
    }
    Err(Error::new(format!(
        "the call did not end with status 0:\n{text}"
    )))
}

fn count_headers(text: &str, name: &str) -> usize {
    let names = text.lines().filter_map(|line| line.split_once(':'));
    names
        .filter(|(found, _)| found.eq_ignore_ascii_case(name))
        .count()
}

/// What a client of TLS and a subject settle on, such as `TLSv1.3, TLS_AES_128_GCM_SHA256, X25519 253 bits, h2`.
pub(super) fn settled(
    load: Load,
    server: SocketAddr,
    generators: &Generators,
) -> Result<String, Error> {
    let text = said(generators.one_by_h2load(load, server), "h2load")?;
    let facts = [
        "TLS Protocol: ",
        "Cipher: ",
        "Server Temp Key: ",
        "Application protocol: ",
    ];
    let fact = |name| text.lines().find_map(|line| line.strip_prefix(name));
    let facts: Option<Vec<_>> = facts.into_iter().map(fact).collect();
    let facts = facts.ok_or_else(|| Error::new(format!("h2load settled on no TLS:\n{text}")))?;
    Ok(facts.join(", "))
}

/// All subjects of a case have to settle on the same, or they are not compared.
pub(super) fn same(
    case: &Case,
    settled: &mut Option<String>,
    kind: Kind,
    now: String,
) -> Result<(), Error> {
    match settled {
        Some(before) if *before != now => Err(Error::new(format!(
            "case {}: {} speaks `{now}` where others speak `{before}`",
            case.name,
            kind.name()
        ))),
        _ => {
            *settled = Some(now);
            Ok(())
        }
    }
}

/// The first answer of a server that has just been started, without the time that curl takes to start.
pub(super) fn first(case: &Case, server: &Server) -> Result<(), Error> {
    let response = http::get(server.address(), "/")
        .map_err(|e| Error::because(format!("case {}: no answer", case.name), e))?;
    if response.status == "HTTP/1.1 200 OK" {
        return Ok(());
    }
    Err(Error::new(format!(
        "case {}: the first answer is not right: {response:?}",
        case.name
    )))
}

/// What `/generation` is answered with.
pub(super) fn generation(server: SocketAddr) -> Option<u64> {
    let response = http::get(server, "/generation").ok()?;
    std::str::from_utf8(&response.body).ok()?.parse().ok()
}
