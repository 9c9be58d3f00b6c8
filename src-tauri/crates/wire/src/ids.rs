//! Call ids and tool names that a provider takes, and the way back.
//!
//! Providers limit letters and length; callers do not care. Every changed id or name keeps a
//! one-to-one partner inside its request. What is legal already never changes, and an id depends
//! only on what came before it, so that a longer conversation keeps its earlier bytes.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use sha2::{Digest, Sha256};

use crate::{Body, Call, Dialect, Tool, Turn};

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

/// What a provider takes for a tool's name: ASCII letters, digits, `_` and `-`.
#[derive(Clone, Copy, Debug)]
struct NameRule {
    /// Most letters.
    max: usize,
    /// Whether it must begin with a letter or `_`.
    begins_with_letter: bool,
}

impl NameRule {
    fn of(upstream: Dialect) -> Self {
        Self {
            max: if upstream == Dialect::Messages {
                128
            } else {
                64
            },
            begins_with_letter: upstream == Dialect::Gemini,
        }
    }

    fn takes(self, name: &str) -> bool {
        let begins = |first: u8| first.is_ascii_alphabetic() || first == b'_';
        is_legal(name, self.max)
            && (!self.begins_with_letter || name.bytes().next().is_some_and(begins))
    }
}

/// A tool's name as the caller has it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct CallerName {
    /// The group that it belongs to (responses).
    pub(crate) namespace: Option<String>,
    /// Its name in there.
    pub(crate) name: String,
}

/// Tool names of one request: the caller's and the provider's, where they differ.
///
/// The groups of the Responses dialect become beginnings of names, `group__tool`. Where that is
/// another tool's own name, that one keeps it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ToolNames {
    /// By whole name: what it became, of tools without a group and, where that is no other tool's
    /// name, of those with one.
    plain: HashMap<String, String>,
    grouped: HashMap<(String, String), String>,
    caller: HashMap<String, CallerName>,
}

impl ToolNames {
    /// Finds a name that the provider takes for every tool of the request and its history.
    pub(crate) fn of(turn: &Turn<'_>, upstream: Dialect) -> Self {
        let rule = NameRule::of(upstream);
        let all = || names_in(turn);
        let mut names = Self::default();
        let stays =
            |(namespace, name): &(Option<&str>, &str)| namespace.is_none() && rule.takes(name);
        if all().all(|both| stays(&both)) {
            return names;
        }
        let mut used: HashSet<String> = all()
            .filter(stays)
            .map(|(_, name)| name.to_owned())
            .collect();
        for (namespace, name) in all().filter(|both| !stays(both)) {
            names.choose(namespace, name, rule, &mut used);
        }
        names
    }

    fn choose(
        &mut self,
        namespace: Option<&str>,
        name: &str,
        rule: NameRule,
        used: &mut HashSet<String>,
    ) {
        let whole = match namespace {
            Some(namespace) => Cow::Owned(join(namespace, name)),
            None => Cow::Borrowed(name),
        };
        let known = match namespace {
            Some(namespace) => self
                .grouped
                .contains_key(&(namespace.to_owned(), name.to_owned())),
            None => self.plain.contains_key(name),
        };
        if known {
            return;
        }
        let mut plain = legal(&essence(&whole, rule.max), rule.max, "tool").into_owned();
        if !rule.takes(&plain) {
            // Only the first letter can still be wrong.
            plain.insert(0, '_');
            plain.truncate(rule.max);
        }
        let taken = used.contains(&*whole);
        let mut chosen = plain.clone();
        let mut round = 0u32;
        while !used.insert(chosen.clone()) {
            chosen = with_suffix(&plain, &format!("{whole}\n{round}"), rule.max);
            round += 1;
        }
        if let Some(namespace) = namespace {
            let both = (namespace.to_owned(), name.to_owned());
            self.grouped.insert(both, chosen.clone());
        }
        if namespace.is_none() || !taken {
            self.plain
                .insert(whole.clone().into_owned(), chosen.clone());
        }
        let caller = CallerName {
            namespace: namespace.map(str::to_owned),
            name: name.to_owned(),
        };
        self.caller.insert(chosen, caller);
    }

    /// The provider's name of a tool by its whole name, as a choice gives it.
    pub(crate) fn upstream<'b>(&'b self, name: &'b str) -> &'b str {
        self.plain.get(name).map_or(name, String::as_str)
    }

