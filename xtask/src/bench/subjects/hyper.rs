//! The bare proxy of hyper: it takes its task from the command line.

use std::net::SocketAddr;
use std::process::Command;

use super::Task;

pub(super) fn arguments<'a>(
    command: &'a mut Command,
    task: &Task,
    listen: SocketAddr,
    origin: SocketAddr,
) -> &'a mut Command {
    command
        .arg(listen.to_string())
        .arg(origin.to_string())
        .arg(task.workers.to_string());
    if task.wire.h2 {
        command.arg("h2");
    }
    if task.calls {
        command.arg("h2-upstream");
    }
    if task.wire.tls {
        let certificate = &task.certificate;
        command
            .arg("tls")
            .arg(&certificate.chain)
            .arg(&certificate.key);
    }
    command
}
