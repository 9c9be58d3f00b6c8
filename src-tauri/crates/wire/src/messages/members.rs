//! The members of a Messages request, as they stand on the wire.
//!
//! Every member is optional here; what is missing or does not fit together is the reader's affair.

use std::{borrow::Cow, fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer},
};
use serde_json::value::RawValue;

use crate::json::{Count, Text, members, write_str};

members! {
    /// The whole body.
    pub(crate) struct Request<'a> {
        model: Text<'a> = "model",
        stream: bool = "stream",
        max_tokens: Count = "max_tokens",
        system: Content<'a> = "system",
        messages: Vec<Said<'a>> = "messages",
        tools: Vec<ToolMembers<'a>> = "tools",
        tool_choice: Choice<'a> = "tool_choice",
        temperature: f64 = "temperature",
        top_p: f64 = "top_p",
        top_k: Count = "top_k",
        stop_sequences: Vec<Text<'a>> = "stop_sequences",
        thinking: ThinkingMembers<'a> = "thinking",
        output_config: OutputConfig<'a> = "output_config",
        /// The older place of `output_config.format`.
        output_format: FormatMembers<'a> = "output_format",
        metadata: Metadata<'a> = "metadata",
        service_tier: Text<'a> = "service_tier",
        speed: Text<'a> = "speed",
        container: &'a RawValue = "container",
        mcp_servers: Vec<&'a RawValue> = "mcp_servers",
    }

    /// One message.
    pub(crate) struct Said<'a> {
        role: Text<'a> = "role",
        content: Content<'a> = "content",
    }

    /// One block of content, of any type.
    pub(crate) struct BlockMembers<'a> {
        kind: Text<'a> = "type",
        text: Text<'a> = "text",
        source: SourceMember<'a> = "source",
        title: Text<'a> = "title",
        context: Text<'a> = "context",
        citations: &'a RawValue = "citations",
        id: Text<'a> = "id",
        name: Text<'a> = "name",
        input: &'a RawValue = "input",
        tool_use_id: Text<'a> = "tool_use_id",
        content: Content<'a> = "content",
        is_error: bool = "is_error",
        thinking: Text<'a> = "thinking",
        signature: Text<'a> = "signature",
        data: Text<'a> = "data",
        cache_control: CacheControl<'a> = "cache_control",
    }

    /// Where the bytes of an image or document are.
    pub(crate) struct SourceMembers<'a> {
        kind: Text<'a> = "type",
        media_type: Text<'a> = "media_type",
        data: Text<'a> = "data",
        url: Text<'a> = "url",
        file_id: Text<'a> = "file_id",
        content: Content<'a> = "content",
    }

    /// A cache breakpoint.
    pub(crate) struct CacheControl<'a> {
        kind: Text<'a> = "type",
        ttl: Text<'a> = "ttl",
    }

    /// A tool.
    pub(crate) struct ToolMembers<'a> {
        kind: Text<'a> = "type",
        name: Text<'a> = "name",
        description: Text<'a> = "description",
        input_schema: &'a RawValue = "input_schema",
        strict: bool = "strict",
        cache_control: CacheControl<'a> = "cache_control",
        /// Of a web search, as the next two.
        allowed_domains: Vec<Text<'a>> = "allowed_domains",
        blocked_domains: Vec<Text<'a>> = "blocked_domains",
        user_location: &'a RawValue = "user_location",
    }

    /// Whether and which tool must be called.
    pub(crate) struct Choice<'a> {
        kind: Text<'a> = "type",
        name: Text<'a> = "name",
        disable_parallel_tool_use: bool = "disable_parallel_tool_use",
    }

    /// How to think.
    pub(crate) struct ThinkingMembers<'a> {
        kind: Text<'a> = "type",
        budget_tokens: Count = "budget_tokens",
    }

    /// How hard to work and in what shape to answer.
    pub(crate) struct OutputConfig<'a> {
        effort: Text<'a> = "effort",
        format: FormatMembers<'a> = "format",
    }

    /// The shape of the answer.
    pub(crate) struct FormatMembers<'a> {
        kind: Text<'a> = "type",
        schema: &'a RawValue = "schema",
    }

    /// What the caller says about itself.
    pub(crate) struct Metadata<'a> {
        user_id: Text<'a> = "user_id",
    }
}

