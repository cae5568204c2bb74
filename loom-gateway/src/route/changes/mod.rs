//! What a route changes between its plugins and an upstream: the path, `Host`, headers.

mod headers;
mod path;
mod template;

use http::header::HOST;
use http::uri::Parts;
use http::{Request, Response, Uri};
use loom_config::model::{self, HeaderChanges, HostChange, PathChange};

pub(super) use template::render;

/// See the module's text.
#[derive(Debug)]
pub(super) struct Changes {
    path: Option<PathChange>,
    host: HostChange,
    request_headers: HeaderChanges,
    response_headers: HeaderChanges,
}

/// A change whose outcome is no path.
#[derive(Debug)]
pub(super) struct InvalidPath;

impl Changes {
    /// The changes of this configuration; `None` when nothing is changed.
    pub(super) fn new(changes: &model::Changes) -> Option<Self> {
        if *changes == model::Changes::default() {
            return None;
        }
        let model::Changes {
            path,
            host,
            request_headers,
            response_headers,
        } = changes.clone();
        Some(Self {
            path,
            host,
            request_headers,
            response_headers,
        })
    }

    /// Changes a request that goes to an upstream.
    pub(super) fn request<B>(&self, request: &mut Request<B>) -> Result<(), InvalidPath> {
        headers::change(request.headers_mut(), &self.request_headers);
        if let Some(change) = &self.path {
            path::change(request, change)?;
        }
        match &self.host {
            HostChange::Preserve => {}
            // Without a `Host` it becomes that of the endpoint, once there is one.
            HostChange::Endpoint => {
                forget_authority(request);
                request.headers_mut().remove(HOST);
            }
            HostChange::Set(host) => {
                forget_authority(request);
                request.headers_mut().insert(HOST, host.clone());
            }
        }
        Ok(())
    }

    /// Whether responses are changed at all.
    pub(super) fn has_response(&self) -> bool {
        self.response_headers != HeaderChanges::default()
    }

    /// Changes a response that comes from behind the plugins.
    pub(super) fn response<B>(&self, response: &mut Response<B>) {
        headers::change(response.headers_mut(), &self.response_headers);
    }
}

/// Takes the authority out of a target, which would go before `Host`.
fn forget_authority<B>(request: &mut Request<B>) {
    if request.uri().authority().is_none() {
        return;
    }
    let mut parts = Parts::default();
    parts.path_and_query = request.uri().path_and_query().cloned();
    // A path alone is always a target.
    *request.uri_mut() = Uri::from_parts(parts).unwrap_or_default();
}
