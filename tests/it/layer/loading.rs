//! What cannot be loaded, and what the user is told about it.

use std::error::Error as _;
use std::fs;
use std::path::Path;
use std::time::Duration;

use loom_layer::{Error, LoomPlugin, LoomPluginBuilder};

use super::support::{Guest, logs, plugin, runtime};
use crate::built::add_header;

fn refused(builder: LoomPluginBuilder) -> Error {
    builder.build().expect_err("it cannot be loaded")
}

fn of_bytes(bytes: &[u8]) -> Error {
    refused(
        LoomPlugin::builder("bad")
            .bytes(bytes.to_vec())
            .runtime(runtime()),
    )
}

fn of_file(path: &Path) -> Error {
    refused(LoomPlugin::builder("bad").file(path).runtime(runtime()))
}

/// Every predicate, so that an error is of one kind only.
fn kinds(error: &Error) -> Vec<&'static str> {
    [
        ("file", error.is_file()),
        ("module", error.is_module()),
        ("abi", error.is_abi()),
        ("start", error.is_start()),
        ("rejected", error.is_rejected()),
        ("timeout", error.is_timeout()),
        ("memory", error.is_memory()),
    ]
    .into_iter()
    .filter_map(|(kind, is)| is.then_some(kind))
    .collect()
}

#[test]
fn a_file_that_is_missing() {
    let error = of_file(Path::new("/nowhere/plugin.wasm"));
    assert_eq!(kinds(&error), ["file"]);
    assert_eq!(
        error.to_string(),
        "plugin `bad` (/nowhere/plugin.wasm): there is no such file; check the path, and build the plugin first \
         (a Rust plugin: cargo build --release --target wasm32-wasip1)"
    );
    assert_eq!(error.plugin(), "bad");
    assert_eq!(error.file(), Some(Path::new("/nowhere/plugin.wasm")));
    assert!(error.cure().starts_with("check the path"));
    let cause = error.source().expect("the system said why");
    assert!(cause.to_string().contains("No such file"), "{cause}");
}

#[test]
fn a_directory() {
    let folder = tempfile::tempdir().unwrap();
    let error = of_file(folder.path());
    assert_eq!(kinds(&error), ["file"]);
    let text = error.to_string();
    assert!(
        text.ends_with("this is a directory; name the .wasm file itself"),
        "{text}"
    );
}

#[test]
fn a_file_that_may_not_be_read() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret.wasm");
    fs::write(&path, Guest::new().wasm()).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    // Root reads everything, but for what the kernel itself withholds.
    let withheld = Path::new("/proc/sys/vm/compact_memory");
    let path = if fs::read(&path).is_err() {
        &path
    } else {
        withheld
    };
    let error = of_file(path);
    assert_eq!(kinds(&error), ["file"]);
    let text = error.to_string();
    assert!(
        text.ends_with(
            "the file may not be read; give the user that runs this process the right to read it (chmod a+r)"
        ),
        "{text}"
    );
}

#[test]
fn a_file_that_fails_while_it_is_read() {
    // The first page of a process is never mapped.
    let error = of_file(Path::new("/proc/self/mem"));
    assert_eq!(kinds(&error), ["file"]);
    assert!(
        error
            .to_string()
            .contains("the file cannot be read: Input/output error"),
        "{error}"
    );
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plain");
    fs::write(&path, "").unwrap();
    let error = of_file(&path.join("plugin.wasm"));
    assert!(error.is_file(), "{error}");
    assert!(error.to_string().contains("Not a directory"), "{error}");
}

