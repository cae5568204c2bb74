//! nginx, told to add the headers to a request that Loom and Envoy add by themselves. It has no plugins.

use super::{Place, Task};

pub(super) fn config(task: &Task, place: &Place<'_>) -> String {
    let Place {
        listen,
        origin,
        folder,
    } = place;
    let folder = folder.display();
    let workers = task.workers;
    let connections = 2 * task.connections + 100;
    let flags = flags(task);
    let (tls, locations) = (tls(task), locations(task));
    let set = if task.calls { "grpc" } else { "proxy" };
    format!(
        r#"worker_processes {workers};
daemon off;
pid {folder}/pid;
error_log stderr warn;
worker_rlimit_nofile {connections};
events {{ worker_connections {connections}; }}
http {{
  access_log off;
  server_tokens off;
  keepalive_requests 1000000000;
  keepalive_timeout 600s;
  client_max_body_size 0;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  upstream origin {{
    server {origin};
    keepalive 128;
    keepalive_requests 1000000000;
  }}
  server {{
    listen {listen} backlog=4096{flags};
{tls}    proxy_http_version 1.1;
    proxy_set_header Connection "";
    {set}_set_header Host $http_host;
    {set}_set_header X-Forwarded-For $remote_addr;
    {set}_set_header X-Forwarded-Proto $scheme;
    {set}_set_header X-Request-Id $request_id;
    proxy_request_buffering off;
    proxy_max_temp_file_size 0;
{locations}  }}
}}
"#
    )
}

/// What stands behind the address.
fn flags(task: &Task) -> String {
    let flags = [
        (task.wire.tls, " ssl"),
        (task.wire.h2, " http2"),
        (task.workers > 1, " reuseport"),
    ];
    let wanted = flags.iter().filter(|(wanted, _)| *wanted);
    wanted.map(|(_, flag)| *flag).collect()
}

/// Without its own cache of sessions, which is off by default; with tickets, which are on.
fn tls(task: &Task) -> String {
    if !task.wire.tls {
        return String::new();
    }
    let (chain, key) = (&task.certificate.chain, &task.certificate.key);
    format!(
        "    ssl_certificate {};\n    ssl_certificate_key {};\n    ssl_protocols TLSv1.2 TLSv1.3;\n",
        chain.display(),
        key.display()
    )
}

fn locations(task: &Task) -> String {
    let pass = if task.calls {
        "grpc_pass grpc://origin;"
    } else {
        "proxy_pass http://origin;"
    };
    let mut text = format!("    location / {{ {pass} }}\n");
    if let Some(generation) = task.generation {
        text += &format!("    location = /generation {{ return 200 \"{generation}\"; }}\n");
    }
    for number in 0..task.routes {
        text += &format!("    location /service-{number}/ {{ {pass} }}\n");
    }
    text
}
