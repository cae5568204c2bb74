//! A failure as gRPC says it.

use axum::body::Body;
use http::header::CONTENT_LENGTH;
use http::{Request, Response, StatusCode};
use loom_layer::grpc;

use crate::errors::Failure;

/// The answer to a gRPC request: the gateway's own failures get gRPC's form, anything else stays as it is.
pub(crate) fn shape(response: Response<Body>) -> Response<Body> {
    match response.extensions().get::<Failure>() {
        // It may have been here before: a plugin was to see it.
        Some(&failure) if response.status() != StatusCode::OK => {
            let code = failure.grpc_code();
            into_answer(response, code, failure.reason().as_bytes())
        }
        _ => response,
    }
}

/// A response of the configuration, in gRPC's form if the request is a gRPC one and this is not in that form already.
pub(crate) fn for_client<B>(
    request: &Request<B>,
    response: Response<Body>,
    message: &[u8],
) -> Response<Body> {
    if !grpc::is_grpc(request.headers()) || grpc::is_grpc(response.headers()) {
        return response;
    }
    let code = grpc::code(response.status());
    into_answer(response, code, message)
}

/// Makes a response one that consists of headers alone, with this code and message.
fn into_answer(mut response: Response<Body>, code: u8, message: &[u8]) -> Response<Body> {
    *response.status_mut() = StatusCode::OK;
    *response.body_mut() = Body::empty();
    grpc::answer(response.headers_mut(), code, message);
    response
}

/// Whether trailers may stand at the end of a response that breaks off: a client that counts bytes would miss some.
pub(super) fn can_end_early(response: &Response<Body>) -> bool {
    grpc::is_grpc(response.headers()) && !response.headers().contains_key(CONTENT_LENGTH)
}
