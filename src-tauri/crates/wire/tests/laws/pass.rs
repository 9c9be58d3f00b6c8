//! Pass is byte-true: only the model's name changes.

use byokey_wire::{peek, splice};
use proptest::prelude::*;
use serde_json::Value;

proptest! {
    #[test]
    fn splicing_changes_the_model_and_no_other_byte(
        before in "( |\n|\t){0,3}",
        old in "[a-zé\"\\\\/ ]{0,12}",
        new in "[a-zé\"\\\\/ ]{0,12}",
        members in proptest::collection::vec(
            ("[a-z]{1,6}", "(1e3|2\\.50|123456789012345678901234|\"\\\\u00e9\"|\\[ \\]|\\{\"model\" :1\\}|null)"),
            0..6,
        ),
        place in 0usize..6,
    ) {
        let mut parts: Vec<String> = members
            .iter()
            .filter(|(name, _)| name != "model" && name != "stream")
            .map(|(name, value)| format!("{before}\"{name}\"{before}:{value}"))
            .collect();
        let literal = serde_json::to_string(&old).unwrap();
        parts.insert(place.min(parts.len()), format!("\"model\":{before}{literal}"));
        let body = format!("{before}{{{}}}{before}", parts.join(","));

        let found = peek(body.as_bytes()).unwrap();
        prop_assert_eq!(&*found.model, &*old);
        let at = found.model_at.clone();
        prop_assert_eq!(&body[at.clone()], literal);
        let [head, name, tail] = splice(body.clone().into(), at.clone(), &new);
        prop_assert_eq!(&*head, &body.as_bytes()[..at.start]);
        prop_assert_eq!(&*tail, &body.as_bytes()[at.end..]);
        prop_assert_eq!(serde_json::from_slice::<Value>(&name).unwrap(), Value::String(new));
    }
}
