//! The OpenAPI document and the listener are the same thing told twice.

use std::{collections::BTreeSet, sync::LazyLock};

use jitsuin::{
    authority::change::RegisterEvent,
    http::registration::{OPENAPI, ROUTES},
    rules::{
        Cause, CertificateState,
        application::{ApplicationEvent, ApplicationState},
        desk::{Channel, Desk},
        fee::NewCard,
        notice::NoNotice,
        papers::Paper,
        procedure::{Applicant, Procedure, SealedPaper, Why},
        stay::ResidenceStatus,
    },
    x509::RevocationReason,
};
use serde::de::DeserializeOwned;
use serde_json::Value;

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| serde_json::from_str(OPENAPI).unwrap());

/// Follows `$ref`.
fn resolve(value: &'static Value) -> &'static Value {
    match value.get("$ref").and_then(Value::as_str) {
        Some(reference) => resolve(DOCUMENT.pointer(reference.strip_prefix('#').unwrap()).unwrap()),
        None => value,
    }
}

/// The operation that a request meets.
fn operation(method: &str, path: &str) -> Option<&'static Value> {
    let paths = DOCUMENT["paths"].as_object().unwrap();
    let path = path.split('?').next().unwrap();
    let fits = |template: &str| {
        let (template, path): (Vec<_>, Vec<_>) = (template.split('/').collect(), path.split('/').collect());
        template.len() == path.len()
            && template.iter().zip(&path).all(|(known, given)| known.starts_with('{') || known == given)
    };
    let (_, item) = paths.iter().find(|(template, _)| fits(template))?;
    item.get(method.to_lowercase())
}

/// Holds an accepted request's body against its schema.
pub(crate) fn check_request(path: &str, body: &Value) {
    let schema = &operation("post", path).unwrap()["requestBody"]["content"]["application/json"]["schema"];
    check(schema, body, &format!("request of {path}"));
}

/// Holds an answer against what is documented for its status.
pub(crate) fn check_answer(method: &str, path: &str, status: u16, content_type: &str, body: &Value) {
    let Some(operation) = operation(method, path) else {
        assert!([403, 404, 405].contains(&status), "{method} {path} is not documented, and yet {status}");
        return;
    };
    let response = operation["responses"].get(status.to_string());
    let response = resolve(response.unwrap_or_else(|| panic!("{method} {path}: {status} is not documented")));
    let schema = response["content"].get(content_type);
    let schema = schema.unwrap_or_else(|| panic!("{method} {path} {status}: {content_type} is not documented"));
    check(&schema["schema"], body, &format!("{status} of {method} {path}"));
}

/// As much of JSON Schema as the document uses, but patterns.
fn check(schema: &'static Value, value: &Value, at: &str) {
    let schema = resolve(schema);
    if let Some(any) = schema.get("anyOf") {
        let fits = |one: &'static Value| {
            let one = resolve(one);
            let has = |name: &Value| value.get(name.as_str().unwrap()).is_some();
            type_fits(one, value) && one["required"].as_array().is_none_or(|names| names.iter().all(has))
        };
        let one = any.as_array().unwrap().iter().find(|one| fits(one));
        return check(one.unwrap_or_else(|| panic!("{at}: {value} is none of {any}")), value, at);
    }
    assert!(type_fits(schema, value), "{at}: {value} is not a {}", schema["type"]);
    if let Some(words) = schema.get("enum") {
        assert!(words.as_array().unwrap().contains(value), "{at}: {value} is none of {words}");
    }
    if let (Some(items), Some(values)) = (schema.get("items"), value.as_array()) {
        values.iter().enumerate().for_each(|(number, value)| check(items, value, &format!("{at}[{number}]")));
    }
    let (Some(properties), Some(fields)) = (schema.get("properties"), value.as_object()) else { return };
    for (name, value) in fields {
        let property = properties.get(name).unwrap_or_else(|| panic!("{at}: {name} is not documented"));
        check(property, value, &format!("{at}.{name}"));
    }
    for name in schema["required"].as_array().unwrap() {
        assert!(fields.contains_key(name.as_str().unwrap()), "{at}: {name} is missing");
    }
}

