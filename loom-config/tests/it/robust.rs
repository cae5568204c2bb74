//! Whatever the bytes, the answer is a model or faults: never a panic, never without an end.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use loom_config::Loader;

#[test]
fn files_that_are_not_files() {
    let directory = tempfile::tempdir().expect("a directory");
    let error = Loader::default()
        .load(directory.path())
        .expect_err("a directory");
    assert!(error.is_unreadable() && !error.is_not_found() && !error.is_invalid());
    assert!(
        error
            .to_string()
            .ends_with("cannot be read: it is a directory; name the file in it"),
        "{error}"
    );

    let missing = directory.path().join("loom.yaml");
    let error = Loader::default()
        .load(&missing)
        .expect_err("nothing is there");
    assert!(error.is_not_found() && error.is_unreadable());
    assert_eq!((error.file(), error.faults().len()), (missing.as_path(), 0));
}

#[test]
fn a_file_that_is_too_large() {
    let text = format!("log: {{}}\n{}", "# padding\n".repeat(1_700_000));
    let error = Loader::default()
        .parse("loom.yaml", &text)
        .expect_err("17 MB");
    assert!(
        error.to_string().contains("larger than 16777216 bytes"),
        "{error}"
    );
}

#[test]
fn hostile_shapes_end_soon() {
    let started = Instant::now();
    let wide = "a, ".repeat(200_000);
    for text in [
        "[".repeat(200_000),
        "{a: ".repeat(200_000),
        "- ".repeat(200_000),
        "a:\n".to_owned() + &"? ".repeat(100_000),
        format!("routes: [{{id: a, path: [{wide}], host: [{wide}], upstream: e}}]"),
        format!(
            "upstreams: [{{name: a, endpoints: '{}'}}]",
            ":1".repeat(200_000)
        ),
        format!(
            "routes: [{{id: a, upstream: e, path: '/{}', host: '{}'}}]",
            "*".repeat(200_000),
            "a:1".repeat(200_000)
        ),
        format!("plugins: [{{name: '{}', path: a}}]", "n".repeat(200_000)),
        format!(
            "log: {{{}}}",
            (0..50_000)
                .map(|n| format!("k{n}: 1, "))
                .collect::<String>()
        ),
        format!("x-a: &a {{k: 1}}\nlog:\n  <<: [{}]", "*a, ".repeat(100_000)),
        format!(
            "routes: [{}]",
            (0..20_000)
                .map(|n| format!("{{id: r{n}, path: /p{n}, upstream: u{n}}}, "))
                .collect::<String>()
        ),
    ] {
        let error = Loader::default()
            .parse("loom.yaml", &text)
            .expect_err("nobody means this");
        assert!(error.faults().len() <= 200);
        assert!(
            error.to_string().len() < 300_000,
            "the answer itself is endless"
        );
    }
    assert!(
        started.elapsed() < Duration::from_secs(60),
        "it took {:?}",
        started.elapsed()
    );
}

#[test]
fn too_many_combinations_to_compare() {
    let many = |start: &str| {
        (0..1000)
            .map(|n| format!("{start}{n}, "))
            .collect::<String>()
    };
    let hosts = many("h");
    let paths = many("/p");
    let text = format!(
        "routes: [{{id: a, path: [{paths}], host: [{hosts}], upstream: e}}, {{id: b, path: /, upstream: e}}]\nupstreams: [{{name: e, builtin: echo}}]"
    );
    let error = Loader::default()
        .parse("loom.yaml", &text)
        .expect_err("more than a million");
    assert!(
        error
            .to_string()
            .contains("the routes have 1000001 combinations"),
        "{error}"
    );
}

#[test]
fn many_routes_load() {
    let routes: String = (0..10_000)
        .map(|n| format!("  - {{id: r{n}, path: /p{n}/*, host: h{n}.example.com, upstream: e}}\n"))
        .collect();
    let text = format!("routes:\n{routes}upstreams: [{{name: e, builtin: echo}}]\n");
    let config = Loader::default()
        .parse("loom.yaml", &text)
        .expect("ten thousand routes");
    assert_eq!(config.routes.len(), 10_000);
}

#[test]
fn aliases_may_repeat_a_lot_but_not_without_end() {
    let shared = "x-shared: &shared {upstream: e, methods: GET, timeout: 1s, strip_prefix: /a, request_headers: {set: {a: b}, add: {c: d}, remove: [e, f]}}\n";
    let routes: String = (0..10_000)
        .map(|n| format!("  - {{id: r{n}, path: /a/{n}, <<: *shared}}\n"))
        .collect();
    let text = format!("{shared}routes:\n{routes}upstreams: [{{name: e, builtin: echo}}]\n");
    let config = Loader::default().parse("loom.yaml", &text);
    assert_eq!(config.expect("they share").routes.len(), 10_000);

    // A hundred values are a list of 101.
    let repeated = |times: usize| {
        let values = "1, ".repeat(100);
        let aliases = "*a, ".repeat(times);
        let text = format!("x-a: &a [{values}]\nx-b: [{aliases}]\nlog: {{}}\n");
        Loader::default().parse("loom.yaml", &text)
    };
    assert!(repeated(495).is_ok());
    let faults = repeated(496).expect_err("more than 50000").to_string();
    assert!(faults.contains("50000 are allowed"), "{faults}");
}

/// Every file of the tests, with bytes changed, removed and doubled.
#[test]
fn damaged_files_are_answered() {
    const ROUNDS: u32 = 40;
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad");
    let files = fs::read_dir(directory)
        .expect("the bad files")
        .filter_map(|entry| fs::read(entry.ok()?.path()).ok());
    let loader = Loader::new([("A".to_owned(), "1".to_owned())]);
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    // The one with a million nodes takes its time, damaged or not.
    for file in files.filter(|file| !file.starts_with(b"x-a: &a [x")) {
        for _ in 0..ROUNDS {
            let text = String::from_utf8_lossy(&damaged(&file, &mut random)).into_owned();
            if let Err(error) = loader.parse("loom.yaml", &text) {
                assert!(!error.to_string().is_empty());
            }
        }
    }
}

fn damaged(file: &[u8], random: &mut Random) -> Vec<u8> {
    const INTERESTING: &[u8] = b"[]{}:,-*&!|>'\"#%@`$\n\t \\~?<.0x";
    let mut bytes = file.to_vec();
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len() + 1);
        let length = random.below(12).min(bytes.len() - at);
        match random.below(4) {
            0 => bytes.insert(at, INTERESTING[random.below(INTERESTING.len())]),
            1 => drop(bytes.drain(at..at + length)),
            2 => bytes.truncate(at.max(1)),
            _ => {
                let copy = bytes[at..at + length].to_vec();
                let to = random.below(bytes.len() + 1);
                bytes.splice(to..to, copy);
            }
        }
    }
    bytes
}

/// The same numbers in every run (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap_or_default() % bound.max(1)
    }
}
