//! A wish about reasoning that stands in the model's name, `model(high)`, on a request that passes.
//!
//! The body must stay the caller's own, yet the wish has to reach the provider: the members that
//! steer reasoning are set in place, those that would contradict them are taken out and named, and
//! every other byte stays.

use crate::thinking::{self, Setting};
use crate::{
    Action, Capabilities, Dialect, Effort, Fault, Ledger, Reason, Reasoning, edit, messages,
    resolve_reasoning,
};

/// The body with `wish` in place of what it says about reasoning itself, and what that cost.
///
/// # Errors
/// As [`resolve_reasoning`].
pub fn with_reasoning(
    dialect: Dialect,
    body: &[u8],
    wish: Reasoning,
    caps: &Capabilities,
    ledger: &mut Ledger,
) -> Result<Vec<u8>, Fault> {
    resolve_reasoning(None, Some(wish), caps.thinking.as_ref())?;
    if dialect == Dialect::Messages {
        return Ok(messages::with_reasoning(body, wish, caps, ledger));
    }
    let steered = thinking::steer(wish, caps.thinking.as_ref());
    if let Some(action) = steered.loss {
        ledger.note("model", action, Reason::ModelCapability);
    }
    Ok(match (dialect, steered.setting) {
        // The model has nothing to steer.
        (_, None) => body.to_vec(),
        (Dialect::Gemini, Some(setting)) => gemini(body, setting),
        (_, Some(setting)) => {
            // A unit variant as JSON is its name in quotes; writing it into memory cannot fail.
            let level = serde_json::to_string(&setting.level()).unwrap_or_default();
            if dialect == Dialect::Chat && edit::find(body, "reasoning").is_none() {
                edit::set(body, &["reasoning_effort"], &level)
            } else {
                responses(body, &level)
            }
        }
    })
}

/// Responses, and routers of Chat that took its `reasoning` over: a level there shuts out a budget
/// and a second level.
fn responses(body: &[u8], level: &str) -> Vec<u8> {
    let set = edit::set(body, &["reasoning", "effort"], level);
    let set = edit::remove(&set, &["reasoning", "max_tokens"]).unwrap_or(set);
    edit::remove(&set, &["reasoning_effort"]).unwrap_or(set)
}

/// Gemini takes a level or a budget and refuses both together.
fn gemini(body: &[u8], setting: Setting) -> Vec<u8> {
    let outer = spelled(body, "generationConfig", "generation_config");
    let config = edit::find(body, outer).map_or(&b"{}"[..], |at| &body[at]);
    let inner = spelled(config, "thinkingConfig", "thinking_config");
    let (level, budget) = (
        ["thinkingLevel", "thinking_level"],
        ["thinkingBudget", "thinking_budget"],
    );
    let (name, json, other) = match setting {
        Setting::Off => (budget[0], "0".to_owned(), level),
        Setting::Budget(tokens) => (budget[0], tokens.to_string(), level),
        Setting::Dynamic => (budget[0], "-1".to_owned(), level),
        Setting::Level(effort) => (level[0], format!("\"{}\"", gemini_level(effort)), budget),
    };
    let mut body = body.to_vec();
    let stale = level.iter().chain(&budget).filter(|stale| **stale != name);
    for stale in stale.chain(&other) {
        body = edit::remove(&body, &[outer, inner, stale]).unwrap_or(body);
    }
    edit::set(&body, &[outer, inner, name], &json)
}

fn gemini_level(effort: Effort) -> &'static str {
    match effort {
        Effort::None | Effort::Minimal => "MINIMAL",
        Effort::Low => "LOW",
        Effort::Medium => "MEDIUM",
        Effort::High | Effort::Xhigh | Effort::Max => "HIGH",
    }
}

/// The spelling of a member that the body uses; Gemini takes both.
fn spelled<'n>(body: &[u8], camel: &'n str, snake: &'n str) -> &'n str {
    match edit::find(body, snake) {
        Some(_) => snake,
        None => camel,
    }
}

