//! JSON written the same way every time, whatever order the map in memory happens to have.

use serde_json::Value;

/// Keys that a reader wants first, in this order; all others follow by name.
const FIRST: &[&str] = &[
    "openapi",
    "asyncapi",
    "$schema",
    "$id",
    "$ref",
    "info",
    "title",
    "summary",
    "description",
    "type",
    "format",
    "const",
    "kind",
    "required",
    "properties",
    "servers",
    "paths",
    "channels",
    "operations",
    "components",
];

/// JSON with two spaces of indentation and a last line break.
pub(super) fn pretty(value: &Value) -> String {
    let mut out = String::new();
    write(value, 0, &mut out);
    out.push('\n');
    out
}

/// The entries of an object in the order in which they are written.
fn ordered(object: &serde_json::Map<String, Value>) -> Vec<(&String, &Value)> {
    let rank = |key: &str| FIRST.iter().position(|first| *first == key).unwrap_or(FIRST.len());
    let mut entries: Vec<_> = object.iter().collect();
    entries.sort_by(|(a, _), (b, _)| rank(a).cmp(&rank(b)).then_with(|| a.cmp(b)));
    entries
}

fn write(value: &Value, depth: usize, out: &mut String) {
    let line = |depth: usize, out: &mut String| {
        out.push('\n');
        out.extend(std::iter::repeat_n("  ", depth));
    };
    match value {
        Value::Object(object) if !object.is_empty() => {
            out.push('{');
            for (index, (key, value)) in ordered(object).into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                line(depth + 1, out);
                out.push_str(&Value::from(key.as_str()).to_string());
                out.push_str(": ");
                write(value, depth + 1, out);
            }
            line(depth, out);
            out.push('}');
        }
        Value::Array(items) if items.iter().any(|item| item.is_object() || item.is_array()) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                line(depth + 1, out);
                write(item, depth + 1, out);
            }
            line(depth, out);
            out.push(']');
        }
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(Value::to_string).collect();
            out.push_str(&format!("[{}]", items.join(", ")));
        }
        plain => out.push_str(&plain.to_string()),
    }
}

/// Calls `see` with every object in the value, the outer ones first.
fn each_object(value: &mut Value, see: &mut impl FnMut(&mut serde_json::Map<String, Value>)) {
    match value {
        Value::Object(object) => {
            see(object);
            object.values_mut().for_each(|value| each_object(value, see));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| each_object(item, see)),
        _ => {}
    }
}

/// Lets every reference to `#/$defs/…` lead to `prefix…` instead.
pub(super) fn point_refs_at(value: &mut Value, prefix: &str) {
    each_object(value, &mut |object| {
        if let Some(Value::String(target)) = object.get_mut("$ref")
            && let Some(name) = target.strip_prefix("#/$defs/")
        {
            *target = format!("{prefix}{name}");
        }
    });
}

/// Every `$ref` in the value.
#[cfg(test)]
pub(super) fn refs(value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    each_object(&mut value.clone(), &mut |object| {
        found.extend(object.get("$ref").and_then(Value::as_str).map(str::to_owned));
    });
    found
}

/// Turns Rust's links in descriptions (``[`crate::MAX`]``) into plain names (`` `MAX` ``).
pub(super) fn plain_prose(value: &mut Value) {
    each_object(value, &mut |object| {
        if let Some(Value::String(text)) = object.get_mut("description") {
            *text = plain(text);
        }
    });
}

fn plain(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, link)) = rest.split_once("[`") {
        let Some((name, after)) = link.split_once("`]") else { break };
        out.push_str(&format!("{before}`{}`", name.trim_start_matches("crate::")));
        rest = after;
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn keys_come_in_a_fixed_order() {
        let text = pretty(&json!({ "b": 1, "a": [1, 2], "type": "x", "description": "y" }));
        assert_eq!(text, "{\n  \"description\": \"y\",\n  \"type\": \"x\",\n  \"a\": [1, 2],\n  \"b\": 1\n}\n");
    }

    #[test]
    fn what_is_written_is_the_same_json() {
        let value = json!({ "a": [{ "b": [] }, {}, null], "quoted \"": "line\nbreak" });
        assert_eq!(serde_json::from_str::<Value>(&pretty(&value)).unwrap(), value);
    }

    #[test]
    fn links_of_rust_become_names() {
        assert_eq!(plain("At most [`MAX`], see [`crate::Entry`]."), "At most `MAX`, see `Entry`.");
        assert_eq!(plain("A list [`open"), "A list [`open");
    }
}
