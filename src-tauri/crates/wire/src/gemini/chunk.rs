//! The members of what a provider says: a reply, or a chunk of one, which looks the same.

use serde_json::value::RawValue;

use super::body::Many;
use crate::json::{Count, Text, fields};

fields! {
    /// A chunk.
    pub(super) struct Chunk<'a> {
        /// Code Assist's envelope.
        response: Box<Chunk<'a>> = "response",
        trace_id: Text<'a> = "traceId",
        candidates: Vec<Candidate<'a>> = "candidates",
        feedback: Feedback<'a> = "promptFeedback",
        usage: &'a RawValue = "usageMetadata",
        model: Text<'a> = "modelVersion",
        id: Text<'a> = "responseId",
        error: &'a RawValue = "error",
    }

    pub(super) struct Feedback<'a> {
        reason: Text<'a> = "blockReason",
    }

    pub(super) struct Candidate<'a> {
        index: Count = "index",
        content: Content<'a> = "content",
        finish: Text<'a> = "finishReason",
        message: Text<'a> = "finishMessage",
        grounding: &'a RawValue = "groundingMetadata",
        citations: &'a RawValue = "citationMetadata",
        logprobs: Logprobs<'a> = "logprobsResult",
    }

    pub(super) struct Content<'a> {
        parts: Many<Part<'a>> = "parts",
    }

    pub(super) struct Part<'a> {
        text: Text<'a> = "text",
        thought: bool = "thought",
        signature: Text<'a> = "thoughtSignature",
        call: Called<'a> = "functionCall",
        inline: Blob<'a> = "inlineData",
    }

    pub(super) struct Blob<'a> {
        mime: Text<'a> = "mimeType",
        data: Text<'a> = "data",
    }

    pub(super) struct Called<'a> {
        id: Text<'a> = "id",
        name: Text<'a> = "name",
        args: &'a RawValue = "args",
        /// Pieces of the arguments (Vertex, on request).
        partial: Vec<Piece<'a>> = "partialArgs",
        more: bool = "willContinue",
    }

    /// A value, or more of one, at a place in the arguments.
    pub(super) struct Piece<'a> {
        path: Text<'a> = "jsonPath",
        text: Text<'a> = "stringValue",
        number: &'a RawValue = "numberValue",
        truth: bool = "boolValue",
        more: bool = "willContinue",
    }

    /// Probabilities of the chosen tokens and, for each, of the likeliest ones.
    pub(super) struct Logprobs<'a> {
        chosen: Vec<Token<'a>> = "chosenCandidates",
        top: Vec<TopTokens<'a>> = "topCandidates",
    }

    pub(super) struct TopTokens<'a> {
        tokens: Vec<Token<'a>> = "candidates",
    }

    pub(super) struct Token<'a> {
        token: Text<'a> = "token",
        logprob: &'a RawValue = "logProbability",
    }

    pub(super) struct Grounding<'a> {
        chunks: Vec<Source<'a>> = "groundingChunks",
        supports: Vec<Support<'a>> = "groundingSupports",
    }

    pub(super) struct Source<'a> {
        web: Web<'a> = "web" | "retrievedContext" | "maps",
    }

    pub(super) struct Web<'a> {
        uri: Text<'a> = "uri",
        title: Text<'a> = "title",
        text: Text<'a> = "text",
    }

    pub(super) struct Support<'a> {
        segment: Segment<'a> = "segment",
        chunks: Vec<Count> = "groundingChunkIndices",
    }

    pub(super) struct Segment<'a> {
        start: Count = "startIndex",
        end: Count = "endIndex",
        /// Only borrows; the words are the reply's own.
        text: Text<'a> = "text",
    }

    pub(super) struct Citations<'a> {
        sources: Vec<Cited<'a>> = "citationSources" | "citations",
    }

    pub(super) struct Cited<'a> {
        start: Count = "startIndex",
        end: Count = "endIndex",
        uri: Text<'a> = "uri",
        title: Text<'a> = "title",
    }
}
