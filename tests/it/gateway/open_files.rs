//! The limit of open files.

use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, BufReader};

use super::support::{program, within};

/// What a `loom` logs to the point at which it listens, when the shell has said this about open files.
async fn log_with_open_files(ulimit: &str) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let yaml = "workers: 1\nlisteners: [{name: web, address: '127.0.0.1:0', limits: {connections: 400}}]\n";
    std::fs::write(folder.path().join("loom.yaml"), yaml).expect("written");
    let script = format!("ulimit {ulimit}; exec \"$0\"");
    let mut loom = tokio::process::Command::new("sh")
        .args(["-c", &script])
        .arg(program())
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("loom runs");
    let mut lines = BufReader::new(loom.stderr.take().expect("a pipe")).lines();
    let mut log = String::new();
    within(async {
        while let Ok(Some(line)) = lines.next_line().await {
            log.push_str(&line);
            if line.contains("listening") {
                return log;
            }
        }
        panic!("it does not listen: {log}");
    })
    .await
}

#[tokio::test]
async fn open_files_are_raised_and_too_few_are_told() {
    let log = log_with_open_files("-n 300").await;
    assert!(log.contains("may open fewer files"), "{log}");
    assert!(log.contains("available=300"), "{log}");
    assert!(log.contains("needed=528"), "{log}");
    // The process may have more than it was started with.
    let log = log_with_open_files("-Sn 300").await;
    assert!(!log.contains("may open fewer files"), "{log}");
}
