//! Responses requests that go on from an earlier reply, with the earlier items put in.
//!
//! A provider that stored the reply finds them by its id. Where byokey has to find them, the request
//! becomes one that says everything itself; only the members concerned change.

use bytes::Bytes;

use crate::edit::{find, items, object, remove, set};

/// The items that a Responses request puts in, each as its JSON; text alone is one message.
pub fn input_items(request: &[u8]) -> Vec<Bytes> {
    let Some(place) = find(request, "input") else {
        return Vec::new();
    };
    match request.get(place.start) {
        Some(b'[') => items(request, place)
            .into_iter()
            .map(|item| Bytes::copy_from_slice(&request[item]))
            .collect(),
        Some(b'"') => {
            let mut item = br#"{"type":"message","role":"user","content":"#.to_vec();
            item.extend_from_slice(&request[place]);
            item.push(b'}');
            vec![item.into()]
        }
        _ => Vec::new(),
    }
}

/// The items that a response put out, each as its JSON.
pub fn output_items(response: &[u8]) -> Vec<Bytes> {
    let place = find(response, "output").unwrap_or_default();
    items(response, place)
        .into_iter()
        .map(|item| Bytes::copy_from_slice(&response[item]))
        .collect()
}

/// The request with `earlier` items in front of its own and without `previous_response_id`.
pub fn with_earlier(request: &[u8], earlier: &[Bytes]) -> Vec<u8> {
    let own = input_items(request);
    let mut input = String::with_capacity(request.len());
    input.push('[');
    for item in earlier.iter().chain(&own) {
        if input.len() > 1 {
            input.push(',');
        }
        // The items were cut out of JSON, so they are text.
        input.push_str(std::str::from_utf8(item).unwrap_or("null"));
    }
    input.push(']');
    let request = set(request, &["input"], &input);
    remove(&request, &["previous_response_id"]).unwrap_or(request)
}

/// The request in a `response.create` message of a websocket; it always wants a stream. `None` when
/// the message is another one.
pub fn create_request(message: &[u8]) -> Option<Vec<u8>> {
    serde_json::from_slice::<&serde_json::value::RawValue>(message).ok()?;
    let object = object(message)?;
    let kind = find(message, "type")?;
    if message[kind] != *b"\"response.create\"" {
        return None;
    }
    let request = remove(&message[object], &["type"])?;
    Some(set(&request, &["stream"], "true"))
}

/// The text of a string member of a JSON object.
pub fn json_text(object: &[u8], name: &str) -> Option<String> {
    serde_json::from_slice(&object[find(object, name)?]).ok()
}

/// The JSON of a member of a JSON object.
pub fn json_member<'a>(object: &'a [u8], name: &str) -> Option<&'a [u8]> {
    Some(&object[find(object, name)?])
}

/// The object without a member.
pub fn json_without(object: &[u8], name: &str) -> Vec<u8> {
    remove(object, &[name]).unwrap_or_else(|| object.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn earlier_items_go_in_front_and_nothing_else_changes() {
        let earlier = [Bytes::from_static(b"{\"a\":1}"), Bytes::from_static(b"{}")];
        for (request, expected) in [
            (
                r#"{"previous_response_id":"r", "x": 1e3,"input": [ {"b":2} , 3 ]}"#,
                r#"{"x": 1e3,"input": [{"a":1},{},{"b":2},3]}"#,
            ),
            (
                r#"{"input":"h\u00e9","previous_response_id":"r"}"#,
                r#"{"input":[{"a":1},{},{"type":"message","role":"user","content":"h\u00e9"}]}"#,
            ),
            (
                r#"{"previous_response_id":"r"}"#,
                r#"{"input":[{"a":1},{}]}"#,
            ),
        ] {
            let made = with_earlier(request.as_bytes(), &earlier);
            assert_eq!(String::from_utf8(made).unwrap(), expected);
        }
    }

    #[test]
    fn takes_items_out_of_replies() {
        let items = output_items(br#"{"id":"x","output":[{"type":"a","b":[1,2]} ,{"c":"]"}]}"#);
        assert_eq!(items, ["{\"type\":\"a\",\"b\":[1,2]}", "{\"c\":\"]\"}"]);
        assert!(output_items(br#"{"output":null}"#).is_empty());
        assert!(output_items(b"{}").is_empty());
    }

    #[test]
    fn a_create_message_is_a_request() {
        let made =
            create_request(br#" {"type":"response.create","model":"m","input":[]} "#).unwrap();
        let made = String::from_utf8(made).unwrap();
        assert_eq!(made, r#"{"model":"m","input":[],"stream":true}"#);
        for other in [
            &br#"{"type":"response.cancel"}"#[..],
            b"{}",
            b"[]",
            b"{",
            br#"{"type":"response.create""#,
        ] {
            assert_eq!(create_request(other), None);
        }
    }
}
