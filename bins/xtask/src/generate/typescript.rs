//! TypeScript declarations from the JSON Schema: interfaces, tagged unions, and the prose as JSDoc.

use anyhow::{Context, bail};
use serde_json::{Map, Value};

/// The line length beyond which a type takes one line for each of its parts.
const WIDE: usize = 110;

/// The entries by name, a union's tag and an object's id before the others.
fn ordered(object: &Map<String, Value>) -> Vec<(&String, &Value)> {
    let rank = |key: &str| ["kind", "id"].iter().position(|first| *first == key).unwrap_or(2);
    let mut entries: Vec<_> = object.iter().collect();
    entries.sort_by(|(a, _), (b, _)| rank(a).cmp(&rank(b)).then_with(|| a.cmp(b)));
    entries
}

/// One module with every definition.
pub(super) fn module(definitions: &Map<String, Value>) -> anyhow::Result<String> {
    let mut out = String::from("// What crosses a process boundary, for web/. Written by `cargo xtask generate`.\n");
    for (name, schema) in ordered(definitions) {
        out.push('\n');
        out.push_str(&declaration(name, schema).with_context(|| format!("cannot write {name} as TypeScript"))?);
    }
    Ok(out)
}

fn declaration(name: &str, schema: &Value) -> anyhow::Result<String> {
    let docs = docs(schema, 0);
    if schema["type"] == "object" {
        return Ok(format!("{docs}export interface {name} {}\n", object(schema, 0)?));
    }
    if let Some(arms) = arms(schema) {
        let mut text = format!("{docs}export type {name} =\n");
        for arm in arms {
            text.push_str(&self::docs(arm, 1));
            text.push_str(&format!("  | {}\n", kind(arm, 1)?));
        }
        text.truncate(text.trim_end().len());
        return Ok(text + ";\n");
    }
    Ok(format!("{docs}export type {name} = {};\n", kind(schema, 0)?))
}

/// The arms of a union, where the schema is one.
fn arms(schema: &Value) -> Option<&Vec<Value>> {
    schema.get("oneOf").or_else(|| schema.get("anyOf")).and_then(Value::as_array)
}

/// The type that a schema describes.
fn kind(schema: &Value, depth: usize) -> anyhow::Result<String> {
    if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
        return Ok(target.rsplit('/').next().unwrap_or(target).to_owned());
    }
    if let Some(value) = schema.get("const") {
        return Ok(value.to_string());
    }
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        return Ok(values.iter().map(Value::to_string).collect::<Vec<_>>().join(" | "));
    }
    if let Some(arms) = arms(schema) {
        let arms: Vec<String> = arms.iter().map(|arm| kind(arm, depth)).collect::<Result<_, _>>()?;
        return Ok(arms.join(" | "));
    }
    match &schema["type"] {
        Value::String(name) => named(name, schema, depth),
        Value::Array(names) => {
            let kinds = names.iter().map(|name| named(name.as_str().unwrap_or_default(), schema, depth));
            Ok(kinds.collect::<Result<Vec<_>, _>>()?.join(" | "))
        }
        // Anything at all.
        Value::Null if schema.as_object().is_some_and(|schema| schema.keys().all(|key| key == "description")) => {
            Ok("unknown".to_owned())
        }
        _ => bail!("no rule for the schema {schema}"),
    }
}

fn named(name: &str, schema: &Value, depth: usize) -> anyhow::Result<String> {
    Ok(match name {
        "string" | "boolean" | "null" => name.to_owned(),
        "integer" | "number" => "number".to_owned(),
        "array" => {
            let items = kind(schema.get("items").context("an array does not say of what")?, depth)?;
            if items.contains(' ') { format!("({items})[]") } else { format!("{items}[]") }
        }
        "object" => object(schema, depth)?,
        other => bail!("no rule for the type {other}"),
    })
}

