//! The JSON Schema of answers, from what the pack declares.

use serde_json::{Map, Value, json};

use crate::pack::load::Pack;
use crate::pack::manifest::{OptionManifest, OptionShape, SlotManifest};

/// The JSON Schema of an answers file.
#[must_use]
pub fn answers_schema(pack: &Pack) -> Value {
    let mut properties = Map::new();
    properties.insert(
        "name".to_owned(),
        json!({"type": "string", "description": "name of the project", "pattern": "^[a-z]([a-z0-9-]*[a-z0-9])?$", "maxLength": 63}),
    );
    for (flag, component) in pack.flagged() {
        let schema = json!({"type": "boolean", "description": component.manifest.summary, "default": component.manifest.default});
        properties.insert(flag.to_owned(), schema);
    }
    let slot_schema = |slot: &str, manifest: &SlotManifest, kind: Option<&str>| json!({"enum": pack.filler_ids(slot, kind), "description": manifest.summary, "default": pack.default_filler(slot, kind).id});
    for (slot, manifest) in pack.slots() {
        properties.insert(slot.clone(), slot_schema(slot, manifest, None));
    }
    for option in pack.options() {
        properties.insert(option.manifest.id.clone(), option_schema(option.manifest));
    }
    let kinds: Vec<&str> = pack.kinds().collect();
    let mut services = vec![json!({"enum": kinds})];
    let mut patterns = Map::new();
    for kind in pack.kinds() {
        let mut own = Map::from_iter([("kind".to_owned(), json!({"const": kind}))]);
        for (slot, manifest) in pack.slots_of(kind) {
            own.insert(slot.clone(), slot_schema(slot, manifest, Some(kind)));
        }
        if own.len() > 1 {
            services.push(json!({"type": "object", "properties": own, "required": ["kind"], "additionalProperties": false}));
        }
    }
    // What kind the service is of, its name does not say.
    for (slot, manifest) in pack.slots_of_services() {
        let schema = json!({"enum": pack.filler_ids(slot, None), "description": manifest.summary});
        patterns.insert(format!("^[a-z][a-z0-9-]*\\.{slot}$"), schema);
    }
    let one = if services.len() > 1 { json!({"anyOf": services}) } else { services.remove(0) };
    properties.insert(
        "services".to_owned(),
        json!({"type": "object", "description": "further service instances: name to kind", "additionalProperties": one}),
    );
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": format!("Answers for `scaffold new` with the pack `{}`", pack.manifest.name),
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
    });
    if !patterns.is_empty() {
        schema["patternProperties"] = Value::Object(patterns);
    }
    schema
}

fn option_schema(option: &OptionManifest) -> Value {
    let mut schema = Map::new();
    match option.shape {
        OptionShape::Bool => schema.insert("type".to_owned(), json!("boolean")),
        OptionShape::Int => schema.insert("type".to_owned(), json!("integer")),
        OptionShape::String => schema.insert("type".to_owned(), json!("string")),
        OptionShape::Enum => schema.insert("enum".to_owned(), json!(option.values)),
    };
    let bounds = [
        ("minimum", option.minimum.map(Value::from)),
        ("maximum", option.maximum.map(Value::from)),
        ("maxLength", option.max_length.map(Value::from)),
    ];
    for (key, bound) in bounds {
        schema.extend(bound.map(|bound| (key.to_owned(), bound)));
    }
    schema.insert("description".to_owned(), json!(option.help));
    schema.insert("default".to_owned(), serde_json::to_value(&option.default).unwrap_or_default());
    Value::Object(schema)
}
