//! OpenAPI 3.1 from the table of routes.

use super::{components, parameters, reference};
use oo_contracts::http::{Door, ROUTES, Route};
use serde_json::{Map, Value, json};

/// The type of each part of a path that varies.
const PARTS: &[(&str, &str)] = &[
    ("account", "AccountId"),
    ("device", "DeviceId"),
    ("id", "DoorId"),
    ("issuer", "Issuer"),
    ("provider", "Provider"),
    ("receipt", "LogId"),
    ("tip", "TipId"),
    ("token", "StopToken"),
];

/// The whole document.
pub(super) fn document(definitions: &Map<String, Value>) -> anyhow::Result<Value> {
    let mut paths = Map::new();
    for route in ROUTES {
        let operation = operation(definitions, route)?;
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        path[route.method.to_lowercase()] = operation;
    }
    paths.insert("/recommend".into(), recommend(definitions)?);
    paths.insert("/health".into(), health());
    paths.insert("/metrics".into(), metrics());
    Ok(json!({
        "openapi": "3.1.0",
        "info": {
            "title": "oO",
            "version": "1",
            "summary": "One tip at the right moment.",
            "description": "What the page and the SDK speak with the gateway, and what every service answers besides. \
                            Times are RFC 3339. Fields that a reader does not know are to be ignored.",
            "license": { "name": "AGPL-3.0-or-later", "identifier": "AGPL-3.0-or-later" },
        },
        "servers": [{ "url": "/" }],
        "tags": [
            { "name": "gateway", "description": "The only public door." },
            { "name": "recommender", "description": "Inside: any policy may answer behind this contract." },
            { "name": "every service", "description": "Inside: for whoever runs it." },
        ],
        "paths": paths,
        "components": {
            "schemas": components(definitions),
            "securitySchemes": {
                "session": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": "__Host-oo",
                    "description": "Set by signing in. Over plain http on a loopback address its name is `oo`.",
                },
            },
        },
    }))
}

fn operation(definitions: &Map<String, Value>, route: &Route) -> anyhow::Result<Value> {
    let mut parts = Vec::new();
    for name in parameters(route.path) {
        let kind = PARTS.iter().find(|(part, _)| *part == name).map(|(_, kind)| *kind);
        let Some(kind) = kind else {
            anyhow::bail!("the path {} has a part `{name}` without a type: add it to PARTS in openapi.rs", route.path);
        };
        parts.push(json!({ "name": name, "in": "path", "required": true, "schema": reference(definitions, kind)? }));
    }
    if matches!(route.door, Door::OwnPage) || (matches!(route.door, Door::Session) && route.method != "GET") {
        parts.push(json!({
            "name": "x-oo", "in": "header", "required": true, "schema": { "const": "1" },
            "description": "Shows that our own page asks: a form of another page cannot set it.",
        }));
    }

    let mut answer = json!({ "description": route.says });
    if let Some(name) = route.answer {
        answer["content"] = json!({ "application/json": { "schema": reference(definitions, name)? } });
    } else if route.path.ends_with("/stream") {
        answer["content"] = json!({ "text/event-stream": { "schema": { "type": "string" } } });
    }
    let mut operation = json!({
        "operationId": operation_id(route),
        "summary": route.says,
        "tags": ["gateway"],
        "responses": { route.status.to_string(): answer, "default": problem(definitions)? },
        "security": if matches!(route.door, Door::Session) { json!([{ "session": [] }]) } else { json!([]) },
    });
    if !parts.is_empty() {
        operation["parameters"] = parts.into();
    }
    if let Some(name) = route.request {
        operation["requestBody"] = json_body(definitions, name)?;
        if route.may_be_empty() {
            operation["requestBody"]["required"] = false.into();
        }
    } else if matches!(route.door, Door::Provider) {
        operation["requestBody"] = json!({
            "required": true,
            "description": "As the provider sends it; it proves itself by its signature.",
            "content": { "*/*": {} },
        });
    }
    Ok(operation)
}

/// `POST /api/v1/tips/{tip}/answer` is `post_tips_tip_answer`.
fn operation_id(route: &Route) -> String {
    let words = route.path.trim_start_matches("/api/v1").split('/').map(|part| part.trim_matches(['{', '}']));
    let words: Vec<&str> = words.filter(|part| !part.is_empty()).collect();
    format!("{}_{}", route.method.to_lowercase(), words.join("_"))
}

fn json_body(definitions: &Map<String, Value>, name: &str) -> anyhow::Result<Value> {
    Ok(json!({ "required": true, "content": { "application/json": { "schema": reference(definitions, name)? } } }))
}

fn problem(definitions: &Map<String, Value>) -> anyhow::Result<Value> {
    Ok(json!({
        "description": "What went wrong, and what to do about it (RFC 9457).",
        "content": { "application/problem+json": { "schema": reference(definitions, "Problem")? } },
    }))
}

fn recommend(definitions: &Map<String, Value>) -> anyhow::Result<Value> {
    Ok(json!({ "post": {
        "operationId": "recommend",
        "summary": "Ask for one tip: which candidate, or silence, and with what probability it was chosen.",
        "tags": ["recommender"],
        "security": [],
        "requestBody": json_body(definitions, "Ask")?,
        "responses": {
            "200": {
                "description": "A tip, or why there is none.",
                "content": { "application/json": { "schema": reference(definitions, "Recommendation")? } },
            },
            "default": problem(definitions)?,
        },
    } }))
}

fn health() -> Value {
    let content = json!({ "application/json": { "schema": { "type": "object" } } });
    json!({ "get": {
        "operationId": "health",
        "summary": "Whether the service is alive, and ready with each thing that it depends on.",
        "tags": ["every service"],
        "security": [],
        "responses": {
            "200": { "description": "Ready.", "content": content.clone() },
            "503": { "description": "Alive, but it waits for something that it names.", "content": content },
        },
    } })
}

fn metrics() -> Value {
    json!({ "get": {
        "operationId": "metrics",
        "summary": "Counters and times, for Prometheus.",
        "tags": ["every service"],
        "security": [],
        "responses": { "200": {
            "description": "OpenMetrics text.",
            "content": { "application/openmetrics-text": { "schema": { "type": "string" } } },
        } },
    } })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_is_in_the_document_and_no_other() {
        let definitions = crate::generate::definitions();
        let document = document(&definitions).unwrap();
        let mut written: Vec<String> = Vec::new();
        for (path, methods) in document["paths"].as_object().unwrap() {
            written
                .extend(methods.as_object().unwrap().keys().map(|method| format!("{} {path}", method.to_uppercase())));
        }
        let mut routes: Vec<String> = ROUTES.iter().map(|route| format!("{} {}", route.method, route.path)).collect();
        routes.extend(["POST /recommend", "GET /health", "GET /metrics"].map(String::from));
        written.sort();
        routes.sort();
        assert_eq!(written, routes);
    }

    #[test]
    fn operation_ids_are_unique() {
        let mut ids: Vec<String> = ROUTES.iter().map(operation_id).collect();
        ids.sort();
        let all = ids.len();
        ids.dedup();
        assert_eq!(ids.len(), all, "{ids:?}");
    }
}
