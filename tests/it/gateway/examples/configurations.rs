//! Every `loom.yaml` of the examples loads, plugins and all.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::built;
use crate::gateway::support::loom_with;

#[test]
fn every_configuration_of_the_examples_loads() {
    let root = xtask::root();
    let mut files = Vec::new();
    find(&root.join("examples"), &mut files);
    assert!(files.len() > 2, "{files:?}");
    for file in files {
        if let Some(copy) = with_plugins_built(&file) {
            let output = loom_with(
                copy.path(),
                &["check", "-config", "loom.yaml"],
                &[("ADMIN_TOKEN", "0123456789abcdef")],
            );
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{}: {said}", file.display());
        }
    }
}

fn find(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            find(&path, files);
        } else if path.file_name().is_some_and(|name| name == "loom.yaml") {
            files.push(path);
        }
    }
}

/// The configuration in a folder of its own, where it finds its plugins; `None` when one of them cannot be built here.
fn with_plugins_built(file: &Path) -> Option<tempfile::TempDir> {
    let mut yaml = fs::read_to_string(file).expect("a configuration");
    let paths: Vec<_> = yaml
        .lines()
        .filter_map(|line| line.trim_start_matches([' ', '-']).strip_prefix("path: "))
        .map(|path| path.trim_matches('"'))
        .filter(|path| path.ends_with("_plugin.wasm"))
        .map(str::to_owned)
        .collect();
    for path in paths {
        let (_, module) = path.rsplit_once('/').unwrap_or(("", &path));
        let name = module.trim_end_matches("_plugin.wasm").replace('_', "-");
        let module = built::plugin(&name)?;
        yaml = yaml.replace(&path, module.to_str().expect("a path in UTF-8"));
    }
    let folder = tempfile::tempdir().expect("a folder");
    // With what lies beside it, such as keys.
    for beside in fs::read_dir(file.parent()?).expect("a folder").flatten() {
        if beside.path().is_file() {
            fs::copy(beside.path(), folder.path().join(beside.file_name())).expect("copied");
        }
    }
    fs::write(folder.path().join("loom.yaml"), &yaml).expect("written");
    make_certificates(&yaml, folder.path()).then_some(folder)
}

/// Makes the certificates that a configuration needs, if it needs any; `false` when there is nothing to make them with.
fn make_certificates(yaml: &str, folder: &Path) -> bool {
    if !yaml.contains("certs/server.pem") {
        return true;
    }
    let script = xtask::root().join("examples/https/make-certificates.sh");
    if Command::new("openssl").arg("version").output().is_err() {
        return false;
    }
    let made = Command::new(&script).current_dir(folder).output();
    let made = made.expect("a script");
    let said = String::from_utf8_lossy(&made.stderr);
    assert!(made.status.success(), "{}: {said}", script.display());
    true
}
