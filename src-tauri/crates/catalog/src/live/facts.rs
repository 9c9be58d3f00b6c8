//! The members by which providers tell the same facts.

use std::collections::BTreeSet;

use byokey_wire::{Dialect, Effort};
use serde_json::Value;

use super::LiveModel;
use crate::{Modality, Mode};

/// What an entry says of the model `id`; `None` when it is not offered to this account.
pub(super) fn of(id: &str, entry: &Value) -> Option<LiveModel> {
    if id.is_empty() || is_withheld(entry) {
        return None;
    }
    let text = |names: &[&str]| at(entry, names)?.as_str().map(str::to_owned);
    let number = |names: &[&str]| at(entry, names).and_then(whole).filter(|count| *count > 0);
    let levels = levels(entry);
    let thinking = at(
        entry,
        &[
            "/thinking",
            "/supports_reasoning",
            "/supportsThinking",
            "/capabilities/thinking/supported",
            "/capabilities/reasoning",
        ],
    );
    Some(LiveModel {
        id: id.to_owned(),
        name: text(&["/display_name", "/displayName", "/modelName", "/name"])
            .filter(|name| !name.is_empty() && !name.starts_with("models/")),
        mode: mode(id, entry),
        context: number(&[
            "/capabilities/limits/max_context_window_tokens",
            "/context_length",
            "/context_window",
            "/max_context_length",
            "/max_input_tokens",
            "/inputTokenLimit",
            "/tokenLimits/maxInputTokens",
            "/maxTokens",
        ]),
        max_output: number(&[
            "/capabilities/limits/max_output_tokens",
            "/top_provider/max_completion_tokens",
            "/max_completion_tokens",
            "/max_output_tokens",
            "/max_tokens",
            "/outputTokenLimit",
            "/maxOutputTokens",
        ]),
        input: input(entry),
        tools: at(
            entry,
            &[
                "/capabilities/supports/tool_calls",
                "/capabilities/function_calling",
                "/capabilities/trained_for_tool_use",
                "/supports_tool_use",
            ],
        )
        .and_then(Value::as_bool)
        .or_else(|| parameters(entry)?.contains(&"tools").into()),
        reasoning: thinking
            .and_then(Value::as_bool)
            .or_else(|| levels.as_ref().map(|levels| !levels.is_empty()))
            .or_else(|| parameters(entry)?.contains(&"reasoning").into()),
        levels,
        budget: budget(entry),
        adaptive: at(
            entry,
            &[
                "/capabilities/supports/adaptive_thinking",
                "/capabilities/thinking/types/adaptive/supported",
                "/capabilities/thinking/types/adaptive",
            ],
        )
        .and_then(Value::as_bool),
        json_schema: at(
            entry,
            &[
                "/capabilities/supports/structured_outputs",
                "/capabilities/structured_outputs/supported",
                "/capabilities/structured_outputs",
            ],
        )
        .and_then(Value::as_bool),
        dialects: dialects(entry),
        created_s: created(entry),
    })
}

/// The first of these places that holds a value.
fn at<'v>(entry: &'v Value, places: &[&str]) -> Option<&'v Value> {
    let mut found = places.iter().filter_map(|place| entry.pointer(place));
    found.find(|value| !value.is_null())
}

