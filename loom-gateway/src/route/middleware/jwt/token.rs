//! Where a request has its token.

use axum::body::Body;
use http::header::{AUTHORIZATION, COOKIE, HeaderMap, HeaderName, HeaderValue};
use http::uri::PathAndQuery;
use http::{Request, Uri};
use loom_config::model::TokenPlace;

use super::refusal::Refusal;

/// The token of a request.
pub(super) fn find(place: &TokenPlace, request: &Request<Body>) -> Result<String, Refusal> {
    match place {
        TokenPlace::Bearer => bearer(request.headers()),
        TokenPlace::Header(name) => only(request.headers(), name)?
            .map(str::to_owned)
            .ok_or(Refusal::Missing),
        TokenPlace::Cookie(name) => {
            let cookies = only(request.headers(), &COOKIE)?.unwrap_or_default();
            one(cookies.split(';').filter_map(|cookie| {
                let (known, value) = cookie.split_once('=')?;
                (known.trim() == name).then(|| value.trim().to_owned())
            }))
        }
        TokenPlace::Query(name) => {
            let query = request.uri().query().unwrap_or_default();
            let parameters = form_urlencoded::parse(query.as_bytes());
            one(parameters
                .filter(|(known, _)| known == name)
                .map(|(_, value)| value.into_owned()))
        }
    }
}

fn bearer(headers: &HeaderMap) -> Result<String, Refusal> {
    let value = only(headers, &AUTHORIZATION)?.ok_or(Refusal::Missing)?;
    let (scheme, token) = value.split_once(' ').ok_or(Refusal::Missing)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(Refusal::Missing);
    }
    Ok(token.trim().to_owned())
}

/// The only value of a header.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, Refusal> {
    let mut values = headers.get_all(name).iter();
    let value = values.next();
    if values.next().is_some() {
        return Err(Refusal::Ambiguous);
    }
    let text = value.map(HeaderValue::to_str).transpose();
    text.map_err(|_| Refusal::Invalid("this is not a token"))
}

fn one(mut tokens: impl Iterator<Item = String>) -> Result<String, Refusal> {
    match (tokens.next(), tokens.next()) {
        (Some(token), None) => Ok(token),
        (None, _) => Err(Refusal::Missing),
        _ => Err(Refusal::Ambiguous),
    }
}

/// Takes the token out of the request, which goes on without it.
pub(super) fn take_out(place: &TokenPlace, request: &mut Request<Body>) -> Result<(), Refusal> {
    match place {
        TokenPlace::Bearer => {
            request.headers_mut().remove(AUTHORIZATION);
        }
        TokenPlace::Header(name) => {
            request.headers_mut().remove(name);
        }
        TokenPlace::Cookie(name) => {
            let cookies = only(request.headers(), &COOKIE)?.unwrap_or_default();
            let others = cookies.split(';').filter(|cookie| {
                let known = cookie.split('=').next().unwrap_or_default();
                known.trim() != name
            });
            let others: Vec<&str> = others.map(str::trim).collect();
            let others = HeaderValue::try_from(others.join("; "));
            let headers = request.headers_mut();
            headers.remove(COOKIE);
            if let Some(others) = others.ok().filter(|others| !others.is_empty()) {
                headers.insert(COOKIE, others);
            }
        }
        TokenPlace::Query(name) => {
            let uri = without_parameter(request.uri(), name);
            *request.uri_mut() = uri.ok_or(Refusal::Invalid("the query cannot be read"))?;
        }
    }
    Ok(())
}

/// The same address without a parameter of its query; what else stands there stays as it is written.
fn without_parameter(uri: &Uri, name: &str) -> Option<Uri> {
    let others: Vec<&str> = uri
        .query()
        .unwrap_or_default()
        .split('&')
        .filter(|pair| {
            let mut parsed = form_urlencoded::parse(pair.as_bytes());
            parsed.next().is_none_or(|(known, _)| known != name)
        })
        .collect();
    let path = if others.is_empty() {
        uri.path().to_owned()
    } else {
        format!("{}?{}", uri.path(), others.join("&"))
    };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(path).ok()?);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(uri: &str, headers: &[(&'static str, &'static str)]) -> Request<Body> {
        let mut request = Request::builder().uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(Body::empty()).expect("a request")
    }

    #[test]
    fn a_token_is_found_where_it_shall_be_and_nowhere_else() {
        let request = request(
            "/?t=query&u=1",
            &[
                ("authorization", "bearer one"),
                ("x-token", "header"),
                ("cookie", "a=b; t=cookie"),
            ],
        );
        let find = |place| find(&place, &request);
        let text = |text: &str| Ok(text.to_owned());
        assert_eq!(find(TokenPlace::Bearer), text("one"));
        let header = TokenPlace::Header(HeaderName::from_static("x-token"));
        assert_eq!(find(header), text("header"));
        assert_eq!(find(TokenPlace::Cookie("t".into())), text("cookie"));
        assert_eq!(find(TokenPlace::Query("t".into())), text("query"));
        assert_eq!(find(TokenPlace::Query("x".into())), Err(Refusal::Missing));
        assert_eq!(find(TokenPlace::Cookie("x".into())), Err(Refusal::Missing));
    }

    #[test]
    fn two_tokens_are_none() {
        let request = request(
            "/?t=a&t=b",
            &[
                ("authorization", "Bearer one"),
                ("authorization", "Bearer two"),
                ("cookie", "t=a; t=b"),
            ],
        );
        for place in [
            TokenPlace::Bearer,
            TokenPlace::Cookie("t".into()),
            TokenPlace::Query("t".into()),
        ] {
            assert_eq!(find(&place, &request), Err(Refusal::Ambiguous), "{place:?}");
        }
    }

    #[test]
    fn what_is_taken_out_leaves_the_rest_as_it_was() {
        let mut one = request("/a?x=%20&t=1&y", &[("cookie", "a=b; t=1; c=d")]);
        take_out(&TokenPlace::Query("t".into()), &mut one).expect("a query");
        take_out(&TokenPlace::Cookie("t".into()), &mut one).expect("a cookie");
        assert_eq!(one.uri(), "/a?x=%20&y");
        assert_eq!(one.headers()[COOKIE], "a=b; c=d");
        let mut only = request("http://a/b?t=1", &[("cookie", "t=1")]);
        take_out(&TokenPlace::Query("t".into()), &mut only).expect("a query");
        take_out(&TokenPlace::Cookie("t".into()), &mut only).expect("a cookie");
        assert_eq!(only.uri(), "http://a/b");
        assert!(!only.headers().contains_key(COOKIE));
    }
}
