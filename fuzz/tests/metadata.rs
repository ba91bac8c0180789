//! This file is about metadata: an object that strangers write, and patches of it.

use bolero::{check, produce};
use keyward_core::metadata::Metadata;
use serde_json::{Map, Value};

use crate::mutation::{SCRIPT, mutated_text};

const OBJECT: &str = r#"{"a":{"b":[1,null,"x"],"c":-0.5e-7},"d":"\u00e4","e":31.245270191439438,"f":{}}"#;
const PATCH: &str = r#"{"a":{"b":null,"g":{"h":null,"i":1}},"d":{"x":2},"f":[true]}"#;

/// RFC 7396, section 2, word for word.
fn merge_patch(target: Value, patch: &Value) -> Value {
    let Value::Object(members) = patch else { return patch.clone() };
    let mut result = if let Value::Object(object) = target { object } else { Map::new() };
    for (name, value) in members {
        if value.is_null() {
            result.remove(name);
        } else {
            let old = result.remove(name).unwrap_or(Value::Null);
            result.insert(name.clone(), merge_patch(old, value));
        }
    }
    Value::Object(result)
}

#[test]
fn objects_and_patches() {
    let script = || produce::<Vec<u8>>().with().len(SCRIPT);
    check!().with_iterations(4000).with_generator((script(), script())).for_each(|(one, other)| {
        let text = mutated_text(OBJECT, one);
        let value = serde_json::from_str::<Value>(&text).ok().filter(Value::is_object);
        let metadata = Metadata::parse(&text).ok();
        assert_eq!(metadata.is_some(), value.is_some(), "{text}");
        let (Some(metadata), Some(value)) = (metadata, value) else { return };
        assert_eq!(Metadata::parse(metadata.as_str()).unwrap(), metadata, "it stays as it is");
        assert_eq!(metadata.merge(&Map::new()).unwrap(), metadata, "also when something else is changed");
        let patch = serde_json::from_str::<Value>(&mutated_text(PATCH, other)).unwrap_or(Value::Null);
        if let Value::Object(members) = &patch {
            let merged: Value = serde_json::from_str(metadata.merge(members).unwrap().as_str()).unwrap();
            assert_eq!(merged, merge_patch(value, &patch));
        }
    });
}

/// A number that nobody touches does not drift, however often the object around it changes.
#[test]
fn numbers() {
    check!().with_iterations(4000).with_type::<u64>().for_each(|bits| {
        let number = f64::from_bits(*bits);
        if number.is_finite() {
            let metadata = Metadata::parse(&format!(r#"{{"n":{number:e}}}"#)).unwrap();
            let once = metadata.merge(&Map::new()).unwrap();
            assert_eq!(once.merge(&Map::new()).unwrap(), metadata);
        }
    });
}
