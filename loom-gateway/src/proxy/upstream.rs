//! An upstream: a name, and what answers for it.

use loom_config::model;

use super::pool::Pool;

/// Where requests go. Shared by every route that names it.
#[derive(Debug)]
pub(crate) struct Upstream {
    pub(super) name: String,
    pub(super) target: Target,
}

/// What answers.
#[derive(Debug)]
pub(super) enum Target {
    /// The built-in echo.
    Echo,
    /// Servers.
    Pool(Box<Pool>),
}

impl Upstream {
    /// The upstream of this configuration.
    pub(crate) fn new(upstream: &model::Upstream) -> Self {
        let target = match &upstream.target {
            model::Target::Echo => Target::Echo,
            model::Target::Endpoints {
                endpoints,
                connect_timeout,
                idle_timeout,
            } => Target::Pool(Box::new(Pool::new(
                endpoints,
                *connect_timeout,
                *idle_timeout,
            ))),
        };
        Self {
            name: upstream.name.clone(),
            target,
        }
    }

    /// The name by which routes and plugins refer to it.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }
}