fn object(schema: &Value, depth: usize) -> anyhow::Result<String> {
    let none = Map::new();
    let properties = schema.get("properties").and_then(Value::as_object).unwrap_or(&none);
    if properties.is_empty() {
        return Ok("{}".into());
    }
    let required: Vec<&str> =
        schema["required"].as_array().map(|names| names.iter().filter_map(Value::as_str).collect()).unwrap_or_default();

    let mut fields = Vec::new();
    let mut documented = false;
    for (name, field) in ordered(properties) {
        let docs = docs(field, depth + 1);
        documented |= !docs.is_empty();
        let optional = if required.contains(&name.as_str()) { "" } else { "?" };
        fields.push((docs, format!("{name}{optional}: {}", kind(field, depth + 1)?)));
    }

    // A struct gets a line for each field; the arm of a union stays on one line where it fits.
    if depth > 0 && !documented {
        let line = fields.iter().map(|(_, field)| field.as_str()).collect::<Vec<_>>().join("; ");
        if line.len() + 2 * depth < WIDE && !line.contains('\n') {
            return Ok(format!("{{ {line} }}"));
        }
    }
    let indent = "  ".repeat(depth + 1);
    let lines: String = fields.iter().map(|(docs, field)| format!("{docs}{indent}{field};\n")).collect();
    Ok(format!("{{\n{lines}{}}}", "  ".repeat(depth)))
}

/// The prose of a schema and its limits, which TypeScript cannot say, as JSDoc.
fn docs(schema: &Value, depth: usize) -> String {
    let mut lines: Vec<String> = Vec::new();
    if let Some(text) = schema.get("description").and_then(Value::as_str) {
        lines.extend(text.lines().map(|line| line.trim().to_owned()));
    }
    lines.extend(limits(schema));
    let indent = "  ".repeat(depth);
    match lines.as_slice() {
        [] => String::new(),
        [line] => format!("{indent}/** {line} */\n"),
        lines => {
            let body: String =
                lines.iter().map(|line| format!("{indent} * {line}").trim_end().to_owned() + "\n").collect();
            format!("{indent}/**\n{body}{indent} */\n")
        }
    }
}

fn limits(schema: &Value) -> Option<String> {
    let number = |key: &str| schema.get(key).and_then(Value::as_i64);
    if let (Some(min), Some(max)) = (number("minLength"), number("maxLength")) {
        let alphabet = if schema.get("pattern").is_some() { " of `A-Z a-z 0-9 _ -`" } else { "" };
        return Some(format!("{min} to {max} characters{alphabet}."));
    }
    if let (Some(min), Some(max)) = (number("minItems"), number("maxItems")) {
        return Some(format!("{min} to {max} of them."));
    }
    // Those of Rust's own integers say nothing that a reader wants to know; those of ours have no `format`.
    match (number("minimum"), number("maximum"), schema.get("format")) {
        (Some(min), Some(max), None) => Some(format!("{min} to {max}.")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_struct_becomes_an_interface_with_its_prose() {
        let schema = json!({
            "type": "object", "description": "A thing.", "required": ["id"],
            "properties": {
                "id": { "$ref": "#/$defs/Id" },
                "note": { "type": ["string", "null"], "description": "In words." },
                "list": { "type": "array", "items": { "anyOf": [{ "$ref": "#/$defs/A" }, { "type": "null" }] } },
            },
        });
        assert_eq!(
            declaration("Thing", &schema).unwrap(),
            "/** A thing. */\nexport interface Thing {\n  id: Id;\n  list?: (A | null)[];\n  /** In words. */\n  note?: string | null;\n}\n"
        );
    }

    #[test]
    fn a_tagged_enum_becomes_a_union_whose_tag_comes_first() {
        let schema = json!({ "oneOf": [
            { "type": "object", "required": ["kind", "at"], "description": "Then.",
              "properties": { "at": { "type": "string" }, "kind": { "type": "string", "const": "at" } } },
            { "type": "string", "const": "plain" },
        ] });
        assert_eq!(
            declaration("Due", &schema).unwrap(),
            "export type Due =\n  /** Then. */\n  | { kind: \"at\"; at: string }\n  | \"plain\";\n"
        );
    }

    #[test]
    fn limits_are_told_where_the_language_has_none() {
        let schema = json!({ "type": "integer", "minimum": 1, "maximum": 4, "description": "How much." });
        assert_eq!(
            declaration("Priority", &schema).unwrap(),
            "/**\n * How much.\n * 1 to 4.\n */\nexport type Priority = number;\n"
        );
    }

    #[test]
    fn a_schema_that_has_no_rule_is_an_error() {
        assert!(declaration("Odd", &json!({ "not": {} })).is_err());
        assert!(declaration("Odd", &json!({ "type": "array" })).is_err());
    }
}
