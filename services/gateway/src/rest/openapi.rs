//! OpenAPI 3.1, generated from the contracts: every field with its comment, at `/openapi.json`,
//! and a page to read and try it at `/docs`.

use std::collections::BTreeMap;

use axum::Router;
use axum::http::header;
use axum::response::{Html, IntoResponse};
use prost_reflect::{
    Cardinality, DescriptorPool, EnumDescriptor, FieldDescriptor, FileDescriptor, Kind,
    MessageDescriptor, MethodDescriptor,
};
use serde_json::{Map, Value, json};

use super::paths::{DOCS, OPENAPI, OPERATIONS, Operation};

/// Returns the routes of the page and of the document.
pub(super) fn routes() -> Router {
    let document = document().to_string();
    let page = include_str!("docs.html");
    Router::new()
        .route(DOCS, axum::routing::get(async move || Html(page)))
        .route(
            OPENAPI,
            axum::routing::get(async move || {
                (
                    [(header::CONTENT_TYPE, "application/json")],
                    document.clone(),
                )
                    .into_response()
            }),
        )
}

/// Returns the document.
pub(crate) fn document() -> Value {
    let pool = DescriptorPool::decode(fairlead_proto::DESCRIPTORS)
        .expect("the descriptors were written by the build of the contracts");
    let mut schemas = Schemas::default();
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for operation in &OPERATIONS {
        let name = format!("fairlead.gateway.v1.{}", operation.service);
        let method = pool.get_service_by_name(&name).and_then(|service| {
            service
                .methods()
                .find(|method| method.name() == operation.method)
        });
        if let Some(method) = method {
            let described = describe(operation, &method, &mut schemas);
            paths
                .entry(operation.path)
                .or_default()
                .insert(operation.verb.to_owned(), described);
        }
    }
    schemas.close();
    schemas.ready.insert("Error".to_owned(), error_schema());
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Fairlead",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Which financial products should this customer be shown now, at which rate, limit, premium or fee, and why.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas.ready,
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "description": "An API key, or a customer's token (JWT)."},
                "customer": {"type": "apiKey", "in": "header", "name": "x-customer-token", "description": "A customer's token (JWT) beside a key."},
            },
        },
        "security": [{}, {"key": []}, {"key": [], "customer": []}],
    })
}

fn describe(operation: &Operation, method: &MethodDescriptor, schemas: &mut Schemas) -> Value {
    let comment = comment_at(&method.parent_file(), method.path());
    let parameters: Vec<Value> = operation
        .path
        .split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
        .map(|name| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}}))
        .collect();
    let mut described = json!({
        "operationId": operation.method,
        "tags": [operation.service],
        "summary": comment,
        "parameters": parameters,
        "responses": {
            "200": content("the answer", &schemas.reference(&method.output())),
            "default": content("a refusal: what was wrong and what is allowed", &json!({"$ref": "#/components/schemas/Error"})),
        },
    });
    if operation.verb == "post" {
        let mut body = content("the request", &schemas.reference(&method.input()));
        body["required"] = json!(true);
        described["requestBody"] = body;
    }
    described
}

fn content(description: &str, schema: &Value) -> Value {
    json!({"description": description, "content": {"application/json": {"schema": schema}}})
}

/// Schemas of messages and enums, by full name; those referred to but not yet written wait.
#[derive(Default)]
struct Schemas {
    ready: BTreeMap<String, Value>,
    waiting: Vec<MessageDescriptor>,
}

impl Schemas {
    fn reference(&mut self, message: &MessageDescriptor) -> Value {
        self.waiting.push(message.clone());
        json!({"$ref": format!("#/components/schemas/{}", message.full_name())})
    }

    fn close(&mut self) {
        while let Some(message) = self.waiting.pop() {
            if !self.ready.contains_key(message.full_name()) {
                // Entered first: a message may hold itself.
                self.ready
                    .insert(message.full_name().to_owned(), Value::Null);
                let schema = self.message(&message);
                self.ready.insert(message.full_name().to_owned(), schema);
            }
        }
    }

