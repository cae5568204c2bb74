//! `include`: one configuration out of several files.

use std::fs;
use std::path::Path;

use loom_config::{Config, Error, Loader};
use tempfile::TempDir;

/// A folder with these files.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, text).expect("written");
    }
    folder
}

fn load(folder: &Path) -> Result<Config, Error> {
    Loader::default().load(folder.join("loom.yaml"))
}

/// What is wrong, without the folder's name.
fn faults(files: &[(&str, &str)]) -> String {
    let folder = folder(files);
    let error = load(folder.path()).expect_err("it has faults");
    let above = format!("{}/", folder.path().display());
    error.to_string().replace(&above, "")
}

#[test]
fn what_files_say_is_one_configuration() {
    let folder = folder(&[
        (
            "loom.yaml",
            "include: [routes/*.yaml, teams/a/all.yaml]
plugins: [{name: main, path: main.wasm}]
defaults: {plugins: [main]}
routes: [{id: own, path: /own, plugins: [{set: secure}], upstream: a}]
",
        ),
        (
            "routes/20.yaml",
            "routes: [{id: second, path: /2, plugins: [auth], upstream: a}]\n",
        ),
        (
            "routes/10.yaml",
            "x-all: &all {timeout: 5s}\nroutes: [{id: first, path: /1, upstream: a, <<: *all}]\n",
        ),
        ("routes/.30.yaml", "not: read\n"),
        ("routes/notes.txt", "not: read\n"),
        ("routes/empty.yaml", "# nothing yet\n"),
        (
            "teams/a/all.yaml",
            "include: more.yaml
plugins: [{name: auth, path: wasm/auth.wasm, config: '${file:secret}'}]
plugin_sets: {secure: [auth]}
",
        ),
        (
            "teams/a/more.yaml",
            "upstreams: [{name: a, endpoints: ['unix:run/a.sock']}]\n",
        ),
        ("teams/a/secret", "s3cret\n"),
    ]);
    let config = load(folder.path()).unwrap_or_else(|faults| panic!("{faults}"));
    let ids: Vec<_> = config.routes.iter().map(|route| &*route.id).collect();
    assert_eq!(ids, ["own", "first", "second"]);
    let names = |route: usize| -> Vec<&str> {
        let plugins = config.routes[route].plugins.iter();
        plugins
            .map(|one| &*config.plugins[one.plugin].name)
            .collect()
    };
    assert_eq!(names(0), ["main", "auth"]);
    assert_eq!(names(2), ["main", "auth"]);
    assert!(config.routes[1].timeout.is_some());
    let auth = &config.plugins[1];
    assert_eq!(auth.config.as_deref(), Some(b"s3cret".as_slice()));
    let beside = |path: &str| folder.path().join(path);
    assert_eq!(
        auth.source.path(),
        Some(beside("teams/a/wasm/auth.wasm").as_path())
    );
    let upstream = format!("{:?}", config.upstreams[0]);
    assert!(upstream.contains("teams/a/run/a.sock"), "{upstream}");
    assert_eq!(
        config.included,
        [
            "routes/10.yaml",
            "routes/20.yaml",
            "routes/empty.yaml",
            "teams/a/all.yaml",
            "teams/a/more.yaml"
        ]
        .map(beside)
    );
    assert!(config.files.contains(&beside("teams/a/secret")));
    assert_eq!(config.include.len(), 1);
    let shown = config.document.json();
    assert_eq!(shown["routes"][0].get("x-from"), None);
    let from = shown["routes"][1]["x-from"].as_str().expect("a place");
    assert!(from.ends_with("routes/10.yaml:2"), "{from}");
}

