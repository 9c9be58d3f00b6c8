//! Changes single members of a JSON object and leaves every other byte as the caller wrote it.
//!
//! A request that passes keeps its numbers, key order and white space, and with them the provider's
//! prompt cache. Where one member must differ all the same (a level taken from the model's name, a
//! setting the provider refused), only that member's bytes are exchanged.

use std::ops::Range;

use crate::json::write_str;

/// Sets the member at `path` to `json`: whatever stands there is replaced, objects on the way are
/// made where they are missing. The body must be a JSON object, and `json` one JSON value; a body
/// that is none comes back unchanged.
pub(crate) fn set(body: &[u8], path: &[&str], json: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len() + json.len() + 64);
    let Some(object) = object(body) else {
        return body.to_vec();
    };
    out.extend_from_slice(&body[..object.start]);
    set_in(&body[object.clone()], path, json, &mut out);
    out.extend_from_slice(&body[object.end..]);
    out
}

/// Takes out the member at `path`; `None` when there is none.
pub(crate) fn remove(body: &[u8], path: &[&str]) -> Option<Vec<u8>> {
    let (last, way) = path.split_last()?;
    let mut place = object(body)?;
    for key in way {
        let member = members(body, place)
            .into_iter()
            .rfind(|member| member.is(body, key))?;
        place = Some(member.value).filter(|value| body[value.start] == b'{')?;
    }
    without(body, place, |member| member.is(body, last))
}

/// The body without the members of the object at `place` that `unwanted` names; `None` when it names
/// none.
pub(crate) fn without(
    body: &[u8],
    place: Range<usize>,
    unwanted: impl Fn(&Member) -> bool,
) -> Option<Vec<u8>> {
    let all = members(body, place);
    let (Some(first), Some(last)) = (all.first(), all.last()) else {
        return None;
    };
    if !all.iter().any(&unwanted) {
        return None;
    }
    let last_kept = all.iter().rposition(|member| !unwanted(member));
    let mut out = Vec::with_capacity(body.len());
    out.extend_from_slice(&body[..first.key.start]);
    for (nth, member) in all.iter().enumerate() {
        if unwanted(member) {
            continue;
        }
        // With the comma and the white space up to the next member, if one is to follow.
        let next = all.get(nth + 1).filter(|_| last_kept != Some(nth));
        let end = next.map_or(member.value.end, |next| next.key.start);
        out.extend_from_slice(&body[member.key.start..end]);
    }
    out.extend_from_slice(&body[last.value.end..]);
    Some(out)
}

/// Where the value of the object's last member `key` stands.
pub(crate) fn find(body: &[u8], key: &str) -> Option<Range<usize>> {
    let member = members(body, object(body)?)
        .into_iter()
        .rfind(|member| member.is(body, key))?;
    Some(member.value)
}

/// One member of an object, by its places in the body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    /// The key's literal, quotes included.
    pub(crate) key: Range<usize>,
    /// The value.
    pub(crate) value: Range<usize>,
}

impl Member {
    /// Whether its key means `name`.
    pub(crate) fn is(&self, body: &[u8], name: &str) -> bool {
        let literal = &body[self.key.clone()];
        let plain = literal
            .get(1..literal.len().saturating_sub(1))
            .unwrap_or_default();
        if !plain.contains(&b'\\') {
            return plain == name.as_bytes();
        }
        serde_json::from_slice::<String>(literal).is_ok_and(|key| key == name)
    }
}

/// The place of the body's outermost object.
pub(crate) fn object(body: &[u8]) -> Option<Range<usize>> {
    let start = blank(body, 0);
    (body.get(start) == Some(&b'{')).then(|| start..value_end(body, start))
}