    fn message(&mut self, message: &MessageDescriptor) -> Value {
        let fields = message.fields().map(|field| {
            let mut schema = self.field(&field);
            schema["description"] = json!(comment_at(
                &field.parent_message().parent_file(),
                field.path()
            ));
            (field.json_name().to_owned(), schema)
        });
        let properties: Map<String, Value> = fields.collect();
        json!({
            "type": "object",
            "description": comment_at(&message.parent_file(), message.path()),
            "properties": properties,
        })
    }

    fn field(&mut self, field: &FieldDescriptor) -> Value {
        if field.is_map() {
            let value = match field.kind() {
                Kind::Message(entry) => self.kind(&entry.map_entry_value_field().kind()),
                other => self.kind(&other),
            };
            return json!({"type": "object", "additionalProperties": value});
        }
        let one = self.kind(&field.kind());
        if field.cardinality() == Cardinality::Repeated {
            return json!({"type": "array", "items": one});
        }
        one
    }

    /// The canonical JSON mapping of proto3: 64-bit integers are strings, bytes are base64.
    fn kind(&mut self, kind: &Kind) -> Value {
        match kind {
            Kind::Double | Kind::Float => json!({"type": "number"}),
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 | Kind::Uint32 | Kind::Fixed32 => {
                json!({"type": "integer"})
            }
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 | Kind::Uint64 | Kind::Fixed64 => {
                json!({"type": ["string", "integer"], "pattern": "^-?[0-9]+$"})
            }
            Kind::Bool => json!({"type": "boolean"}),
            Kind::String => json!({"type": "string"}),
            Kind::Bytes => json!({"type": "string", "contentEncoding": "base64"}),
            Kind::Message(message) => self.reference(message),
            Kind::Enum(numbers) => enum_schema(numbers),
        }
    }
}

fn enum_schema(numbers: &EnumDescriptor) -> Value {
    let names: Vec<String> = numbers
        .values()
        .map(|value| value.name().to_owned())
        .collect();
    json!({"type": "string", "enum": names})
}

fn error_schema() -> Value {
    json!({
        "type": "object",
        "properties": {"error": {
            "type": "object",
            "required": ["code", "status", "message"],
            "properties": {
                "code": {"type": "string", "description": "the gRPC code by name"},
                "status": {"type": "integer", "description": "the HTTP status"},
                "message": {"type": "string", "description": "what was wrong, and what is allowed"},
                "reason": {"type": "string", "description": "a stable word for programs"},
                "details": {"type": "object", "additionalProperties": {"type": "string"},
                            "description": "field, value and allowed, where they apply"},
            },
        }},
        "required": ["error"],
    })
}

/// Returns the comment before a descriptor in its file, or an empty text.
fn comment_at(file: &FileDescriptor, path: &[i32]) -> String {
    let proto = file.file_descriptor_proto();
    let locations = proto
        .source_code_info
        .iter()
        .flat_map(|info| &info.location);
    let mut found = locations.filter(|location| location.path == path);
    let comment = found
        .next()
        .and_then(|location| location.leading_comments.clone());
    comment
        .unwrap_or_default()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_is_described_with_schemas_that_exist() {
        let document = document();
        let schemas = document["components"]["schemas"]
            .as_object()
            .expect("schemas");
        for operation in &OPERATIONS {
            let described = &document["paths"][operation.path][operation.verb];
            assert!(
                !described["summary"].as_str().unwrap_or_default().is_empty(),
                "{}",
                operation.path
            );
        }
        let text = document.to_string();
        for reference in text.split("#/components/schemas/").skip(1) {
            let name = reference.split('"').next().expect("a name");
            assert!(
                schemas.get(name).is_some_and(Value::is_object),
                "{name} is referred to"
            );
        }
        let request = &schemas["fairlead.gateway.v1.RecommendRequest"]["properties"];
        assert_eq!(request["customerId"]["type"], "string");
        assert!(
            request["slateSize"]["description"]
                .as_str()
                .expect("text")
                .contains("1 to 50")
        );
    }
}
