//! From a server: with a limit for time and size, again and again as long as that may help.

use std::fmt;
use std::sync::OnceLock;

use bytes::{Bytes, BytesMut};
use loom_config::model::{PluginUrl, Sha256};
use reqwest::redirect::{Attempt, Policy};
use reqwest::{Client, StatusCode};
use tokio::time::{Instant, sleep, timeout_at};

use crate::errors::Chain;
use crate::limits;

/// A plugin that cannot be fetched, and why.
#[derive(Debug, thiserror::Error)]
#[error("plugin `{plugin}` ({url}): {what}; {cure}")]
pub(crate) struct FetchError {
    plugin: String,
    url: String,
    what: String,
    cure: &'static str,
}

impl FetchError {
    fn new(plugin: &str, from: &PluginUrl, what: impl Into<String>, cure: &'static str) -> Self {
        Self {
            plugin: plugin.to_owned(),
            url: from.to_string(),
            what: what.into(),
            cure,
        }
    }

    pub(super) fn wrong_digest(plugin: &str, from: &PluginUrl, found: Sha256) -> Self {
        let what = format!("its SHA-256 is {found}, and `sha256` is {}", from.sha256);
        let cure = "check that it is the file that was meant, and then `sha256`";
        Self::new(plugin, from, what, cure)
    }
}

/// Fetches files. Its client is made with the first of them.
#[derive(Debug, Default)]
pub(super) struct Downloader {
    client: OnceLock<Client>,
}

/// Why one try was in vain.
struct Vain {
    why: String,
    /// Whether another try may go better.
    may_pass: bool,
}

impl Vain {
    fn for_good(why: impl Into<String>) -> Self {
        Self {
            why: why.into(),
            may_pass: false,
        }
    }
}

impl Downloader {
    /// The file, whatever it is.
    ///
    /// # Errors
    ///
    /// When the time is over, and when no further try would help.
    pub(super) async fn fetch(&self, plugin: &str, from: &PluginUrl) -> Result<Bytes, FetchError> {
        let deadline = Instant::now() + from.timeout;
        let mut pause = limits::FETCH_BACK_OFF;
        loop {
            let vain = match timeout_at(deadline, self.attempt(from)).await {
                Ok(Ok(code)) => return Ok(code),
                Ok(Err(vain)) => vain,
                Err(_) => Vain {
                    why: "the server was too slow".to_owned(),
                    may_pass: true,
                },
            };
            if !vain.may_pass {
                let cure = "check `url`, and that this machine reaches the server";
                return Err(FetchError::new(plugin, from, vain.why, cure));
            }
            if Instant::now() + pause >= deadline {
                let what = format!(
                    "it was not there within `fetch_timeout`, {:?}: {}",
                    from.timeout, vain.why
                );
                let cure = "check the server, and that this machine reaches it";
                return Err(FetchError::new(plugin, from, what, cure));
            }
            tracing::warn!(plugin, url = %from, error = vain.why, again_in = ?pause, "a plugin cannot be fetched");
            sleep(pause).await;
            pause = (pause * 2).min(limits::FETCH_BACK_OFF_MOST);
        }
    }

    async fn attempt(&self, from: &PluginUrl) -> Result<Bytes, Vain> {
        let client = self
            .client()
            .map_err(|error| Vain::for_good(told(&error)))?;
        let mut response = client.get(&from.url).send().await.map_err(failed)?;
        let status = response.status();
        if !status.is_success() {
            return Err(Vain {
                why: format!("the server answered {status}"),
                may_pass: may_pass(status),
            });
        }
        let most = limits::FETCHED_BYTES;
        let too_large = || Vain::for_good(format!("it is larger than {most} bytes"));
        if response
            .content_length()
            .is_some_and(|length| length > most)
        {
            return Err(too_large());
        }
        let mut code = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if (code.len() + chunk.len()) as u64 > most {
                return Err(too_large());
            }
            code.extend_from_slice(&chunk);
        }
        Ok(code.freeze())
    }

    fn client(&self) -> Result<&Client, reqwest::Error> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let client = Client::builder()
            .user_agent(concat!("loom/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(limits::FETCH_CONNECT)
            .redirect(Policy::custom(redirect))
            .build()?;
        Ok(self.client.get_or_init(|| client))
    }
}

/// Follows a few redirects, and none that gives up TLS.
fn redirect(attempt: Attempt<'_>) -> reqwest::redirect::Action {
    let secure = attempt.previous().iter().any(|url| url.scheme() == "https");
    if attempt.previous().len() > limits::FETCH_REDIRECTS {
        return attempt.error(Refused("the server redirects again and again"));
    }
    match attempt.url().scheme() {
        "https" => attempt.follow(),
        "http" if !secure => attempt.follow(),
        "http" => attempt.error(Refused("the server redirects from HTTPS to HTTP")),
        _ => attempt.error(Refused("the server redirects to something else than HTTP")),
    }
}

/// Why a redirect is not followed.
#[derive(Debug)]
struct Refused(&'static str);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Refused {}

/// Whether a server may answer something else a moment later.
fn may_pass(status: StatusCode) -> bool {
    status.is_server_error()
        || matches!(
            status,
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS
        )
}

fn failed(error: reqwest::Error) -> Vain {
    // An address may hold what is not for logs.
    let error = error.without_url();
    Vain {
        why: told(&error),
        may_pass: !error.is_redirect() && !error.is_builder(),
    }
}

fn told(error: &reqwest::Error) -> String {
    Chain(error).to_string()
}
