//! Runs tests without the keys that they show.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{env, thread};

use super::{Instead, Shown};
use crate::gateway::support::without;

/// Processes at a time. Many of them wait for what does not come without their key.
const PROCESSES: usize = 8;

/// What is wrong about the pairs, if anything is.
pub(super) fn wrong(pairs: &[Shown]) -> Vec<String> {
    // What tells nothing: a test that fails whatever is taken out.
    let tests: BTreeSet<&str> = pairs.iter().map(|pair| pair.test).collect();
    let controls = tests.into_iter().map(|test| (test, "", Instead::Nothing));
    let pairs = pairs
        .iter()
        .map(|pair| (pair.test, pair.key.as_str(), pair.instead));
    let runs: Vec<_> = pairs.chain(controls).collect();
    let next = AtomicUsize::new(0);
    let wrong = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..PROCESSES {
            scope.spawn(|| {
                while let Some(&(test, key, instead)) =
                    runs.get(next.fetch_add(1, Ordering::Relaxed))
                {
                    if let Some(why) = why_wrong(test, key, instead) {
                        let line = format!("{key}: {test} {why}");
                        wrong.lock().expect("nobody panics").push(line);
                    }
                }
            });
        }
    });
    wrong.into_inner().expect("nobody panics")
}

fn why_wrong(test: &str, key: &str, instead: Instead) -> Option<String> {
    let folder = tempfile::tempdir().expect("a folder");
    let said = folder.path().join("said");
    let status = run(test, key, instead, File::create(&said).expect("a file"));
    let said = fs::read_to_string(&said).unwrap_or_default();
    let why = match (status.code(), instead) {
        (Some(0), _) if said.contains("running 0 tests") => "is no test",
        (Some(0), _) if key.is_empty() => return None,
        _ if key.is_empty() => "does not pass when its configuration is only written anew",
        (Some(0), _) => "passes without it",
        (Some(without::REFUSED), Instead::Refused) => return None,
        (Some(without::REFUSED), _) => {
            "has no configuration without it; say what may stand in its place"
        }
        (_, Instead::Refused) => "has a configuration without it",
        _ => return None,
    };
    Some(format!("{why}: {said}"))
}

fn run(test: &str, key: &str, instead: Instead, said: File) -> ExitStatus {
    let mut command = Command::new(env::current_exe().expect("this program has a path"));
    command.args([test, "--exact", "--nocapture", "--include-ignored"]);
    command.env(without::KEY, key);
    if let Instead::Value(instead) = instead {
        command.env(without::INSTEAD, instead);
    }
    command
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .stdout(said)
        .process_group(0);
    let mut child = command.spawn().expect("it runs");
    let status = child.wait().expect("it ends");
    // Gateways that it has started, and did not end.
    let group = format!("-{}", child.id());
    let mut kill = Command::new("kill");
    kill.args(["-s", "KILL", "--", &group])
        .stderr(Stdio::null());
    let _ = kill.status().expect("kill runs");
    status
}
