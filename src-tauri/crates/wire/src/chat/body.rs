//! The members of a chat request, as callers send them: OpenAI's own, the older forms that are still
//! accepted, and those of the Responses and Messages dialects that some programs mix in.

use std::{borrow::Cow, fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer},
};
use serde_json::value::RawValue;

use crate::{
    CacheMark,
    json::{Count, Object, OneOrMany, Text, members, within},
};

members! {
    /// The request.
    pub(super) struct Request<'a> {
        model: Text<'a> = "model",
        messages: Vec<Said<'a>> = "messages",
        stream: bool = "stream",
        stream_options: StreamOptions<'a> = "stream_options",
        tools: Vec<ToolEntry<'a>> = "tools",
        tool_choice: Choice<'a> = "tool_choice",
        parallel_tool_calls: bool = "parallel_tool_calls",
        functions: Vec<Function<'a>> = "functions",
        function_call: Choice<'a> = "function_call",
        max_tokens: Count = "max_tokens",
        max_completion_tokens: Count = "max_completion_tokens",
        temperature: f64 = "temperature",
        top_p: f64 = "top_p",
        top_k: Count = "top_k",
        frequency_penalty: f64 = "frequency_penalty",
        presence_penalty: f64 = "presence_penalty",
        seed: i64 = "seed",
        stop: OneOrMany<Text<'a>> = "stop",
        n: Count = "n",
        reasoning_effort: Text<'a> = "reasoning_effort",
        reasoning: ReasoningEntry<'a> = "reasoning",
        thinking: ThinkingEntry<'a> = "thinking",
        response_format: FormatEntry<'a> = "response_format",
        user: Text<'a> = "user",
        safety_identifier: Text<'a> = "safety_identifier",
        metadata: &'a RawValue = "metadata",
        service_tier: Text<'a> = "service_tier",
        prompt_cache_key: Text<'a> = "prompt_cache_key",
        prompt_cache_retention: Text<'a> = "prompt_cache_retention",
        store: bool = "store",
        verbosity: Text<'a> = "verbosity",
        logprobs: bool = "logprobs",
        top_logprobs: Count = "top_logprobs",
        web_search_options: SearchEntry<'a> = "web_search_options",
        modalities: OneOrMany<Text<'a>> = "modalities",
    }

    pub(super) struct SearchEntry<'a> {
        user_location: LocationEntry<'a> = "user_location",
    }

    pub(super) struct LocationEntry<'a> {
        kind: Text<'a> = "type",
        approximate: &'a RawValue = "approximate",
    }

    pub(super) struct StreamOptions<'a> {
        include_usage: bool = "include_usage",
    }

    /// OpenRouter's way to steer reasoning.
    pub(super) struct ReasoningEntry<'a> {
        effort: Text<'a> = "effort",
        max_tokens: Count = "max_tokens",
    }

    /// Anthropic's way to steer reasoning.
    pub(super) struct ThinkingEntry<'a> {
        kind: Text<'a> = "type",
        budget_tokens: Count = "budget_tokens",
    }

    pub(super) struct FormatEntry<'a> {
        kind: Text<'a> = "type",
        json_schema: SchemaEntry<'a> = "json_schema",
    }

    pub(super) struct SchemaEntry<'a> {
        name: Text<'a> = "name",
        description: Text<'a> = "description",
        schema: &'a RawValue = "schema",
        strict: bool = "strict",
    }

    pub(super) struct Metadata<'a> {
        user_id: Text<'a> = "user_id",
    }

    /// A message.
    pub(super) struct Said<'a> {
        role: Text<'a> = "role",
        content: Content<'a> = "content",
        name: Text<'a> = "name",
        refusal: Text<'a> = "refusal",
        reasoning_content: Text<'a> = "reasoning_content",
        reasoning: &'a RawValue = "reasoning",
        tool_calls: Vec<CallEntry<'a>> = "tool_calls",
        function_call: CalledFunction<'a> = "function_call",
        tool_call_id: Text<'a> = "tool_call_id",
        cache_control: CacheEntry<'a> = "cache_control",
    }

    pub(super) struct CacheEntry<'a> {
        kind: Text<'a> = "type",
        ttl: Text<'a> = "ttl",
    }

    /// A call in an assistant message.
    pub(super) struct CallEntry<'a> {
        id: Text<'a> = "id",
        kind: Text<'a> = "type",
        index: Count = "index",
        function: CalledFunction<'a> = "function",
        custom: CalledCustom<'a> = "custom",
    }

    pub(super) struct CalledFunction<'a> {
        name: Text<'a> = "name",
        arguments: &'a RawValue = "arguments",
    }

    pub(super) struct CalledCustom<'a> {
        name: Text<'a> = "name",
        input: Text<'a> = "input",
    }

    /// A part of a message's content.
    pub(super) struct Part<'a> {
        kind: Text<'a> = "type",
        text: Text<'a> = "text",
        refusal: Text<'a> = "refusal",
        image_url: ImageUrl<'a> = "image_url",
        detail: Text<'a> = "detail",
        video_url: ImageUrl<'a> = "video_url",
        input_audio: AudioEntry<'a> = "input_audio",
        file: FileEntry<'a> = "file",
        cache_control: CacheEntry<'a> = "cache_control",
        file_id: Text<'a> = "file_id",
        file_data: Text<'a> = "file_data",
        file_url: Text<'a> = "file_url",
        filename: Text<'a> = "filename" | "title",
        source: SourceEntry<'a> = "source",
        thinking: Text<'a> = "thinking",
        signature: Text<'a> = "signature",
        data: Text<'a> = "data",
        id: Text<'a> = "id",
        name: Text<'a> = "name",
        input: &'a RawValue = "input",
        tool_use_id: Text<'a> = "tool_use_id",
        content: Content<'a> = "content",
        is_error: bool = "is_error",
    }

    pub(super) struct AudioEntry<'a> {
        data: Text<'a> = "data",
        format: Text<'a> = "format",
    }

    pub(super) struct FileEntry<'a> {
        file_data: Text<'a> = "file_data",
        file_id: Text<'a> = "file_id",
        filename: Text<'a> = "filename",
    }

    /// Where a Messages block has its bytes.
    pub(super) struct SourceEntry<'a> {
        kind: Text<'a> = "type",
        media_type: Text<'a> = "media_type",
        data: Text<'a> = "data",
        url: Text<'a> = "url",
        file_id: Text<'a> = "file_id",
    }

    /// A tool: nested as Chat has it, or flat as Responses and Messages have it.
    pub(super) struct ToolEntry<'a> {
        kind: Text<'a> = "type",
        function: Function<'a> = "function",
        custom: Function<'a> = "custom",
        name: Text<'a> = "name",
        description: Text<'a> = "description",
        parameters: &'a RawValue = "parameters" | "input_schema",
        format: &'a RawValue = "format",
        strict: bool = "strict",
        cache_control: CacheEntry<'a> = "cache_control",
    }

    pub(super) struct Function<'a> {
        name: Text<'a> = "name",
        description: Text<'a> = "description",
        parameters: &'a RawValue = "parameters",
        format: &'a RawValue = "format",
        strict: bool = "strict",
    }

    /// The object form of a choice, in any of the dialects.
    pub(super) struct ChoiceEntry<'a> {
        kind: Text<'a> = "type",
        function: Named<'a> = "function",
        custom: Named<'a> = "custom",
        name: Text<'a> = "name",
        allowed_tools: Allowed<'a> = "allowed_tools",
        mode: Text<'a> = "mode",
        tools: Vec<ChoiceEntry<'a>> = "tools",
        disable_parallel_tool_use: bool = "disable_parallel_tool_use",
    }

    pub(super) struct Named<'a> {
        name: Text<'a> = "name",
    }

    pub(super) struct Allowed<'a> {
        mode: Text<'a> = "mode",
        tools: Vec<ChoiceEntry<'a>> = "tools",
    }

    pub(super) struct ImageEntry<'a> {
        url: Text<'a> = "url",
        detail: Text<'a> = "detail",
    }
}

