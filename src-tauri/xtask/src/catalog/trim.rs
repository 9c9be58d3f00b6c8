//! What of the package's data file goes into the snapshot, and in which members and units.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::Models;

/// The source's provider names, byokey's, and what the source puts before an id.
const PROVIDERS: &[(&str, &str, &str)] = &[
    ("anthropic", "claude", ""),
    ("azure", "azure-openai", "azure/"),
    ("bedrock_mantle", "bedrock", "bedrock_mantle/"),
    ("dashscope", "alibaba", "dashscope/"),
    ("deepgram", "deepgram", "deepgram/"),
    ("deepseek", "deepseek", "deepseek/"),
    ("elevenlabs", "elevenlabs", "elevenlabs/"),
    ("gemini", "gemini", "gemini/"),
    ("github_copilot", "copilot", "github_copilot/"),
    ("groq", "groq", "groq/"),
    ("mistral", "mistral", "mistral/"),
    ("moonshot", "moonshot", "moonshot/"),
    ("openai", "openai", ""),
    ("together_ai", "together", "together_ai/"),
    ("xai", "xai", "xai/"),
    ("zai", "zai", "zai/"),
];

/// Providers whose ids hold a `/` of their own. Elsewhere it marks a size, quality or region of a
/// model that is listed without it, too.
const SLASHED: &[&str] = &["groq", "together"];

/// Keeps byokey's providers, usable models and the members it reads.
pub(super) fn trim(source: &Map<String, Value>, today: &str) -> BTreeMap<String, Models> {
    let mut kept: BTreeMap<String, Models> = BTreeMap::new();
    for (key, entry) in source {
        let Some(entry) = entry.as_object() else {
            continue;
        };
        let named = entry.get("litellm_provider").and_then(Value::as_str);
        let Some(&(_, provider, prefix)) = PROVIDERS.iter().find(|row| Some(row.0) == named) else {
            continue;
        };
        let Some(id) = key.strip_prefix(prefix) else {
            continue;
        };
        let variant = id.contains('/') && !SLASHED.contains(&provider);
        let fine_tuned = id.starts_with("ft:");
        let ended = text(entry, "deprecation_date").is_some_and(|date| *date < *today);
        if variant || fine_tuned || ended {
            continue;
        }
        if let Some(model) = model(entry) {
            kept.entry(provider.to_owned())
                .or_default()
                .insert(id.to_owned(), model);
        }
    }
    for models in kept.values_mut() {
        drop_dated_twins(models);
    }
    kept
}

/// A dated id that says the same as the undated one is found through it.
fn drop_dated_twins(models: &mut Models) {
    let twins: Vec<String> = models
        .iter()
        .filter(|(id, model)| {
            undated(id).is_some_and(|plain| {
                models.get(plain).is_some_and(|other| {
                    let but_end = |(name, _): &(&String, &Value)| *name != "deprecated";
                    other
                        .iter()
                        .filter(but_end)
                        .eq(model.iter().filter(but_end))
                })
            })
        })
        .map(|(id, _)| id.clone())
        .collect();
    for id in twins {
        models.remove(&id);
    }
}

/// An id without `-YYYYMMDD` or `-YYYY-MM-DD`, the forms in which the catalogue finds it.
fn undated(id: &str) -> Option<&str> {
    let (plain, date) = id.find("-20").map(|at| id.split_at(at))?;
    let digits = date.bytes().filter(u8::is_ascii_digit).count();
    let dashes = date.bytes().filter(|&byte| byte == b'-').count();
    (digits == 8 && matches!((dashes, date.len()), (1, 9) | (3, 11))).then_some(plain)
}