#[test]
fn each_fault_is_in_its_file_and_under_the_key_that_its_author_knows() {
    let faults = faults(&[
        (
            "loom.yaml",
            "include: routes/*.yaml
plugins: [{name: p, path: p.wasm}]
plugin_sets: {s: [p]}
routes:
  - {id: a, path: /a, upstream: e}
  - {id: b, path: /b, upstream: nothing}
upstreams: [{name: e, builtin: echo}]
",
        ),
        (
            "routes/1.yaml",
            "routes:
  - {id: c, path: /c, upstream: e}
  - {id: a, path: /d, upstream: e}
  - {id: e, path: /a, upstream: e, timeout: 5}
plugin_sets:
  s: [p]
admin: {address: '127.0.0.1:1'}
tiemout: 5s
",
        ),
        (
            "routes/2.yaml",
            "upstreams: []
routes:
  - {id: f, path: /f, upstream: '${UNKNOWN}'}
  - {id: g, path: /g, upstream: f}
plugins: [
",
        ),
        (
            "routes/3.yaml",
            "routes:
  - id: h
    path: /h
    plugins: [p, {plugin: q}]
    upstream: e
",
        ),
    ]);
    let expected = [
        "loom.yaml:6:33: routes[1].upstream: there is no upstream `nothing`; the file defines `e`\n",
        "routes/1.yaml:3:10: routes[1].id: another route is named `a`, in loom.yaml:5:5; names are unique\n",
        "routes/1.yaml:4:45: routes[2].timeout: found the number 5; expected a duration",
        "routes/1.yaml:4:19: routes[2].path: route `e` takes `/a`, and so does route `a` in loom.yaml:5:19;",
        "routes/1.yaml:6:3: plugin_sets.s: another set is named `s`, in loom.yaml:3:15; names are unique\n",
        "routes/1.yaml:7:1: admin: the key cannot stand in an included file, which has `include`, `plugin_sets`, `plugins`, `routes`, `upstreams`\n  hint: move it to loom.yaml\n",
        "routes/1.yaml:8:1: tiemout: unknown key; expected ",
        "\nroutes/2.yaml:",
        ": this is not YAML: ",
        "routes/3.yaml:4:27: routes[0].plugins[1].plugin: there is no plugin `q`; the file defines `p`\n",
    ];
    for expected in expected {
        assert!(faults.contains(expected), "{expected}\nis not in\n{faults}");
    }
}

#[test]
fn files_that_cannot_be_included() {
    let told = faults(&[
        (
            "loom.yaml",
            "include:\n  - a.yaml\n  - missing.yaml\n  - ''\n  - 'x***y'\n  - folder\n  - '*.yaml'\n",
        ),
        ("a.yaml", "include: [sub/b.yaml]\n"),
        ("sub/b.yaml", "include: [../a.yaml, '../*.yaml']\n"),
        ("folder/x", ""),
    ]);
    let expected = [
        "loom.yaml:3:5: include[1]: missing.yaml cannot be read: ",
        "loom.yaml:4:5: include[2]: the path is empty; expected a file\n",
        "loom.yaml:5:5: include[3]: this is no pattern: ",
        "loom.yaml:6:5: include[4]: folder cannot be read: it is a directory",
        "sub/b.yaml:1:11: include[0]: the file includes itself: loom.yaml -> a.yaml -> sub/b.yaml -> sub/../a.yaml",
    ];
    for expected in expected {
        assert!(told.contains(expected), "{expected}\nis not in\n{told}");
    }
    assert_eq!(told.matches("include").count(), 6, "{told}");
}

#[test]
fn a_refused_configuration_tells_which_files_may_put_it_right() {
    let folder = folder(&[
        (
            "loom.yaml",
            "include: [a.yaml, later.yaml, routes/*.yaml]\n",
        ),
        ("a.yaml", "routes: 5\n"),
    ]);
    let error = load(folder.path()).expect_err("it has faults");
    let files = ["loom.yaml", "a.yaml", "later.yaml"].map(|file| folder.path().join(file));
    assert_eq!(error.files(), files);
    assert!(error.include()[0].fits(&folder.path().join("routes/x.yaml")));
    assert_eq!(
        error.include()[0].folders(),
        [folder.path().join("routes/")]
    );
}