/// Content: a string, or a list of blocks. Anything else, as tools put it into their results, is
/// taken as its JSON text.
#[derive(Default)]
pub(crate) struct Content<'a>(pub(crate) Vec<BlockMembers<'a>>);

impl<'a> Content<'a> {
    fn text(text: Cow<'a, str>) -> Self {
        Self(vec![BlockMembers {
            kind: Some(Text(Cow::Borrowed("text"))),
            text: Some(Text(text)),
            ..BlockMembers::default()
        }])
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Content<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ContentVisitor<'a>(PhantomData<&'a ()>);

        impl<'de: 'a, 'a> Visitor<'de> for ContentVisitor<'a> {
            type Value = Content<'a>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or a list of blocks")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Content::text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Content::text(Cow::Owned(text.to_owned())))
            }

            fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
                Ok(Content::text(Cow::Owned(value.to_string())))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
                Ok(Content::text(Cow::Owned(value.to_string())))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
                Ok(Content::text(Cow::Owned(value.to_string())))
            }

            fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
                Ok(Content::text(Cow::Owned(value.to_string())))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut blocks = Vec::with_capacity(seq.size_hint().unwrap_or(1));
                while let Some(Item(block)) = seq.next_element()? {
                    blocks.push(block);
                }
                Ok(Content(blocks))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut json = b"{".to_vec();
                while let Some((key, value)) = map.next_entry::<Text<'de>, &'de RawValue>()? {
                    if json.len() > 1 {
                        json.push(b',');
                    }
                    write_str(&mut json, &key);
                    json.push(b':');
                    json.extend_from_slice(value.get().as_bytes());
                }
                json.push(b'}');
                Ok(Content::text(Cow::Owned(
                    String::from_utf8_lossy(&json).into_owned(),
                )))
            }
        }

        deserializer.deserialize_any(ContentVisitor(PhantomData))
    }
}

/// A block in a list; a bare string stands for a text block.
struct Item<'a>(BlockMembers<'a>);

impl<'de: 'a, 'a> Deserialize<'de> for Item<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ItemVisitor<'a>(PhantomData<&'a ()>);

        impl<'de: 'a, 'a> Visitor<'de> for ItemVisitor<'a> {
            type Value = Item<'a>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a content block")
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                let kind = Some(Text(Cow::Borrowed("text")));
                let text = Some(Text(Cow::Owned(text.to_owned())));
                Ok(Item(BlockMembers {
                    kind,
                    text,
                    ..BlockMembers::default()
                }))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                BlockMembers::deserialize(MapAccessDeserializer::new(map)).map(Item)
            }
        }

        deserializer.deserialize_any(ItemVisitor(PhantomData))
    }
}

/// `source`: an object with the bytes, or (in search results) a plain address.
pub(crate) enum SourceMember<'a> {
    /// An address.
    Address(Cow<'a, str>),
    /// The bytes.
    Bytes(Box<SourceMembers<'a>>),
}

impl<'de: 'a, 'a> Deserialize<'de> for SourceMember<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct SourceVisitor<'a>(PhantomData<&'a ()>);

        impl<'de: 'a, 'a> Visitor<'de> for SourceVisitor<'a> {
            type Value = SourceMember<'a>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a source object or an address")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(SourceMember::Address(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(SourceMember::Address(Cow::Owned(text.to_owned())))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                let members = SourceMembers::deserialize(MapAccessDeserializer::new(map))?;
                Ok(SourceMember::Bytes(Box::new(members)))
            }
        }

        deserializer.deserialize_any(SourceVisitor(PhantomData))
    }
}
