//! A key that is taken out of every configuration: in a process that [`keys`](super::super::keys) has started, to see
//! whether the test that it runs misses the key.

use std::borrow::Cow;
use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;
use std::{env, process, thread};

use loom_config::{Config, Error, Loader};
use serde_json::Value;

/// Names the key, such as `routes[].timeout`. Without a name nothing is taken out, and the configuration is only written anew.
pub(crate) const KEY: &str = "LOOM_TEST_WITHOUT";

/// What stands in its place, in YAML. Without it, nothing does.
pub(crate) const INSTEAD: &str = "LOOM_TEST_INSTEAD";

/// How a process ends in which a configuration is refused for want of the key.
pub(crate) const REFUSED: i32 = 3;

/// How it ends when the test waits in vain.
pub(crate) const HANGS: i32 = 4;

/// How long the test may wait.
const PATIENCE: Duration = Duration::from_secs(20);

struct Without {
    key: String,
    instead: Option<Value>,
}

static WITHOUT: LazyLock<Option<Without>> = LazyLock::new(|| {
    let key = env::var(KEY).ok()?;
    if !key.is_empty() {
        thread::spawn(|| {
            thread::sleep(PATIENCE);
            process::exit(HANGS);
        });
    }
    let instead = env::var(INSTEAD).ok();
    Some(Without {
        key,
        instead: instead.map(|yaml| value(&yaml).expect("a value in YAML")),
    })
});

/// Whether this process is one of those.
pub(crate) fn is_so() -> bool {
    WITHOUT.is_some()
}

/// Reads a configuration that needs nothing of the environment.
pub(crate) fn parse(path: impl AsRef<Path>, yaml: &str) -> Result<Config, Error> {
    Loader::new([]).parse(&path, &changed(path.as_ref(), yaml))
}

/// The configuration as this process has it.
pub(crate) fn changed<'a>(path: &Path, yaml: &'a str) -> Cow<'a, str> {
    let Some(without) = &*WITHOUT else {
        return Cow::Borrowed(yaml);
    };
    // What is no configuration without the environment, or none at all, is left as it is.
    let (Ok(_), Ok(mut changed)) = (Loader::new([]).parse(path, yaml), value(yaml)) else {
        return Cow::Borrowed(yaml);
    };
    change(&mut changed, &without.key, without.instead.as_ref());
    let changed = changed.to_string();
    if let Err(faults) = Loader::new([]).parse(path, &changed) {
        println!("{faults}");
        process::exit(REFUSED);
    }
    Cow::Owned(changed)
}

/// Takes a key out, wherever it stands.
fn change(value: &mut Value, key: &str, instead: Option<&Value>) {
    let (head, rest) = key.split_once('.').unwrap_or((key, ""));
    let (name, is_list) = head
        .strip_suffix("[]")
        .map_or((head, false), |name| (name, true));
    let Some(inner) = value.get_mut(name) else {
        return;
    };
    match (rest, inner) {
        ("", inner) => match instead {
            Some(instead) => *inner = instead.clone(),
            None => {
                value.as_object_mut().and_then(|map| map.shift_remove(name));
            }
        },
        (rest, Value::Array(items)) if is_list => {
            items
                .iter_mut()
                .for_each(|item| change(item, rest, instead));
        }
        // A mapping, or one that stands for a list of one.
        (rest, inner) => change(inner, rest, instead),
    }
}

/// YAML of any kind, as what a plugin would get of it.
pub(crate) fn value(yaml: &str) -> Result<Value, Error> {
    let lines: String = yaml.lines().map(|line| format!("      {line}\n")).collect();
    let whole = format!("plugins:\n  - name: a\n    path: a.wasm\n    config:\n{lines}");
    let config = Loader::new([]).parse("any.yaml", &whole)?;
    let text = config.plugins[0].config.clone().unwrap_or_default();
    let text = String::from_utf8_lossy(&text).into_owned();
    Ok(serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

#[test]
fn a_key_is_taken_out_wherever_it_stands() {
    let yaml = "routes: [{id: a, plugins: {plugin: p, id: b}}, {id: c, path: /}]\nid: d";
    for (key, instead, left) in [
        (
            "routes[].id",
            None,
            r#"{"routes":[{"plugins":{"plugin":"p","id":"b"}},{"path":"/"}],"id":"d"}"#,
        ),
        (
            "routes[].plugins[].id",
            Some("7"),
            r#"{"routes":[{"id":"a","plugins":{"plugin":"p","id":7}},{"id":"c","path":"/"}],"id":"d"}"#,
        ),
        (
            "id",
            Some("e"),
            r#"{"routes":[{"id":"a","plugins":{"plugin":"p","id":"b"}},{"id":"c","path":"/"}],"id":"e"}"#,
        ),
        (
            "routes[].path.id",
            None,
            r#"{"routes":[{"id":"a","plugins":{"plugin":"p","id":"b"}},{"id":"c","path":"/"}],"id":"d"}"#,
        ),
    ] {
        let mut tree = value(yaml).expect("valid");
        let instead = instead.map(|yaml| value(yaml).expect("valid"));
        change(&mut tree, key, instead.as_ref());
        assert_eq!(tree.to_string(), left, "{key}");
    }
}
