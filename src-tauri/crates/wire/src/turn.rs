//! The hub's request side: what a caller asked for, in no dialect.
//!
//! Text borrows from the caller's body wherever it can. JSON that byokey has no opinion on (tool
//! schemas, arguments) stays as the caller's own bytes, so numbers and key order survive.

mod words;

use std::borrow::Cow;

use serde_json::value::RawValue;

pub use words::Words;

/// One request: the whole conversation so far and what is wanted next.
#[derive(Clone, Debug, Default)]
pub struct Turn<'a> {
    /// The caller's model name, as sent.
    pub model: Cow<'a, str>,
    /// Whether the caller wants the reply as a stream.
    pub stream: bool,
    /// Whether the caller wants token counts at the end of a stream (chat).
    pub include_usage: bool,
    /// System text before the first message, one block per part.
    pub system: Vec<Block<'a>>,
    /// The conversation in the caller's order.
    pub messages: Vec<Message<'a>>,
    /// Tools the model may call.
    pub tools: Vec<Tool<'a>>,
    /// Whether and which tool must be called.
    pub tool_choice: Option<ToolChoice<'a>>,
    /// Whether several tools may be called at once; `None` leaves it to the provider.
    pub parallel_tools: Option<bool>,
    /// Most tokens the reply may have.
    pub max_output: Option<u64>,
    /// Sampling settings.
    pub sampling: Sampling<'a>,
    /// How hard the model should think; `None` injects nothing.
    pub reasoning: Option<Reasoning>,
    /// Shape the reply's text must have.
    pub format: Option<Format<'a>>,
    /// The caller's own id for its user.
    pub user: Option<Cow<'a, str>>,
    /// Whether `user` is meant for a provider's eyes as it is (Anthropic's `metadata.user_id`).
    /// Otherwise it may be a name or an address and leaves only as a digest.
    pub user_opaque: bool,
    /// What the caller calls the members that dialects name differently.
    pub words: Words,
    /// Priority class asked for.
    pub service_tier: Option<Cow<'a, str>>,
    /// The caller's key for its prompt cache (chat, responses).
    pub cache_key: Option<Cow<'a, str>>,
    /// How long the caller wants its prompt cached, in OpenAI's words: `in_memory`, `24h`.
    pub cache_retention: Option<Cow<'a, str>>,
    /// How wordy the reply should be, in OpenAI's words: `low`, `medium`, `high`.
    pub verbosity: Option<Cow<'a, str>>,
    /// How many alternatives to report per token; 0 asks for the chosen token's probability alone.
    pub logprobs: Option<u64>,
    /// Whether the provider may keep the reply.
    pub store: Option<bool>,
    /// The caller's own labels, a JSON object of strings.
    pub metadata: Option<&'a RawValue>,
    /// Tools that run at the provider.
    pub server_tools: Vec<ServerTool<'a>>,
    /// Tools whose calls the caller wants in another form than name and arguments (responses).
    pub shaped_tools: Vec<(Cow<'a, str>, ToolShape)>,
    /// What the caller expects to see again in the reply: JSON members without braces (responses).
    pub echo: String,
}

/// The form in which a caller of Responses wants the calls of a tool with a protocol of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToolShape {
    /// One command on the person's machine: `local_shell_call`.
    LocalShell,
    /// Several commands: `shell_call`.
    Shell,
    /// A change of a file: `apply_patch_call`.
    ApplyPatch,
    /// A search for further tools that the caller does itself: `tool_search_call`.
    ToolSearch,
}

/// A tool that the provider runs itself.
#[derive(Clone, Debug)]
pub struct ServerTool<'a> {
    /// The caller's name for it, as a tool choice or a loss names it.
    pub name: Cow<'a, str>,
    /// What it does.
    pub kind: ServerToolKind<'a>,
}

/// What a provider's own tool does.
#[derive(Clone, Debug)]
pub enum ServerToolKind<'a> {
    /// Searches the web.
    WebSearch {
        /// Only results from these domains; empty allows all.
        allowed_domains: Vec<Cow<'a, str>>,
        /// No results from these domains.
        blocked_domains: Vec<Cow<'a, str>>,
        /// Where the user is: `city`, `country`, `region`, `timezone`, perhaps with the `type` that
        /// OpenAI and Anthropic both have there.
        user_location: Option<&'a RawValue>,
    },
    /// Runs code.
    CodeExecution,
    /// Reads pages that the conversation names.
    UrlContext,
}

/// One message of the conversation.
#[derive(Clone, Debug)]
pub struct Message<'a> {
    /// Who speaks.
    pub role: Role,
    /// Index of the message in the caller's own list, so that losses can name it.
    pub at: usize,
    /// What is said, in order.
    pub blocks: Vec<Block<'a>>,
    /// Whether an assistant's text is a `commentary` on the way or the `final_answer` (responses).
    pub phase: Option<Cow<'a, str>>,
}

