//! Runtimes, Loom's and tokio's: who lives how long, and what is kept on the disk.

use std::fs;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use loom_layer::{CompileCache, LoomPlugin, LoomRuntime};
use tokio::sync::Semaphore;

use super::support::{Guest, eventually, get, load, logs, poll, runtime, send, send_for_ever};
use crate::built::add_header;

#[test]
fn loaded_outside_of_tokio_and_used_in_many_short_runtimes() {
    let guest = Guest::new()
        .on_request("")
        .on("proxy_on_delete", r#"(call $say @"delete")"#);
    let plugin = load("runtime-short", &guest);
    for _ in 0..20 {
        let tokio = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        assert_eq!(tokio.block_on(send(plugin.clone(), get(&[]))).status, 200);
        // One is left in the middle, and goes with the runtime.
        let reached = Arc::new(Semaphore::new(0));
        tokio.spawn(send_for_ever(plugin.clone(), Arc::clone(&reached)));
        tokio.block_on(reached.acquire()).unwrap().forget();
    }
    let tokio = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    tokio.block_on(eventually("all streams ended", || {
        logs::said("runtime-short").len() == 40
    }));
}

/// How many threads of this process a runtime of Loom started.
fn threads() -> usize {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    tasks
        .filter_map(|task| fs::read_to_string(task.ok()?.path().join("comm")).ok())
        .filter(|name| name.starts_with("loom-"))
        .count()
}

/// Counting threads needs a process without other tests in it: the test starts itself as one.
#[test]
fn the_threads_end_with_the_last_handle() {
    const ALONE: &str = "LOOM_TEST_ALONE";
    if std::env::var_os(ALONE).is_none() {
        let test = "layer::runtimes::the_threads_end_with_the_last_handle";
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", test])
            .env(ALONE, "1")
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success() && text.contains("1 passed"),
            "{text}"
        );
        return;
    }
    // A thread names itself when it starts, and leaves the list some time after it ended.
    let wait_for = |what: &str, holds: fn(usize) -> bool| {
        let begun = Instant::now();
        while !holds(threads()) {
            assert!(
                begun.elapsed() < Duration::from_secs(20),
                "{what}: {} threads",
                threads()
            );
            std::thread::sleep(Duration::from_millis(1));
        }
    };
    let run = "they run";
    let ended = "they ended";
    assert_eq!(threads(), 0);
    let runtime = LoomRuntime::builder()
        .compile_cache(CompileCache::Off)
        .build()
        .unwrap();
    wait_for(run, |threads| threads >= 2);
    let plugin = LoomPlugin::builder("threads")
        .bytes(Guest::new().on_request("").wasm())
        .runtime(&runtime)
        .instances(4)
        .build()
        .unwrap();
    drop(runtime);
    let tokio = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    assert_eq!(tokio.block_on(send(plugin.clone(), get(&[]))).status, 200);
    assert!(threads() >= 2, "the plugin keeps them");
    drop(plugin);
    wait_for(ended, |threads| threads == 0);

    // A stream keeps its plugin, and with it the threads.
    let runtime = LoomRuntime::builder()
        .compile_cache(CompileCache::Off)
        .build()
        .unwrap();
    let plugin = LoomPlugin::builder("threads")
        .bytes(Guest::new().on_request("").on("proxy_on_log", "").wasm())
        .runtime(&runtime)
        .build()
        .unwrap();
    drop(runtime);
    let reached = Arc::new(Semaphore::new(0));
    let mut stream = Box::pin(send_for_ever(plugin, Arc::clone(&reached)));
    assert!(poll(&mut stream).is_pending());
    assert_eq!(reached.available_permits(), 1);
    wait_for(run, |threads| threads >= 2);
    drop(stream);
    wait_for(ended, |threads| threads == 0);
}

/// How often a plugin was compiled.
fn compiled(name: &str) -> usize {
    let lines = logs::of(name);
    lines
        .iter()
        .filter(|line| line.message() == "compiled")
        .count()
}

/// Loads in a runtime of its own, as another start of the process would.
fn start_with(folder: &std::path::Path, name: &str, guest: &Guest) -> LoomPlugin {
    logs::listen();
    let runtime = LoomRuntime::builder()
        .compile_cache(CompileCache::Directory(folder.to_owned()))
        .build()
        .unwrap();
    LoomPlugin::builder(name)
        .bytes(guest.wasm())
        .runtime(&runtime)
        .instances(1)
        .build()
        .unwrap()
}

#[tokio::test]
async fn a_second_start_compiles_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("cache");
    let mark = |value: &str| {
        Guest::new().on_request(&format!(r#"(call $set (i32.const 0) @"x-a" @"{value}")"#))
    };
    let (one, two) = (mark("1"), mark("2"));
    let works = async |name: &str, guest: &Guest, value: &str, times: usize| {
        let plugin = start_with(&cache, name, guest);
        assert_eq!(send(plugin, get(&[])).await.seen("x-a"), value);
        assert_eq!(compiled(name), times, "{name}");
    };
    works("cache-one", &one, "1", 1).await;
    works("cache-one", &one, "1", 1).await;
    works("cache-two", &two, "2", 1).await;
    works("cache-two", &two, "2", 1).await;

    let entries: Vec<_> = fs::read_dir(&cache)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert_eq!(entries.len(), 2);
    let codes = [&entries[0], &entries[1]].map(|entry| fs::read(entry).unwrap());
    fs::write(&entries[0], &codes[1]).unwrap();
    fs::write(&entries[1], &codes[0]).unwrap();
    works("cache-one", &one, "1", 2).await;
    works("cache-two", &two, "2", 2).await;
    works("cache-one", &one, "1", 2).await;

    for entry in &entries {
        let mut code = fs::read(entry).unwrap();
        let middle = code.len() / 2;
        code[middle] ^= 1;
        fs::write(entry, code).unwrap();
    }
    works("cache-one", &one, "1", 3).await;
    works("cache-two", &two, "2", 3).await;
    works("cache-two", &two, "2", 3).await;
}

#[tokio::test]
async fn a_cache_that_cannot_be_written_is_only_slow() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a-file");
    fs::write(&file, "").unwrap();
    let plugin = start_with(&file, "cache-none", &Guest::new().on_request(""));
    assert_eq!(send(plugin, get(&[])).await.status, 200);
}

#[tokio::test]
async fn the_example_s_plugin() {
    let plugin = LoomPlugin::builder("example")
        .file(add_header())
        .runtime(runtime())
        .build_async()
        .await
        .unwrap();
    let answer = send(plugin, get(&[])).await;
    assert_eq!(answer.seen("x-processed-by"), "Loom");
    assert_eq!(answer.header("x-gateway"), "Loom");
}
