//! The recorded answers: Envoy's, which are the expectation, and Loom's where it is allowed to differ.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::Error;
use crate::suite::Named;
use crate::transcript::Transcript;

/// The answers to one case.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Answers {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) envoy: Vec<String>,
    /// Only of a case that is marked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) loom: Vec<String>,
}

/// All recorded answers, by area and name of a case.
pub(crate) struct Recorded {
    folder: PathBuf,
    areas: BTreeMap<String, BTreeMap<String, Answers>>,
}

impl Recorded {
    pub(crate) fn load(folder: &Path) -> Result<Self, Error> {
        let mut areas = BTreeMap::new();
        for entry in fs::read_dir(folder)? {
            let file = entry?.path();
            if file
                .extension()
                .is_some_and(|extension| extension == "json")
            {
                let area = file
                    .file_stem()
                    .unwrap_or_default()
                    .to_string_lossy()
                    .into_owned();
                let answers = serde_json::from_slice(&fs::read(&file)?)
                    .map_err(|error| format!("{}: {error}", file.display()))?;
                areas.insert(area, answers);
            }
        }
        Ok(Self {
            folder: folder.to_owned(),
            areas,
        })
    }

    pub(crate) fn of(&self, case: &Named) -> Option<&Answers> {
        self.areas.get(&case.area)?.get(&case.case.name)
    }

    /// Keeps an answer.
    pub(crate) fn record(&mut self, case: &Named, host: &str, transcript: &Transcript) {
        let area = self.areas.entry(case.area.clone()).or_default();
        let answers = area.entry(case.case.name.clone()).or_default();
        match host {
            "envoy" => answers.envoy.clone_from(&transcript.0),
            _ if case.case.differs.is_some() => answers.loom.clone_from(&transcript.0),
            _ => answers.loom.clear(),
        }
    }

    /// Forgets what belongs to no case, and writes the rest.
    pub(crate) fn save(mut self, all: &[Named]) -> Result<(), Error> {
        for (area, answers) in &mut self.areas {
            answers.retain(|name, _| {
                all.iter()
                    .any(|case| case.area == *area && case.case.name == *name)
            });
            let file = self.folder.join(format!("{area}.json"));
            if answers.is_empty() {
                fs::remove_file(file)?;
            } else {
                fs::write(
                    file,
                    format!("{}\n", serde_json::to_string_pretty(answers)?),
                )?;
            }
        }
        Ok(())
    }
}
