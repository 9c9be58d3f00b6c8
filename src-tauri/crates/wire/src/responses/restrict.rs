//! A Responses request on its way to a provider that speaks Responses as well: it is not translated,
//! but what that provider would refuse is changed in place. Every other byte stays, so that what a
//! provider has cached of a conversation stays cached.

use super::{
    members::bad,
    request::{drop_member, not_kept},
    tools::is_web_search,
};
use crate::{
    Action, Fault, Form, Ledger, Proofs, Reason, Target,
    json::{self, Edit, Text, fields, rewrite_list, rewrite_object, write_str},
    origin,
};

/// The one thing that plans include.
const INCLUDE: &str = r#"["reasoning.encrypted_content"]"#;

/// Members that the back ends of ChatGPT plans refuse.
const REFUSED: [&str; 19] = [
    "max_output_tokens",
    "max_completion_tokens",
    "max_tool_calls",
    "temperature",
    "top_p",
    "top_logprobs",
    "generate",
    "moderation",
    "multi_agent",
    "prompt",
    "prompt_cache_options",
    "prompt_cache_retention",
    "safety_identifier",
    "stream_options",
    "truncation",
    "user",
    "metadata",
    "context_management",
    "background",
];

/// A request that its provider takes.
#[derive(Debug)]
pub struct Restricted {
    /// The body to send.
    pub body: Vec<u8>,
    /// What had to go.
    pub losses: Ledger,
}

/// Changes a caller's Responses request for a provider of the same dialect: the model's name; proofs
/// of reasoning, of which each goes to its own origin only; and, for [`Form::Plan`], everything that
/// the back ends of ChatGPT plans refuse. They always stream, whether the caller does or not.
///
/// # Errors
/// [`FaultKind::BadRequest`](crate::FaultKind::BadRequest) when the body is no JSON object, or, for
/// a plan, refers to an earlier reply: plans keep none.
pub fn restrict(body: &[u8], target: &Target<'_>) -> Result<Restricted, Fault> {
    let mended = json::mend(body);
    let body = mended.as_deref().unwrap_or(body);
    let text = std::str::from_utf8(body)
        .ok()
        .filter(|text| json::is_object(text))
        .ok_or_else(|| bad("", "the body is not a JSON object"))?;
    let mut restrict = Restrict {
        target,
        plan: target.form == Form::Plan,
        losses: Ledger::default(),
        fault: None,
    };
    let changed = restrict.request(text);
    match restrict.fault {
        Some(fault) => Err(fault),
        None => Ok(Restricted {
            body: changed.map_or_else(|| body.to_vec(), String::into_bytes),
            losses: restrict.losses,
        }),
    }
}

fields! {
    /// What decides over a request's other members.
    struct Request<'a> {
        tools: Vec<&'a serde_json::value::RawValue> = "tools",
    }

    struct ItemHead<'a> {
        kind: Text<'a> = "type",
        encrypted_content: Text<'a> = "encrypted_content",
    }

    struct Typed<'a> {
        kind: Text<'a> = "type",
    }
}

struct Restrict<'t> {
    target: &'t Target<'t>,
    plan: bool,
    losses: Ledger,
    fault: Option<Fault>,
}

