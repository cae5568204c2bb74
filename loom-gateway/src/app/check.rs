//! What would keep a configuration from starting.

use std::time::Duration;

use futures_util::future::join_all;
use loom_config::model::{Config, Endpoint, EndpointAddress, Target};
use tokio::time::timeout;

use super::assemble::{Assembled, Stock};
use super::error::StartError;
use crate::admin;
use crate::listener::Probe;
use crate::plugins::Host;

/// How long a look-up of a name may take: resolvers ask twice within this time.
const LOOKUP: Duration = Duration::from_secs(5);

/// What was found wrong with a configuration, see [`Gateway::check`](crate::Gateway::check).
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct CheckReport {
    /// What a start would end with.
    pub faults: Vec<StartError>,
    /// What may be otherwise once it starts, or does not keep it from starting, in words.
    pub warnings: Vec<String>,
}

impl CheckReport {
    pub(super) async fn of(config: &Config) -> Self {
        let mut this = Self {
            warnings: config.warnings.iter().map(ToString::to_string).collect(),
            ..Self::default()
        };
        let nothing = Stock::default();
        this.note(nothing.access_log(config.access_log.as_ref()));
        this.note(nothing.tracing(config.tracing.as_ref()).await);
        let rest = Config {
            access_log: None,
            tracing: None,
            ..config.clone()
        };
        match Host::new(&rest) {
            Ok(host) => this.note(Assembled::new(&rest, &host, &nothing).await),
            Err(error) => this.faults.push(error.into()),
        }
        this.addresses(config);
        this.names(config).await;
        this
    }

    fn note<T>(&mut self, done: Result<T, StartError>) {
        self.faults.extend(done.err());
    }

    /// Takes every address for a moment.
    fn addresses(&mut self, config: &Config) {
        let admin = config.admin.as_ref().map(admin::listener);
        let mut taken = Vec::new();
        for listener in config.listeners.iter().chain(&admin) {
            match Probe::new(listener) {
                // Kept until all were tried: two of them may exclude each other.
                Ok(probe) => taken.push(probe),
                Err(error) if error.is_in_use() => self.warnings.push(error.to_string()),
                Err(error) => self.faults.push(error.into()),
            }
        }
    }

    /// Looks up the names of servers.
    async fn names(&mut self, config: &Config) {
        let servers = config.upstreams.iter().filter_map(|upstream| {
            let Target::Servers(servers) = &upstream.target else {
                return None;
            };
            Some((&upstream.name, &servers.endpoints))
        });
        let each = servers.flat_map(|(name, endpoints)| {
            endpoints
                .iter()
                .map(move |endpoint| look_up(name, endpoint))
        });
        self.warnings
            .extend(join_all(each).await.into_iter().flatten());
    }
}

/// What is wrong with a server's name.
async fn look_up(upstream: &str, endpoint: &Endpoint) -> Option<String> {
    let EndpointAddress::Tcp { host, port } = &endpoint.address else {
        return None;
    };
    let why = match timeout(LOOKUP, tokio::net::lookup_host((host.as_str(), *port))).await {
        Ok(Ok(mut found)) => match found.next() {
            Some(_) => return None,
            None => "it has no address".to_owned(),
        },
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("no answer within {LOOKUP:?}"),
    };
    Some(format!(
        "upstream `{upstream}`: the name `{host}` is not found: {why}; its requests would be answered with 502"
    ))
}
