//! Runtimes, Loom's and tokio's: who lives how long, and what is shared.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use loom_layer::{CompileCache, LoomPlugin, LoomRuntime};

use super::support::{Guest, add_header, eventually, get, load, logs, plugin, runtime, send};

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
        let held = send_for_ever(plugin.clone());
        tokio.spawn(held);
        tokio.block_on(tokio::task::yield_now());
    }
    let tokio = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    tokio.block_on(eventually("all streams ended", || {
        logs::said("runtime-short").len() == 40
    }));
}

async fn send_for_ever(plugin: LoomPlugin) {
    use bytes::Bytes;
    use http::{Request, Response};
    use http_body_util::{Empty, Full};
    use tower::{Layer, ServiceExt, service_fn};

    let inner = service_fn(|_: Request<loom_layer::RequestBody<Full<Bytes>>>| {
        std::future::pending::<Result<Response<Empty<Bytes>>, std::convert::Infallible>>()
    });
    let _ = plugin.layer(inner).oneshot(get(&[])).await;
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
    let mut stream = Box::pin(send_for_ever(plugin));
    tokio.block_on(async {
        tokio::select! {
            biased;
            () = &mut stream => panic!("nothing answers"),
            () = tokio::task::yield_now() => {}
        }
    });
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

/// Tells each stream how long its root's configuration is, and how many root contexts its VM has seen.
fn configurable() -> Guest {
    Guest::new()
        .item("(global $roots (mut i32) (i32.const 0))")
        .on(
            "proxy_on_context_create",
            "(if (local.get $parent)
               (then (i32.store (i32.add (i32.const 32768) (i32.mul (local.get $id) (i32.const 4)))
                 (local.get $parent)))
               (else (global.set $roots (i32.add (global.get $roots) (i32.const 1)))))",
        )
        .on(
            "proxy_on_configure",
            "(if (i32.eq (local.get $size) (i32.const 2)) (then (return (i32.const 0))))
             (if (i32.eq (local.get $size) (i32.const 4)) (then unreachable))
             (i32.store (i32.add (i32.const 16384) (i32.mul (local.get $id) (i32.const 4))) (local.get $size))
             (i32.const 1)",
        )
        .on_request(
            r#"(call $set_num (i32.const 0) @"x-size" (i32.load (i32.add (i32.const 16384)
                 (i32.mul (i32.const 4)
                   (i32.load (i32.add (i32.const 32768) (i32.mul (local.get $id) (i32.const 4))))))))
               (call $set_num (i32.const 0) @"x-roots" (global.get $roots))"#,
        )
        .on("proxy_on_done", r#"(call $say @"done") (i32.const 1)"#)
        .on("proxy_on_delete", r#"(call $say @"delete")"#)
}

#[tokio::test]
async fn other_configurations_live_in_the_same_vms() {
    let first = plugin("with-config", &configurable())
        .config("a")
        .build()
        .unwrap();
    let second = first.with_config("abc").expect("it takes three bytes");
    assert_eq!((first.instances(), second.instances()), (1, 1));
    for (plugin, size) in [(&first, "1"), (&second, "3"), (&first, "1")] {
        let answer = send(plugin.clone(), get(&[])).await;
        assert_eq!((answer.seen("x-size"), answer.seen("x-roots")), (size, "2"));
    }
}

#[tokio::test]
async fn a_configuration_that_is_refused_or_traps() {
    let first = plugin("with-bad-config", &configurable())
        .config("a")
        .build()
        .unwrap();
    let error = first.with_config("no").expect_err("it refuses two bytes");
    assert!(error.is_rejected(), "{error:?}");
    assert_eq!(error.plugin(), "with-bad-config");
    assert_eq!(first.instances(), 1, "a refusal does no harm");
    assert_eq!(send(first.clone(), get(&[])).await.seen("x-size"), "1");

    let error = first.with_config("trap").expect_err("it traps");
    assert!(error.is_start(), "{error:?}");
    super::support::healed(&first).await;
    assert_eq!(send(first.clone(), get(&[])).await.seen("x-size"), "1");
    assert!(first.with_config("abc").is_ok());
}

#[tokio::test]
async fn a_root_context_ends_with_its_last_handle() {
    let first = plugin("root-ends", &configurable())
        .config("a")
        .build()
        .unwrap();
    let second = first.with_config("abc").unwrap();
    let clone = second.clone();
    drop(second);
    let mut stream = Box::pin(send_for_ever(clone));
    tokio::select! {
        biased;
        () = &mut stream => panic!("nothing answers"),
        () = tokio::task::yield_now() => {}
    }
    assert!(
        logs::said("root-ends").is_empty(),
        "a stream still needs it"
    );
    drop(stream);
    eventually("the stream and its root ended", || {
        logs::said("root-ends").len() == 4
    })
    .await;
    assert_eq!(
        logs::said("root-ends"),
        ["done", "delete", "done", "delete"]
    );
    let answer = send(first.clone(), get(&[])).await;
    assert_eq!(answer.seen("x-size"), "1", "the other one goes on");
    drop(first);
    eventually("the first root ended too", || {
        logs::said("root-ends").len() == 8
    })
    .await;
}

#[tokio::test]
async fn the_same_vm_id_and_code_share_a_vm() {
    let shared =
        |name: &str, vm_id: &str| plugin(name, &configurable()).vm_id(vm_id).build().unwrap();
    let (one, two) = (shared("vm-one", "vm-shared"), shared("vm-two", "vm-shared"));
    let other = shared("vm-one", "vm-apart");
    assert_eq!(send(one.clone(), get(&[])).await.seen("x-roots"), "2");
    assert_eq!(send(two, get(&[])).await.seen("x-roots"), "2");
    assert_eq!(send(other, get(&[])).await.seen("x-roots"), "1");
    // Other limits are another VM.
    let limited = plugin("vm-one", &configurable())
        .vm_id("vm-shared")
        .memory_limit(1 << 20)
        .build()
        .unwrap();
    assert_eq!(send(limited, get(&[])).await.seen("x-roots"), "1");
    assert_eq!(one.name(), "vm-one");
}

#[tokio::test]
async fn all_vms_are_there_after_a_while() {
    let plugin = plugin("vms-three", &Guest::new())
        .instances(3)
        .build()
        .unwrap();
    assert!(plugin.instances() >= 1, "the first one is there at once");
    eventually("three", || plugin.instances() == 3).await;
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
