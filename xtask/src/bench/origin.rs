//! What all subjects pass requests to: nginx with fixed answers, and a server of gRPC that gives messages back.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use crate::Error;
use crate::programs::Program;
use crate::server::{Server, free_address};

/// The bodies that it can be asked for, as `/NAME`, and their sizes. Any other path is answered with a few bytes.
pub(super) const BODIES: [(&str, usize); 3] = [("1k", 1 << 10), ("64k", 64 << 10), ("1m", 1 << 20)];

/// What any other path is answered with.
const ANSWER: &str = "hello";

/// The size of the body that a path is answered with.
pub(super) fn size(path: &str) -> usize {
    let name = path.trim_start_matches('/');
    let body = BODIES.iter().find(|(body, _)| *body == name);
    body.map_or(ANSWER.len(), |(_, size)| *size)
}

/// `grpc-origin` of the benches crate.
pub(super) fn start_grpc(program: &Path, folder: &Path) -> Result<Server, Error> {
    let address = free_address()?;
    let mut command = Command::new(program);
    command.arg(address.to_string());
    let log = folder.join("grpc-origin.log");
    Server::start("the gRPC origin", command, address, &log)
}

pub(super) fn start(nginx: &Program, folder: &Path) -> Result<Server, Error> {
    let address = free_address()?;
    let folder = folder.join("origin");
    let file = folder.join("nginx.conf");
    let write = || {
        fs::create_dir_all(folder.join("www"))?;
        for (name, size) in BODIES {
            fs::write(folder.join("www").join(name), vec![b'x'; size])?;
        }
        fs::write(&file, config(&folder, address))
    };
    write().map_err(|e| Error::because(format!("cannot write {}", folder.display()), e))?;
    let mut command = Command::new(&nginx.path);
    command.arg("-p").arg(&folder).arg("-c").arg(&file);
    Server::start("the origin", command, address, &folder.join("log"))
}

fn config(folder: &Path, address: SocketAddr) -> String {
    let folder = folder.display();
    let bodies: String = BODIES
        .iter()
        .map(|(name, _)| format!("    location = /{name} {{ root {folder}/www; }}\n"))
        .collect();
    format!(
        r#"worker_processes 1;
daemon off;
pid {folder}/pid;
error_log stderr warn;
events {{ worker_connections 20000; }}
http {{
  access_log off;
  server_tokens off;
  keepalive_requests 1000000000;
  client_max_body_size 0;
  client_body_temp_path {folder}/body;
  sendfile on;
  tcp_nopush on;
  open_file_cache max=16;
  default_type text/plain;
  server {{
    listen {address} backlog=4096;
{bodies}    location / {{ return 200 "{ANSWER}"; }}
  }}
}}
"#
    )
}
