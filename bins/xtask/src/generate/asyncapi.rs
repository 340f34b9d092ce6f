//! AsyncAPI 3.0 from the map of the wires.

use super::{components, parameters, reference};
use oo_subjects::{WIRES, Wire};
use serde_json::{Map, Value, json};

/// What each part of an address that varies means.
const PARTS: &[(&str, &str)] = &[
    ("shard", "The shard of the log, a stable hash of its name."),
    ("log", "The random name of a person's log."),
    ("user", "The person."),
    ("tip", "The tip."),
    ("device", "The browser or phone; `@email-<try>` for a letter."),
];

/// The whole document: the whole system's channels, and for each service what it sends and receives.
pub(super) fn document(definitions: &Map<String, Value>) -> anyhow::Result<Value> {
    let (mut channels, mut operations, mut messages) = (Map::new(), Map::new(), Map::new());
    for wire in WIRES {
        message(definitions, &mut messages, wire.carries)?;
        channels.insert(wire.name.into(), channel(wire)?);
        if let Some(answer) = wire.answer {
            reply_message(definitions, &mut messages, answer)?;
            channels.insert(reply_channel(wire), replies(wire, answer));
        }
        for service in wire.publishers {
            operations.insert(format!("{service}_sends_{}", wire.name), operation(wire, "send"));
        }
        for service in wire.subscribers {
            operations.insert(format!("{service}_receives_{}", wire.name), operation(wire, "receive"));
        }
    }
    Ok(json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "oO wires",
            "version": "1",
            "description": "Every NATS subject between the services, what it carries, who may speak and who listens. \
                            An operation's name begins with its service. Entries of a log travel sealed with the \
                            person's own key; their payload here is what is inside.",
            "license": { "name": "AGPL-3.0-or-later" },
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
        "components": { "messages": messages, "schemas": components(definitions) },
    }))
}

fn message(definitions: &Map<String, Value>, messages: &mut Map<String, Value>, name: &str) -> anyhow::Result<()> {
    messages.insert(name.into(), json!({ "name": name, "payload": reference(definitions, name)? }));
    Ok(())
}

/// The answer, or a problem: [`oo_contracts::wire::Reply`] as JSON.
fn reply_message(
    definitions: &Map<String, Value>,
    messages: &mut Map<String, Value>,
    name: &str,
) -> anyhow::Result<()> {
    let wrapped = |key: &str, inner: Value| {
        json!({
            "type": "object", "properties": { key: inner }, "required": [key], "additionalProperties": false,
        })
    };
    let payload = json!({ "oneOf": [
        wrapped("ok", reference(definitions, name)?),
        wrapped("problem", reference(definitions, "Problem")?),
    ] });
    messages.insert(format!("Reply_{name}"), json!({ "name": format!("Reply_{name}"), "payload": payload }));
    Ok(())
}

fn channel(wire: &Wire) -> anyhow::Result<Value> {
    let mut varying = Map::new();
    for name in parameters(wire.address) {
        let Some((_, says)) = PARTS.iter().find(|(part, _)| *part == name) else {
            anyhow::bail!(
                "the subject {} has an unexplained part `{name}`: add it to PARTS in asyncapi.rs",
                wire.address
            );
        };
        varying.insert(name.into(), json!({ "description": says }));
    }
    let mut channel = json!({
        "address": wire.address,
        "description": wire.says,
        "messages": { wire.carries: { "$ref": format!("#/components/messages/{}", wire.carries) } },
    });
    if !varying.is_empty() {
        channel["parameters"] = varying.into();
    }
    if let Some(stream) = wire.stream {
        channel["x-stream"] = stream.into();
    }
    Ok(channel)
}

fn reply_channel(wire: &Wire) -> String {
    format!("{}_replies", wire.name)
}

/// Where the answer goes is only known when the question comes.
fn replies(wire: &Wire, answer: &str) -> Value {
    let name = format!("Reply_{answer}");
    json!({
        "address": null,
        "description": format!("Answers to {}.", wire.name),
        "messages": { name.as_str(): { "$ref": format!("#/components/messages/{name}") } },
    })
}

fn operation(wire: &Wire, action: &str) -> Value {
    let mut operation = json!({
        "action": action,
        "summary": wire.says,
        "channel": { "$ref": format!("#/channels/{}", wire.name) },
        "messages": [{ "$ref": format!("#/channels/{}/messages/{}", wire.name, wire.carries) }],
    });
    if let Some(answer) = wire.answer {
        let channel = reply_channel(wire);
        operation["reply"] = json!({
            "channel": { "$ref": format!("#/channels/{channel}") },
            "messages": [{ "$ref": format!("#/channels/{channel}/messages/Reply_{answer}") }],
        });
    }
    operation
}

#[cfg(test)]
mod tests {
    use super::*;
    use oo_contracts::http::Problem;
    use oo_contracts::wire::{Done, Reply};

    #[test]
    fn the_reply_in_the_document_is_the_reply_on_the_wire() {
        let definitions = crate::generate::definitions();
        let document = document(&definitions).unwrap();
        let arms = &document["components"]["messages"]["Reply_Done"]["payload"]["oneOf"];
        let problem = Reply::<Done>::Problem(Problem::new(404, "not found", "look elsewhere"));
        for (arm, reply) in [(0, Reply::Ok(Done {})), (1, problem)] {
            let sent = serde_json::to_value(reply).unwrap();
            let keys: Vec<&String> = sent.as_object().unwrap().keys().collect();
            assert_eq!(arms[arm]["required"], json!(keys));
        }
    }

    #[test]
    fn every_wire_has_its_address_and_somebody_at_both_ends() {
        let document = document(&crate::generate::definitions()).unwrap();
        for wire in WIRES {
            assert_eq!(document["channels"][wire.name]["address"], wire.address);
            for service in wire.subscribers {
                let operation = &document["operations"][format!("{service}_receives_{}", wire.name)];
                assert_eq!(operation["action"], "receive", "{service} does not receive {}", wire.name);
            }
            if wire.answer.is_some() {
                assert!(
                    !wire.publishers.is_empty() && !wire.subscribers.is_empty(),
                    "nobody asks or answers {}",
                    wire.name
                );
            }
        }
    }
}