/// One model with the members the catalogue reads; `None` for what byokey cannot serve.
fn model(entry: &Map<String, Value>) -> Option<Map<String, Value>> {
    let mode = match text(entry, "mode")? {
        "chat" => None,
        "responses" => Some("responses"),
        "completion" => Some("completion"),
        "embedding" => Some("embedding"),
        "audio_speech" => Some("speech"),
        "audio_transcription" => Some("transcription"),
        "image_generation" => Some("image"),
        "realtime" => Some("realtime"),
        _ => return None,
    };
    let context = whole(entry, "max_input_tokens");
    // A limit as large as the window is the source's way to say that it knows none.
    let output =
        whole(entry, "max_output_tokens").filter(|output| context.is_none_or(|c| *output < c));
    let mut model = Map::new();
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            model.insert(name.to_owned(), value);
        }
    };
    put("mode", mode.map(Value::from));
    put("context", context.map(Value::from));
    put("max_output", output.map(Value::from));
    put("input", input(entry));
    put(
        "tools",
        flag(entry, "supports_function_calling").then_some(true.into()),
    );
    put(
        "reasoning",
        flag(entry, "supports_reasoning").then_some(true.into()),
    );
    put("caps", caps(entry));
    put("price", price(entry));
    put(
        "deprecated",
        text(entry, "deprecation_date").map(Value::from),
    );
    Some(model)
}

/// What a prompt may hold, when it is more than text.
fn input(entry: &Map<String, Value>) -> Option<Value> {
    let kinds = [
        ("supports_vision", "image"),
        ("supports_pdf_input", "pdf"),
        ("supports_audio_input", "audio"),
        ("supports_video_input", "video"),
    ];
    let more = kinds
        .iter()
        .filter(|(name, _)| flag(entry, name))
        .map(|(_, kind)| *kind);
    let all: Vec<&str> = std::iter::once("text").chain(more).collect();
    (all.len() > 1).then(|| all.into())
}

/// Capabilities of which the source knows something.
fn caps(entry: &Map<String, Value>) -> Option<Value> {
    let known = |name: &str| entry.get(name).and_then(Value::as_bool);
    let mut caps = Map::new();
    if known("supports_sampling_params") == Some(false) {
        caps.insert("sampling".to_owned(), "none".into());
    }
    if let Some(prefill) = known("supports_assistant_prefill") {
        caps.insert("prefill".to_owned(), prefill.into());
    }
    if known("supports_mid_conversation_system") == Some(true) {
        caps.insert("mid_system".to_owned(), true.into());
    }
    if let Some(schema) = known("supports_response_schema") {
        caps.insert("json_schema".to_owned(), schema.into());
    }
    if let Some(levels) = entry
        .get("reasoning_effort_levels")
        .filter(|levels| levels.is_array())
    {
        caps.insert("thinking".to_owned(), json!({ "levels": levels }));
    }
    (!caps.is_empty()).then_some(Value::Object(caps))
}

/// Prices: tokens per million, everything else per piece.
fn price(entry: &Map<String, Value>) -> Option<Value> {
    let mut price = tokens(entry, "");
    let audio = [
        ("audio_input", "input_cost_per_audio_token"),
        ("audio_output", "output_cost_per_audio_token"),
    ];
    for (name, key) in audio {
        put_price(&mut price, name, number(entry, key), 1e6);
    }
    let pieces: [(&str, &[&str]); 3] = [
        (
            "second",
            &["input_cost_per_second", "output_cost_per_second"],
        ),
        (
            "character",
            &["input_cost_per_character", "output_cost_per_character"],
        ),
        ("image", &["output_cost_per_image"]),
    ];
    for (name, keys) in pieces {
        let value = keys
            .iter()
            .filter_map(|key| number(entry, key))
            .find(|value| *value > 0.0);
        put_price(&mut price, name, value, 1.0);
    }
    if let Some(above) = long_from(entry) {
        let mut long = tokens(entry, &format!("_above_{above}k_tokens"));
        if !long.is_empty() {
            long.insert("above".to_owned(), (above * 1000).into());
            price.insert("long".to_owned(), Value::Object(long));
        }
    }
    (!price.is_empty()).then_some(Value::Object(price))
}

