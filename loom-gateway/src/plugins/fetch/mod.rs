//! Plugins from servers: fetched once, and kept by their digest.
//!
//! Nothing is trusted but the digest of the configuration: what is in the folder is looked at like what a server sent. So
//! a plugin that was fetched once needs no server any more, not even after a restart.

mod download;
mod kept;

use std::path::PathBuf;
use std::time::Instant;

use bytes::Bytes;
use loom_config::model::{PluginUrl, Sha256};
use sha2::Digest;

use download::Downloader;
pub(crate) use download::FetchError;
use kept::Kept;

/// See the module's text.
#[derive(Debug)]
pub(super) struct Modules {
    kept: Option<Kept>,
    downloader: Downloader,
}

impl Modules {
    /// Keeps what is fetched below this folder; without one it is fetched with each start.
    pub(super) fn new(cache: Option<PathBuf>) -> Self {
        Self {
            kept: cache.map(|folder| Kept::new(folder.join("modules"))),
            downloader: Downloader::default(),
        }
    }

    /// The code of a plugin.
    ///
    /// # Errors
    ///
    /// When it is not kept and its server does not send it in time, or sends something else.
    pub(super) async fn get(&self, plugin: &str, from: &PluginUrl) -> Result<Bytes, FetchError> {
        if let Some(kept) = &self.kept
            && let Some(code) = kept.get(from.sha256).await
        {
            return Ok(code);
        }
        let begin = Instant::now();
        let code = self.downloader.fetch(plugin, from).await?;
        let found = digest(&code);
        if found != from.sha256 {
            return Err(FetchError::wrong_digest(plugin, from, found));
        }
        let (bytes, took) = (code.len(), begin.elapsed());
        tracing::info!(plugin, url = %from, bytes, ?took, "fetched");
        match &self.kept {
            Some(kept) => kept.put(from.sha256, code.clone()).await,
            None => {
                tracing::warn!(
                    plugin,
                    "there is no cache directory: the next start fetches it again"
                );
            }
        }
        Ok(code)
    }
}

fn digest(code: &[u8]) -> Sha256 {
    Sha256(sha2::Sha256::digest(code).into())
}
