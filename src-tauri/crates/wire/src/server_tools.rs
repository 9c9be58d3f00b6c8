//! What the dialects' own forms of provider-run tools share.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use crate::json::{Object, Text};
use crate::{Action, Fault, FaultKind, Ledger, Reason, ToolChoice, Turn};

/// For a provider that runs no tools itself. Beside tools of the caller's own they are left out:
/// agents offer a search with every request and work without it. A request that has nothing else, or
/// chooses one of them, would be answered by a model that cannot do what was asked.
///
/// # Errors
/// [`FaultKind::BadRequest`] in those two cases.
pub(crate) fn leave_out(turn: &Turn<'_>, ledger: &mut Ledger) -> Result<(), Fault> {
    for tool in &turn.server_tools {
        let chosen =
            matches!(&turn.tool_choice, Some(ToolChoice::Named(name)) if *name == tool.name);
        if chosen || turn.tools.is_empty() {
            let message = format!(
                "the tool `{}` runs at its own provider only; leave it out or choose another model",
                tool.name
            );
            let mut fault = Fault::new(FaultKind::BadRequest, message);
            fault.param = Some("tools".to_owned());
            return Err(fault);
        }
        let path = format!("tools.{}", tool.name);
        ledger.note(path, Action::Dropped, Reason::Dialect);
    }
    Ok(())
}

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
    use crate::{Ask, Capabilities, Dialect, Target, translate};

    #[test]
    fn a_search_beside_own_tools_is_left_out_and_told() {
        let caps = Capabilities::default();
        let target = Target::new("m", &caps, "openai");
        let ask = |rest: &str| {
            let body =
                format!(r#"{{"model":"m","input":"x","tools":[{{"type":"web_search"}},{rest}]}}"#);
            let ask = Ask::new(Dialect::Responses, body.as_bytes());
            translate(&ask, Dialect::Chat, &target)
        };
        let own = r#"{"type":"function","name":"f","parameters":{"type":"object"}}"#;
        let made = ask(own).unwrap();
        let lost = made.losses.header().unwrap();
        assert!(lost.contains("tools.web_search=dropped"), "{lost}");
        let body = String::from_utf8(made.body).unwrap();
        assert!(body.contains(r#""name":"f""#) && !body.contains("web_search"));
        let alone = ask(r#"{"type":"web_search"}"#).unwrap_err();
        assert_eq!(alone.param.as_deref(), Some("tools"));
    }

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
