//! What the items of a reply and their parts are to the hub.

use super::super::frame::{ItemMembers, PartMembers};

/// What an item is to the hub.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Message,
    Reasoning,
    /// A call with JSON arguments.
    Call,
    /// A call with free text.
    TextCall,
    /// A picture.
    Image,
    /// Anything else; passed over.
    Other,
}

/// What a part of an item is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PartKind {
    Text,
    Refusal,
    /// A summary of reasoning.
    Summary,
    /// Reasoning as it was.
    Reasoning,
}

impl Kind {
    pub(super) fn named(item: &ItemMembers<'_>) -> Self {
        match item.kind.as_ref().and_then(|kind| kind.as_str()) {
            Some("message") => Self::Message,
            Some("reasoning") => Self::Reasoning,
            Some("function_call") => Self::Call,
            Some("custom_tool_call") => Self::TextCall,
            Some("image_generation_call") => Self::Image,
            _ => Self::Other,
        }
    }

    /// Whose arguments an event brings, and whether it brings all of them.
    pub(super) fn of_event(event: &str) -> Option<(Self, bool)> {
        Some(match event {
            "function_call_arguments.delta" => (Self::Call, false),
            "function_call_arguments.done" => (Self::Call, true),
            "custom_tool_call_input.delta" => (Self::TextCall, false),
            "custom_tool_call_input.done" => (Self::TextCall, true),
            _ => return None,
        })
    }
}

impl PartKind {
    pub(super) fn named(part: &PartMembers<'_>) -> Option<Self> {
        Some(match part.kind.as_ref().and_then(|kind| kind.as_str())? {
            "output_text" | "text" => Self::Text,
            "refusal" => Self::Refusal,
            "summary_text" => Self::Summary,
            "reasoning_text" => Self::Reasoning,
            _ => return None,
        })
    }

    /// Which part an event brings text of, and whether it brings all of it.
    pub(super) fn of_event(event: &str) -> Option<(Self, bool)> {
        Some(match event {
            "output_text.delta" => (Self::Text, false),
            "output_text.done" => (Self::Text, true),
            "refusal.delta" => (Self::Refusal, false),
            "refusal.done" => (Self::Refusal, true),
            "reasoning_summary_text.delta" => (Self::Summary, false),
            "reasoning_summary_text.done" => (Self::Summary, true),
            "reasoning_text.delta" => (Self::Reasoning, false),
            "reasoning_text.done" => (Self::Reasoning, true),
            _ => return None,
        })
    }

    /// The kind of item that has such parts.
    pub(super) fn of_item(self) -> Kind {
        match self {
            Self::Text | Self::Refusal => Kind::Message,
            Self::Summary | Self::Reasoning => Kind::Reasoning,
        }
    }
}
