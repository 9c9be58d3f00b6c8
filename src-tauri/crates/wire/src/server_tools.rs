//! What the dialects' own forms of provider-run tools share.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use crate::json::{Object, Text};

/// Writes where a user is, in the form that OpenAI and Anthropic share: with its type, which not every
/// dialect has in there.
pub(crate) fn write_location(location: &RawValue, out: &mut Vec<u8>) {
    let mut object = Object::begin(out);
    object.text("type", "approximate");
    let members: BTreeMap<Text<'_>, &RawValue> =
        serde_json::from_str(location.get()).unwrap_or_default();
    for (name, value) in members {
        if &*name != "type" {
            object
                .any_key(&name)
                .extend_from_slice(value.get().as_bytes());
        }
    }
    object.end();
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_location_has_its_type_once() {
        for given in [
            r#"{"type":"approximate","city":"Bern"}"#,
            r#"{"city":"Bern"}"#,
        ] {
            let mut out = Vec::new();
            super::write_location(serde_json::from_str(given).unwrap(), &mut out);
            assert_eq!(out, br#"{"type":"approximate","city":"Bern"}"#);
        }
    }
}
