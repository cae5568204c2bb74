//! What `include` names: a file, or a pattern that stands for several.

use std::path::{Path, PathBuf};

use glob::{MatchOptions, Pattern};

/// A star stands for no slash, and for no dot at the beginning of a name: what editors and Kubernetes put there is not meant.
const OPTIONS: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: true,
};

/// A pattern of `include`, such as `/etc/loom/routes/*.yaml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncludePattern {
    /// The pattern, with the folder of its file in front of it.
    pattern: String,
    /// Where in it the first of what stands for something else is.
    first: usize,
    /// The folder before that.
    folder: PathBuf,
}

/// What makes a path a pattern.
const WILD: [char; 3] = ['*', '?', '['];

impl IncludePattern {
    /// The pattern `written` in a file of `directory`; `None` when it is a path.
    ///
    /// # Errors
    /// When it is no pattern; the text says why.
    pub(super) fn new(directory: &Path, written: &str) -> Result<Option<Self>, String> {
        let Some(first) = written.find(WILD) else {
            return Ok(None);
        };
        Pattern::new(written).map_err(|error| error.msg.to_owned())?;
        let Some(above) = directory.to_str() else {
            return Err("the name of its folder is not UTF-8".to_owned());
        };
        let above = if Path::new(written).is_absolute() || above.is_empty() {
            String::new()
        } else {
            format!("{}/", Pattern::escape(above))
        };
        let fixed = written[..first]
            .rfind('/')
            .map_or("", |slash| &written[..=slash]);
        Ok(Some(Self {
            first: above.len() + first,
            pattern: above + written,
            folder: directory.join(fixed),
        }))
    }

    /// The files that fit it now, in the order of their paths.
    pub fn files(&self) -> Vec<PathBuf> {
        let mut files = paths(&self.pattern);
        files.retain(|path| path.is_file());
        files
    }

    /// Whether a file of this path fits it.
    pub fn fits(&self, file: &Path) -> bool {
        Pattern::new(&self.pattern).is_ok_and(|pattern| pattern.matches_path_with(file, OPTIONS))
    }

    /// The folders in which another file may come to fit it. The first of them need not be there.
    pub fn folders(&self) -> Vec<PathBuf> {
        let mut folders = vec![self.folder.clone()];
        // Those that a part of the pattern stands for.
        let slashes = self.pattern.match_indices('/');
        for (slash, _) in slashes.filter(|&(slash, _)| slash > self.first) {
            let above = paths(&self.pattern[..slash]);
            folders.extend(above.into_iter().filter(|path| path.is_dir()));
        }
        folders
    }
}

fn paths(pattern: &str) -> Vec<PathBuf> {
    let found = glob::glob_with(pattern, OPTIONS);
    // A folder that may not be read holds nothing that could be read.
    let mut paths: Vec<PathBuf> = found.into_iter().flatten().flatten().collect();
    paths.sort_unstable();
    paths.dedup();
    paths
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_pattern_finds_files_and_the_folders_to_watch() {
        let root = tempfile::tempdir().expect("a folder");
        // A name that would be a pattern itself.
        let directory = root.path().join("a[1]");
        for folder in ["routes/x", "routes/y", "routes/.hidden"] {
            fs::create_dir_all(directory.join(folder)).expect("made");
        }
        for file in ["x/b.yaml", "x/a.yaml", "x/.c.yaml", "y/d.yml", "e.yaml"] {
            fs::write(directory.join("routes").join(file), "").expect("written");
        }
        fs::create_dir(directory.join("routes/x/folder.yaml")).expect("made");
        let found = |written: &str| {
            let pattern = IncludePattern::new(&directory, written).expect("a pattern");
            let pattern = pattern.expect("it has a star");
            let relative = |paths: Vec<PathBuf>| -> Vec<String> {
                let names = paths.iter().map(|path| {
                    let path = path.strip_prefix(&directory).expect("below");
                    path.display().to_string()
                });
                names.collect()
            };
            (relative(pattern.files()), relative(pattern.folders()))
        };
        let (files, folders) = found("routes/*/*.yaml");
        assert_eq!(files, ["routes/x/a.yaml", "routes/x/b.yaml"]);
        assert_eq!(folders, ["routes", "routes/x", "routes/y"]);
        assert_eq!(found("routes/*.yaml").0, ["routes/e.yaml"]);
        assert_eq!(found("*.yaml"), (vec![], vec![String::new()]));
    }

    #[test]
    fn a_path_is_no_pattern_and_not_everything_with_a_star_is_one() {
        assert_eq!(IncludePattern::new(Path::new(""), "a.yaml"), Ok(None));
        assert!(IncludePattern::new(Path::new(""), "a***.yaml").is_err());
        assert!(IncludePattern::new(Path::new(""), "[a.yaml").is_err());
    }
}
