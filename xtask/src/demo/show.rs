//! What the demonstration prints, and the check of what it got.

use std::env;
use std::io::{self, IsTerminal};
use std::net::SocketAddr;
use std::path::Path;

use serde_json::Value;

use crate::Error;
use crate::http::Response;

/// The header that the plugin adds to the request.
const ON_REQUEST: &str = "x-processed-by";

/// The header that the plugin adds to the response.
const ON_RESPONSE: &str = "x-gateway";

/// What the plugin writes into both.
const VALUE: &str = "Loom";

pub(super) fn step(text: &str) {
    println!("{}", bold(&format!("==> {text}")));
}

pub(super) fn shortened<'a>(path: &'a Path, root: &Path) -> std::path::Display<'a> {
    path.strip_prefix(root).unwrap_or(path).display()
}

/// Prints both ends of the exchange and looks for the plugin's headers.
pub(super) fn exchange(response: &Response) -> Result<(), Error> {
    let seen: Value = serde_json::from_slice(&response.body).map_err(|e| {
        let body = String::from_utf8_lossy(&response.body);
        Error::because(
            format!(
                "the upstream's answer is not JSON\n{}\n{body}",
                response.status
            ),
            e,
        )
    })?;
    let request = request_headers(&seen);
    step("The request, as the upstream saw it");
    println!("    {} {}", text(&seen["method"]), text(&seen["path"]));
    headers(&request, ON_REQUEST);
    step("The response, as the client saw it");
    println!("    {}", response.status);
    headers(&response.headers, ON_RESPONSE);
    expect(&request, ON_REQUEST, "request")?;
    expect(&response.headers, ON_RESPONSE, "response")?;
    step("Both headers are there: the plugin took part on the way in and on the way out.");
    Ok(())
}

/// The headers of the request in the upstream's answer, where each name stands before a list of values.
fn request_headers(seen: &Value) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (name, values) in seen["headers"].as_object().into_iter().flatten() {
        let values = values.as_array().map_or(&[][..], Vec::as_slice);
        found.extend(
            values
                .iter()
                .map(|value| (name.clone(), text(value).to_owned())),
        );
    }
    found
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("?")
}

fn headers(all: &[(String, String)], ours: &str) {
    for (name, value) in all {
        let line = format!("{name}: {value}");
        if name == ours {
            println!(
                "  {} {}",
                bold("+"),
                green(&format!("{line}    <- the plugin"))
            );
        } else {
            println!("    {line}");
        }
    }
}

fn expect(all: &[(String, String)], name: &str, place: &str) -> Result<(), Error> {
    if all.iter().any(|(n, value)| n == name && value == VALUE) {
        return Ok(());
    }
    Err(Error::new(format!(
        "the {place} has no header `{name}: {VALUE}`: the plugin did not do its work"
    )))
}

pub(super) fn what_to_try(address: SocketAddr) {
    println!(
        "
The gateway goes on, on http://{address}. In another terminal try

    curl -v http://{address}/api/test
    curl -d 'some body' http://{address}/api/test
    curl -i http://{address}/elsewhere              (no route takes it)

Then change examples/plugins/add-header/src/lib.rs, end this with Ctrl-C and run it again.
"
    );
}

fn bold(text: &str) -> String {
    styled(text, "1")
}

fn green(text: &str) -> String {
    styled(text, "1;32")
}

fn styled(text: &str, code: &str) -> String {
    let plain = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
        || !io::stdout().is_terminal();
    if plain {
        text.to_owned()
    } else {
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(gateway: &str, body: &str) -> Response {
        let headers = vec![(ON_RESPONSE.to_owned(), gateway.to_owned())];
        Response {
            status: "HTTP/1.1 200 OK".into(),
            headers,
            body: body.into(),
        }
    }

    #[test]
    fn both_headers_make_a_success() {
        let body = r#"{"method":"GET","path":"/api/test","headers":{"x-processed-by":["Loom"]},"body":""}"#;
        exchange(&response("Loom", body)).unwrap();
    }

    #[test]
    fn a_missing_header_is_named() {
        let with = r#"{"method":"GET","path":"/","headers":{"x-processed-by":["Loom"]},"body":""}"#;
        let without = r#"{"method":"GET","path":"/","headers":{},"body":""}"#;
        let request = exchange(&response("Loom", without)).unwrap_err();
        assert!(
            request
                .to_string()
                .starts_with("the request has no header `x-processed-by: Loom`")
        );
        let answer = exchange(&response("other", with)).unwrap_err();
        assert!(
            answer
                .to_string()
                .starts_with("the response has no header `x-gateway: Loom`")
        );
    }

    #[test]
    fn an_answer_that_is_not_json_is_shown() {
        let error = exchange(&response("Loom", "bad gateway")).unwrap_err();
        assert!(error.to_string().ends_with("HTTP/1.1 200 OK\nbad gateway"));
    }
}
