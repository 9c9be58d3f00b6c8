//! Reasoning by the model's name on a request that passes: only the members that steer thinking are
//! exchanged, by the same rules as in a translated request.

use serde_json::value::RawValue;

use super::effort::{Mode, Plan, Wish};
use crate::json::{Count, Text, fields};
use crate::suffix::gives_way;
use crate::{Action, Capabilities, Ledger, Reason, Reasoning, Words, edit};

fields! {
    /// What thinking depends on.
    struct Request<'a> {
        max_tokens: Count = "max_tokens",
        tool_choice: Choice<'a> = "tool_choice",
        tools: Vec<&'a RawValue> = "tools",
        messages: Vec<Said<'a>> = "messages",
        temperature: f64 = "temperature",
        top_p: f64 = "top_p",
        top_k: &'a RawValue = "top_k",
    }

    struct Choice<'a> {
        kind: Text<'a> = "type",
    }

    struct Said<'a> {
        role: Text<'a> = "role",
        content: &'a RawValue = "content",
    }

    struct Kind<'a> {
        kind: Text<'a> = "type",
    }
}

/// The body with `wish` in place of its own words on thinking. A body that is no request of this
/// dialect stays as it is: the provider says better what is wrong with it.
pub(crate) fn with_reasoning(
    body: &[u8],
    wish: Reasoning,
    caps: &Capabilities,
    ledger: &mut Ledger,
) -> Vec<u8> {
    let Ok(request) = serde_json::from_slice::<Request<'_>>(body) else {
        return body.to_vec();
    };
    let plan = Plan::of(&outline(&request, wish), caps, ledger);
    let mut out = set_thinking(body, plan);
    let out_config = ["output_config", "effort"];
    out = match plan.effort {
        Some(effort) => edit::set(&out, &out_config, &format!("\"{effort}\"")),
        None => edit::remove(&out, &out_config).unwrap_or(out),
    };
    if matches!(plan.mode, Some(Mode::Enabled { .. })) {
        let given = request.max_tokens.map(|count| count.0);
        if given != Some(plan.max_tokens) {
            out = edit::set(&out, &["max_tokens"], &plan.max_tokens.to_string());
        }
    }
    if plan.thinks() {
        out = make_way(out, &request, ledger);
    }
    out
}

fn set_thinking(body: &[u8], plan: Plan) -> Vec<u8> {
    let kind = ["thinking", "type"];
    let budget = ["thinking", "budget_tokens"];
    match plan.mode {
        None => edit::remove(body, &["thinking"]).unwrap_or_else(|| body.to_vec()),
        Some(Mode::Disabled) => edit::set(body, &["thinking"], r#"{"type":"disabled"}"#),
        Some(Mode::Adaptive) => {
            let out = edit::set(body, &kind, "\"adaptive\"");
            edit::remove(&out, &budget).unwrap_or(out)
        }
        Some(Mode::Enabled { budget: tokens }) => {
            let out = edit::set(body, &kind, "\"enabled\"");
            edit::set(&out, &budget, &tokens.to_string())
        }
    }
}

/// Takes out what Anthropic refuses beside thinking.
fn make_way(mut body: Vec<u8>, request: &Request<'_>, ledger: &mut Ledger) -> Vec<u8> {
    let stray = [
        (
            "temperature",
            request
                .temperature
                .is_some_and(|it| it.to_bits() != 1_f64.to_bits()),
        ),
        (
            "top_p",
            request
                .top_p
                .is_some_and(|it| it < super::render::THINKING_TOP_P),
        ),
        ("top_k", request.top_k.is_some()),
    ];
    for (member, _) in stray.into_iter().filter(|(_, stray)| *stray) {
        body = edit::remove(&body, &[member]).unwrap_or(body);
        gives_way(ledger, member);
    }
    let messages = request.messages.as_deref().unwrap_or_default();
    let begun = messages
        .last()
        .is_some_and(|last| last.role.as_deref() == Some("assistant"));
    if begun
        && messages.len() > 1
        && let Some(place) = edit::find(&body, "messages")
    {
        let items = edit::items(&body, place);
        if let [.., before, last] = items.as_slice() {
            body.drain(before.end..last.end);
            let path = Words::MESSAGES.message(items.len() - 1);
            ledger.note(path, Action::Dropped, Reason::ModelCapability);
        }
    }
    body
}

/// What the rules on thinking look at.
fn outline(request: &Request<'_>, reasoning: Reasoning) -> Wish {
    let choice = request.tool_choice.as_ref();
    let must = choice.is_some_and(|choice| matches!(choice.kind.as_deref(), Some("any" | "tool")));
    let tools = request
        .tools
        .as_ref()
        .is_some_and(|tools| !tools.is_empty());
    let said = request.messages.as_deref().unwrap_or_default();
    let answers = said.last().is_some_and(|last| {
        last.role.as_deref() == Some("user") && kinds(last).any(|kind| kind == "tool_result")
    });
    let made = said
        .iter()
        .rfind(|said| said.role.as_deref() == Some("assistant"));
    let thought = |made: &Said<'_>| {
        let first = kinds(made).next();
        first.is_some_and(|first| matches!(&*first, "thinking" | "redacted_thinking"))
    };
    Wish {
        reasoning: Some(reasoning),
        max_output: request.max_tokens.map(|count| count.0),
        forced: must && tools,
        unproven_loop: answers && made.is_some_and(|made| !thought(made)),
        words: Words {
            reasoning: "model",
            ..Words::MESSAGES
        },
    }
}

