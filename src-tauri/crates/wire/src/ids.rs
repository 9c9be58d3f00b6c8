//! Call ids and tool names that a provider takes, and the way back.
//!
//! Providers limit letters and length; callers do not care. Every changed id or name keeps a
//! one-to-one partner inside its request. What is legal already never changes, and an id depends
//! only on what came before it, so that a longer conversation keeps its earlier bytes.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use sha2::{Digest, Sha256};

use crate::{Body, ToolChoice, Turn};

/// Hex digits of the digest behind a changed id or name.
const SUFFIX: usize = 8;
/// Longest call id that is sent on.
const MAX_ID: usize = 64;

/// The first `digits` hex digits of a text's SHA-256.
pub(crate) fn digest(text: &str, digits: usize) -> String {
    let mut hex = String::with_capacity(digits);
    for byte in Sha256::digest(text.as_bytes()) {
        for nibble in [byte >> 4, byte & 15] {
            if hex.len() < digits {
                hex.push(char::from(b"0123456789abcdef"[usize::from(nibble)]));
            }
        }
    }
    hex
}

/// Call ids of one request in letters that Messages takes, unique over the whole request.
#[derive(Debug, Default)]
pub(crate) struct CallIds {
    used: HashSet<String>,
    /// The caller's id and the provider's, for the batch whose results come next.
    batch: Vec<(String, String)>,
}

impl CallIds {
    /// Forgets the batch: the results that follow answer other calls.
    pub(crate) fn next_batch(&mut self) {
        self.batch.clear();
    }

    /// The provider's id of a call.
    pub(crate) fn call(&mut self, id: &str) -> &str {
        let plain = legal(id, MAX_ID, "call");
        let mut chosen = plain.clone().into_owned();
        let mut round = 0u32;
        while !self.used.insert(chosen.clone()) {
            chosen = with_suffix(&plain, &format!("{id}\n{round}"), MAX_ID);
            round += 1;
        }
        self.batch.push((id.to_owned(), chosen));
        self.batch.last().map_or("", |(_, chosen)| chosen)
    }

    /// The provider's id for the result of a call of this batch.
    pub(crate) fn result<'b>(&'b self, id: &'b str) -> &'b str {
        self.batch
            .iter()
            .find(|(caller, _)| caller == id)
            .map_or(id, |(_, chosen)| chosen)
    }
}

/// Tool names of one request: the caller's and the provider's, where they differ.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ToolNames {
    upstream: HashMap<String, String>,
    caller: HashMap<String, String>,
}

impl ToolNames {
    /// Finds a legal name of at most `max` bytes for every tool of the request, its history and its
    /// choice.
    pub(crate) fn of(turn: &Turn<'_>, max: usize) -> Self {
        let all = || {
            let chosen: &[Cow<'_, str>] = match &turn.tool_choice {
                Some(ToolChoice::Named(name)) => std::slice::from_ref(name),
                Some(ToolChoice::Allowed(names, _)) => names,
                _ => &[],
            };
            let called = turn
                .messages
                .iter()
                .flat_map(|message| &message.blocks)
                .filter_map(|block| match &block.body {
                    Body::Call(call) => Some(&call.name),
                    _ => None,
                });
            turn.tools
                .iter()
                .map(|tool| &tool.name)
                .chain(chosen)
                .chain(called)
        };
        let mut names = Self::default();
        if all().all(|name| is_legal(name, max)) {
            return names;
        }
        let mut used: HashSet<String> = all()
            .filter(|name| is_legal(name, max))
            .map(|name| name.clone().into_owned())
            .collect();
        for name in all().filter(|name| !is_legal(name, max)) {
            names.shorten(name, max, &mut used);
        }
        names
    }

    fn shorten(&mut self, name: &str, max: usize, used: &mut HashSet<String>) {
        if self.upstream.contains_key(name) {
            return;
        }
        let plain = legal(&essence(name, max), max, "tool").into_owned();
        let mut chosen = plain.clone();
        let mut round = 0u32;
        while !used.insert(chosen.clone()) {
            chosen = with_suffix(&plain, &format!("{name}\n{round}"), max);
            round += 1;
        }
        self.upstream.insert(name.to_owned(), chosen.clone());
        self.caller.insert(chosen, name.to_owned());
    }

    /// The provider's name of a tool.
    pub(crate) fn upstream<'b>(&'b self, name: &'b str) -> &'b str {
        self.upstream.get(name).map_or(name, String::as_str)
    }

    /// The caller's name of a tool.
    pub(crate) fn caller<'b>(&'b self, name: &'b str) -> &'b str {
        self.caller.get(name).map_or(name, String::as_str)
    }
}

