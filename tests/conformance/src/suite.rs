//! The cases: those of the files in `cases/`, and those that are made from tables.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use crate::Error;
use crate::case::Case;
use crate::matrix;

/// A case with the area that it belongs to.
#[derive(Debug, Clone)]
pub(crate) struct Named {
    pub(crate) area: String,
    pub(crate) case: Case,
}

impl Named {
    /// Names the case among all.
    pub(crate) fn id(&self) -> String {
        format!("{}/{}", self.area, self.case.name)
    }
}

/// All cases of the kit, whose folder is `package`.
pub(crate) fn load(package: &Path) -> Result<Vec<Named>, Error> {
    let mut files: Vec<_> = fs::read_dir(package.join("cases"))?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    files.retain(|file| {
        file.extension()
            .is_some_and(|extension| extension == "yaml")
    });
    files.sort();
    let mut all = Vec::new();
    for file in &files {
        let area = file.file_stem().unwrap_or_default().to_string_lossy();
        let text = fs::read_to_string(file)?;
        let cases: Vec<Case> = serde_saphyr::from_str(&text)
            .map_err(|error| format!("{}: {error}", file.display()))?;
        all.extend(cases.into_iter().map(|case| Named {
            area: area.clone().into_owned(),
            case,
        }));
    }
    all.extend(matrix::load(&package.join("matrix.yaml"))?);
    let mut ids = HashSet::new();
    if let Some(twice) = all.iter().find(|named| !ids.insert(named.id())) {
        return Err(format!("there are two cases {}", twice.id()).into());
    }
    Ok(all)
}