#[test]
fn what_is_no_module() {
    let module = Guest::new().wasm();
    let component = wat::parse_str("(component)").unwrap();
    let mut newer = module.clone();
    newer[4] = 2;
    let cases: [(&[u8], &str); 8] = [
        (b"", "the file is empty; build the plugin again"),
        (
            b"(module)",
            "this looks like WebAssembly text; translate it to a binary module first, with wat2wasm for example",
        ),
        (
            b"\x1f\x8b\x08\0",
            "this is a gzip file; unpack it and name the .wasm file inside",
        ),
        (
            b"\x7fELF\x02\x01\x01",
            "this is not WebAssembly: it does not begin with `\\0asm`; name the .wasm file that the build of the \
             plugin wrote, for example target/wasm32-wasip1/release/NAME.wasm",
        ),
        (
            &component,
            "this is a WebAssembly component, not a core module; build for the target wasm32-wasip1 (not wasip2), \
             as Proxy-Wasm needs it",
        ),
        (
            &newer,
            "this is WebAssembly of an unknown version, or cut off; build it again for the target wasm32-wasip1",
        ),
        (
            &module[..6],
            "this is WebAssembly of an unknown version, or cut off; build it again for the target wasm32-wasip1",
        ),
        (
            &module[..3],
            "this is not WebAssembly: it does not begin with `\\0asm`; name the .wasm file that the build of the \
             plugin wrote, for example target/wasm32-wasip1/release/NAME.wasm",
        ),
    ];
    for (bytes, text) in cases {
        let error = of_bytes(bytes);
        assert_eq!(kinds(&error), ["module"]);
        assert_eq!(error.to_string(), format!("plugin `bad`: {text}"));
        assert_eq!(error.file(), None);
    }
}

#[test]
fn a_module_that_is_cut_off_anywhere() {
    let module = Guest::new().on_request("").wasm();
    for len in (8..module.len()).step_by(37) {
        let error = of_bytes(&module[..len]);
        assert!(error.is_module() || error.is_abi(), "{len} bytes: {error}");
    }
    let error = of_bytes(&module[..module.len() - 1]);
    assert_eq!(kinds(&error), ["module"]);
    let text = error.to_string();
    assert!(
        text.contains("the module is invalid or cut off: "),
        "{text}"
    );
    assert!(
        text.ends_with(
            "copy or build it again; it must be a core module without threads, 64-bit memory or garbage collection"
        ),
        "{text}"
    );
}

#[test]
fn a_module_without_a_known_marker() {
    let none = "the module is not a Proxy-Wasm plugin: it exports no function `proxy_abi_version_0_2_1` (nor 0_2_0, \
                0_1_0); use a Proxy-Wasm SDK and export its entry point; a Rust plugin is a `cdylib` that calls \
                `proxy_wasm::main!`";
    let error = of_bytes(&Guest::new().marker("").wasm());
    assert_eq!(kinds(&error), ["abi"]);
    assert_eq!(error.to_string(), format!("plugin `bad`: {none}"));

    let global = r#"(global (export "proxy_abi_version_0_2_1") i32 (i32.const 0))"#;
    let error = of_bytes(&Guest::new().marker("").item(global).wasm());
    assert_eq!(kinds(&error), ["abi"]);
    assert_eq!(error.to_string(), format!("plugin `bad`: {none}"));

    let error = of_bytes(&Guest::new().marker("proxy_abi_version_0_3_0").wasm());
    assert_eq!(kinds(&error), ["abi"]);
    assert_eq!(
        error.to_string(),
        "plugin `bad`: the module speaks a version of Proxy-Wasm that is not supported: it exports \
         `proxy_abi_version_0_3_0`; supported are 0.1.0, 0.2.0 and 0.2.1: build it with an SDK for one of them"
    );
}

#[test]
fn every_supported_marker_loads() {
    for version in ["0_1_0", "0_2_0", "0_2_1"] {
        let guest = Guest::new().marker(&format!("proxy_abi_version_{version}"));
        plugin("markers", &guest).build().expect(version);
    }
}

