//! What a run came to: on the terminal, as JSON and as Markdown.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use serde_json::json;

use crate::Error;
use crate::transcript::Transcript;
use crate::verdict::Verdict;

/// One case after it ran.
pub(crate) struct Outcome {
    pub(crate) id: String,
    pub(crate) verdict: Verdict,
    /// The class and the reason by which Loom may answer otherwise.
    pub(crate) difference: Option<(String, String)>,
    pub(crate) transcript: Transcript,
}

/// All cases of a run.
pub(crate) struct Report {
    /// What it is about; its files are called so.
    title: &'static str,
    outcomes: Vec<Outcome>,
}

impl Report {
    pub(crate) fn new(title: &'static str, outcomes: Vec<Outcome>) -> Self {
        Self { title, outcomes }
    }

    /// Whether there is no case that nobody expected.
    pub(crate) fn is_good(&self) -> bool {
        self.outcomes
            .iter()
            .all(|outcome| outcome.verdict.is_good())
    }

    /// The differences, a table of the areas, and a summary.
    pub(crate) fn print(&self, whole: bool) {
        for outcome in &self.outcomes {
            if whole {
                println!("{} {}", outcome.verdict.word(), outcome.id);
                outcome
                    .transcript
                    .0
                    .iter()
                    .for_each(|line| println!("    {line}"));
            }
            if let Verdict::Different(lines) = &outcome.verdict {
                println!("{} differs (- expected, + seen):", outcome.id);
                lines.iter().for_each(|line| println!("    {line}"));
            } else if !outcome.verdict.is_good() {
                println!("{}: {}", outcome.id, outcome.verdict.word());
            }
        }
        print!("{}", self.table());
    }

    fn table(&self) -> String {
        let mut areas: BTreeMap<&str, [usize; 4]> = BTreeMap::new();
        for outcome in &self.outcomes {
            let area = outcome.id.split('/').next().unwrap_or_default();
            for row in [area, "all"] {
                let counts = areas.entry(row).or_default();
                counts[0] += 1;
                counts[match outcome.verdict {
                    Verdict::Same => 1,
                    Verdict::Accepted => 2,
                    _ => 3,
                }] += 1;
            }
        }
        let all = areas.remove("all");
        let mut text =
            "| area | cases | as Envoy | accepted | wrong |\n|---|---|---|---|---|\n".to_owned();
        for (area, [cases, same, accepted, wrong]) in
            areas.into_iter().chain(all.map(|all| ("all", all)))
        {
            let _ = writeln!(text, "| {area} | {cases} | {same} | {accepted} | {wrong} |");
        }
        text
    }

    /// Writes `<title>.json` and `<title>.md`.
    pub(crate) fn write(&self, folder: &Path) -> Result<(), Error> {
        fs::create_dir_all(folder)?;
        let cases = self.outcomes.iter().map(|outcome| {
            json!({
                "case": outcome.id,
                "verdict": outcome.verdict.word(),
                "class": outcome.difference.as_ref().map(|(class, _)| class),
                "reason": outcome.difference.as_ref().map(|(_, reason)| reason),
                "transcript": outcome.transcript.0,
            })
        });
        let json = json!({"title": self.title, "cases": cases.collect::<Vec<_>>()});
        fs::write(
            folder.join(format!("{}.json", self.title)),
            format!("{json:#}\n"),
        )?;
        let mut text = format!("# Conformance of {}\n\n{}\n", self.title, self.table());
        for outcome in &self.outcomes {
            if let Verdict::Different(lines) = &outcome.verdict {
                let _ = writeln!(
                    text,
                    "## {}\n\n```diff\n{}\n```\n",
                    outcome.id,
                    lines.join("\n")
                );
            }
        }
        fs::write(folder.join(format!("{}.md", self.title)), text)?;
        Ok(())
    }
}
