//! The OpenAPI document of the control API, made from the table of its calls.

use serde_json::{Map, Value, json};

use super::field::Field;
use super::problem::Problem;
use super::routes::{Answer, Route, routes};

pub(super) fn document() -> Value {
    let mut paths = Map::new();
    for route in routes() {
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        path[route.method.to_lowercase()] = operation(route);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "aliyun-mqtt emulator: control API",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Controls a local emulator of ApsaraMQ for MQTT, for tests in any language.",
            "license": { "name": env!("CARGO_PKG_LICENSE"), "identifier": env!("CARGO_PKG_LICENSE") },
        },
        "servers": [{ "url": "/" }],
        "security": [{ "token": [] }],
        "paths": paths,
        "components": {
            "securitySchemes": { "token": {
                "type": "http",
                "scheme": "bearer",
                "description": "ALIYUN_MQTT_EMULATOR_CONTROL_TOKEN of the emulator's environment.",
            } },
            "schemas": { "Problem": Problem::schema() },
            "responses": { "Problem": {
                "description": "What failed: problem JSON (RFC 9457).",
                "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } },
            } },
        },
    })
}

fn operation(route: &Route) -> Value {
    let mut operation = json!({
        "operationId": format!("{:?}", route.call),
        "summary": route.summary,
        "responses": {
            "200": { "description": "Done.", "content": content(&route.answer) },
            "default": { "$ref": "#/components/responses/Problem" },
        },
    });
    if !route.about.is_empty() {
        operation["description"] = route.about.into();
    }
    if !route.query.is_empty() {
        operation["parameters"] = route.query.iter().map(parameter).collect();
    }
    if !route.body.is_empty() {
        operation["requestBody"] = json!({
            "required": route.body.iter().any(|field| field.required),
            "content": { "application/json": { "schema": object(route.body) } },
        });
    }
    operation
}

fn parameter(field: &Field) -> Value {
    json!({
        "name": field.name,
        "in": "query",
        "required": field.required,
        "description": field.about,
        // Lists are separated by commas.
        "style": "form",
        "explode": false,
        "schema": field.kind.schema(),
    })
}

fn content(answer: &Answer) -> Value {
    match answer {
        Answer::Fields(fields) => json!({ "application/json": { "schema": object(fields) } }),
        Answer::Json(schema) => json!({ "application/json": { "schema": schema() } }),
        Answer::Events => json!({ "text/event-stream": { "schema": { "type": "string" } } }),
    }
}

fn object(fields: &[Field]) -> Value {
    let properties: Map<_, _> = fields.iter().map(|field| (field.name.to_owned(), field.schema())).collect();
    let required: Vec<_> = fields.iter().filter(|field| field.required).map(|field| field.name).collect();
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
}
