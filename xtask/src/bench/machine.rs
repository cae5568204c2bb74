//! What the bench runs on.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::SystemTime;

use super::results::Machine;

pub(super) fn describe(root: &Path) -> Machine {
    let read = |file: &str| fs::read_to_string(file).unwrap_or_default();
    let memory_kib = field(&read("/proc/meminfo"), "MemTotal")
        .split(' ')
        .next()
        .and_then(|number| number.parse::<u64>().ok());
    Machine {
        date: date(SystemTime::now()),
        processor: field(&read("/proc/cpuinfo"), "model name"),
        cores: std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get),
        memory_gib: memory_kib.unwrap_or(0).div_ceil(1 << 20),
        system: said(root, "uname", &["-sr"]),
        commit: said(root, "git", &["rev-parse", "--short", "HEAD"]),
        load_before: read("/proc/loadavg")
            .split(' ')
            .next()
            .and_then(|number| number.parse().ok())
            .unwrap_or(0.0),
    }
}

/// To the minute.
pub(super) fn date(time: SystemTime) -> String {
    let seconds = time
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| since.as_secs());
    let at = format!("@{seconds}");
    said(
        Path::new("/"),
        "date",
        &["-u", "-d", &at, "+%Y-%m-%d %H:%M UTC"],
    )
}

/// What stands behind `name:` in one of the system's tables.
fn field(table: &str, name: &str) -> String {
    let value = table.lines().find_map(|line| {
        let (field, value) = line.split_once(':')?;
        (field.trim() == name).then(|| value.trim())
    });
    value.unwrap_or("unknown").to_owned()
}

fn said(root: &Path, program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(root)
        .output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    text.unwrap_or_else(|_| "unknown".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_found_by_its_name() {
        let table = "processor\t: 0\nmodel name\t: Abacus 3: fast\n";
        assert_eq!(field(table, "model name"), "Abacus 3: fast");
        assert_eq!(field(table, "model"), "unknown");
    }
}
