//! Items of a reply, as callers get them: in streams and in whole replies the same.

use serde_json::value::RawValue;

use crate::{
    CallForm, Citation, ToolShape,
    ids::digest,
    json::{self, Object, Text, write_compact, write_list},
    translate::Envelope,
};

/// What an item holds.
#[derive(Debug)]
pub(super) enum Content {
    Message(Vec<Part>),
    Reasoning {
        text: String,
        /// The tagged proof.
        proof: Option<String>,
    },
    Call(Called),
    /// A picture, base64, and its MIME type.
    Image {
        media_type: String,
        data: String,
    },
}

/// A part of a message.
#[derive(Debug, Default)]
pub(super) struct Part {
    pub(super) refusal: bool,
    pub(super) text: String,
    pub(super) citations: Vec<Citation<'static>>,
    /// Items of a JSON list: the probabilities of its tokens.
    pub(super) logprobs: String,
}

impl Part {
    /// Adds probabilities, given as a JSON list.
    pub(super) fn add_logprobs(&mut self, list: &str) {
        let list = list.trim();
        let items = list
            .strip_prefix('[')
            .and_then(|list| list.strip_suffix(']'));
        let items = items.unwrap_or_default().trim();
        if !self.logprobs.is_empty() && !items.is_empty() {
            self.logprobs.push(',');
        }
        let mut compact = Vec::with_capacity(items.len());
        write_compact(&mut compact, items);
        self.logprobs.push_str(&String::from_utf8_lossy(&compact));
    }
}

/// A call with its arguments as far as they have come.
#[derive(Debug)]
pub(super) struct Called {
    pub(super) call_id: String,
    pub(super) dress: Dress,
    pub(super) arguments: String,
}

/// As what a caller gets a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Dress {
    Function {
        namespace: Option<String>,
        name: String,
    },
    /// A call of a tool that takes free text.
    Custom {
        namespace: Option<String>,
        name: String,
    },
    LocalShell,
    Shell,
    ApplyPatch,
    ToolSearch,
}

impl Dress {
    /// How the caller wants the calls of this tool.
    pub(super) fn of(name: &str, form: CallForm, group: Option<&str>, envelope: &Envelope) -> Self {
        let shaped = envelope.shaped_tools.iter().find(|(tool, _)| tool == name);
        let namespace = group.map(str::to_owned);
        let own = name.to_owned();
        match (shaped, form) {
            (Some((_, ToolShape::LocalShell)), _) => Self::LocalShell,
            (Some((_, ToolShape::Shell)), _) => Self::Shell,
            (Some((_, ToolShape::ApplyPatch)), _) => Self::ApplyPatch,
            (Some((_, ToolShape::ToolSearch)), _) => Self::ToolSearch,
            (None, CallForm::Text) => Self::Custom {
                namespace,
                name: own,
            },
            (None, CallForm::Json) => Self::Function {
                namespace,
                name: own,
            },
        }
    }

    /// The item's type.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Function { .. } => "function_call",
            Self::Custom { .. } => "custom_tool_call",
            Self::LocalShell => "local_shell_call",
            Self::Shell => "shell_call",
            Self::ApplyPatch => "apply_patch_call",
            Self::ToolSearch => "tool_search_call",
        }
    }

    fn mark(&self) -> &'static str {
        match self {
            Self::Function { .. } => "fc",
            Self::Custom { .. } => "ctc",
            Self::LocalShell => "lsh",
            Self::Shell => "sh",
            Self::ApplyPatch => "apc",
            Self::ToolSearch => "tsc",
        }
    }
}

impl Called {
    /// Whether the arguments are shown as they come, not in members of their own.
    pub(super) fn streams(&self) -> bool {
        matches!(self.dress, Dress::Function { .. } | Dress::Custom { .. })
    }

    /// The arguments as the caller gets them; those of a call that was `cut` as they came.
    pub(super) fn shown(&self, cut: bool) -> &str {
        let missing = self.arguments.is_empty() && !cut;
        if missing && matches!(self.dress, Dress::Function { .. }) {
            "{}"
        } else {
            &self.arguments
        }
    }

    /// Whether the reply's cut went through this call.
    pub(super) fn is_partial(&self) -> bool {
        !matches!(self.dress, Dress::Custom { .. }) && !json::is_json(&self.arguments)
    }
}

/// Longest item id that OpenAI takes back.
const MAX_ID: usize = 64;

/// The id of an item with this content at this place of a reply.
pub(super) fn item_id(content: &Content, reply: &str, place: usize) -> String {
    let bare = reply.strip_prefix("resp_").unwrap_or(reply);
    match content {
        Content::Message(_) => format!("msg_{bare}_{place}"),
        Content::Reasoning { .. } => format!("rs_{bare}_{place}"),
        Content::Image { .. } => format!("ig_{bare}_{place}"),
        Content::Call(called) => {
            let id = format!("{}_{}", called.dress.mark(), called.call_id);
            if id.len() > MAX_ID {
                return format!("{}_{}", called.dress.mark(), digest(&called.call_id, 32));
            }
            id
        }
    }
}

