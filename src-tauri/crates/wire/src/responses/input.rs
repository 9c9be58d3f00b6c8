//! From the items of a Responses request to the hub's messages.
//!
//! Every item becomes a message of its own; the history's repair joins neighbours of one role.

use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::value::RawValue;

use super::{
    content,
    members::{Item, bad, read, text_or_json},
    request::{drop_member, drop_members, not_kept},
    tools::{APPLY_PATCH, LOCAL_SHELL, SHELL, TOOL_SEARCH, Tools},
};
use crate::{
    Block, Body, Call, CallForm, CallResult, Fault, Ledger, Message, Proof, Role, Thinking, Turn,
    json::Text, origin,
};

/// Reads the input into a turn.
pub(super) struct Input<'t, 'l, 'a> {
    turn: &'t mut Turn<'a>,
    tools: &'t mut Tools<'l, 'a>,
    /// Call ids by item ids: the results of some calls name the item.
    items: HashMap<Cow<'a, str>, Cow<'a, str>>,
}

impl<'t, 'l, 'a> Input<'t, 'l, 'a> {
    /// A reader that adds to this turn and to these tools.
    pub(super) fn new(turn: &'t mut Turn<'a>, tools: &'t mut Tools<'l, 'a>) -> Self {
        Self {
            turn,
            tools,
            items: HashMap::new(),
        }
    }