impl<'a> Message<'a> {
    /// A message that is nothing but its blocks.
    pub fn new(role: Role, at: usize, blocks: Vec<Block<'a>>) -> Self {
        Self {
            role,
            at,
            blocks,
            phase: None,
        }
    }
}

/// Who speaks in a message. Tool results are blocks of a user message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Instructions in the middle of a conversation.
    System,
    /// The person, and results of tools.
    User,
    /// The model.
    Assistant,
}

/// A piece of a message and the caller's cache mark behind it.
#[derive(Clone, Debug)]
pub struct Block<'a> {
    /// The piece itself.
    pub body: Body<'a>,
    /// A prompt-cache breakpoint after this block.
    pub cache: Option<CacheMark>,
}

impl<'a> Block<'a> {
    /// A block without a cache mark.
    pub fn new(body: Body<'a>) -> Self {
        Self { body, cache: None }
    }

    /// A text block without a cache mark.
    pub fn text(text: impl Into<Cow<'a, str>>) -> Self {
        Self::new(Body::Text(text.into()))
    }
}

/// What a block holds.
#[derive(Clone, Debug)]
pub enum Body<'a> {
    /// Plain text.
    Text(Cow<'a, str>),
    /// An assistant's refusal, where the dialect keeps it apart from text.
    Refusal(Cow<'a, str>),
    /// A picture.
    Image(Image<'a>),
    /// A document.
    File(File<'a>),
    /// Sound.
    Audio {
        /// Base64 data.
        data: Cow<'a, str>,
        /// File format in OpenAI's words: `wav`, `mp3`, …
        format: Cow<'a, str>,
    },
    /// The model's reasoning from an earlier reply.
    Thinking(Thinking<'a>),
    /// A tool call the model made.
    Call(Call<'a>),
    /// A tool's answer.
    Result(CallResult<'a>),
}

/// Where the bytes of a picture or document are.
#[derive(Clone, Debug)]
pub enum Source<'a> {
    /// Inline, base64.
    Base64 {
        /// MIME type.
        media_type: Cow<'a, str>,
        /// Base64 data.
        data: Cow<'a, str>,
    },
    /// Behind a URL the provider fetches.
    Url(Cow<'a, str>),
    /// Stored at one provider; means nothing to another.
    FileId(Cow<'a, str>),
    /// Inline plain text.
    Text(Cow<'a, str>),
}

/// A picture.
#[derive(Clone, Debug)]
pub struct Image<'a> {
    /// Its bytes.
    pub source: Source<'a>,
    /// OpenAI's resolution hint: `auto`, `low`, `high`.
    pub detail: Option<Cow<'a, str>>,
}

/// A document.
#[derive(Clone, Debug)]
pub struct File<'a> {
    /// Its bytes.
    pub source: Source<'a>,
    /// Its name.
    pub name: Option<Cow<'a, str>>,
}

/// Reasoning and what proves it to the provider that made it.
#[derive(Clone, Debug)]
pub struct Thinking<'a> {
    /// Readable text; empty when redacted.
    pub text: Cow<'a, str>,
    /// The provider's opaque proof.
    pub proof: Option<Proof<'a>>,
}

/// An opaque reasoning proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof<'a> {
    /// Signature over readable thinking.
    Signature(Cow<'a, str>),
    /// The whole reasoning, encrypted, with no readable text.
    Redacted(Cow<'a, str>),
}

impl Proof<'_> {
    /// The proof as text.
    pub fn text(&self) -> &str {
        let (Self::Signature(text) | Self::Redacted(text)) = self;
        text
    }
}

/// A tool call.
#[derive(Clone, Debug)]
pub struct Call<'a> {
    /// The id that its result names. Readers of dialects that do not insist on one make it up of the
    /// call's place; an empty one is a fault of the history.
    pub id: Cow<'a, str>,
    /// Name of the tool.
    pub name: Cow<'a, str>,
    /// Arguments as `form` says, exactly as written; empty JSON means `{}`.
    pub arguments: Cow<'a, str>,
    /// What the arguments are.
    pub form: CallForm,
    /// The group of tools that the name belongs to (responses).
    pub namespace: Option<Cow<'a, str>>,
    /// The provider's proof of the reasoning before this call (Gemini).
    pub proof: Option<Proof<'a>>,
}

impl<'a> Call<'a> {
    /// A call with JSON arguments.
    pub fn new(
        id: impl Into<Cow<'a, str>>,
        name: impl Into<Cow<'a, str>>,
        arguments: impl Into<Cow<'a, str>>,
    ) -> Self {
        Self {
            id: id.into(),
            name: name.into(),
            arguments: arguments.into(),
            form: CallForm::Json,
            namespace: None,
            proof: None,
        }
    }
}

/// What a call's arguments are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CallForm {
    /// JSON.
    #[default]
    Json,
    /// Free text, as OpenAI's custom tools take it.
    Text,
}

/// A tool's answer.
#[derive(Clone, Debug)]
pub struct CallResult<'a> {
    /// Id of the call; empty when the caller sent none.
    pub call_id: Cow<'a, str>,
    /// The tool's name: as the caller sends it with the result (Gemini), else, once the history is
    /// repaired, its call's. A result without id answers the oldest open call of that name.
    pub name: Option<Cow<'a, str>>,
    /// Text, images, documents.
    pub blocks: Vec<Block<'a>>,
    /// Whether the tool failed.
    pub is_error: bool,
}

/// A prompt-cache breakpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheMark {
    /// The provider's default lifetime (five minutes at Anthropic).
    Default,
    /// One hour.
    Hour,
}

/// A tool the model may call.
#[derive(Clone, Debug)]
pub struct Tool<'a> {
    /// Its name.
    pub name: Cow<'a, str>,
    /// What it is for.
    pub description: Option<Cow<'a, str>>,
    /// How its arguments look.
    pub input: ToolInput<'a>,
    /// Whether arguments must match the schema exactly.
    pub strict: Option<bool>,
    /// A cache breakpoint after this tool.
    pub cache: Option<CacheMark>,
    /// The group of tools that the name belongs to (responses).
    pub namespace: Option<Cow<'a, str>>,
    /// Said in the form of Responses by a program that reads Chat, as Cursor does: it breaks when its
    /// free text does not come back as the arguments of a function.
    pub flat: bool,
}

