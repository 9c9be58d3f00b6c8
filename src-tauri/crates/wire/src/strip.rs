//! Takes reasoning proofs out of a request that passes. A conversation that moved here from another
//! provider carries that one's proofs, and to this one they are an error: those that byokey tagged
//! go at once, all others after the provider refused one.

use std::borrow::Cow;
use std::ops::Range;

use crate::{Action, Dialect, Ledger, Reason, Words, edit};

/// What Google takes in the place of a signature that it never gave.
const NO_SIGNATURE: &str = "\"skip_thought_signature_validator\"";

/// What byokey's tags on proofs begin with.
const MARK: &[u8] = b"byok1";

/// Which proofs are taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strip {
    /// Those that byokey tagged: they came through a translation, from somewhere else.
    Tagged,
    /// All.
    All,
}

impl Strip {
    /// Whether a body may hold such proofs, at a glance.
    pub fn concerns(self, piece: &[u8]) -> bool {
        self == Self::All || memchr::memmem::find(piece, MARK).is_some()
    }
}

/// The body without these reasoning proofs; `None` when it has none.
pub fn strip_proofs(
    dialect: Dialect,
    body: &[u8],
    which: Strip,
    ledger: &mut Ledger,
) -> Option<Vec<u8>> {
    match dialect {
        Dialect::Messages => messages(body, which, ledger),
        Dialect::Responses => responses(body, which, ledger),
        Dialect::Gemini => gemini(body, which, ledger),
        Dialect::Chat | Dialect::Kiro => None,
    }
}

