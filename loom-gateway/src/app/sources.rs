//! Which files decide what a configuration is.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use loom_config::Config;
use loom_config::model::IncludePattern;

/// Files that a configuration was made from, and patterns by which others would be.
#[derive(Debug, Clone, Default)]
pub(super) struct Sources {
    files: BTreeSet<PathBuf>,
    include: Vec<IncludePattern>,
}

impl Sources {
    pub(super) fn of(config: &Config) -> Self {
        let plugins = config.plugins.iter();
        let plugins = plugins.filter_map(|plugin| plugin.source.path());
        let files = config.files.iter().map(PathBuf::as_path);
        Self {
            files: files.chain(plugins).map(Path::to_owned).collect(),
            include: config.include.clone(),
        }
    }

    /// Those of a configuration that has faults, as far as it was read.
    pub(super) fn of_error(error: &loom_config::Error) -> Self {
        Self {
            files: error.files().iter().cloned().collect(),
            include: error.include().to_vec(),
        }
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.files.extend(other.files.iter().cloned());
        for pattern in &other.include {
            if !self.include.contains(pattern) {
                self.include.push(pattern.clone());
            }
        }
    }

    /// All files as they are now: the known ones, and those that fit a pattern.
    pub(super) fn files(&self) -> BTreeSet<PathBuf> {
        let fitting = self.include.iter().flat_map(IncludePattern::files);
        self.files.iter().cloned().chain(fitting).collect()
    }

    /// Whether a file would be one of a configuration since it fits a pattern.
    pub(super) fn is_included(&self, file: &Path) -> bool {
        let mut include = self.include.iter();
        include.any(|pattern| pattern.fits(file))
    }

    /// Folders in which a file may appear.
    pub(super) fn folders(&self) -> BTreeSet<PathBuf> {
        let folders = self.include.iter().flat_map(IncludePattern::folders);
        folders.collect()
    }
}
