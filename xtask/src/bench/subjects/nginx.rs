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
    let http2 = if task.h2 { " http2" } else { "" };
    let reuse = if workers > 1 { " reuseport" } else { "" };
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
  http2_max_requests 1000000000;
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
    listen {listen} backlog=4096{http2}{reuse};
    location / {{
      proxy_pass http://origin;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header X-Request-Id $request_id;
      proxy_request_buffering off;
      proxy_max_temp_file_size 0;
    }}
  }}
}}
"#
    )
}
