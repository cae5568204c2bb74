//! What processes have used, from `/proc`.

use std::fs;
use std::io;
use std::time::Duration;

/// A tick of the clock by which the kernel tells times in `stat`: USER_HZ is 100 on every system.
const TICK: Duration = Duration::from_millis(10);

/// Of one process and those that it started.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Usage {
    /// CPU time of all threads that run, exact to the nanosecond. Servers end none of theirs under load.
    pub(crate) cpu: Duration,
    /// Resident memory in KiB. What processes share is counted for each.
    pub(crate) resident_kib: u64,
}

/// Threads and children that end in the middle of the look are left out; that the process itself has ended is an error.
pub(crate) fn of_tree(root: u32) -> io::Result<Usage> {
    let mut sum = Usage::default();
    for process in tree(root)? {
        match of_one(process) {
            Err(error) if process != root && has_ended(&error) => {}
            usage => {
                let usage = usage?;
                sum.cpu += usage.cpu;
                sum.resident_kib += usage.resident_kib;
            }
        }
    }
    Ok(sum)
}

/// CPU time of a process and those that come from it, with threads and children that have ended. It is counted in steps of
/// 10 ms, for each of the processes.
pub(crate) fn cpu_of_all(root: u32) -> io::Result<Duration> {
    let mut ticks = 0;
    for process in tree(root)? {
        match fs::read_to_string(format!("/proc/{process}/stat")) {
            Err(error) if process != root && has_ended(&error) => {}
            stat => ticks += times(&stat?)?,
        }
    }
    Ok(TICK * ticks)
}

/// The sum of `utime`, `stime`, `cutime` and `cstime` in proc_pid_stat(5), fields 14 to 17: those of ended children are with
/// their parent as soon as it has waited for them.
fn times(stat: &str) -> io::Result<u32> {
    let rest = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let times = rest.split_whitespace().skip(11).take(4);
    let times: Vec<u32> = times.filter_map(|time| time.parse().ok()).collect();
    if times.len() == 4 {
        return Ok(times.iter().sum());
    }
    Err(io::Error::new(
        io::ErrorKind::InvalidData,
        "there are no times in stat",
    ))
}

fn of_one(process: u32) -> io::Result<Usage> {
    let folder = format!("/proc/{process}");
    let mut cpu = Duration::ZERO;
    for thread in fs::read_dir(format!("{folder}/task"))? {
        match fs::read_to_string(thread?.path().join("schedstat")) {
            Err(error) if has_ended(&error) => {}
            schedule => cpu += Duration::from_nanos(first_number(&schedule?)?),
        }
    }
    let status = fs::read_to_string(format!("{folder}/status"))?;
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    Ok(Usage {
        cpu,
        resident_kib: first_number(resident.unwrap_or_default())?,
    })
}

/// Whether what was asked about is gone: its file is not there, or was opened before and cannot be read any more.
fn has_ended(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound
        || error.raw_os_error() == Some(rustix::io::Errno::SRCH.raw_os_error())
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
    use std::io::{BufRead, BufReader};
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn a_process_and_its_child_use_time_and_memory() {
        // A child and not this process, whose other tests begin and end threads meanwhile.
        let mut shell = Command::new("sh");
        shell.args(["-c", "sh -c 'while :; do :; done' & echo $!; wait"]);
        let mut shell = shell.stdout(Stdio::piped()).spawn().expect("a shell");
        let mut child = String::new();
        let output = shell.stdout.take().expect("a pipe");
        BufReader::new(output)
            .read_line(&mut child)
            .expect("a line");
        let of_both = || of_tree(shell.id()).expect("usage");
        let before = of_both();
        let mut after = before;
        while after.cpu < before.cpu + Duration::from_millis(20) {
            std::thread::sleep(Duration::from_millis(5));
            after = of_both();
        }
        assert!(after.resident_kib > 100, "{after:?}");
        let ended = Command::new("kill").arg(child.trim()).status();
        assert!(ended.expect("kill").success());
        shell.wait().expect("it ends with its child");
        let gone = of_tree(shell.id()).expect_err("nobody is there");
        assert!(has_ended(&gone), "{gone}");
    }

    #[test]
    fn times_of_ended_children_count() {
        let stat = "12 (a) 7 (b) S 34 12 0 0 0 0 0 0 0 0 1 20 300 4000 20 0";
        assert_eq!(times(stat).expect("times"), 4321);
        assert!(times("12 (a) S 1").is_err());
    }

    #[test]
    fn a_parent_is_found_behind_any_name() {
        assert_eq!(parent("12 (a) 7 (b) S 34 12 0"), Some(34));
    }
}