/// Thinking goes, and a message made only of it; a tool loop that began with it goes on without.
fn messages(body: &[u8], which: Strip, ledger: &mut Ledger) -> Option<Vec<u8>> {
    let mut lost = Vec::new();
    let mut at = 0;
    let mut answers = false;
    let mut last_made = None;
    let out = each_item(body, "messages", |message| {
        at += 1;
        answers = kinds(message, "content").any(|kind| kind == "tool_result");
        if word(message, "role").as_deref() == Some("assistant") {
            last_made = Some(at - 1);
        }
        let stripped = each_item(message, "content", |block| {
            let thinks = matches!(
                word(block, "type").as_deref(),
                Some("thinking" | "redacted_thinking")
            );
            if thinks && which.concerns(block) {
                Item::Gone
            } else {
                Item::Kept
            }
        });
        let Some(stripped) = stripped else {
            return Item::Kept;
        };
        lost.push(at - 1);
        let left =
            edit::find(&stripped, "content").map_or(0, |place| edit::items(&stripped, place).len());
        if left == 0 {
            Item::Gone
        } else {
            Item::New(stripped)
        }
    })?;
    let begun = last_made.is_some_and(|made| lost.contains(&made));
    for at in lost {
        ledger.note(
            Words::MESSAGES.message(at),
            Action::Dropped,
            Reason::ForeignSignature,
        );
    }
    if answers && begun && edit::find(&out, "thinking").is_some() {
        ledger.note("thinking", Action::Dropped, Reason::InvalidHistory);
        return Some(edit::set(&out, &["thinking"], r#"{"type":"disabled"}"#));
    }
    Some(out)
}

fn responses(body: &[u8], which: Strip, ledger: &mut Ledger) -> Option<Vec<u8>> {
    let mut at = 0;
    each_item(body, "input", |item| {
        at += 1;
        if word(item, "type").as_deref() != Some("reasoning") || !which.concerns(item) {
            return Item::Kept;
        }
        let path = format!("input[{}]", at - 1);
        ledger.note(path, Action::Dropped, Reason::ForeignSignature);
        Item::Gone
    })
}

fn gemini(body: &[u8], which: Strip, ledger: &mut Ledger) -> Option<Vec<u8>> {
    let mut at = 0;
    each_item(body, "contents", |content| {
        at += 1;
        let mut called = false;
        let stripped = each_item(content, "parts", |part| {
            if !which.concerns(part) {
                return Item::Kept;
            }
            let mut new = None;
            for name in ["thoughtSignature", "thought_signature"] {
                let from = new.as_deref().unwrap_or(part);
                new = edit::remove(from, &[name]).or(new);
            }
            let from = new.as_deref().unwrap_or(part);
            let thought = edit::find(from, "thought").is_some_and(|place| &from[place] == b"true");
            let call = ["functionCall", "function_call"]
                .iter()
                .any(|name| edit::find(from, name).is_some());
            // The first call of a step must carry one.
            let first = call && !called;
            called |= call;
            match new {
                _ if thought => Item::Gone,
                None => Item::Kept,
                Some(part) if first => {
                    Item::New(edit::set(&part, &["thoughtSignature"], NO_SIGNATURE))
                }
                Some(part) if edit::members(&part, 0..part.len()).is_empty() => Item::Gone,
                Some(part) => Item::New(part),
            }
        });
        let Some(stripped) = stripped else {
            return Item::Kept;
        };
        let path = format!("contents[{}]", at - 1);
        ledger.note(path, Action::Dropped, Reason::ForeignSignature);
        let left =
            edit::find(&stripped, "parts").map_or(0, |place| edit::items(&stripped, place).len());
        if left == 0 {
            Item::Gone
        } else {
            Item::New(stripped)
        }
    })
}

/// What becomes of an item of a list.
enum Item {
    Kept,
    Gone,
    New(Vec<u8>),
}

/// The object with the list at `key` gone through; `None` when every item is kept.
fn each_item(object: &[u8], key: &str, mut each: impl FnMut(&[u8]) -> Item) -> Option<Vec<u8>> {
    let place = edit::find(object, key)?;
    let items = edit::items(object, place.clone());
    let mut changed = false;
    let mut left: Vec<Cow<'_, [u8]>> = Vec::with_capacity(items.len());
    for Range { start, end } in items {
        match each(&object[start..end]) {
            Item::Kept => left.push(Cow::Borrowed(&object[start..end])),
            Item::Gone => changed = true,
            Item::New(item) => {
                changed = true;
                left.push(Cow::Owned(item));
            }
        }
    }
    if !changed {
        return None;
    }
    let mut out = Vec::with_capacity(object.len());
    out.extend_from_slice(&object[..place.start]);
    out.push(b'[');
    out.extend_from_slice(&left.join(&b','));
    out.push(b']');
    out.extend_from_slice(&object[place.end..]);
    Some(out)
}

fn word(object: &[u8], key: &str) -> Option<String> {
    serde_json::from_slice(&object[edit::find(object, key)?]).ok()
}

fn kinds<'o>(object: &'o [u8], key: &str) -> impl Iterator<Item = String> + 'o {
    let items = edit::find(object, key).map(|place| edit::items(object, place));
    let items = items.unwrap_or_default().into_iter();
    items.filter_map(|item| word(&object[item], "type"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stripped(dialect: Dialect, body: &str) -> (Option<String>, Vec<String>) {
        let mut ledger = Ledger::default();
        let out = strip_proofs(dialect, body.as_bytes(), Strip::All, &mut ledger);
        let lost = ledger.entries().iter().map(|loss| loss.path.clone());
        (
            out.map(|out| String::from_utf8(out).unwrap()),
            lost.collect(),
        )
    }

    #[test]
    fn thinking_goes_and_everything_else_stays() {
        let (out, lost) = stripped(
            Dialect::Messages,
            r#"{"n":1e0,"messages":[{"role":"user","content":"a"},{"role":"assistant","content":[{"type":"thinking","thinking":"t","signature":"s"}, {"text":"b\u00e9","type":"text"}]},{"role":"assistant","content":[{"type":"redacted_thinking","data":"x"}]},{"role":"user","content":"c"}],"thinking":{"type":"enabled","budget_tokens":2000}}"#,
        );
        assert_eq!(
            out.unwrap(),
            r#"{"n":1e0,"messages":[{"role":"user","content":"a"},{"role":"assistant","content":[{"text":"b\u00e9","type":"text"}]},{"role":"user","content":"c"}],"thinking":{"type":"enabled","budget_tokens":2000}}"#
        );
        assert_eq!(lost, ["messages[1]", "messages[2]"]);
        let body = r#"{"messages":[{"role":"user","content":"a"}]}"#;
        assert_eq!(stripped(Dialect::Messages, body), (None, Vec::new()));
    }

    #[test]
    fn a_tool_loop_goes_on_without_thinking() {
        let (out, lost) = stripped(
            Dialect::Messages,
            r#"{"thinking":{"type":"adaptive"},"messages":[{"role":"assistant","content":[{"type":"thinking","thinking":"t","signature":"s"},{"type":"tool_use","id":"1","name":"f","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"1"}]}]}"#,
        );
        assert!(
            out.unwrap()
                .starts_with(r#"{"thinking":{"type":"disabled"},"#)
        );
        assert_eq!(lost, ["messages[0]", "thinking"]);
    }

    #[test]
    fn only_tagged_proofs_go_at_once() {
        let body = |signature: &str| {
            format!(
                r#"{{"messages":[{{"role":"assistant","content":[{{"type":"thinking","thinking":"t","signature":"{signature}"}},{{"type":"text","text":"b"}}]}}]}}"#
            )
        };
        let strip = |body: &str| {
            let mut ledger = Ledger::default();
            strip_proofs(
                Dialect::Messages,
                body.as_bytes(),
                Strip::Tagged,
                &mut ledger,
            )
        };
        assert_eq!(strip(&body("Ep9")), None);
        let tagged = body(&crate::origin::tag("sig", "openai"));
        assert!(Strip::Tagged.concerns(tagged.as_bytes()));
        let out = strip(&tagged).unwrap();
        assert_eq!(
            std::str::from_utf8(&out).unwrap(),
            r#"{"messages":[{"role":"assistant","content":[{"type":"text","text":"b"}]}]}"#
        );
    }

    #[test]
    fn reasoning_items_go() {
        let (out, lost) = stripped(
            Dialect::Responses,
            r#"{"input":[{"type":"reasoning","encrypted_content":"x"},{"role":"user","content":"a"}]}"#,
        );
        assert_eq!(out.unwrap(), r#"{"input":[{"role":"user","content":"a"}]}"#);
        assert_eq!(lost, ["input[0]"]);
        assert_eq!(stripped(Dialect::Responses, r#"{"input":"a"}"#).0, None);
    }

    #[test]
    fn the_first_call_of_a_step_keeps_a_placeholder() {
        let (out, lost) = stripped(
            Dialect::Gemini,
            r#"{"contents":[{"role":"model","parts":[{"text":"t","thought":true},{"thoughtSignature":"x"},{"functionCall":{"name":"f"},"thoughtSignature":"s"},{"functionCall":{"name":"g"}}]},{"role":"user","parts":[{"text":"a"}]}]}"#,
        );
        assert_eq!(
            out.unwrap(),
            r#"{"contents":[{"role":"model","parts":[{"functionCall":{"name":"f"},"thoughtSignature":"skip_thought_signature_validator"},{"functionCall":{"name":"g"}}]},{"role":"user","parts":[{"text":"a"}]}]}"#
        );
        assert_eq!(lost, ["contents[0]"]);
    }
}