    /// Reads a text, an item, or a list of items.
    pub(super) fn read(mut self, input: &'a RawValue) -> Result<(), Fault> {
        let items: Vec<&'a RawValue> = match input.get().as_bytes().first() {
            Some(b'"') => {
                let text: Text<'a> = read(input, "input")?;
                self.push(Role::User, 0, vec![Block::text(text)]);
                return Ok(());
            }
            Some(b'[') => read(input, "input")?,
            Some(b'{') => vec![input],
            _ => return Err(bad("input", "`input` must be a text or a list of items")),
        };
        for (at, raw) in items.into_iter().enumerate() {
            if raw.get().starts_with('"') {
                let text: Text<'a> = read(raw, &format!("input[{at}]"))?;
                self.push(Role::User, at, vec![Block::text(text)]);
            } else {
                self.item(raw, at)?;
            }
        }
        Ok(())
    }

    fn push(&mut self, role: Role, at: usize, mut blocks: Vec<Block<'a>>) {
        if role == Role::System && self.turn.messages.is_empty() {
            self.turn.system.append(&mut blocks);
        } else {
            self.turn.messages.push(Message::new(role, at, blocks));
        }
    }

    fn ledger(&mut self) -> &mut Ledger {
        self.tools.ledger
    }

    fn item(&mut self, raw: &'a RawValue, at: usize) -> Result<(), Fault> {
        let path = format!("input[{at}]");
        let item: Item<'a> = read(raw, &path)?;
        drop_members(self.ledger(), &format!("{path}."), &item.unknown);
        match item.kind.as_deref() {
            None | Some("message") => self.message(item, at, &path),
            Some("reasoning") => {
                self.reasoning(item, at, &path);
                Ok(())
            }
            Some(
                "function_call" | "custom_tool_call" | "local_shell_call" | "shell_call"
                | "apply_patch_call" | "tool_search_call",
            ) => {
                self.call(item, at, &path);
                Ok(())
            }
            Some(
                "function_call_output"
                | "custom_tool_call_output"
                | "local_shell_call_output"
                | "shell_call_output"
                | "apply_patch_call_output"
                | "tool_search_output",
            ) => self.result(item, at, &path),
            Some("additional_tools") => {
                let tools = item.tools.unwrap_or_default();
                self.tools.read_all(tools, &format!("{path}.tools"))
            }
            Some("item_reference") => Err(not_kept(&path)),
            // What a provider's own tool did, or a kind that is not known yet.
            Some(_) => {
                drop_member(self.ledger(), path);
                Ok(())
            }
        }
    }

    fn message(&mut self, item: Item<'a>, at: usize, path: &str) -> Result<(), Fault> {
        let role = match item.role.as_deref() {
            Some("assistant" | "model") => Role::Assistant,
            Some("system" | "developer") => Role::System,
            // Programs that mix the dialects send results as messages.
            Some("tool" | "function") => return self.result(item, at, path),
            Some("user") | None => Role::User,
            Some(_) => {
                let message = format!("`{path}.role` must be user, assistant, system or developer");
                return Err(bad(&format!("{path}.role"), message));
            }
        };
        let mut blocks = match item.content {
            Some(raw) => content::read_content(raw, &format!("{path}.content"), self.ledger())?,
            None => Vec::new(),
        };
        for (nth, call) in item.tool_calls.unwrap_or_default().into_iter().enumerate() {
            let Some((name, function)) = call.function.and_then(|mut function| {
                let name = function.name.take().filter(|name| !name.is_empty())?;
                Some((name, function))
            }) else {
                drop_member(self.ledger(), format!("{path}.tool_calls[{nth}]"));
                continue;
            };
            let arguments = function.arguments.map(text_or_json).unwrap_or_default();
            let id = call.id.map(Cow::from).unwrap_or_default();
            blocks.push(Block::new(Body::Call(Call::new(id, name.0, arguments))));
        }
        self.push(role, at, blocks);
        if let (Some(phase), Some(last)) = (item.phase, self.turn.messages.last_mut())
            && last.at == at
        {
            last.phase = Some(phase.0);
        }
        Ok(())
    }

    /// A reasoning item: what it says once, and its proof.
    fn reasoning(&mut self, item: Item<'a>, at: usize, path: &str) {
        let texts = |parts: Vec<super::members::Part<'a>>| -> Vec<Cow<'a, str>> {
            let text = parts.into_iter().filter_map(|part| part.text);
            text.map(Cow::from)
                .filter(|text| !text.is_empty())
                .collect()
        };
        let mut said = texts(item.summary.unwrap_or_default());
        if let Some(raw) = item.content
            && let Ok(parts) = read(raw, path)
        {
            let content = texts(parts);
            if content.concat() != said.concat() {
                said.extend(content);
            }
        }
        let text = if said.len() == 1 {
            said.remove(0)
        } else {
            Cow::Owned(said.join("\n\n"))
        };
        let proof = item
            .encrypted_content
            .map(Cow::from)
            .filter(|proof| !proof.is_empty());
        let proof = proof.map(origin::proof);
        let text = match proof {
            // What cannot be read has nothing to say.
            Some(Proof::Redacted(_)) => Cow::default(),
            _ => text,
        };
        if text.is_empty() && proof.is_none() {
            return;
        }
        let thinking = Body::Thinking(Thinking { text, proof });
        self.push(Role::Assistant, at, vec![Block::new(thinking)]);
    }

    fn call(&mut self, item: Item<'a>, at: usize, path: &str) {
        let kind = item.kind.as_deref().unwrap_or_default();
        let id = item
            .call_id
            .or(item.id.clone())
            .map(Cow::from)
            .unwrap_or_default();
        if let Some(item_id) = item.id {
            self.items.insert(item_id.0, id.clone());
        }
        let json = |raw: Option<&'a RawValue>| raw.map(text_or_json).unwrap_or_default();
        let (name, arguments) = match kind {
            "local_shell_call" => (Some(Cow::Borrowed(LOCAL_SHELL)), json(item.action)),
            "shell_call" => (Some(SHELL.into()), json(item.action)),
            "apply_patch_call" => (Some(APPLY_PATCH.into()), json(item.operation)),
            "tool_search_call" => (Some(TOOL_SEARCH.into()), json(item.arguments)),
            "custom_tool_call" => (
                item.name.map(Cow::from),
                item.input.map(Cow::from).unwrap_or_default(),
            ),
            _ => (item.name.map(Cow::from), json(item.arguments)),
        };
        let Some(name) = name.filter(|name| !name.is_empty()) else {
            return drop_member(self.ledger(), path.to_owned());
        };
        if kind == "tool_search_call" && item.execution.as_deref() != Some("client") {
            // The provider searched by itself; nobody will answer.
            return drop_member(self.ledger(), path.to_owned());
        }
        // A tool that was found by a search is its own group.
        let namespace = item.namespace.map(Cow::from).filter(|group| *group != name);
        let mut call = Call::new(id, name, arguments);
        call.namespace = namespace;
        if kind == "custom_tool_call" {
            call.form = CallForm::Text;
        }
        self.push(Role::Assistant, at, vec![Block::new(Body::Call(call))]);
    }

    fn result(&mut self, item: Item<'a>, at: usize, path: &str) -> Result<(), Fault> {
        let kind = item.kind.as_deref().unwrap_or_default();
        let id = item.call_id.map(Cow::from).or_else(|| {
            let item_id = item.id.as_ref()?;
            // The results of older shells name the call's item.
            Some(self.items.get(&item_id.0).cloned().unwrap_or_default())
        });
        let mut is_error = false;
        let blocks = match kind {
            "tool_search_output" if item.execution.as_deref() != Some("client") => {
                drop_member(self.ledger(), path.to_owned());
                return Ok(());
            }
            "tool_search_output" => {
                let tools = item.tools.unwrap_or_default();
                let list: Vec<&str> = tools.iter().map(|raw| raw.get()).collect();
                let found = format!("[{}]", list.join(","));
                self.tools.read_all(tools, &format!("{path}.tools"))?;
                vec![Block::text(found)]
            }
            "shell_call_output" => vec![Block::text(item.output.map_or("", RawValue::get))],
            "apply_patch_call_output" => {
                is_error = item.status.as_deref() == Some("failed");
                let said = item.output.map(text_or_json);
                vec![Block::text(
                    said.or(item.status.map(Cow::from)).unwrap_or_default(),
                )]
            }
            _ => match item.output.or(item.content) {
                Some(raw) => content::read_result(raw, &format!("{path}.output"), self.ledger())?,
                None => Vec::new(),
            },
        };
        let result = Body::Result(CallResult {
            call_id: id.unwrap_or_default(),
            name: None,
            blocks,
            is_error,
        });
        self.push(Role::User, at, vec![Block::new(result)]);
        Ok(())
    }
}
