//! The members of a Responses request, as callers send them, and the forms that programs mix in.

use std::borrow::Cow;

use serde_json::value::RawValue;

pub(super) use crate::json::member as read;
use crate::{
    Fault, FaultKind,
    json::{Count, OneOrMany, Text, members},
};

members! {
    /// The request.
    pub(super) struct Request<'a> {
        model: Text<'a> = "model",
        input: &'a RawValue = "input",
        instructions: &'a RawValue = "instructions",
        stream: bool = "stream",
        stream_options: StreamOptions<'a> = "stream_options",
        tools: Vec<&'a RawValue> = "tools",
        tool_choice: &'a RawValue = "tool_choice",
        parallel_tool_calls: bool = "parallel_tool_calls",
        max_output_tokens: Count = "max_output_tokens" | "max_completion_tokens" | "max_tokens",
        temperature: f64 = "temperature",
        top_p: f64 = "top_p",
        top_logprobs: Count = "top_logprobs",
        stop: OneOrMany<Text<'a>> = "stop",
        text: &'a RawValue = "text",
        reasoning: &'a RawValue = "reasoning",
        reasoning_effort: Text<'a> = "reasoning_effort",
        include: Vec<Text<'a>> = "include",
        prompt_cache_key: Text<'a> = "prompt_cache_key",
        prompt_cache_retention: Text<'a> = "prompt_cache_retention",
        service_tier: Text<'a> = "service_tier",
        store: bool = "store",
        metadata: &'a RawValue = "metadata",
        safety_identifier: Text<'a> = "safety_identifier",
        user: Text<'a> = "user",
        truncation: Text<'a> = "truncation",
        background: bool = "background",
        previous_response_id: Text<'a> = "previous_response_id",
        conversation: &'a RawValue = "conversation",
    }

    pub(super) struct StreamOptions<'a> {
        include_usage: bool = "include_usage",
        include_obfuscation: bool = "include_obfuscation",
    }

    pub(super) struct TextMembers<'a> {
        format: FormatMembers<'a> = "format",
        verbosity: Text<'a> = "verbosity",
    }

    pub(super) struct FormatMembers<'a> {
        kind: Text<'a> = "type",
        name: Text<'a> = "name",
        description: Text<'a> = "description",
        schema: &'a RawValue = "schema",
        strict: bool = "strict",
    }

    pub(super) struct ReasoningMembers<'a> {
        effort: Text<'a> = "effort",
        summary: Text<'a> = "summary" | "generate_summary",
    }

    /// An item of the input.
    pub(super) struct Item<'a> {
        kind: Text<'a> = "type",
        id: Text<'a> = "id",
        status: Text<'a> = "status",
        role: Text<'a> = "role",
        phase: Text<'a> = "phase",
        content: &'a RawValue = "content",
        call_id: Text<'a> = "call_id" | "tool_call_id",
        name: Text<'a> = "name",
        namespace: Text<'a> = "namespace",
        arguments: &'a RawValue = "arguments",
        input: Text<'a> = "input",
        output: &'a RawValue = "output",
        action: &'a RawValue = "action",
        operation: &'a RawValue = "operation",
        execution: Text<'a> = "execution",
        max_output_length: &'a RawValue = "max_output_length",
        tools: Vec<&'a RawValue> = "tools",
        tool_calls: Vec<ChatCall<'a>> = "tool_calls",
        summary: Vec<Part<'a>> = "summary",
        encrypted_content: Text<'a> = "encrypted_content",
    }

    /// A call in the form that Chat has.
    pub(super) struct ChatCall<'a> {
        id: Text<'a> = "id",
        kind: Text<'a> = "type",
        index: Count = "index",
        function: ChatFunction<'a> = "function",
    }

    pub(super) struct ChatFunction<'a> {
        name: Text<'a> = "name",
        arguments: &'a RawValue = "arguments",
    }

    /// A part of an item's content.
    pub(super) struct Part<'a> {
        kind: Text<'a> = "type",
        text: Text<'a> = "text",
        refusal: Text<'a> = "refusal",
        image_url: &'a RawValue = "image_url",
        detail: Text<'a> = "detail",
        file_id: Text<'a> = "file_id",
        file_data: Text<'a> = "file_data",
        file_url: Text<'a> = "file_url",
        filename: Text<'a> = "filename",
        input_audio: Audio<'a> = "input_audio",
    }

    pub(super) struct Audio<'a> {
        data: Text<'a> = "data",
        format: Text<'a> = "format",
    }

    pub(super) struct Address<'a> {
        url: Text<'a> = "url",
        detail: Text<'a> = "detail",
    }

    /// A tool: flat, or nested as Chat has it.
    pub(super) struct ToolMembers<'a> {
        kind: Text<'a> = "type",
        name: Text<'a> = "name",
        description: Text<'a> = "description",
        parameters: &'a RawValue = "parameters",
        strict: bool = "strict",
        format: &'a RawValue = "format",
        function: Nested<'a> = "function",
        custom: Nested<'a> = "custom",
        tools: Vec<&'a RawValue> = "tools",
        execution: Text<'a> = "execution",
        filters: Filters<'a> = "filters",
        user_location: &'a RawValue = "user_location",
        container: &'a RawValue = "container",
    }

    pub(super) struct Nested<'a> {
        name: Text<'a> = "name",
        description: Text<'a> = "description",
        parameters: &'a RawValue = "parameters",
        strict: bool = "strict",
        format: &'a RawValue = "format",
    }

    pub(super) struct Filters<'a> {
        allowed_domains: Vec<Text<'a>> = "allowed_domains",
        blocked_domains: Vec<Text<'a>> = "blocked_domains",
    }

    pub(super) struct Choice<'a> {
        kind: Text<'a> = "type",
        name: Text<'a> = "name",
        namespace: Text<'a> = "namespace",
        function: Named<'a> = "function",
        custom: Named<'a> = "custom",
        mode: Text<'a> = "mode",
        tools: Vec<&'a RawValue> = "tools",
    }

    pub(super) struct Named<'a> {
        name: Text<'a> = "name",
    }
}

/// A fault of the member at this path.
pub(super) fn bad(path: &str, message: impl Into<String>) -> Fault {
    let mut fault = Fault::new(FaultKind::BadRequest, message);
    fault.param = Some(path.to_owned());
    fault
}

/// A string, or the JSON of anything else.
pub(super) fn text_or_json(raw: &RawValue) -> Cow<'_, str> {
    match serde_json::from_str::<Text<'_>>(raw.get()) {
        Ok(text) => text.0,
        Err(_) => Cow::Borrowed(raw.get()),
    }
}