/// The four token prices of one tier. A cache write of 0 beside a priced prompt means that writing
/// is not billed apart, so it is left out.
fn tokens(entry: &Map<String, Value>, tier: &str) -> Map<String, Value> {
    let of = |name: &str| number(entry, &format!("{name}{tier}"));
    let write = of("cache_creation_input_token_cost").filter(|value| *value > 0.0);
    let rows = [
        ("input", of("input_cost_per_token")),
        ("output", of("output_cost_per_token")),
        ("cache_read", of("cache_read_input_token_cost")),
        ("cache_write", write),
    ];
    let mut price = Map::new();
    for (name, value) in rows {
        put_price(&mut price, name, value, 1e6);
    }
    price
}

/// Thousands of prompt tokens from which the long price holds; the lowest step where there are
/// several.
fn long_from(entry: &Map<String, Value>) -> Option<u64> {
    let step = |name: &String| {
        name.strip_prefix("input_cost_per_token_above_")?
            .strip_suffix("k_tokens")?
            .parse()
            .ok()
    };
    entry.keys().filter_map(step).min()
}

fn put_price(price: &mut Map<String, Value>, name: &str, value: Option<f64>, times: f64) {
    if let Some(value) = value {
        // Nine decimals are far below a cent and hide what multiplication adds.
        price.insert(
            name.to_owned(),
            ((value * times * 1e9).round() / 1e9).into(),
        );
    }
}

fn text<'a>(entry: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    entry.get(name).and_then(Value::as_str)
}

fn number(entry: &Map<String, Value>, name: &str) -> Option<f64> {
    entry.get(name).and_then(Value::as_f64)
}

/// A count; the source writes some of them with a decimal point.
fn whole(entry: &Map<String, Value>, name: &str) -> Option<u64> {
    number(entry, name)
        .filter(|count| *count >= 1.0)
        .map(|count| count as u64)
}

fn flag(entry: &Map<String, Value>, name: &str) -> bool {
    entry.get(name).and_then(Value::as_bool) == Some(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Map<String, Value> {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn keeps_own_providers_and_prices_per_million() {
        let source = source(
            r#"{
            "claude-x": {"litellm_provider":"anthropic","mode":"chat","input_cost_per_token":4e-06,
              "output_cost_per_token":2e-05,"cache_read_input_token_cost":2e-07,
              "cache_creation_input_token_cost":0.0,"max_input_tokens":1000.0,"max_output_tokens":1000,
              "input_cost_per_token_above_200k_tokens":8e-06,"supports_vision":true},
            "claude-x-20260101": {"litellm_provider":"anthropic","mode":"chat","deprecation_date":"2099-01-01",
              "input_cost_per_token":4e-06,"output_cost_per_token":2e-05,"cache_read_input_token_cost":2e-07,
              "max_input_tokens":1000,"max_output_tokens":1000,
              "input_cost_per_token_above_200k_tokens":8e-06,"supports_vision":true},
            "claude-gone": {"litellm_provider":"anthropic","mode":"chat","deprecation_date":"2026-01-01"},
            "gemini-x": {"litellm_provider":"gemini","mode":"chat"},
            "high/gpt-image": {"litellm_provider":"openai","mode":"image_generation"},
            "video": {"litellm_provider":"openai","mode":"video_generation"},
            "other/m": {"litellm_provider":"other","mode":"chat"}}"#,
        );
        let kept = trim(&source, "2026-11-21");
        let ids: Vec<&String> = kept.values().flat_map(BTreeMap::keys).collect();
        assert_eq!(ids, ["claude-x"]);
        let expected = json!({
            "context": 1000, "input": ["text", "image"],
            "price": {"input": 4.0, "output": 20.0, "cache_read": 0.2, "long": {"above": 200_000, "input": 8.0}}
        });
        assert_eq!(Value::Object(kept["claude"]["claude-x"].clone()), expected);
    }

    #[test]
    fn knows_dated_ids() {
        assert_eq!(undated("claude-x-20260101"), Some("claude-x"));
        assert_eq!(undated("gpt-4o-2024-08-06"), Some("gpt-4o"));
        for plain in [
            "claude-x",
            "grok-4.20-0309",
            "m-2024",
            "m-2024-08-06-preview",
            "m-20240806x",
        ] {
            assert_eq!(undated(plain), None, "{plain}");
        }
    }
}
