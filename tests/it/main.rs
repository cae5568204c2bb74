//! The integration tests of the workspace, in one binary: each one more would link wasmtime again.

mod built;
mod certificates;
mod gateway;
mod grpc_server;
mod layer;
mod limits_page;
mod speaker;
mod tls_server;