impl Restrict<'_> {
    fn request(&mut self, text: &str) -> Option<String> {
        let request: Request<'_> = serde_json::from_str(text).unwrap_or_default();
        let tools = request.tools.is_some_and(|tools| !tools.is_empty());
        let mut seen = Seen::default();
        let edit = |name: &str, value: &str| self.member(name, value, tools, &mut seen);
        // Two closures cannot share `seen`: the second runs when the first is done.
        let edited = rewrite_object(text, edit, Vec::new);
        let more = if self.plan {
            seen.missing(tools)
        } else {
            Vec::new()
        };
        if more.is_empty() {
            return edited;
        }
        let base = edited.as_deref().unwrap_or(text);
        rewrite_object(base, |_, _| Edit::Keep, || more)
    }

    fn member(&mut self, name: &str, value: &str, tools: bool, seen: &mut Seen) -> Edit {
        match name {
            "model" => return set(value, &quoted(self.target.model)),
            "input" => return self.input(value),
            _ if !self.plan => return Edit::Keep,
            _ => {}
        }
        match name {
            "stream" => {
                seen.stream = true;
                set(value, "true")
            }
            "store" => {
                seen.store = true;
                if value == "true" {
                    drop_member(&mut self.losses, "store");
                }
                set(value, "false")
            }
            "instructions" => {
                seen.instructions = true;
                if value == "null" {
                    Edit::Set("\"\"".to_owned())
                } else {
                    Edit::Keep
                }
            }
            "include" => {
                seen.include = true;
                self.include(value)
            }
            _ => self.other(name, value, tools, seen),
        }
    }

    /// A member that a plan need not have.
    fn other(&mut self, name: &str, value: &str, tools: bool, seen: &mut Seen) -> Edit {
        match name {
            "service_tier" => match value {
                r#""priority""# => Edit::Keep,
                r#""fast""# => Edit::Set(r#""priority""#.to_owned()),
                _ => {
                    if !matches!(
                        value,
                        "null" | r#""auto""# | r#""default""# | r#""standard""#
                    ) {
                        drop_member(&mut self.losses, "service_tier");
                    }
                    Edit::Drop
                }
            },
            "tools" => changed(rewrite_list(value, |_, tool| changed(web_search(tool)))),
            "tool_choice" if tools => changed(choice(value)),
            "parallel_tool_calls" if tools => {
                seen.parallel = true;
                Edit::Keep
            }
            "tool_choice" | "parallel_tool_calls" => Edit::Drop,
            "previous_response_id" | "conversation" if value != "null" => {
                self.fault.get_or_insert(not_kept(name));
                Edit::Keep
            }
            "background" if value == "true" => {
                let message = "a plan answers while you wait; leave `background` out";
                self.fault.get_or_insert(bad(name, message));
                Edit::Keep
            }
            "previous_response_id" | "conversation" => Edit::Drop,
            _ if REFUSED.contains(&name) => {
                if !matches!(
                    value,
                    "null" | "false" | "{}" | "[]" | "\"\"" | r#""disabled""#
                ) {
                    drop_member(&mut self.losses, name.to_owned());
                }
                Edit::Drop
            }
            _ => Edit::Keep,
        }
    }

    fn include(&mut self, value: &str) -> Edit {
        let wanted: Vec<Text<'_>> = serde_json::from_str(value).unwrap_or_default();
        for (at, word) in wanted.iter().enumerate() {
            if &**word != "reasoning.encrypted_content" {
                drop_member(&mut self.losses, format!("include[{at}]"));
            }
        }
        match &*wanted {
            [one] if &**one == "reasoning.encrypted_content" => Edit::Keep,
            _ => Edit::Set(INCLUDE.to_owned()),
        }
    }

    fn input(&mut self, value: &str) -> Edit {
        if value.starts_with('"') && self.plan {
            let item = r#"{"type":"message","role":"user","content":[{"type":"input_text","text":"#;
            return Edit::Set(format!("[{item}{value}}}]}}]"));
        }
        changed(rewrite_list(value, |at, item| self.item(at, item)))
    }

    fn item(&mut self, at: usize, item: &str) -> Edit {
        let head: ItemHead<'_> = serde_json::from_str(item).unwrap_or_default();
        let kind = head.kind.as_deref().unwrap_or("message");
        if self.plan && kind == "item_reference" {
            self.fault.get_or_insert(not_kept(&format!("input[{at}]")));
        }
        let proof = head
            .encrypted_content
            .as_deref()
            .filter(|proof| !proof.is_empty());
        let own = proof.and_then(|proof| origin::untag(proof, self.target.origin));
        let stripped = kind == "reasoning" && matches!(self.target.proofs, Proofs::Stripped);
        let foreign = proof.is_some_and(origin::is_tagged) && own.is_none();
        if proof.is_some() && (stripped || foreign) {
            let path = format!("input[{at}]");
            self.losses
                .note(path, Action::Dropped, Reason::ForeignSignature);
            return Edit::Drop;
        }
        let plan = self.plan;
        let mut marks = false;
        let edited = rewrite_object(
            item,
            |name, value| match name {
                "encrypted_content" => own.map_or(Edit::Keep, |own| Edit::Set(quoted(own))),
                _ if !plan => Edit::Keep,
                "role" if value == r#""system""# => Edit::Set(r#""developer""#.to_owned()),
                // Nothing is kept there under this id.
                "id" if matches!(kind, "message" | "reasoning") => Edit::Drop,
                "content" | "output" if value.contains("prompt_cache_breakpoint") => {
                    let unmarked = without_marks(value);
                    marks |= unmarked.is_some();
                    changed(unmarked)
                }
                _ => Edit::Keep,
            },
            Vec::new,
        );
        if marks {
            let path = format!("input[{at}].prompt_cache_breakpoint");
            drop_member(&mut self.losses, path);
        }
        changed(edited)
    }
}

/// The members that a plan's request must have.
#[derive(Default)]
struct Seen {
    instructions: bool,
    stream: bool,
    store: bool,
    include: bool,
    parallel: bool,
}

impl Seen {
    fn missing(&self, tools: bool) -> Vec<(&'static str, String)> {
        [
            (self.instructions, "instructions", "\"\""),
            (self.stream, "stream", "true"),
            (self.store, "store", "false"),
            (self.include, "include", INCLUDE),
            (self.parallel || !tools, "parallel_tool_calls", "true"),
        ]
        .into_iter()
        .filter(|(seen, ..)| !seen)
        .map(|(_, name, value)| (name, value.to_owned()))
        .collect()
    }
}

/// A tool, or a choice of one, under the name that searching the web has today.
fn web_search(tool: &str) -> Option<String> {
    let typed: Typed<'_> = serde_json::from_str(tool).ok()?;
    let kind = typed.kind?;
    if &*kind == "web_search" || !is_web_search(&kind) {
        return None;
    }
    let edit = |name: &str, _: &str| match name {
        "type" => Edit::Set(r#""web_search""#.to_owned()),
        _ => Edit::Keep,
    };
    rewrite_object(tool, edit, Vec::new)
}

fn choice(choice: &str) -> Option<String> {
    if !choice.starts_with('{') {
        return None;
    }
    web_search(choice).or_else(|| {
        let edit = |name: &str, value: &str| match name {
            "tools" => changed(rewrite_list(value, |_, tool| changed(web_search(tool)))),
            _ => Edit::Keep,
        };
        rewrite_object(choice, edit, Vec::new)
    })
}

/// A list of parts without the marks of a prompt cache.
fn without_marks(parts: &str) -> Option<String> {
    let edit = |name: &str, _: &str| match name {
        "prompt_cache_breakpoint" => Edit::Drop,
        _ => Edit::Keep,
    };
    rewrite_list(parts, |_, part| {
        changed(rewrite_object(part, edit, Vec::new))
    })
}

fn changed(new: Option<String>) -> Edit {
    new.map_or(Edit::Keep, Edit::Set)
}

fn set(old: &str, new: &str) -> Edit {
    if old == new {
        Edit::Keep
    } else {
        Edit::Set(new.to_owned())
    }
}

fn quoted(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len() + 2);
    write_str(&mut out, text);
    // JSON of a text is UTF-8.
    String::from_utf8(out).unwrap_or_default()
}

#[cfg(test)]
mod tests;
