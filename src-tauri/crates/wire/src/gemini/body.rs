//! The members of a generateContent request, as callers send them: in the API's camel case or in
//! the snake case of Google's own libraries, lists also as a lone item.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer},
};
use serde_json::value::RawValue;

use crate::json::{Count, OneOrMany, Text, members};

members! {
    /// The whole body.
    pub(super) struct Request<'a> {
        model: Text<'a> = "model",
        contents: Many<Content<'a>> = "contents",
        system: System<'a> = "systemInstruction" | "system_instruction",
        tools: Many<ToolEntry<'a>> = "tools",
        tool_config: ToolConfig<'a> = "toolConfig" | "tool_config",
        generation: Generation<'a> = "generationConfig" | "generation_config",
        cached_content: Text<'a> = "cachedContent" | "cached_content",
        labels: &'a RawValue = "labels",
    }

    /// What one side says.
    pub(super) struct Content<'a> {
        role: Text<'a> = "role",
        parts: Many<Part<'a>> = "parts",
    }

    /// A part, of any kind.
    pub(super) struct Part<'a> {
        text: Text<'a> = "text",
        thought: bool = "thought",
        signature: Text<'a> = "thoughtSignature" | "thought_signature",
        inline: Blob<'a> = "inlineData" | "inline_data",
        file: FileRef<'a> = "fileData" | "file_data",
        call: Called<'a> = "functionCall" | "function_call",
        result: Answered<'a> = "functionResponse" | "function_response",
        code: Code<'a> = "executableCode" | "executable_code",
        ran: Ran<'a> = "codeExecutionResult" | "code_execution_result",
    }

    /// Bytes within the request.
    pub(super) struct Blob<'a> {
        mime: Text<'a> = "mimeType" | "mime_type",
        data: Text<'a> = "data",
        name: Text<'a> = "displayName" | "display_name",
    }

    /// Bytes at an address.
    pub(super) struct FileRef<'a> {
        mime: Text<'a> = "mimeType" | "mime_type",
        uri: Text<'a> = "fileUri" | "file_uri",
        name: Text<'a> = "displayName" | "display_name",
    }

    /// A function call.
    pub(super) struct Called<'a> {
        id: Text<'a> = "id" | "call_id" | "callId",
        name: Text<'a> = "name",
        args: &'a RawValue = "args",
    }

    /// A function's answer.
    pub(super) struct Answered<'a> {
        id: Text<'a> = "id" | "call_id" | "callId",
        name: Text<'a> = "name",
        response: &'a RawValue = "response",
        parts: Many<AnswerPart<'a>> = "parts",
    }

    /// A picture or document in a function's answer.
    pub(super) struct AnswerPart<'a> {
        inline: Blob<'a> = "inlineData" | "inline_data",
        file: FileRef<'a> = "fileData" | "file_data",
    }

    /// Code that Google ran.
    pub(super) struct Code<'a> {
        language: Text<'a> = "language",
        code: Text<'a> = "code",
        id: Text<'a> = "id",
    }

    /// What came of it.
    pub(super) struct Ran<'a> {
        outcome: Text<'a> = "outcome",
        output: Text<'a> = "output",
        id: Text<'a> = "id",
    }

    /// A group of functions, or a tool that runs at Google.
    pub(super) struct ToolEntry<'a> {
        functions: Many<Function<'a>> = "functionDeclarations" | "function_declarations",
        search: Search<'a> = "googleSearch" | "google_search" | "googleSearchRetrieval"
            | "google_search_retrieval",
        code_execution: &'a RawValue = "codeExecution" | "code_execution",
        url_context: &'a RawValue = "urlContext" | "url_context",
    }

    /// Settings of the web search.
    pub(super) struct Search<'a> {
        exclude: Vec<Text<'a>> = "excludeDomains" | "exclude_domains",
    }

    /// A function that the model may call.
    pub(super) struct Function<'a> {
        name: Text<'a> = "name",
        description: Text<'a> = "description",
        parameters: &'a RawValue = "parameters",
        json_parameters: &'a RawValue = "parametersJsonSchema" | "parameters_json_schema",
    }

    pub(super) struct ToolConfig<'a> {
        calling: Calling<'a> = "functionCallingConfig" | "function_calling_config",
    }

    /// Whether and which function must be called.
    pub(super) struct Calling<'a> {
        mode: Text<'a> = "mode",
        allowed: Vec<Text<'a>> = "allowedFunctionNames" | "allowed_function_names",
    }

    /// How to answer.
    pub(super) struct Generation<'a> {
        temperature: f64 = "temperature",
        top_p: f64 = "topP" | "top_p",
        top_k: Count = "topK" | "top_k",
        candidates: Count = "candidateCount" | "candidate_count",
        max_output: Count = "maxOutputTokens" | "max_output_tokens",
        stop: OneOrMany<Text<'a>> = "stopSequences" | "stop_sequences",
        seed: i64 = "seed",
        presence_penalty: f64 = "presencePenalty" | "presence_penalty",
        frequency_penalty: f64 = "frequencyPenalty" | "frequency_penalty",
        response_logprobs: bool = "responseLogprobs" | "response_logprobs",
        logprobs: Count = "logprobs",
        mime: Text<'a> = "responseMimeType" | "response_mime_type",
        schema: &'a RawValue = "responseSchema" | "response_schema",
        json_schema: &'a RawValue = "responseJsonSchema" | "response_json_schema"
            | "_responseJsonSchema",
        modalities: OneOrMany<Text<'a>> = "responseModalities" | "response_modalities",
        thinking: Thinking<'a> = "thinkingConfig" | "thinking_config",
    }

    /// How hard to think.
    pub(super) struct Thinking<'a> {
        include: bool = "includeThoughts" | "include_thoughts",
        budget: i64 = "thinkingBudget" | "thinking_budget",
        level: Text<'a> = "thinkingLevel" | "thinking_level",
    }
}

/// A list, or its only item.
pub(super) struct Many<T>(pub(super) Vec<T>);

impl<T> Default for Many<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Many<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ManyVisitor<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for ManyVisitor<T> {
            type Value = Many<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list or an object")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = seq.next_element()? {
                    items.push(item);
                }
                Ok(Many(items))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(|item| Many(vec![item]))
            }
        }

        deserializer.deserialize_any(ManyVisitor(PhantomData))
    }
}

/// System text: a string or a content.
pub(super) enum System<'a> {
    Text(Text<'a>),
    Content(Box<Content<'a>>),
}

impl<'de: 'a, 'a> Deserialize<'de> for System<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct SystemVisitor<'a>(PhantomData<&'a ()>);

        impl<'de: 'a, 'a> Visitor<'de> for SystemVisitor<'a> {
            type Value = System<'a>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or a content")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(System::Text(Text(text.into())))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(System::Text(Text(text.to_owned().into())))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                let content = Content::deserialize(MapAccessDeserializer::new(map))?;
                Ok(System::Content(Box::new(content)))
            }
        }

        deserializer.deserialize_any(SystemVisitor(PhantomData))
    }
}
