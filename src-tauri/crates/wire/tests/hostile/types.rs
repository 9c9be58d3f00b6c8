//! Every member of a full request with a value of every other type in its place.

use serde_json::{Value, json};

use crate::requests::full;
use crate::{CALLERS, send};

/// Values of every type.
fn wrong() -> Vec<Value> {
    vec![
        Value::Null,
        json!(true),
        json!(0),
        json!(-1),
        json!(1.5),
        json!(18_446_744_073_709_551_615_u64),
        json!(""),
        json!("x"),
        json!([]),
        json!({}),
        json!([null]),
        json!([7, "x", {}]),
        json!({ "x": [] }),
        json!({ "type": "x" }),
        json!([[[]]]),
    ]
}

/// The place of every value within another, as JSON pointers.
fn places(value: &Value, place: &str, all: &mut Vec<String>) {
    let mut visit = |key: &str, inner: &Value| {
        let place = format!("{place}/{key}");
        all.push(place.clone());
        places(inner, &place, all);
    };
    match value {
        Value::Object(members) => members.iter().for_each(|(key, inner)| visit(key, inner)),
        Value::Array(items) => {
            for (at, inner) in items.iter().enumerate() {
                visit(&at.to_string(), inner);
            }
        }
        _ => {}
    }
}

#[test]
fn the_full_requests_are_taken() {
    for caller in CALLERS {
        let body = full(caller).to_string();
        send(caller, body.as_bytes(), |upstream, result| {
            assert!(
                result.is_ok(),
                "{caller:?} to {upstream:?}: {:?}",
                result.err()
            );
        });
    }
}

#[test]
fn wrong_types_anywhere() {
    let mut refused = 0;
    for caller in CALLERS {
        let good = full(caller);
        let mut all = Vec::new();
        places(&good, "", &mut all);
        for place in &all {
            for wrong in wrong() {
                let mut body = good.clone();
                *body.pointer_mut(place).unwrap() = wrong.clone();
                send(caller, body.to_string().as_bytes(), |upstream, result| {
                    let Err(fault) = result else { return };
                    refused += 1;
                    let told = fault.param.unwrap_or_default();
                    assert!(
                        !told.is_empty(),
                        "{caller:?} to {upstream:?}: {place} = {wrong}: no path in {:?}",
                        fault.message
                    );
                });
            }
        }
    }
    assert!(refused > 1000, "only {refused} refusals");
}

#[test]
fn the_path_is_that_of_the_member() {
    for caller in CALLERS {
        let good = full(caller);
        let mut all = Vec::new();
        places(&good, "", &mut all);
        for place in &all {
            // No member of a request takes this.
            let mut body = good.clone();
            *body.pointer_mut(place).unwrap() = json!({ "x": 1 });
            let top = place.split('/').nth(1).unwrap();
            send(caller, body.to_string().as_bytes(), |upstream, result| {
                let Err(fault) = result else { return };
                let told = fault.param.unwrap_or_default();
                let fits = told.split(['.', '[']).next() == Some(top);
                assert!(
                    fits,
                    "{caller:?} to {upstream:?}: {place}: tells {told}: {}",
                    fault.message
                );
            });
        }
    }
}

#[test]
fn members_that_are_missing() {
    for caller in CALLERS {
        let good = full(caller);
        let mut all = Vec::new();
        places(&good, "", &mut all);
        for place in &all {
            let (parent, key) = place.rsplit_once('/').unwrap();
            let mut body = good.clone();
            match body.pointer_mut(parent).unwrap() {
                Value::Object(members) => drop(members.remove(key)),
                Value::Array(items) => drop(items.remove(key.parse().unwrap())),
                _ => {}
            }
            send(caller, body.to_string().as_bytes(), |upstream, result| {
                let Err(fault) = result else { return };
                let told = fault.param.unwrap_or_default();
                assert!(
                    !told.is_empty(),
                    "{caller:?} to {upstream:?}: without {place}: no path in {:?}",
                    fault.message
                );
            });
        }
    }
}