/// Notes that a member had to go because of the wish.
pub(crate) fn gives_way(ledger: &mut Ledger, member: &'static str) {
    ledger.note(member, Action::Dropped, Reason::ModelCapability);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ThinkingSupport;

    fn caps(budget: Option<(u64, u64)>, levels: &[Effort]) -> Capabilities {
        Capabilities {
            thinking: Some(ThinkingSupport {
                budget,
                levels: levels.to_vec(),
                ..ThinkingSupport::default()
            }),
            ..Capabilities::default()
        }
    }

    fn edited(dialect: Dialect, body: &str, wish: &str, caps: &Capabilities) -> String {
        let wish = crate::read_suffix(wish).unwrap();
        let mut ledger = Ledger::default();
        let body = with_reasoning(dialect, body.as_bytes(), wish, caps, &mut ledger);
        String::from_utf8(body.unwrap()).unwrap()
    }

    #[test]
    fn the_wish_replaces_the_bodys_and_touches_nothing_else() {
        let any = Capabilities::default();
        let levels = caps(None, &[Effort::Low, Effort::High]);
        let budget = caps(Some((128, 32_768)), &[]);
        for (dialect, body, wish, caps, expected) in [
            (
                Dialect::Chat,
                r#"{"model":"m", "n":1e0}"#,
                "high",
                &any,
                r#"{"model":"m", "n":1e0,"reasoning_effort":"high"}"#,
            ),
            (
                Dialect::Chat,
                r#"{"reasoning_effort":"low","x":2.50}"#,
                "8192",
                &any,
                r#"{"reasoning_effort":"medium","x":2.50}"#,
            ),
            (
                Dialect::Chat,
                r#"{"reasoning":{"max_tokens":9,"exclude":true}}"#,
                "high",
                &any,
                r#"{"reasoning":{"exclude":true,"effort":"high"}}"#,
            ),
            (
                Dialect::Responses,
                r#"{"reasoning":{"effort":"low","summary":"auto"}}"#,
                "medium",
                &levels,
                r#"{"reasoning":{"effort":"low","summary":"auto"}}"#,
            ),
            (
                Dialect::Gemini,
                r#"{"generationConfig":{"topK":1,"thinkingConfig":{"thinkingLevel":"LOW","includeThoughts":true}}}"#,
                "512",
                &budget,
                r#"{"generationConfig":{"topK":1,"thinkingConfig":{"includeThoughts":true,"thinkingBudget":512}}}"#,
            ),
            (
                Dialect::Gemini,
                r#"{"contents":[]}"#,
                "high",
                &levels,
                r#"{"contents":[],"generationConfig":{"thinkingConfig":{"thinkingLevel":"HIGH"}}}"#,
            ),
            (
                Dialect::Gemini,
                r#"{"generation_config":{"thinking_config":{"thinking_budget":1}}}"#,
                "auto",
                &any,
                r#"{"generation_config":{"thinking_config":{"thinkingBudget":-1}}}"#,
            ),
        ] {
            assert_eq!(edited(dialect, body, wish, caps), expected);
        }
    }

    #[test]
    fn a_level_beyond_the_model_is_refused_and_one_within_is_bent() {
        let levels = caps(None, &[Effort::Low, Effort::High]);
        let wish = crate::read_suffix("xhigh").unwrap();
        let mut ledger = Ledger::default();
        let fault = with_reasoning(Dialect::Responses, b"{}", wish, &levels, &mut ledger);
        let fault = fault.unwrap_err();
        assert_eq!(fault.code.as_deref(), Some("unsupported_reasoning_level"));
        let wish = crate::read_suffix("medium").unwrap();
        with_reasoning(Dialect::Chat, b"{}", wish, &levels, &mut ledger).unwrap();
        assert_eq!(ledger.entries()[0].path, "model");
        let nothing = caps(None, &[]);
        let body = with_reasoning(Dialect::Chat, b"{}", wish, &nothing, &mut ledger).unwrap();
        assert_eq!((&body[..], ledger.entries().len()), (&b"{}"[..], 2));
    }
}
