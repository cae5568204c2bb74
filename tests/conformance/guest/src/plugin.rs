//! The plugin: it finds out which steps belong to a callback, runs them, and says all that it sees.

use std::cell::RefCell;
use std::collections::HashMap;

use crate::imports::proxy_log;
use crate::memory::{self, Bytes};
use crate::script::Script;
use crate::steps::{self, Done};
use crate::words;

/// The buffers that hold a script: for what happens before the configuration, and for everything.
const VM_CONFIGURATION: u32 = 6;
#[cfg(not(feature = "abi_0_1_0"))]
const PLUGIN_CONFIGURATION: u32 = 7;

thread_local! {
    static STATE: RefCell<State> = RefCell::default();
}

#[derive(Default)]
struct State {
    contexts: Vec<Context>,
    scripts: HashMap<u32, Script>,
    times: HashMap<(u32, String), usize>,
    ids: HashMap<&'static str, Vec<u32>>,
}

/// A context. Its name does not depend on how a host numbers.
struct Context {
    id: u32,
    root: u32,
    name: String,
    /// The how manyth stream of its root it is; 0 for a root.
    stream: usize,
}

/// Begins every line of this plugin, so that lines which a host logs on its behalf are told from its own.
pub(crate) const MARK: &str = "| ";

/// Says one line.
pub(crate) fn say(line: &str) {
    let line = format!("{MARK}{line}");
    let (data, size) = memory::pass(line.as_bytes());
    proxy_log(2, data, size);
}

/// A context came into being; parent 0 means a root.
pub(crate) fn created(id: u32, parent: u32) {
    STATE.with_borrow_mut(|state| {
        let known = |of: &dyn Fn(&&Context) -> bool| state.contexts.iter().filter(of).count() + 1;
        let (root, name, stream) = match parent {
            0 => (id, format!("R{}", known(&|context| context.stream == 0)), 0),
            root => {
                let name = format!("S{}", known(&|context| context.stream > 0));
                (
                    root,
                    name,
                    known(&|context| context.root == root && context.stream > 0),
                )
            }
        };
        // A number may be used again when its context is gone.
        state.contexts.retain(|context| context.id != id);
        state.contexts.push(Context {
            id,
            root,
            name,
            stream,
        });
    });
    if parent == 0 {
        load(id, VM_CONFIGURATION);
    }
    callback(
        id,
        "context_create",
        &format!(" of {}", name_of(parent)),
        false,
        0,
    );
}

/// The plugin's configuration is at hand.
pub(crate) fn configured(root: u32, size: u32) -> u32 {
    if size > 0 {
        #[cfg(not(feature = "abi_0_1_0"))]
        load(root, PLUGIN_CONFIGURATION);
        #[cfg(feature = "abi_0_1_0")]
        {
            let mut bytes = Bytes::default();
            let (data, length) = bytes.at();
            crate::imports::proxy_get_configuration(data, length);
            keep(root, &bytes.take());
        }
    }
    callback(root, "configure", "", false, 1)
}

fn load(root: u32, buffer: u32) {
    let mut bytes = Bytes::default();
    let (data, size) = bytes.at();
    if crate::imports::proxy_get_buffer_bytes(buffer, 0, u32::MAX, data, size) == 0 {
        keep(root, &bytes.take());
    }
}

fn keep(root: u32, text: &[u8]) {
    if !text.is_empty() {
        STATE.with_borrow_mut(|state| state.scripts.insert(root, Script::parse(text)));
    }
}

/// One callback: says it, runs its steps, and gives back what they want returned, or `otherwise`.
pub(crate) fn callback(
    context: u32,
    name: &str,
    arguments: &str,
    end: bool,
    otherwise: u32,
) -> u32 {
    let steps = STATE.with_borrow_mut(|state| {
        let time = state.times.entry((context, name.to_owned())).or_default();
        *time += 1;
        let time = *time;
        let known = state.contexts.iter().find(|known| known.id == context);
        let (root, stream) = known.map_or((0, 0), |known| (known.root, known.stream));
        let script = state.scripts.get(&root);
        script.map_or_else(Vec::new, |script| {
            script.steps(name, time, stream, end).to_vec()
        })
    });
    let end = if end { " end" } else { "" };
    say(&format!("{} {name}{arguments}{end}", name_of(context)));
    let mut result = otherwise;
    for step in steps {
        let shown: Vec<_> = step.iter().map(|word| shown(word)).collect();
        let resolved: Vec<_> = step.iter().map(|word| resolve(word)).collect();
        match steps::run(&resolved) {
            Done::Called(outcome, lines) => {
                say(&format!("  {} = {outcome}", shown.join(" ")));
                lines.iter().for_each(|line| say(&format!("    {line}")));
            }
            Done::Return(value) => {
                say(&format!("  return {}", shown.join(" ")));
                result = value;
            }
        }
    }
    result
}

/// A word of the script as it goes into a line: in quotes only when it needs them.
fn shown(word: &[u8]) -> String {
    let plain = !word.is_empty()
        && word.len() < 60
        && word
            .iter()
            .all(|byte| byte.is_ascii_graphic() && *byte != b'"');
    if plain {
        String::from_utf8_lossy(word).into_owned()
    } else {
        words::show(word)
    }
}

/// `$call1` and its kind become the number that the host gave, `$S1` the number of a context.
fn resolve(word: &[u8]) -> Vec<u8> {
    let Some(name) = word
        .strip_prefix(b"$")
        .and_then(|name| std::str::from_utf8(name).ok())
    else {
        return word.to_vec();
    };
    STATE.with_borrow(|state| {
        if let Some(context) = state.contexts.iter().find(|context| context.name == name) {
            return context.id.to_string().into_bytes();
        }
        let digits = name.trim_start_matches(|letter: char| letter.is_ascii_alphabetic());
        let kind = &name[..name.len() - digits.len()];
        let index = digits.parse::<usize>().unwrap_or(0).wrapping_sub(1);
        let id = state.ids.get(kind).and_then(|ids| ids.get(index));
        id.map_or_else(|| word.to_vec(), |id| id.to_string().into_bytes())
    })
}

/// A number that the host gave, by the order in which such numbers came up.
pub(crate) fn label(kind: &'static str, id: u32) -> String {
    STATE.with_borrow_mut(|state| {
        let ids = state.ids.entry(kind).or_default();
        let position = ids
            .iter()
            .position(|known| *known == id)
            .unwrap_or_else(|| {
                ids.push(id);
                ids.len() - 1
            });
        format!("{kind}{}", position + 1)
    })
}

/// A context's name in lines.
pub(crate) fn name_of(id: u32) -> String {
    if id == 0 {
        return "nobody".to_owned();
    }
    STATE.with_borrow(|state| {
        let known = state.contexts.iter().find(|context| context.id == id);
        known.map_or_else(|| "a stranger".to_owned(), |context| context.name.clone())
    })
}