#[test]
fn a_module_without_allocator_or_memory() {
    let error = of_bytes(&Guest::new().allocator("").wasm());
    assert_eq!(kinds(&error), ["abi"]);
    assert_eq!(
        error.to_string(),
        "plugin `bad`: the module exports no allocator: neither `proxy_on_memory_allocate` nor `malloc` with one i32 \
         and an i32 result; export one, as every Proxy-Wasm SDK does"
    );
    let malloc = r#"(func (export "malloc") (param i32) (result i32) (i32.const 65536))"#;
    let guest = Guest::new().allocator("").item(malloc);
    plugin("malloc", &guest).build().expect("malloc will do");

    let error = of_bytes(&Guest::new().memory(0).wasm());
    assert_eq!(kinds(&error), ["abi"]);
    assert_eq!(
        error.to_string(),
        "plugin `bad`: the module exports no memory named `memory`; export its memory under that name"
    );
}

#[test]
fn a_callback_of_the_wrong_type() {
    let two =
        r#"(func (export "proxy_on_request_headers") (param i32 i32) (result i32) (i32.const 0))"#;
    let error = of_bytes(&Guest::new().item(two).wasm());
    assert_eq!(kinds(&error), ["abi"]);
    assert_eq!(
        error.to_string(),
        "plugin `bad`: the export `proxy_on_request_headers` has the wrong type for Proxy-Wasm 0.2.1: it must be a \
         function of 3 i32 with 1 result(s); build the plugin with an SDK whose ABI version is the one that the \
         module exports"
    );
    let guest = Guest::new().marker("proxy_abi_version_0_1_0").item(two);
    plugin("old-headers", &guest)
        .build()
        .expect("right for 0.1.0");

    let global = r#"(global (export "proxy_on_log") i32 (i32.const 0))"#;
    let error = of_bytes(&Guest::new().item(global).wasm());
    assert_eq!(kinds(&error), ["abi"]);
    let wide = r#"(func (export "proxy_on_done") (param i64) (result i32) (i32.const 1))"#;
    let error = of_bytes(&Guest::new().item(wide).wasm());
    assert_eq!(kinds(&error), ["abi"]);
}

#[test]
fn an_import_that_cannot_be_linked() {
    let cure = "Proxy-Wasm plugins import functions from `env` and `wasi_snapshot_preview1` only; check the build's target";
    let cases = [
        ("env", "memory", "(global i32)", "it is not a function"),
        ("wbg", "describe", "(func)", "no such module is known"),
        (
            "env",
            "proxy_wide",
            "(func (result i64))",
            "its result is no status",
        ),
    ];
    for (module, name, item, why) in cases {
        let error = of_bytes(&Guest::new().import(module, name, item).wasm());
        assert_eq!(kinds(&error), ["abi"]);
        assert_eq!(
            error.to_string(),
            format!(
                "plugin `bad`: the module imports `{name}` from `{module}`, which cannot be linked: {why}; {cure}"
            )
        );
    }
    let own = wat::parse_str(
        r#"(module (import "env" "memory" (memory 1))
            (func (export "proxy_abi_version_0_2_1"))
            (func (export "malloc") (param i32) (result i32) (i32.const 0))
            (export "memory" (memory 0)))"#,
    );
    let error = of_bytes(&own.unwrap());
    assert_eq!(kinds(&error), ["abi"]);
    assert!(
        error.to_string().contains("imports `memory` from `env`"),
        "{error}"
    );
}

#[tokio::test]
async fn an_unknown_import_of_env_links_with_one_warning() {
    let guest = Guest::new()
        .import(
            "env",
            "proxy_of_the_future",
            "(func $future (param i32 i64) (result i32))",
        )
        .import("env", "proxy_without_result", "(func $nothing)")
        .import(
            "wasi_snapshot_preview1",
            "fd_of_the_future",
            "(func $fd (result i32))",
        )
        .on_request(
            r#"(call $nothing)
               (call $set_num (i32.const 0) @"x-env" (call $future (i32.const 0) (i64.const 0)))
               (call $set_num (i32.const 0) @"x-wasi" (call $fd))"#,
        );
    let loaded = plugin("stubs", &guest).instances(2).build().unwrap();
    let answer = super::support::send(loaded, super::support::get(&[])).await;
    assert_eq!(answer.seen("x-env"), "12");
    assert_eq!(answer.seen("x-wasi"), "52");
    let warnings: Vec<_> = logs::of("stubs")
        .into_iter()
        .filter(|line| line.level == tracing::Level::WARN)
        .collect();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert_eq!(
        warnings[0].field("functions"),
        "fd_of_the_future, proxy_of_the_future, proxy_without_result"
    );
}