impl<'a> Tool<'a> {
    /// A tool with nothing but its name and its arguments.
    pub fn new(name: impl Into<Cow<'a, str>>, input: ToolInput<'a>) -> Self {
        Self {
            name: name.into(),
            description: None,
            input,
            strict: None,
            cache: None,
            namespace: None,
            flat: false,
        }
    }
}

/// How a tool's arguments look.
#[derive(Clone, Debug)]
pub enum ToolInput<'a> {
    /// JSON arguments by this schema; `None` takes no arguments.
    Schema(Option<&'a RawValue>),
    /// Free text (OpenAI custom tools).
    FreeText,
}

/// Whether and which tool must be called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToolChoice<'a> {
    /// The model decides.
    Auto,
    /// No tool.
    None,
    /// Some tool.
    Required,
    /// This tool.
    Named(Cow<'a, str>),
    /// Only these tools; `true` when one of them must be called.
    Allowed(Vec<Cow<'a, str>>, bool),
}

/// Sampling settings; absent ones are left to the provider.
#[derive(Clone, Debug, Default)]
pub struct Sampling<'a> {
    /// 0–2 at OpenAI and Google, 0–1 at Anthropic.
    pub temperature: Option<f64>,
    /// Nucleus sampling, 0–1.
    pub top_p: Option<f64>,
    /// Top-k sampling.
    pub top_k: Option<u64>,
    /// OpenAI's frequency penalty.
    pub frequency_penalty: Option<f64>,
    /// OpenAI's presence penalty.
    pub presence_penalty: Option<f64>,
    /// Seed for best-effort determinism.
    pub seed: Option<i64>,
    /// Texts that end the reply.
    pub stop: Vec<Cow<'a, str>>,
}

/// How hard to think.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reasoning {
    /// A named level.
    Effort(Effort),
    /// At most this many reasoning tokens.
    Budget(u64),
    /// As much as the model sees fit.
    Auto,
}

/// Named reasoning levels, lowest first.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Effort {
    /// No reasoning.
    None,
    /// As little as possible.
    Minimal,
    /// Little.
    Low,
    /// The middle.
    Medium,
    /// Much.
    High,
    /// Very much.
    Xhigh,
    /// All there is.
    Max,
}

/// Shape the reply's text must have.
#[derive(Clone, Debug)]
pub enum Format<'a> {
    /// Some JSON object.
    JsonObject,
    /// JSON by a schema.
    JsonSchema {
        /// The caller's name for it.
        name: Option<Cow<'a, str>>,
        /// What it describes.
        description: Option<Cow<'a, str>>,
        /// The schema.
        schema: &'a RawValue,
        /// Whether it must match exactly.
        strict: Option<bool>,
    },
}

impl Format<'_> {
    /// What a model is told that its provider cannot hold to a shape: to answer with JSON, by this
    /// schema if there is one.
    pub(crate) fn in_words(schema: Option<&RawValue>) -> String {
        match schema {
            None => "Answer with one JSON object and nothing else.".to_owned(),
            Some(schema) => format!(
                "Answer with one JSON value that follows this JSON Schema, and nothing else:\n{}",
                schema.get()
            ),
        }
    }
}