/// A count, also one that is written as text.
fn whole(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

/// Models that stand in the list but not for this account's use.
fn is_withheld(entry: &Value) -> bool {
    let text = |place| entry.pointer(place).and_then(Value::as_str);
    let flag = |place| entry.pointer(place).and_then(Value::as_bool);
    text("/visibility").is_some_and(|visibility| visibility != "list")
        || flag("/model_picker_enabled") == Some(false)
        || text("/policy/state") == Some("disabled")
        || flag("/active") == Some(false)
        || flag("/archived") == Some(true)
}

fn mode(id: &str, entry: &Value) -> Option<Mode> {
    let methods = entry
        .get("supportedGenerationMethods")
        .and_then(Value::as_array);
    if let Some(methods) = methods {
        let has = |name: &str| methods.iter().any(|method| method == name);
        return if has("generateContent") {
            Some(Mode::Chat)
        } else if has("embedContent") {
            Some(Mode::Embedding)
        } else if has("bidiGenerateContent") {
            Some(Mode::Realtime)
        } else {
            Some(Mode::Image)
        };
    }
    if entry.get("can_do_text_to_speech").and_then(Value::as_bool) == Some(true) {
        return Some(Mode::Speech);
    }
    if entry.pointer("/capabilities/completion_chat") == Some(&Value::Bool(true)) {
        return Some(Mode::Chat);
    }
    let outputs = entry
        .pointer("/architecture/output_modalities")
        .or_else(|| entry.get("outputModalities"));
    if let Some(outputs) = outputs.and_then(Value::as_array) {
        let has = |name: &str| {
            let mut outputs = outputs.iter().filter_map(Value::as_str);
            outputs.any(|output| output.eq_ignore_ascii_case(name))
        };
        return match () {
            () if has("text") => Some(Mode::Chat),
            () if has("image") => Some(Mode::Image),
            () if has("embedding") || has("embeddings") => Some(Mode::Embedding),
            () if has("audio") || has("speech") => Some(Mode::Speech),
            () => None,
        };
    }
    let kind = at(entry, &["/capabilities/type", "/type"]).and_then(Value::as_str);
    match kind {
        Some("chat" | "llm" | "language") => Some(Mode::Chat),
        Some("embedding" | "embeddings") => Some(Mode::Embedding),
        Some("completion") => Some(Mode::Completion),
        Some("image") => Some(Mode::Image),
        Some("audio") => Some(Mode::Speech),
        Some("transcribe") => Some(Mode::Transcription),
        _ => mode_by_name(id),
    }
}

/// OpenAI's list names everything alike; what a name alone gives away keeps it out of the chat list.
fn mode_by_name(id: &str) -> Option<Mode> {
    let id = id.rsplit('/').next().unwrap_or(id).to_ascii_lowercase();
    const NAMES: [(&str, Mode); 13] = [
        ("embed", Mode::Embedding),
        ("whisper", Mode::Transcription),
        ("transcribe", Mode::Transcription),
        ("tts", Mode::Speech),
        ("dall-e", Mode::Image),
        ("gpt-image", Mode::Image),
        ("image-preview", Mode::Image),
        ("sora", Mode::Image),
        ("realtime", Mode::Realtime),
        ("moderation", Mode::Completion),
        ("davinci-002", Mode::Completion),
        ("babbage-002", Mode::Completion),
        ("-instruct-0914", Mode::Completion),
    ];
    let found = NAMES.iter().find(|(part, _)| id.contains(part));
    found.map(|(_, mode)| *mode)
}

fn input(entry: &Value) -> Option<BTreeSet<Modality>> {
    let listed = at(
        entry,
        &["/architecture/input_modalities", "/inputModalities"],
    );
    if let Some(listed) = listed.and_then(Value::as_array) {
        let word = |value: &Value| match value.as_str()?.to_ascii_lowercase().as_str() {
            "text" => Some(Modality::Text),
            "image" => Some(Modality::Image),
            "file" | "pdf" => Some(Modality::Pdf),
            "audio" | "speech" => Some(Modality::Audio),
            "video" => Some(Modality::Video),
            _ => None,
        };
        return Some(listed.iter().filter_map(word).collect());
    }
    let flags: [(&[&str], Modality); 3] = [
        (
            &[
                "/capabilities/supports/vision",
                "/capabilities/vision",
                "/capabilities/image_input/supported",
                "/capabilities/image_input",
                "/supports_image_in",
                "/supportsImages",
            ],
            Modality::Image,
        ),
        (
            &[
                "/capabilities/pdf_input/supported",
                "/capabilities/pdf_input",
            ],
            Modality::Pdf,
        ),
        (&["/supports_video_in"], Modality::Video),
    ];
    let told: Vec<_> = flags
        .iter()
        .filter_map(|(places, kind)| Some((at(entry, places)?.as_bool()?, *kind)))
        .collect();
    if told.is_empty() {
        return None;
    }
    let has = told
        .into_iter()
        .filter(|(has, _)| *has)
        .map(|(_, kind)| kind);
    Some(std::iter::once(Modality::Text).chain(has).collect())
}

/// OpenRouter's names of the request members that a model takes.
fn parameters(entry: &Value) -> Option<Vec<&str>> {
    let listed = entry.get("supported_parameters")?.as_array()?;
    Some(listed.iter().filter_map(Value::as_str).collect())
}

fn levels(entry: &Value) -> Option<Vec<Effort>> {
    // Anthropic has a flag for each level.
    let mut levels: Vec<Effort> = match entry.pointer("/capabilities/effort") {
        Some(Value::Object(flags)) => {
            let on = |flag: &Value| flag.as_bool().or_else(|| flag.get("supported")?.as_bool());
            let given = flags.iter().filter(|(_, flag)| on(flag) == Some(true));
            given.filter_map(|(name, _)| effort(name)).collect()
        }
        _ => {
            let listed = at(
                entry,
                &[
                    "/supported_reasoning_levels",
                    "/capabilities/supports/reasoning_effort",
                    "/think_efforts/valid_efforts",
                ],
            )?;
            let word = |value: &Value| {
                let word = value.as_str().or_else(|| value.get("effort")?.as_str());
                word.and_then(effort)
            };
            listed.as_array()?.iter().filter_map(word).collect()
        }
    };
    levels.sort_unstable();
    Some(levels)
}

fn effort(word: &str) -> Option<Effort> {
    serde_json::from_value(Value::from(word)).ok()
}

fn budget(entry: &Value) -> Option<(u64, u64)> {
    let supports = entry.pointer("/capabilities/supports")?;
    let number = |name| supports.get(name).and_then(whole);
    Some((
        number("min_thinking_budget").unwrap_or(1024),
        number("max_thinking_budget")?,
    ))
}

fn dialects(entry: &Value) -> Option<Vec<Dialect>> {
    let listed = entry.get("supported_endpoints")?.as_array()?;
    let word = |value: &Value| match value.as_str()? {
        "/chat/completions" => Some(Dialect::Chat),
        "/responses" => Some(Dialect::Responses),
        "/v1/messages" => Some(Dialect::Messages),
        _ => None,
    };
    Some(listed.iter().filter_map(word).collect())
}

fn created(entry: &Value) -> Option<i64> {
    let value = at(entry, &["/created", "/created_at"])?;
    value.as_i64().filter(|seconds| *seconds > 0).or_else(|| {
        let day = value.as_str()?.get(..10)?;
        Some(crate::Date::parse(day)?.seconds())
    })
}