/// What should survive of a name that is too long: the `mcp__` mark and the last segment.
fn essence(name: &str, max: usize) -> Cow<'_, str> {
    if name.len() <= max {
        return Cow::Borrowed(name);
    }
    let (mark, rest) = match name.strip_prefix("mcp__") {
        Some(rest) => ("mcp__", rest),
        None => ("", name),
    };
    let last = rest
        .rsplit("__")
        .next()
        .filter(|last| !last.is_empty())
        .unwrap_or(rest);
    Cow::Owned(format!("{mark}{last}"))
}

fn is_legal(name: &str, max: usize) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    !name.is_empty() && name.len() <= max && name.bytes().all(letter)
}

/// The text with every foreign letter as `_`, shortened with a digest behind it if need be.
fn legal<'b>(text: &'b str, max: usize, empty: &'b str) -> Cow<'b, str> {
    if is_legal(text, max) {
        return Cow::Borrowed(text);
    }
    if text.is_empty() {
        return Cow::Borrowed(empty);
    }
    let letter = |c: char| {
        if c.is_ascii_alphanumeric() || c == '-' {
            c
        } else {
            '_'
        }
    };
    let plain: String = text.chars().map(letter).collect();
    if plain.len() <= max {
        Cow::Owned(plain)
    } else {
        Cow::Owned(with_suffix(&plain, text, max))
    }
}

/// `plain` (ASCII) cut to make room for a digest of `whole`.
fn with_suffix(plain: &str, whole: &str, max: usize) -> String {
    let kept = plain.len().min(max - SUFFIX - 1);
    format!("{}_{}", &plain[..kept], digest(whole, SUFFIX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Tool, ToolInput};

    fn tool(name: &str) -> Tool<'_> {
        Tool {
            name: name.into(),
            description: None,
            input: ToolInput::Schema(None),
            strict: None,
            cache: None,
        }
    }

    #[test]
    fn ids_get_legal_letters_and_stay_apart() {
        let mut ids = CallIds::default();
        assert_eq!(ids.call("call.with space:1"), "call_with_space_1");
        let first = ids.call("a.b").to_owned();
        let second = ids.call("a b").to_owned();
        assert_eq!(first, "a_b");
        assert_ne!(first, second);
        assert!(is_legal(&second, MAX_ID));
        assert_eq!(ids.result("a.b"), first);
        assert_eq!(ids.result("a b"), second);
    }

    #[test]
    fn an_id_used_again_later_gets_another() {
        let mut ids = CallIds::default();
        assert_eq!(ids.call("d"), "d");
        ids.next_batch();
        let again = ids.call("d").to_owned();
        assert_ne!(again, "d");
        assert_eq!(ids.result("d"), again);
    }

    #[test]
    fn long_names_keep_mark_and_last_segment() {
        let long = format!("mcp__{}__search_issues", "server".repeat(20));
        let turn = Turn {
            tools: vec![
                tool(&long),
                tool("plain"),
                tool("mcp__search_issues"),
                tool("with.dot"),
            ],
            tool_choice: Some(ToolChoice::Named(long.as_str().into())),
            ..Turn::default()
        };
        let names = ToolNames::of(&turn, 64);
        let short = names.upstream(&long).to_owned();
        assert!(
            short.len() <= 64 && short.starts_with("mcp__search_issues_"),
            "{short}"
        );
        assert_eq!(names.caller(&short), long);
        assert_eq!(names.upstream("plain"), "plain");
        assert_eq!(names.upstream("with.dot"), "with_dot");
        assert_eq!(names.caller("with_dot"), "with.dot");
        assert_eq!(ToolNames::of(&turn, 64), names);
    }

    proptest::proptest! {
        #[test]
        fn ids_and_names_are_one_to_one(
            texts in proptest::collection::hash_set("[a-c ._é-]{0,4}|[a-b]{60,80}|mcp__[ab]{1,70}__[ab]{1,70}", 1..40),
        ) {
            let texts: Vec<String> = texts.into_iter().collect();
            let mut ids = CallIds::default();
            let chosen: HashSet<String> = texts.iter().map(|id| ids.call(id).to_owned()).collect();
            proptest::prop_assert_eq!(chosen.len(), texts.len());
            proptest::prop_assert!(chosen.iter().all(|id| is_legal(id, MAX_ID)));

            let turn = Turn { tools: texts.iter().map(|name| tool(name)).collect(), ..Turn::default() };
            let names = ToolNames::of(&turn, 64);
            for name in &texts {
                let upstream = names.upstream(name);
                proptest::prop_assert!(is_legal(upstream, 64), "{}", upstream);
                proptest::prop_assert_eq!(names.caller(upstream), name);
            }
        }
    }
}