impl CacheEntry<'_> {
    /// The mark; every kind but `ephemeral` is none.
    pub(super) fn mark(&self) -> Option<CacheMark> {
        (self.kind.as_deref()? == "ephemeral").then_some(match self.ttl.as_deref() {
            Some("1h") => CacheMark::Hour,
            _ => CacheMark::Default,
        })
    }
}

/// Declares a value that is either a string or something else.
macro_rules! text_or {
    ($(#[$meta:meta])* $name:ident, $variant:ident($inner:ty), $expecting:literal, $($visit:tt)+) => {
        $(#[$meta])*
        pub(super) enum $name<'a> {
            Text(Text<'a>),
            $variant($inner),
        }

        impl<'de: 'a, 'a> Deserialize<'de> for $name<'a> {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct EitherVisitor<'a>(PhantomData<&'a ()>);
                impl<'de: 'a, 'a> Visitor<'de> for EitherVisitor<'a> {
                    type Value = $name<'a>;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str($expecting)
                    }

                    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                        Ok($name::Text(Text(text.into())))
                    }

                    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                        Ok($name::Text(Text(text.to_owned().into())))
                    }

                    $($visit)+
                }
                deserializer.deserialize_any(EitherVisitor(PhantomData))
            }
        }
    };
}

text_or! {
    /// A message's content: a string, a list of parts, or a lone part.
    Content, Parts(Vec<WrittenPart<'a>>), "a string or a list of parts",
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut parts = Vec::new();
        while let Some(raw) = seq.next_element::<&'de RawValue>()? {
            let part = serde_json::from_str(raw.get()).map_err(|error| within(&error))?;
            parts.push(WrittenPart {
                part: match part {
                    PartOrText::Part(part) => *part,
                    PartOrText::Text(text) => Part { text: Some(text), ..Part::default() },
                },
                json: raw.get().into(),
            });
        }
        Ok(Content::Parts(parts))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry::<Text<'a>, &'de RawValue>()? {
            members.push(member);
        }
        lone_part(members).map(|part| Content::Parts(vec![part]))
    }
}

