//! Pass is byte-true: only the model's name changes.

use byokey_wire::{Scan, Splice};
use bytes::Bytes;
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
        cut in any::<prop::sample::Index>(),
    ) {
        let mut parts: Vec<String> = members
            .iter()
            .filter(|(name, _)| name != "model" && name != "stream")
            .map(|(name, value)| format!("{before}\"{name}\"{before}:{value}"))
            .collect();
        let literal = serde_json::to_string(&old).unwrap();
        parts.insert(place.min(parts.len()), format!("\"model\":{before}{literal}"));
        let body = format!("{before}{{{}}}{before}", parts.join(","));

        let cut = cut.index(body.len() + 1);
        let mut scan = Scan::new();
        scan.push(&body.as_bytes()[..cut]).unwrap();
        scan.push(&body.as_bytes()[cut..]).unwrap();
        let found = scan.finish().unwrap();
        prop_assert_eq!(&found.name, &old);
        let at = found.at.clone();
        prop_assert_eq!(&body[at.clone()], literal);

        let bytes = Bytes::from(body.clone());
        let mut splice = Splice::new(at.clone(), &new);
        let mut out = splice.piece(bytes.slice(..cut)).concat();
        out.extend(splice.piece(bytes.slice(cut..)).concat());
        prop_assert_eq!(out.len() as u64, splice.length(body.len() as u64));
        let name = &out[at.start..out.len() - (body.len() - at.end)];
        prop_assert_eq!(serde_json::from_slice::<Value>(name).unwrap(), Value::String(new));
        prop_assert_eq!(&out[..at.start], &body.as_bytes()[..at.start]);
        prop_assert_eq!(&out[out.len() - (body.len() - at.end)..], &body.as_bytes()[at.end..]);
    }
}