/// Writes an item; `status` is `completed`, `incomplete` or, without content yet, `in_progress`.
pub(super) fn write_item(content: &Content, id: &str, status: &str, out: &mut Vec<u8>) {
    let begun = status == "in_progress";
    let mut item = Object::begin(out);
    item.text("id", id);
    match content {
        Content::Message(parts) => {
            item.text("type", "message");
            item.text("status", status);
            item.text("role", "assistant");
            let parts = parts.iter().filter(|_| !begun);
            write_list(item.key("content"), parts, |out, part| {
                write_part(part, out)
            });
        }
        Content::Reasoning { text, proof } => {
            item.text("type", "reasoning");
            let summary = Some(text).filter(|text| !begun && !text.is_empty());
            write_list(item.key("summary"), summary, |out, text| {
                write_summary(text, out)
            });
            if let Some(proof) = proof.as_ref().filter(|_| !begun) {
                item.text("encrypted_content", proof);
            }
        }
        Content::Image { media_type, data } => {
            item.text("type", "image_generation_call");
            item.text("status", status);
            if begun {
                item.raw("result", "null");
            } else {
                let format = media_type.strip_prefix("image/").unwrap_or(media_type);
                item.text("output_format", format);
                item.text("result", data);
            }
        }
        Content::Call(called) => write_call(called, status, &mut item),
    }
    item.end();
}

/// Writes a part of a message.
pub(super) fn write_part(part: &Part, out: &mut Vec<u8>) {
    let mut object = Object::begin(out);
    if part.refusal {
        object.text("type", "refusal");
        object.text("refusal", &part.text);
    } else {
        object.text("type", "output_text");
        object.text("text", &part.text);
        write_list(
            object.key("annotations"),
            &part.citations,
            |out, citation| {
                write_citation(citation, out);
            },
        );
        write_logprobs(part, &mut object);
    }
    object.end();
}

/// Writes the probabilities of a part's tokens.
pub(super) fn write_logprobs(part: &Part, object: &mut Object<'_>) {
    let out = object.key("logprobs");
    out.push(b'[');
    out.extend_from_slice(part.logprobs.as_bytes());
    out.push(b']');
}

/// Writes the one summary that reasoning has.
pub(super) fn write_summary(text: &str, out: &mut Vec<u8>) {
    let mut part = Object::begin(out);
    part.text("type", "summary_text");
    part.text("text", text);
    part.end();
}

/// Writes a source of a text.
pub(super) fn write_citation(citation: &Citation<'_>, out: &mut Vec<u8>) {
    let (start, end) = citation.span.unwrap_or_default();
    let mut object = Object::begin(out);
    object.text("type", "url_citation");
    object.int("start_index", start);
    object.int("end_index", end);
    object.text("url", &citation.url);
    object.text("title", &citation.title);
    object.end();
}

fn write_call(called: &Called, status: &str, item: &mut Object<'_>) {
    let shown = match status {
        "in_progress" => "",
        status => called.shown(status == "incomplete"),
    };
    item.text("type", called.dress.kind());
    item.text("status", status);
    item.text("call_id", &called.call_id);
    match &called.dress {
        Dress::Function { namespace, name } | Dress::Custom { namespace, name } => {
            if let Some(namespace) = namespace {
                item.text("namespace", namespace);
            }
            item.text("name", name);
            let custom = matches!(called.dress, Dress::Custom { .. });
            item.text(if custom { "input" } else { "arguments" }, shown);
        }
        Dress::LocalShell => {
            let mut action = Object::begin(item.key("action"));
            action.text("type", "exec");
            let given = write_members(&called.arguments, &["type"], &mut action);
            for (member, empty) in [("command", "[]"), ("env", "{}")] {
                if !given.iter().any(|given| given == member) {
                    action.raw(member, empty);
                }
            }
            action.end();
        }
        Dress::Shell => {
            let mut action = Object::begin(item.key("action"));
            write_members(&called.arguments, &["type"], &mut action);
            action.end();
        }
        Dress::ApplyPatch => {
            let mut operation = Object::begin(item.key("operation"));
            write_members(&called.arguments, &[], &mut operation);
            operation.end();
        }
        Dress::ToolSearch => {
            item.text("execution", "client");
            let mut arguments = Object::begin(item.key("arguments"));
            write_members(&called.arguments, &[], &mut arguments);
            arguments.end();
        }
    }
}

/// Copies the members of an object, except some; returns the names of those it had.
fn write_members(json: &str, except: &[&str], object: &mut Object<'_>) -> Vec<String> {
    let members: Members<'_> = serde_json::from_str(json).unwrap_or_default();
    let mut names = Vec::with_capacity(members.0.len());
    for (name, value) in members.0 {
        if !except.contains(&&*name) {
            write_compact(object.any_key(&name), value.get());
            names.push(name.0.into_owned());
        }
    }
    names
}

/// The members of an object, in their order.
#[derive(Default)]
pub(super) struct Members<'a>(pub(super) Vec<(Text<'a>, &'a RawValue)>);

impl<'de: 'a, 'a> serde::Deserialize<'de> for Members<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor<'a>(std::marker::PhantomData<&'a ()>);

        impl<'de: 'a, 'a> serde::de::Visitor<'de> for MembersVisitor<'a> {
            type Value = Members<'a>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(
                self,
                mut map: A,
            ) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(MembersVisitor(std::marker::PhantomData))
    }
}