/// A part and the JSON that it was.
pub(super) struct WrittenPart<'a> {
    pub(super) part: Part<'a>,
    pub(super) json: Cow<'a, str>,
}

/// A part in place of a list; tools answer with objects of all kinds there.
fn lone_part<'a, E: serde::de::Error>(
    members: Vec<(Text<'a>, &'a RawValue)>,
) -> Result<WrittenPart<'a>, E> {
    let mut json = Vec::new();
    let mut object = Object::begin(&mut json);
    for (name, value) in &members {
        object
            .any_key(name)
            .extend_from_slice(value.get().as_bytes());
    }
    object.end();
    let json = String::from_utf8(json).map_err(E::custom)?.into();
    let is_part = |(name, _): &(Text<'_>, &RawValue)| matches!(&**name, "type" | "text");
    let part = if members.iter().any(is_part) {
        let members = members.into_iter().map(|(name, value)| (name.0, value));
        let members = serde::de::value::MapDeserializer::<_, serde_json::Error>::new(members);
        Part::deserialize(members).map_err(|error| within(&error))?
    } else {
        Part::default()
    };
    Ok(WrittenPart { part, json })
}

text_or! {
    /// An item of a content list.
    PartOrText, Part(Box<Part<'a>>), "a part or a string",
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        Part::deserialize(MapAccessDeserializer::new(map)).map(|part| PartOrText::Part(Box::new(part)))
    }
}

text_or! {
    /// An image's address, alone or in an object.
    ImageUrl, Entry(ImageEntry<'a>), "a string or an object",
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        ImageEntry::deserialize(MapAccessDeserializer::new(map)).map(ImageUrl::Entry)
    }
}

text_or! {
    /// A tool choice: a word or an object.
    Choice, Entry(Box<ChoiceEntry<'a>>), "a string or an object",
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        let entry = ChoiceEntry::deserialize(MapAccessDeserializer::new(map))?;
        Ok(Choice::Entry(Box::new(entry)))
    }
}
