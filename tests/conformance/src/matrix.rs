//! Cases made from a table: each group of steps in each callback.

use std::collections::BTreeMap;
use std::path::Path;
use std::{fs, iter};

use serde::Deserialize;
use serde_json::{Value, json};

use crate::Error;
use crate::case::Case;
use crate::suite::Named;

/// The area of these cases.
const AREA: &str = "matrix";

/// The file `matrix.yaml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Matrix {
    callbacks: Vec<Callback>,
    groups: Vec<Group>,
    /// The exchange of every case.
    request: Value,
    upstream: Value,
    upstreams: Value,
    /// The cases in which Loom may answer otherwise, by class.
    #[serde(default)]
    differs: BTreeMap<String, Vec<String>>,
}

/// A callback, and what it takes to get there.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Callback {
    name: String,
    /// What the script calls it, when that is not the name.
    #[serde(default)]
    callback: Option<String>,
    /// It comes before the plugin's configuration.
    #[serde(default)]
    vm: bool,
    /// Handlers of other callbacks.
    #[serde(default)]
    before: String,
    /// Steps around those of the group.
    #[serde(default)]
    first: String,
    #[serde(default)]
    last: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    name: String,
    steps: String,
    /// Callbacks in which they are not tried.
    #[serde(default)]
    except: Vec<String>,
}

/// The cases of a table.
pub(crate) fn load(file: &Path) -> Result<Vec<Named>, Error> {
    let matrix: Matrix = serde_saphyr::from_str(&fs::read_to_string(file)?)
        .map_err(|error| format!("{}: {error}", file.display()))?;
    let pairs = matrix.groups.iter().flat_map(|group| {
        let callbacks = matrix.callbacks.iter();
        let tried = callbacks.filter(|callback| !group.except.contains(&callback.name));
        tried.zip(iter::repeat(group))
    });
    let cases: Vec<_> = pairs
        .map(|(callback, group)| matrix.case(callback, group))
        .collect::<Result<_, Error>>()?;
    let mut marked = matrix.differs.values().flatten();
    match marked.find(|name| !cases.iter().any(|case| case.case.name == **name)) {
        Some(name) => Err(format!("{}: there is no case `{name}`", file.display()).into()),
        None => Ok(cases),
    }
}

impl Matrix {
    fn case(&self, callback: &Callback, group: &Group) -> Result<Named, Error> {
        let name = format!("{}-in-{}", group.name, callback.name);
        let mut differs = self.differs.iter();
        let class = differs.find(|(_, names)| names.contains(&name));
        let script = callback.script(group);
        let (script, vm_script) = match callback.vm {
            true => (String::new(), script),
            false => (script, String::new()),
        };
        let case: Case = serde_json::from_value(json!({
            "name": name,
            "plugins": [{"script": script, "vm_script": vm_script}],
            "request": self.request,
            "upstream": self.upstream,
            "upstreams": self.upstreams,
            "differs": class.map(|(class, _)| class),
        }))?;
        let area = AREA.to_owned();
        Ok(Named { area, case })
    }
}

impl Callback {
    fn script(&self, group: &Group) -> String {
        let name = self.callback.as_ref().unwrap_or(&self.name);
        let (before, first, last) = (&self.before, &self.first, &self.last);
        format!("{before}on {name}\n{first}{}{last}", group.steps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_steps_stand_between_those_that_lead_to_a_callback_and_out_of_it() {
        let callback = Callback {
            name: "later".to_owned(),
            callback: Some("tick".to_owned()),
            vm: false,
            before: "on request_headers\n  pause\n".to_owned(),
            first: "tick 0\n".to_owned(),
            last: "resume request\n".to_owned(),
        };
        let group = Group {
            name: "time".to_owned(),
            steps: "time\n".to_owned(),
            except: Vec::new(),
        };
        assert_eq!(
            callback.script(&group),
            "on request_headers\n  pause\non tick\ntick 0\ntime\nresume request\n"
        );
    }
}
