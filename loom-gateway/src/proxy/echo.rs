//! The built-in upstream: it answers what reached it, so that routes and plugins can be tried without a server.

use axum::body::Body;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use crate::errors::Failure;
use crate::limits;

/// Its answer: `{"method", "path", "headers": {"name": ["value"]}, "body"}`.
#[derive(Serialize)]
struct Seen<'a> {
    method: &'a str,
    path: &'a str,
    headers: Headers<'a>,
    body: &'a str,
}

/// Names in the order in which they came, each with all of its values.
struct Headers<'a>(&'a HeaderMap);

impl Serialize for Headers<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.keys_len()))?;
        for name in self.0.keys() {
            let values = self
                .0
                .get_all(name)
                .iter()
                .map(|value| String::from_utf8_lossy(value.as_bytes()));
            map.serialize_entry(name.as_str(), &values.collect::<Vec<_>>())?;
        }
        map.end()
    }
}

/// Reads the whole request and shows it. What is not UTF-8 is shown with replacement characters.
pub(super) async fn answer(request: Request<Body>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let path = parts
        .uri
        .path_and_query()
        .map_or("/", |target| target.as_str());
    let body = match Limited::new(body, limits::ECHO_BODY_BYTES).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => {
            return Failure::BodyTooLarge.respond(path, None);
        }
        Err(error) => return Failure::RequestBody.respond(path, Some(&*error)),
    };
    let body = String::from_utf8_lossy(&body);
    let seen = Seen {
        method: parts.method.as_str(),
        path,
        headers: Headers(&parts.headers),
        body: &body,
    };
    match serde_json::to_vec(&seen) {
        Ok(json) => json_response(json.into()),
        Err(error) => Failure::Panic.respond(path, Some(&error)),
    }
}

fn json_response(json: Bytes) -> Response<Body> {
    let mut response = Response::new(Body::from(json));
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn text(response: Response<Body>) -> String {
        let body = response
            .into_body()
            .collect()
            .await
            .expect("a body")
            .to_bytes();
        String::from_utf8(body.to_vec()).expect("UTF-8")
    }

    #[tokio::test]
    async fn it_shows_what_it_saw() {
        let request = Request::post("/a?b=c")
            .header("x-one", "1")
            .header("x-two", "2")
            .header("x-one", HeaderValue::from_bytes(b"\xff").expect("value"))
            .body(Body::from(&b"hi \xff"[..]))
            .expect("a request");
        let seen = "{\"method\":\"POST\",\"path\":\"/a?b=c\",\"headers\":{\"x-one\":[\"1\",\"\u{fffd}\"],\"x-two\":[\"2\"]},\"body\":\"hi \u{fffd}\"}";
        assert_eq!(text(answer(request).await).await, seen);
    }

    #[tokio::test]
    async fn a_body_that_it_cannot_hold_is_refused() {
        let body = Body::from(vec![b'x'; limits::ECHO_BODY_BYTES + 1]);
        assert_eq!(answer(Request::new(body)).await.status(), 413);
    }
}
