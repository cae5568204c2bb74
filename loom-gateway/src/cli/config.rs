//! Finding `loom.yaml`.

use std::path::{Path, PathBuf};

use loom_config::{Config, MINIMAL};

use super::args::Options;
use crate::app::Source;

/// Where the configuration is looked for when the command line names none.
const DEFAULT: &str = "loom.yaml";

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConfigError {
    /// There is no file.
    #[error(
        "no configuration: there is no {looked_at}{hint}\n\nThis one is enough to start with; it answers every request \
         on port 8080 with what it saw:\n\n{MINIMAL}"
    )]
    Missing {
        /// The path, made absolute.
        looked_at: String,
        /// How to name another one.
        hint: &'static str,
    },
    /// The file has faults; all of them are in the text.
    #[error(transparent)]
    Faults(loom_config::Error),
}

/// Loads the configuration that the command line names, or `./loom.yaml`, and gives its path too.
pub(super) fn load(options: &Options) -> Result<(PathBuf, Config), ConfigError> {
    let path = path(options);
    match read(&path, options) {
        Ok(config) => Ok((path, config)),
        Err(error) if error.is_not_found() => Err(missing(&path, options)),
        Err(error) => Err(ConfigError::Faults(error)),
    }
}

/// The configuration that the command line names, to be read again.
pub(super) fn source(options: &Options) -> Source {
    let options = options.clone();
    Source::new(move || read(&path(&options), &options))
}

fn path(options: &Options) -> PathBuf {
    options.config.clone().unwrap_or_else(|| DEFAULT.into())
}

fn read(path: &Path, options: &Options) -> Result<Config, loom_config::Error> {
    let mut config = loom_config::load(path)?;
    if let Some(level) = options.log_level {
        config.log.level = level.into();
    }
    Ok(config)
}

fn missing(path: &Path, options: &Options) -> ConfigError {
    ConfigError::Missing {
        looked_at: std::path::absolute(path)
            .unwrap_or_else(|_| path.to_owned())
            .display()
            .to_string(),
        hint: if options.config.is_some() {
            ""
        } else {
            ", and no `-config FILE` on the command line"
        },
    }
}