/// The members of the object at `place`, in order. The body was checked before: what is no JSON ends
/// the list, and nothing worse happens.
pub(crate) fn members(body: &[u8], place: Range<usize>) -> Vec<Member> {
    let mut found = Vec::new();
    let mut at = blank(body, place.start + 1);
    while body.get(at) == Some(&b'"') && at < place.end {
        let key = at..value_end(body, at);
        let colon = blank(body, key.end);
        let start = blank(body, colon + 1);
        let value = start..value_end(body, start);
        if body.get(colon) != Some(&b':') || value.is_empty() {
            break;
        }
        at = blank(body, value.end);
        found.push(Member { key, value });
        if body.get(at) != Some(&b',') {
            break;
        }
        at = blank(body, at + 1);
    }
    found
}

/// The items of the list at `place`, in order.
pub(crate) fn items(body: &[u8], place: Range<usize>) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    if body.get(place.start) != Some(&b'[') {
        return found;
    }
    let mut at = blank(body, place.start + 1);
    while at < place.end && body.get(at) != Some(&b']') {
        let value = at..value_end(body, at);
        if value.is_empty() {
            break;
        }
        at = blank(body, value.end);
        found.push(value);
        if body.get(at) != Some(&b',') {
            break;
        }
        at = blank(body, at + 1);
    }
    found
}

fn set_in(object: &[u8], path: &[&str], json: &str, out: &mut Vec<u8>) {
    let Some((key, rest)) = path.split_first() else {
        out.extend_from_slice(json.as_bytes());
        return;
    };
    let whole = 0..object.len();
    let all = members(object, whole);
    let mut written = 0;
    let mut found = false;
    // A name given twice is set twice: nobody knows which one the provider reads.
    for member in all.iter().filter(|member| member.is(object, key)) {
        found = true;
        out.extend_from_slice(&object[written..member.value.start]);
        let value = &object[member.value.clone()];
        match value.first() {
            Some(b'{') => set_in(value, rest, json, out),
            _ => write_new(rest, json, out),
        }
        written = member.value.end;
    }
    if found {
        out.extend_from_slice(&object[written..]);
        return;
    }
    let end = all.last().map_or(1, |member| member.value.end);
    out.extend_from_slice(&object[..end]);
    if !all.is_empty() {
        out.push(b',');
    }
    write_str(out, key);
    out.push(b':');
    write_new(rest, json, out);
    out.extend_from_slice(&object[end..]);
}

/// A value inside as many new objects as the path has keys.
fn write_new(path: &[&str], json: &str, out: &mut Vec<u8>) {
    for key in path {
        out.push(b'{');
        write_str(out, key);
        out.push(b':');
    }
    out.extend_from_slice(json.as_bytes());
    out.extend(path.iter().map(|_| b'}'));
}

fn blank(body: &[u8], from: usize) -> usize {
    let rest = body.get(from..).unwrap_or_default();
    let length = rest
        .iter()
        .position(|byte| !matches!(byte, b' ' | b'\t' | b'\r' | b'\n'));
    from + length.unwrap_or(rest.len())
}

