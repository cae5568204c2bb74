//! The way from a file to the checked model: YAML, positioned tree, environment, schema, raw types, checks.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use crate::check;
use crate::error::{Error, Report};
use crate::expand::{self, Sources};
use crate::include::{self, Part};
use crate::limits;
use crate::model::Config;
use crate::overrides;
use crate::schema;
use crate::tree::{self, FileId, Node, Origin};

/// Loads and checks a file, with the environment of the process.
///
/// Relative paths in the file are relative to the file. What plugins and upstreams it names is not looked at: whether
/// a `.wasm` file exists is for the host to find out.
///
/// # Errors
/// When the file cannot be read, and when anything is wrong with it: one error holds all of its faults.
pub fn load(path: &Path) -> Result<Config, Error> {
    Loader::from_environment().load(path)
}

/// Loads and checks files, with an environment of the caller's choice.
///
/// ```
/// use loom_config::Loader;
///
/// let loader = Loader::new([("BACKEND".to_owned(), "127.0.0.1:3000".to_owned())]);
/// let config = loader.parse("loom.yaml", "upstreams: [{name: backend, endpoints: '${BACKEND}'}]")?;
/// assert_eq!(config.upstreams[0].name, "backend");
/// # Ok::<(), loom_config::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Loader {
    environment: BTreeMap<String, String>,
}

impl Loader {
    /// With this environment and no other.
    pub fn new(environment: impl IntoIterator<Item = (String, String)>) -> Self {
        Self {
            environment: environment.into_iter().collect(),
        }
    }

    /// With the environment of the process as it is now. Variables that are not UTF-8 are taken as not set.
    pub fn from_environment() -> Self {
        Self::new(std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        }))
    }

    /// Loads and checks a file.
    ///
    /// # Errors
    /// As for [`load`].
    pub fn load(&self, path: impl AsRef<Path>) -> Result<Config, Error> {
        let path = path.as_ref();
        let bytes = read(path).map_err(|error| Error::read(path, error))?;
        self.check(path, &bytes)
    }

    /// Checks a text as if it stood in the file `path`, which need not exist.
    ///
    /// # Errors
    /// When anything is wrong with the text.
    pub fn parse(&self, path: impl AsRef<Path>, text: &str) -> Result<Config, Error> {
        self.check(path.as_ref(), text.as_bytes())
    }

    fn check(&self, path: &Path, bytes: &[u8]) -> Result<Config, Error> {
        let mut report = Report::new(path);
        match self.steps(bytes, path, &mut report) {
            Some(config) if report.is_empty() => Ok(Config {
                files: report.files().to_vec(),
                warnings: report.take_warnings(),
                included: report.sources()[1..].to_vec(),
                include: report.include().to_vec(),
                ..config
            }),
            _ => Err(report.into_error(path)),
        }
    }

    fn steps(&self, bytes: &[u8], path: &Path, report: &mut Report) -> Option<Config> {
        let environment = &self.environment;
        let mut whole = part(bytes, path, environment, report, |tree, report| {
            overrides::apply(tree, environment, report);
        })?;
        include::follow(&mut whole, path, environment, report);
        let Part { tree, read } = whole;
        match serde_json::from_value(read) {
            Ok(raw) => check::check(&raw, &tree, report),
            // Only when the schema and the types that it was made from disagree.
            Err(error) => {
                report.add(
                    Origin::start(FileId::MAIN),
                    "",
                    format!("the file cannot be read into its types: {error}"),
                );
                None
            }
        }
    }
}

/// One file, up to what it says by itself. `change` comes before its values are looked at.
pub(crate) fn part(
    bytes: &[u8],
    path: &Path,
    environment: &BTreeMap<String, String>,
    report: &mut Report,
    change: impl FnOnce(&mut Node, &mut Report),
) -> Option<Part> {
    let directory = path.parent().unwrap_or(Path::new(""));
    let text = characters(bytes, report)?;
    let mut tree = tree::parse(text, report)?;
    change(&mut tree, report);
    // They hold anchors: whoever refers to one has a copy by now.
    tree.drop_keys(schema::is_free);
    let sources = Sources {
        environment,
        directory,
    };
    expand::expand(&mut tree, &sources, report);
    let read = schema::read(&tree, report);
    Some(Part { tree, read })
}

/// The bytes of a file, up to one more than it may have.
pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    if file.metadata()?.is_dir() {
        return Err(io::Error::new(
            io::ErrorKind::IsADirectory,
            "it is a directory; name the file in it",
        ));
    }
    let mut bytes = Vec::new();
    file.take(limits::FILE_BYTES + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The text of a file, when it is text.
fn characters<'a>(bytes: &'a [u8], report: &mut Report) -> Option<&'a str> {
    if bytes.len() as u64 > limits::FILE_BYTES {
        let message = format!(
            "the file is larger than {} bytes, which is the most that is read",
            limits::FILE_BYTES
        );
        report.add(Origin::start(report.current()), "", message);
        return None;
    }
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let before = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
            let origin = position(report.current(), &before);
            report
                .add(origin, "", "the file is not UTF-8 text from here on")
                .with_hint("save it as UTF-8");
            return None;
        }
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    // The parser takes NUL for the end, and YAML allows no other control characters either.
    if let Some((index, control)) = text
        .char_indices()
        .find(|(_, c)| c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{85}'))
    {
        let message = format!(
            "the control character U+{:04X} cannot stand in YAML",
            u32::from(control)
        );
        let origin = position(report.current(), &text[..index]);
        report.add(origin, "", message);
        return None;
    }
    Some(text)
}

/// The place after `text`.
fn position(file: FileId, text: &str) -> Origin {
    let line = text.matches('\n').count() + 1;
    let column = text.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    Origin::File { file, line, column }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minimal() {
        let config = Loader::default()
            .parse("loom.yaml", crate::MINIMAL)
            .expect("it is the example to start from");
        assert_eq!(config.routes.len(), 1);
    }
}