    /// The provider's name of a tool.
    pub(crate) fn tool<'b>(&'b self, tool: &'b Tool<'_>) -> &'b str {
        self.grouped(tool.namespace.as_deref(), &tool.name)
    }

    /// The provider's name of the tool that is called.
    pub(crate) fn call<'b>(&'b self, call: &'b Call<'_>) -> &'b str {
        self.grouped(call.namespace.as_deref(), &call.name)
    }

    fn grouped<'b>(&'b self, namespace: Option<&str>, name: &'b str) -> &'b str {
        let Some(namespace) = namespace else {
            return self.upstream(name);
        };
        self.grouped
            .get(&(namespace.to_owned(), name.to_owned()))
            .map_or(name, String::as_str)
    }

    /// The caller's name of a tool, where it is another than the provider's.
    pub(crate) fn caller(&self, upstream: &str) -> Option<&CallerName> {
        self.caller.get(upstream)
    }
}

/// Every name of a tool in a request, with its group: offered or called. What is chosen is
/// offered as well.
fn names_in<'t>(turn: &'t Turn<'_>) -> impl Iterator<Item = (Option<&'t str>, &'t str)> {
    let called = turn
        .messages
        .iter()
        .flat_map(|message| &message.blocks)
        .filter_map(|block| match &block.body {
            Body::Call(call) => Some((call.namespace.as_deref(), &*call.name)),
            _ => None,
        });
    turn.tools
        .iter()
        .map(|tool| (tool.namespace.as_deref(), &*tool.name))
        .chain(called)
}

/// A tool's name with its group before it, unless it is there already.
pub(crate) fn join(namespace: &str, name: &str) -> String {
    let mark = if namespace.ends_with("__") { "" } else { "__" };
    let before = format!("{namespace}{mark}");
    if name.starts_with(&before) {
        return name.to_owned();
    }
    before + name
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
    use crate::{ToolChoice, ToolInput};

    fn tool(name: &str) -> Tool<'_> {
        Tool::new(name, ToolInput::Schema(None))
    }

    fn whose(names: &ToolNames, upstream: &str) -> String {
        names.caller(upstream).unwrap().name.clone()
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
        let names = ToolNames::of(&turn, Dialect::Chat);
        let short = names.upstream(&long).to_owned();
        assert!(
            short.len() <= 64 && short.starts_with("mcp__search_issues_"),
            "{short}"
        );
        assert_eq!(whose(&names, &short), long);
        assert_eq!(names.upstream("plain"), "plain");
        assert_eq!(names.upstream("with.dot"), "with_dot");
        assert_eq!(whose(&names, "with_dot"), "with.dot");
        assert_eq!(names.caller("plain"), None);
        assert_eq!(ToolNames::of(&turn, Dialect::Chat), names);
    }

    #[test]
    fn groups_become_beginnings() {
        let in_group = |namespace, name| Tool {
            namespace: Some(Cow::Borrowed(namespace)),
            ..tool(name)
        };
        let turn = Turn {
            tools: vec![
                in_group("mcp__github", "get_me"),
                in_group("ns__", "send"),
                in_group("ns", "ns__done"),
                in_group("ns", "taken"),
                tool("ns__taken"),
                tool("1st"),
            ],
            ..Turn::default()
        };
        let names = ToolNames::of(&turn, Dialect::Chat);
        let upstream: Vec<&str> = turn.tools.iter().map(|tool| names.tool(tool)).collect();
        assert_eq!(
            upstream[..3],
            ["mcp__github__get_me", "ns__send", "ns__done"]
        );
        assert!(upstream[3].starts_with("ns__taken_"), "{}", upstream[3]);
        assert_eq!(upstream[4..], ["ns__taken", "1st"]);
        assert_eq!(
            names.caller("ns__send"),
            Some(&CallerName {
                namespace: Some("ns__".into()),
                name: "send".into()
            })
        );
        assert_eq!(names.caller("ns__taken"), None);
        assert_eq!(
            ToolNames::of(&turn, Dialect::Gemini).tool(&turn.tools[5]),
            "_1st"
        );
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
            let names = ToolNames::of(&turn, Dialect::Chat);
            for name in &texts {
                let upstream = names.upstream(name);
                proptest::prop_assert!(is_legal(upstream, 64), "{}", upstream);
                let back = names.caller(upstream).map_or(upstream, |caller| &caller.name);
                proptest::prop_assert_eq!(back, name);
            }
        }
    }
}
