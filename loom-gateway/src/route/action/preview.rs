//! What a route would do with a request, without doing it.

use axum::body::Body;
use http::{Request, Response};
use loom_config::model;

use super::redirect::Redirect;
use super::respond::Reply;
use crate::errors::Failure;
use crate::route::changes::Changes;

/// What becomes of a request behind the plugins, if they leave it as it is.
#[derive(Debug)]
pub(crate) enum Preview {
    /// It goes to an upstream in this form. Without `Host` it gets that of the endpoint.
    Sent(Request<()>),
    /// It is answered.
    Answered(Response<Body>),
}

impl Preview {
    /// What `route` does with a request that has the parameters of its path in its extensions.
    pub(crate) fn of(route: &model::Route, mut request: Request<()>) -> Self {
        match &route.action {
            model::Action::Redirect(redirect) => {
                Self::Answered(Redirect::new(redirect).answer(&request))
            }
            model::Action::Respond(respond) => Self::Answered(Reply::new(respond).answer(&request)),
            model::Action::Upstream(_) | model::Action::Split(_) => {
                match Changes::new(&route.changes).map(|changes| changes.request(&mut request)) {
                    Some(Err(_)) => {
                        let path = request.uri().path();
                        Self::Answered(Failure::InvalidTarget.respond(path, None))
                    }
                    Some(Ok(())) | None => Self::Sent(request),
                }
            }
        }
    }
}
