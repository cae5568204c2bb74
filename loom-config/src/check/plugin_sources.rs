//! Where plugins come from: `path`, or `url` and `sha256`.

use http::Uri;
use http::uri::Scheme;

use super::Checker;
use crate::limits;
use crate::model::{PluginSource, PluginUrl, Sha256};
use crate::raw;
use crate::schema::quoted;
use crate::tree::KeyPath;

/// The source of a plugin; `None` is a fault.
pub(super) fn check(
    raw: &raw::Plugin,
    path: &KeyPath<'_>,
    checker: &mut Checker<'_>,
) -> Option<PluginSource> {
    // The schema knows its form.
    let sha256 = raw.sha256.as_ref().and_then(|digest| digest.parse().ok());
    match (&raw.path, &raw.url) {
        (Some(_), Some(_)) => {
            checker.fault(&path.key("url"), "expected `path` or `url`, not both");
            None
        }
        (None, None) => {
            if checker.is_empty_of(path, &["path", "url"]) {
                let message = "the key is missing; expected the path of a `.wasm` file, or `url` and `sha256` in its place";
                checker.fault(&path.key("path"), message);
            }
            None
        }
        (Some(written), None) => {
            if written.is_empty() {
                let message = "the path is empty; expected the plugin's `.wasm` file";
                checker.fault(&path.key("path"), message);
            }
            if raw.fetch_timeout.is_some() {
                let message = "this would do nothing: only a plugin with a `url` is fetched";
                checker.fault(&path.key("fetch_timeout"), message);
            }
            let path = checker.beside(path, written);
            Some(PluginSource::File { path, sha256 })
        }
        (None, Some(written)) => url(written, sha256, raw, path, checker).map(PluginSource::Url),
    }
}

fn url(
    written: &str,
    sha256: Option<Sha256>,
    raw: &raw::Plugin,
    path: &KeyPath<'_>,
    checker: &mut Checker<'_>,
) -> Option<PluginUrl> {
    let at = path.key("url");
    if let Some(wrong) = wrong_url(written) {
        checker
            .fault(&at, format!("{} {wrong}", quoted(written)))
            .with_hint("write it as https://example.com/plugin.wasm");
    }
    if checker.is_empty_of(path, &["sha256"]) {
        checker
            .fault(
                &at,
                "what is fetched has to be known: expected `sha256` beside the `url`",
            )
            .with_hint("`sha256sum FILE` prints it");
    }
    let range = &limits::FETCH_TIMEOUT_RANGE;
    let timeout = raw.fetch_timeout.as_ref();
    let timeout = checker.duration(timeout, range, &path.key("fetch_timeout"));
    Some(PluginUrl {
        url: written.to_owned(),
        sha256: sha256?,
        timeout: timeout.unwrap_or(limits::FETCH_TIMEOUT),
    })
}

/// What is wrong with a URL.
fn wrong_url(written: &str) -> Option<&'static str> {
    let Ok(uri) = written.parse::<Uri>() else {
        return Some("is no URL");
    };
    let scheme = uri.scheme();
    if scheme != Some(&Scheme::HTTP) && scheme != Some(&Scheme::HTTPS)
        || uri.host().is_none_or(str::is_empty)
    {
        return Some("is not a whole URL of HTTP or HTTPS");
    }
    let authority = uri.authority()?;
    authority
        .as_str()
        .contains('@')
        .then_some("names a user, which would end up in logs")
}