fn type_fits(schema: &Value, value: &Value) -> bool {
    let fits = |word: &str| match word {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_u64(),
        "null" => value.is_null(),
        other => panic!("the check knows no type {other}"),
    };
    match &schema["type"] {
        Value::String(word) => fits(word),
        words => words.as_array().unwrap().iter().any(|word| fits(word.as_str().unwrap())),
    }
}

#[test]
fn every_route_is_documented_and_every_documented_route_is_there() {
    let served: BTreeSet<(String, String)> =
        ROUTES.iter().map(|route| (route.method.to_string(), route.path.to_owned())).collect();
    let paths = DOCUMENT["paths"].as_object().unwrap();
    let documented = paths
        .iter()
        .flat_map(|(path, item)| item.as_object().unwrap().keys().map(|method| (method.to_uppercase(), path.clone())));
    assert_eq!(served, documented.collect());
}

#[test]
fn parameters_and_keys_are_documented() {
    for route in &ROUTES {
        let operation = operation(route.method.as_str(), route.path).unwrap();
        let parameters = operation.get("parameters").and_then(Value::as_array);
        let documented: BTreeSet<&str> = parameters.into_iter().flatten().map(|one| resolve_name(one)).collect();
        let mut expected: BTreeSet<&str> =
            route.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect();
        expected.extend(route.query);
        if route.writes {
            expected.insert("Idempotency-Key");
        }
        assert_eq!(documented, expected, "{}", route.path);
    }
}

fn resolve_name(parameter: &'static Value) -> &'static str {
    resolve(parameter)["name"].as_str().unwrap()
}

#[test]
fn the_documented_words_are_the_words_in_use() {
    let words = |schema: &str| DOCUMENT["components"]["schemas"][schema]["enum"].clone();
    assert_eq!(words("Cause"), serde_json::to_value(Cause::ALL).unwrap());
    assert_eq!(words("State"), serde_json::to_value(CertificateState::ALL).unwrap());
    assert_eq!(words("Reason"), serde_json::to_value(RevocationReason::ALL).unwrap());
    assert_eq!(words("Procedure"), serde_json::to_value(Procedure::ALL).unwrap());
    assert_eq!(words("Applicant"), serde_json::to_value(Applicant::ALL).unwrap());
    assert_eq!(words("NewCard"), serde_json::to_value(NewCard::ALL).unwrap());
    assert_eq!(words("RegisterEvent"), taken::<RegisterEvent>());
    assert_eq!(words("SealedPaper"), taken::<SealedPaper>());
    assert_eq!(words("ResidenceStatus"), taken::<ResidenceStatus>());
    assert_eq!(words("Paper"), taken::<Paper>());
    assert_eq!(words("NoNotice"), taken::<NoNotice>());
    assert_eq!(words("Desk"), taken::<Desk>());
    assert_eq!(words("Channel"), taken::<Channel>());
    assert_eq!(words("WhyTwoVisits"), taken::<Why>());
    assert_eq!(words("ApplicationState"), serde_json::to_value(ApplicationState::ALL).unwrap());
    assert_eq!(words("ApplicationEvent"), serde_json::to_value(ApplicationEvent::ALL).unwrap());
}

/// The words of an enumeration: serde names every one that it would have taken.
fn taken<T: DeserializeOwned>() -> Value {
    let refused = serde_json::from_str::<T>(r#""?""#).err().unwrap().to_string();
    let taken: Vec<&str> = refused.split('`').skip(3).step_by(2).collect();
    assert!(taken.len() > 1, "{refused}");
    serde_json::to_value(taken).unwrap()
}

#[test]
fn every_reference_of_the_document_leads_somewhere() {
    fn walk(value: &'static Value, seen: &mut usize) {
        if let Some(reference) = value.get("$ref").and_then(Value::as_str) {
            assert!(DOCUMENT.pointer(&reference[1..]).is_some(), "{reference}");
            *seen += 1;
        }
        match value {
            Value::Object(fields) => fields.values().for_each(|one| walk(one, seen)),
            Value::Array(items) => items.iter().for_each(|one| walk(one, seen)),
            _ => {}
        }
    }
    let mut seen = 0;
    walk(&DOCUMENT, &mut seen);
    assert!(seen > 50, "{seen}");
}
