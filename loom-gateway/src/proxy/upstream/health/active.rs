//! Health checks: when endpoints are asked, and what becomes of their answers.

use std::sync::{Arc, Weak};
use std::time::Duration;

use futures_util::future::join_all;
use loom_config::model::{HealthCheck, Probe, Protocol};
use tower::BoxError;

use super::super::jittered;
use super::super::servers::Servers;
use super::{grpc, http};
use crate::errors::Chain;
use crate::proxy::pool::Endpoint;

/// Checks the endpoints of `servers` from now on, as long as somebody keeps them.
pub(in crate::proxy::upstream) fn start(servers: &Arc<Servers>) {
    if let Some(check) = servers.settings().health_check.clone() {
        tokio::spawn(watch(Arc::downgrade(servers), check));
    }
}

async fn watch(servers: Weak<Servers>, check: HealthCheck) {
    let mut spread = Duration::ZERO;
    while let Some(servers) = servers.upgrade() {
        let endpoints = servers.all();
        let checks = endpoints.iter().map(|endpoint| {
            let servers = &servers;
            let check = &check;
            async move {
                tokio::time::sleep(spread.mul_f64(fastrand::f64())).await;
                let result = one(endpoint, check, servers.settings().protocol).await;
                servers.checked(endpoint, check, result);
            }
        });
        join_all(checks).await;
        drop(servers);
        tokio::time::sleep(jittered(check.interval)).await;
        // At the start everybody wants to know at once; later not all endpoints are asked at the same moment.
        spread = check.interval / 10;
    }
}

/// One check; an error says why the endpoint is not well.
async fn one(endpoint: &Endpoint, check: &HealthCheck, protocol: Protocol) -> Result<(), String> {
    let ask = ask(endpoint, &check.probe, protocol);
    match tokio::time::timeout(check.timeout, ask).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(Chain(&*error).to_string()),
        Err(_) => Err(format!("no answer within {:?}", check.timeout)),
    }
}

async fn ask(endpoint: &Endpoint, probe: &Probe, protocol: Protocol) -> Result<(), BoxError> {
    match probe {
        Probe::Connection => endpoint.reach(protocol).await,
        Probe::Http(check) => http::ask(endpoint, check, protocol).await,
        Probe::Grpc(check) => grpc::ask(endpoint, check).await,
    }
}