/// Where the value that begins at `start` ends.
fn value_end(body: &[u8], start: usize) -> usize {
    let mut depth = 0_usize;
    let mut at = start;
    while let Some(byte) = body.get(at) {
        match byte {
            b'"' => {
                at = string_end(body, at);
                if depth == 0 {
                    return at;
                }
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth <= 1 => return if depth == 0 { at } else { at + 1 },
            b'}' | b']' => depth -= 1,
            b',' | b':' | b' ' | b'\t' | b'\r' | b'\n' if depth == 0 => return at,
            _ => {}
        }
        at += 1;
    }
    body.len()
}

/// Where the string that begins at `start` ends, behind its closing quote.
fn string_end(body: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(found) = memchr::memchr2(b'"', b'\\', body.get(at..).unwrap_or_default()) {
        at += found;
        if body[at] == b'"' {
            return at + 1;
        }
        at += 2;
    }
    body.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set_text(body: &str, path: &[&str], json: &str) -> String {
        String::from_utf8(set(body.as_bytes(), path, json)).unwrap()
    }

    #[test]
    fn only_the_members_own_bytes_change() {
        for (body, path, json, expected) in [
            (r#"{}"#, &["a"][..], "1", r#"{"a":1}"#),
            (r#"{ "b" : 1e0 }"#, &["a"], "1", r#"{ "b" : 1e0,"a":1 }"#),
            (
                "{ \"a\" :\n2.50 , \"b\":[1, {\"a\":3}] }",
                &["a"],
                "\"x\"",
                "{ \"a\" :\n\"x\" , \"b\":[1, {\"a\":3}] }",
            ),
            (
                r#"{"r":{"summary":"auto","effort":"low"},"z":"\ud800"}"#,
                &["r", "effort"],
                r#""high""#,
                r#"{"r":{"summary":"auto","effort":"high"},"z":"\ud800"}"#,
            ),
            (
                r#"{"r":{"summary":"auto"}}"#,
                &["r", "effort"],
                "1",
                r#"{"r":{"summary":"auto","effort":1}}"#,
            ),
            (
                r#"{"r":null}"#,
                &["r", "e", "f"],
                "1",
                r#"{"r":{"e":{"f":1}}}"#,
            ),
            (r#"{"r":7}"#, &["q", "e"], "1", r#"{"r":7,"q":{"e":1}}"#),
            (
                r#"{"\u0061":1,"a":2,"s":"{\"a\":3}"}"#,
                &["a"],
                "9",
                r#"{"\u0061":9,"a":9,"s":"{\"a\":3}"}"#,
            ),
        ] {
            assert_eq!(set_text(body, path, json), expected);
        }
    }

    #[test]
    fn members_are_taken_out_with_their_comma() {
        for (body, path, expected) in [
            (r#"{"a":1}"#, &["a"][..], Some(r#"{}"#)),
            (r#"{ "a":1, "b":2 }"#, &["a"], Some(r#"{ "b":2 }"#)),
            (
                r#"{"x":0, "a":1, "b":2, "a":3}"#,
                &["a"],
                Some(r#"{"x":0, "b":2}"#),
            ),
            (r#"{"b":2 ,"a":[1,"}"]}"#, &["a"], Some(r#"{"b":2}"#)),
            (
                r#"{"a":1,"b":{"c":2},"a":3}"#,
                &["a"],
                Some(r#"{"b":{"c":2}}"#),
            ),
            (
                r#"{"b":{"c":2,"d":4}}"#,
                &["b", "c"],
                Some(r#"{"b":{"d":4}}"#),
            ),
            (r#"{"b":2}"#, &["a"], None),
            (r#"{"b":2}"#, &["b", "a"], None),
        ] {
            let out = remove(body.as_bytes(), path);
            let out = out.map(|out| String::from_utf8(out).unwrap());
            assert_eq!(out.as_deref(), expected, "{body}");
        }
    }

    #[test]
    fn hostile_bytes_do_no_harm() {
        for body in [
            "",
            "{",
            "{\"",
            "{\"a",
            "{\"a\"",
            "{\"a\":",
            "{\"a\":\"\\",
            "{\"a\":1,",
            "[1,2",
            "}{",
            "{,}",
            "{\"a\":}",
            "{\"a\":[}",
            "null",
        ] {
            let bytes = body.as_bytes();
            let _ = set(bytes, &["a", "b"], "1");
            let _ = remove(bytes, &["a"]);
            let _ = items(bytes, 0..bytes.len());
            let _ = find(bytes, "a");
        }
        assert_eq!(set(b"[1]", &["a"], "1"), b"[1]");
    }

    #[test]
    fn lists_are_cut_into_their_items() {
        let body = br#" [ 1 , "a,]" ,{"b":[2,3]},[] ]"#;
        let place = 1..body.len();
        let items: Vec<_> = items(body, place)
            .into_iter()
            .map(|item| std::str::from_utf8(&body[item]).unwrap())
            .collect();
        assert_eq!(items, ["1", "\"a,]\"", r#"{"b":[2,3]}"#, "[]"]);
    }
}