#[test]
fn strict_imports_refuses_what_it_does_not_know() {
    let guest = Guest::new()
        .import(
            "env",
            "proxy_of_the_future",
            "(func (param i32) (result i32))",
        )
        .import("wasi_unstable", "fd_of_the_future", "(func)");
    let error = refused(plugin("strict", &guest).strict_imports(true));
    assert_eq!(kinds(&error), ["abi"]);
    assert_eq!(
        error.to_string(),
        "plugin `strict`: the module imports functions that this host does not have: fd_of_the_future, \
         proxy_of_the_future; build it without them, or set `strict_imports` to false: they then answer UNIMPLEMENTED"
    );
    // The same code, and one that imports what there is.
    plugin("lenient", &guest).build().expect("it loads");
    let known = plugin("strict", &Guest::new()).strict_imports(true);
    known.build().expect("it loads");
}

#[test]
fn memory_limits_that_are_too_small() {
    let error = refused(plugin("bad", &Guest::new()).memory_limit(100_000));
    assert_eq!(kinds(&error), ["memory"]);
    assert_eq!(
        error.to_string(),
        "plugin `bad`: the module begins with 262144 bytes of memory, and its limit is 100000 bytes; raise \
         `memory_limit` to more than 262144 bytes"
    );
    let error = refused(plugin("bad", &Guest::new()).memory_limit(65_535));
    assert_eq!(kinds(&error), ["memory"]);
    assert_eq!(
        error.to_string(),
        "plugin `bad`: a memory limit of 65535 bytes is less than one page of WebAssembly; set `memory_limit` to at \
         least 65536 bytes"
    );
    plugin("fits", &Guest::new())
        .memory_limit(262_144)
        .build()
        .expect("exactly as much as it begins with");
}

#[test]
fn builders_that_make_no_sense() {
    let second = Duration::from_secs(1);
    let named = |name| LoomPlugin::builder(name).runtime(runtime());
    let good = || plugin("bad", &Guest::new());
    let cases = [
        (
            named("bad"),
            "plugin `bad`: it has no code; call `file` or `bytes` on its builder",
        ),
        (
            named("").bytes(Guest::new().wasm()),
            "plugin ``: its name is empty; give it a name, for its log lines and errors",
        ),
        (
            good().timeout(second - second),
            "plugin `bad`: a timeout is zero; set `timeout`, `start_timeout` and `pause_timeout` to more",
        ),
        (
            good().instances(0),
            "plugin `bad`: it has no instances; set `instances` to 1 or more",
        ),
        (
            good().env("A=B", "c"),
            "plugin `bad`: the environment variable \"A=B\" cannot be handed over; give it a name without `=`, and leave \
             out NUL",
        ),
    ];
    for (builder, text) in cases {
        let error = refused(builder);
        assert!(kinds(&error).is_empty());
        assert_eq!(error.to_string(), text);
    }
}

#[tokio::test]
async fn a_plugin_is_named_after_its_file() {
    assert_eq!(
        LoomPlugin::builder("named")
            .file(add_header())
            .runtime(runtime())
            .build_async()
            .await
            .expect("it loads")
            .name(),
        "named"
    );
    let error = LoomPlugin::load_async("/nowhere/rate_limit.wasm")
        .await
        .expect_err("missing");
    assert_eq!(error.plugin(), "rate_limit");
    assert!(error.is_file());
}
