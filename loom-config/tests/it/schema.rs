//! The schema that the repository keeps for editors.

use std::fs;
use std::path::Path;

#[test]
fn the_committed_schema_is_the_one_of_this_code() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/loom.schema.json");
    let committed = fs::read_to_string(&path).unwrap_or_default();
    let current = format!("{:#}\n", loom_config::schema());
    assert!(
        committed == current,
        "docs/loom.schema.json is not what the code describes; write it anew with `cargo xtask schema`"
    );
}

#[test]
fn shorthands_are_part_of_it() {
    let schema = loom_config::schema();
    let kinds = |definition: &str| {
        let branches = schema["$defs"][definition]["anyOf"]
            .as_array()
            .expect("a shorthand")
            .clone();
        branches
            .iter()
            .map(|branch| branch["$ref"].as_str().unwrap_or_default().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        kinds("ListenerEntry"),
        ["#/$defs/Address", "#/$defs/Listener"]
    );
    assert_eq!(
        kinds("PluginEntry"),
        ["#/$defs/PluginName", "#/$defs/PluginUse"]
    );
    assert_eq!(
        kinds("EndpointEntry"),
        ["#/$defs/Endpoint", "#/$defs/EndpointFull"]
    );
    assert_eq!(schema["additionalProperties"], false);
    assert_eq!(schema["patternProperties"]["^x-"], true);
}
