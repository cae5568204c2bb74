//! The admin listener: what the gateway tells about itself, and what an operator may change while it runs.
//!
//! `guard` decides who may ask, `pages` answers, `show` puts what is configured and how it does into JSON.

mod guard;
mod pages;
mod show;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use loom_config::model::{self, Address, Listener, Secret};
use tokio::task::JoinSet;

use crate::app::Reloader;
use crate::listener::{BindError, Bound, Drain, Served, ShownCertificate, Site, serve};
use crate::metrics::Metrics;
use crate::plugins::Plugins;
use crate::proxy::Upstream;
use crate::router::AccessLog;
use crate::stack::Stack;
use crate::trace::Tracing;

/// What is in force, as far as it cannot be read from the configuration.
#[derive(Debug, Default)]
pub(crate) struct Shown {
    pub(crate) plugins: Arc<Plugins>,
    pub(crate) upstreams: Vec<Arc<Upstream>>,
    pub(crate) access_log: Option<Arc<AccessLog>>,
    pub(crate) tracing: Option<Arc<Tracing>>,
    pub(crate) certificates: Vec<ShownCertificate>,
}

/// What every page may read.
#[derive(Debug)]
struct Admin {
    token: Option<Secret>,
    metrics: Arc<Metrics>,
    gateway: Reloader,
}

/// The admin listener as it runs. Dropped, it ends at once.
#[derive(Debug)]
pub(crate) struct AdminServer {
    address: SocketAddr,
    _task: JoinSet<()>,
}

impl AdminServer {
    /// Takes the address that the configuration names, and serves it; `None` when it names none.
    ///
    /// It does not drain with the other listeners: it tells of that.
    pub(crate) fn start(gateway: &Reloader) -> Result<Option<Self>, BindError> {
        let config = gateway.config();
        let (Some(config), Some(metrics)) = (&config.admin, &gateway.host().metrics) else {
            return Ok(None);
        };
        let listener = listener(config);
        let bound = Bound::bind(&listener)?;
        let address = bound.address.ip().unwrap_or(config.address);
        tracing::info!(%address, "admin listens");
        let admin = Admin {
            token: config.token.clone(),
            metrics: Arc::clone(metrics),
            gateway: gateway.clone(),
        };
        let site = Site::new(Served {
            name: listener.name.clone(),
            stack: Stack::new(router(Arc::new(admin))),
            limits: listener.limits,
            proxy_protocol: None,
            counters: None,
            tls: None,
        });
        let mut task = JoinSet::new();
        task.spawn(serve(bound, listener.name, site, Drain::default()));
        Ok(Some(Self {
            address,
            _task: task,
        }))
    }

    /// The address that it really has.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Its address as a listener.
pub(crate) fn listener(config: &model::Admin) -> Listener {
    Listener {
        name: "admin".to_owned(),
        address: Address::Ip(config.address),
        ..Listener::default()
    }
}

fn router(admin: Arc<Admin>) -> Router {
    let guarded = Router::new()
        .route("/", get(pages::index))
        .route("/metrics", get(pages::metrics))
        .route("/config", get(pages::config))
        .route("/plugins", get(pages::plugins))
        .route("/upstreams", get(pages::upstreams))
        .route("/routes", get(pages::routes))
        .route("/certificates", get(pages::certificates))
        .route(
            "/log",
            get(pages::log).put(pages::set_log).post(pages::set_log),
        )
        .route("/reload", post(pages::reload))
        .layer(from_fn_with_state(Arc::clone(&admin), guard::check));
    Router::new()
        .route("/healthz", get(pages::health))
        .route("/readyz", get(pages::ready))
        .merge(guarded)
        .with_state(admin)
}
