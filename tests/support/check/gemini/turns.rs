//! The order of turns, and the signatures in them.

use serde_json::Value;

use crate::{
    ask::items,
    fault::Fault,
    gemini::{MAKER, PLACEHOLDER, call_signature, ordinary},
    proof,
};

/// Function calls and responses stand in turns of their own sides, right behind each other.
pub(super) fn turn(
    content: &Value,
    before: Option<&Value>,
    after: Option<&Value>,
) -> Result<(), Fault> {
    let count = |content: Option<&Value>, name: &str| {
        let parts = content
            .map(|content| items(&content["parts"]))
            .unwrap_or_default();
        parts.iter().filter(|part| part.get(name).is_some()).count()
    };
    let calls = count(Some(content), "functionCall");
    let responses = count(Some(content), "functionResponse");
    if calls > 0
        && (content["role"] != "model" || before.is_none_or(|before| before["role"] == "model"))
    {
        return Err(Fault::bad(
            "Please ensure that function call turn comes immediately after a user turn or after a \
             function response turn.",
        ));
    }
    if calls > 0 && after.is_some() && calls != count(after, "functionResponse") {
        return Err(Fault::bad(
            "Please ensure that the number of function response parts is equal to the number of \
             function call parts of the function call turn.",
        ));
    }
    if responses > 0 && count(before, "functionCall") == 0 {
        return Err(Fault::bad(
            "Please ensure that function response turn comes immediately after a function call turn.",
        ));
    }
    Ok(())
}

/// Whatever is signed was signed here, and the current turn's calls are.
pub(super) fn signatures(contents: &[Value]) -> Result<(), Fault> {
    let genuine = |content: &Value| {
        content["role"] != "model"
            && items(&content["parts"])
                .iter()
                .any(|part| part.get("functionResponse").is_none())
    };
    let current = contents.iter().rposition(genuine).unwrap_or(0);
    for (at, content) in contents
        .iter()
        .enumerate()
        .filter(|(_, content)| content["role"] == "model")
    {
        let mut first = true;
        for (index, part) in items(&content["parts"]).iter().enumerate() {
            let call = &part["functionCall"];
            let place = format!(
                "function call `default_api:{}`, position {index}",
                call["name"]
            );
            match part["thoughtSignature"].as_str() {
                Some(seal) if !fits(seal, call) => {
                    return Err(Fault::bad(format!("Corrupted thought signature. {place}")));
                }
                None if call.is_object() && first && at > current => {
                    return Err(Fault::bad(format!(
                        "Function call is missing a thought_signature in functionCall parts. {place}"
                    )));
                }
                _ => {}
            }
            first &= !call.is_object();
        }
    }
    Ok(())
}

fn fits(seal: &str, call: &Value) -> bool {
    if seal == PLACEHOLDER {
        return true;
    }
    let seal = &ordinary(seal);
    match call["name"].as_str() {
        Some(name) => *seal == call_signature(name, &call["args"]),
        None => proof::is_of_id(MAKER, seal),
    }
}