/// The kinds of a message's blocks.
fn kinds(said: &Said<'_>) -> impl Iterator<Item = String> {
    let raw = said.content.map_or("", RawValue::get);
    let blocks = serde_json::from_str::<Vec<Kind<'_>>>(raw).unwrap_or_default();
    blocks
        .into_iter()
        .filter_map(|block| Some(block.kind?.0.into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ThinkingSupport, read_suffix};

    fn edited(body: &str, wish: &str, caps: &Capabilities) -> (String, Vec<String>) {
        let mut ledger = Ledger::default();
        let wish = read_suffix(wish).unwrap();
        let out = with_reasoning(body.as_bytes(), wish, caps, &mut ledger);
        let lost = ledger.entries().iter().map(|loss| loss.path.clone());
        (String::from_utf8(out).unwrap(), lost.collect())
    }

    fn budgeted() -> Capabilities {
        Capabilities {
            thinking: Some(ThinkingSupport {
                budget: Some((1024, 60_000)),
                zero_ok: true,
                ..ThinkingSupport::default()
            }),
            ..Capabilities::default()
        }
    }

    fn adaptive() -> Capabilities {
        Capabilities {
            thinking: Some(ThinkingSupport {
                adaptive: true,
                zero_ok: true,
                ..ThinkingSupport::default()
            }),
            ..Capabilities::default()
        }
    }

    #[test]
    fn thinking_is_set_in_place_and_what_it_forbids_goes() {
        let body = r#"{"max_tokens":2000, "thinking":{"type":"adaptive","display":"omitted"},"temperature":0.2,"top_k":3,"top_p":0.99,"messages":[]}"#;
        let (out, lost) = edited(body, "8192", &budgeted());
        assert_eq!(
            out,
            r#"{"max_tokens":12288, "thinking":{"type":"enabled","display":"omitted","budget_tokens":8192},"top_p":0.99,"messages":[]}"#
        );
        assert_eq!(lost, ["max_tokens", "temperature", "top_k"]);

        let body =
            r#"{"thinking":{"type":"enabled","budget_tokens":2000},"output_config":{"format":1}}"#;
        let (out, lost) = edited(body, "high", &adaptive());
        assert_eq!(
            out,
            r#"{"thinking":{"type":"adaptive"},"output_config":{"format":1,"effort":"high"}}"#
        );
        assert!(lost.is_empty());

        let body = r#"{"thinking":{"type":"adaptive"},"output_config":{"effort":"low"},"temperature":0.2}"#;
        let (out, _) = edited(body, "none", &adaptive());
        assert_eq!(
            out,
            r#"{"thinking":{"type":"disabled"},"output_config":{},"temperature":0.2}"#
        );
    }

    #[test]
    fn a_loop_begun_without_thinking_and_a_forced_tool_stay_without() {
        let call = r#"{"role":"assistant","content":[{"type":"tool_use","id":"t"}]}"#;
        let result = r#"{"role":"user","content":[{"type":"tool_result","tool_use_id":"t"}]}"#;
        let body = format!(r#"{{"max_tokens":9000,"messages":[{call},{result}]}}"#);
        let (out, lost) = edited(&body, "2000", &budgeted());
        assert_eq!((out, lost.len()), (body, 1));

        let body = r#"{"max_tokens":9000,"tools":[{}],"tool_choice":{"type":"any"},"messages":[]}"#;
        let (out, lost) = edited(body, "2000", &budgeted());
        assert_eq!((&*out, lost.len()), (body, 1));
    }

    #[test]
    fn a_begun_answer_gives_way_to_thinking() {
        let (out, lost) = edited(
            r#"{"max_tokens":9000,"messages":[ {"role":"user","content":"a"} , {"role":"assistant","content":"b"} ]}"#,
            "2000",
            &budgeted(),
        );
        assert!(
            out.contains(r#"[ {"role":"user","content":"a"} ]"#),
            "{out}"
        );
        assert_eq!(lost, ["messages[1]"]);
    }
}
