//! Function calls whose arguments arrive in pieces, each at its place in the whole (Vertex).

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::chunk::Piece;

/// Longest list that a path may call into being.
const MAX_LIST: usize = 4096;
/// Deepest place that a path may name.
const MAX_DEPTH: usize = 64;

/// A call under way.
#[derive(Debug)]
pub(super) struct Partial {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) signature: Option<String>,
    args: Value,
    /// The text that the last piece left unfinished.
    open: Option<String>,
}

impl Partial {
    pub(super) fn new(id: String, name: String, signature: Option<String>) -> Self {
        Self {
            id,
            name,
            signature,
            args: Value::Object(Map::new()),
            open: None,
        }
    }

    /// Adds a piece.
    pub(super) fn add(&mut self, piece: Piece<'_>) {
        let path = piece.path.unwrap_or_default();
        let goes_on = self.open.as_deref() == Some(&*path);
        let Some(place) = place(&mut self.args, &path) else {
            return;
        };
        match (piece.text, piece.number, piece.truth) {
            (Some(text), ..) => match place {
                Value::String(so_far) if goes_on => so_far.push_str(&text),
                other => *other = Value::String(text.0.into_owned()),
            },
            (_, Some(number), _) => {
                *place = serde_json::from_str(number.get()).unwrap_or_default();
            }
            (_, _, Some(truth)) => *place = Value::Bool(truth),
            _ => *place = Value::Null,
        }
        self.open = (piece.more == Some(true)).then(|| path.0.into_owned());
    }

    /// The arguments as they are now.
    pub(super) fn arguments(&self) -> String {
        self.args.to_string()
    }
}

/// The value at a path such as `$.a.b[0]` or `$['a b']`, made if it is not there.
fn place<'v>(root: &'v mut Value, path: &str) -> Option<&'v mut Value> {
    let mut value = root;
    let mut rest = path.strip_prefix('$')?;
    let mut depth = 0;
    while !rest.is_empty() {
        depth += 1;
        if depth > MAX_DEPTH {
            return None;
        }
        let (step, behind) = step(rest)?;
        rest = behind;
        value = match step {
            Step::Name(name) => {
                if !value.is_object() {
                    *value = Value::Object(Map::new());
                }
                value.as_object_mut()?.entry(name).or_insert(Value::Null)
            }
            Step::Index(index) if index < MAX_LIST => {
                if !value.is_array() {
                    *value = Value::Array(Vec::new());
                }
                let list = value.as_array_mut()?;
                if list.len() <= index {
                    list.resize(index + 1, Value::Null);
                }
                &mut list[index]
            }
            Step::Index(_) => return None,
        };
    }
    Some(value)
}

enum Step<'p> {
    Name(Cow<'p, str>),
    Index(usize),
}

/// The first step of a path and the rest of it.
fn step(path: &str) -> Option<(Step<'_>, &str)> {
    if let Some(rest) = path.strip_prefix('.') {
        let end = rest.find(['.', '[']).unwrap_or(rest.len());
        let (name, behind) = rest.split_at(end);
        return (!name.is_empty()).then_some((Step::Name(name.into()), behind));
    }
    let rest = path.strip_prefix('[')?;
    for quote in ['\'', '"'] {
        if let Some(quoted) = rest.strip_prefix(quote) {
            let end = quoted.find(&format!("{quote}]"))?;
            return Some((Step::Name(quoted[..end].into()), &quoted[end + 2..]));
        }
    }
    let end = rest.find(']')?;
    let index = rest[..end].parse().ok()?;
    Some((Step::Index(index), &rest[end + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_find_their_places() {
        let mut call = Partial::new(String::new(), "f".into(), None);
        for piece in [
            r#"{"jsonPath":"$.a.b[1]","stringValue":"New ","willContinue":true}"#,
            r#"{"jsonPath":"$.a.b[1]","stringValue":"York"}"#,
            r#"{"jsonPath":"$['x.y'][0].z","numberValue":2.50}"#,
            r#"{"jsonPath":"$.t","boolValue":true}"#,
            r#"{"jsonPath":"$.n","nullValue":null}"#,
            r#"{"jsonPath":"$.s","stringValue":"a"}"#,
            r#"{"jsonPath":"$.s","stringValue":"b"}"#,
            r#"{"jsonPath":"nonsense","stringValue":"b"}"#,
            r#"{"jsonPath":"$[99999999]","stringValue":"b"}"#,
            r#"{"jsonPath":"$[","stringValue":"b"}"#,
        ] {
            call.add(serde_json::from_str(piece).unwrap());
        }
        let expected = serde_json::json!({
            "a": { "b": [null, "New York"] }, "x.y": [{ "z": 2.5 }], "t": true, "n": null, "s": "b"
        });
        assert_eq!(
            serde_json::from_str::<Value>(&call.arguments()).unwrap(),
            expected
        );
    }
}
