//! What processes have used, from `/proc`.

use std::fs;
use std::io;
use std::time::Duration;

/// Of one process and those that it started.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Usage {
    /// CPU time of all threads that run, exact to the nanosecond. Servers end none of theirs under load.
    pub(super) cpu: Duration,
    /// Resident memory in KiB. What processes share is counted for each.
    pub(super) resident_kib: u64,
}

pub(super) fn of_tree(root: u32) -> io::Result<Usage> {
    let mut sum = Usage::default();
    for process in tree(root)? {
        let folder = format!("/proc/{process}");
        for thread in fs::read_dir(format!("{folder}/task"))? {
            let schedule = fs::read_to_string(thread?.path().join("schedstat"))?;
            sum.cpu += Duration::from_nanos(first_number(&schedule)?);
        }
        let status = fs::read_to_string(format!("{folder}/status"))?;
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        sum.resident_kib += first_number(resident.unwrap_or_default())?;
    }
    Ok(sum)
}

/// The process and all that come from it.
fn tree(root: u32) -> io::Result<Vec<u32>> {
    let mut parents = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(process) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        // Another process may end while this goes on.
        let Ok(stat) = fs::read_to_string(format!("/proc/{process}/stat")) else {
            continue;
        };
        if let Some(parent) = parent(&stat) {
            parents.push((process, parent));
        }
    }
    let mut found = vec![root];
    let mut next = 0;
    while let Some(&process) = found.get(next) {
        let children = parents.iter().filter(|(_, parent)| *parent == process);
        found.extend(children.map(|(child, _)| *child));
        next += 1;
    }
    Ok(found)
}

/// The second field after the name, which stands in brackets and may hold anything.
fn parent(stat: &str) -> Option<u32> {
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(1)?.parse().ok()
}

fn first_number(text: &str) -> io::Result<u64> {
    let number = text.split_whitespace().next().and_then(|n| n.parse().ok());
    number.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "there is no number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_uses_time_and_memory() {
        let before = of_tree(std::process::id()).unwrap();
        let begun = std::time::Instant::now();
        while begun.elapsed() < Duration::from_millis(20) {}
        let after = of_tree(std::process::id()).unwrap();
        assert!(after.cpu > before.cpu, "{before:?} {after:?}");
        assert!(after.resident_kib > 100, "{after:?}");
    }

    #[test]
    fn a_parent_is_found_behind_any_name() {
        assert_eq!(parent("12 (a) 7 (b) S 34 12 0"), Some(34));
    }
}
