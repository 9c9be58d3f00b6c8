//! Writes `generationConfig`: limits, sampling, the reply's shape, how hard to think.

use serde_json::value::RawValue;

use super::{clean, render::dropped};
use crate::{
    Action, Capabilities, Effort, Format, Ledger, Reason, Reasoning, SamplingSupport, Target, Turn,
    json::{Object, write_list, write_str},
    thinking::{self, Setting},
};

/// Most stop texts that Gemini takes.
const MAX_STOPS: usize = 5;
/// Highest temperature that any model takes.
const MAX_TEMPERATURE: f64 = 2.0;

/// How the reply's shape is asked for.
pub(super) struct ReplyShape<'a> {
    /// Whether the provider is held to JSON.
    json: bool,
    /// The schema that it is held to.
    schema: Option<&'a RawValue>,
    /// What it is told in words, where it cannot be held to it: JSON, perhaps by a schema.
    told: Option<Option<&'a RawValue>>,
}

impl<'a> ReplyShape<'a> {
    pub(super) fn of(turn: &Turn<'a>, caps: &Capabilities, ledger: &mut Ledger) -> Self {
        let schema = match turn.format {
            None => {
                return Self {
                    json: false,
                    schema: None,
                    told: None,
                };
            }
            Some(Format::JsonObject) => None,
            Some(Format::JsonSchema { schema, .. }) => Some(schema),
        };
        // Older models refuse any shape while functions are offered.
        let json = turn.tools.is_empty() || caps.json_schema_with_tools != Some(false);
        let held = json && (schema.is_none() || caps.json_schema != Some(false));
        if !held {
            ledger.note(turn.words.format, Action::Emulated, Reason::ModelCapability);
        }
        Self {
            json,
            schema: schema.filter(|_| held),
            told: (!held).then_some(schema),
        }
    }

    /// What the model is told in words.
    pub(super) fn instruction(&self) -> Option<String> {
        self.told.map(Format::in_words)
    }
}

/// Writes the member, if there is anything to say.
pub(super) fn write_config(
    turn: &Turn<'_>,
    target: &Target<'_>,
    shape: &ReplyShape<'_>,
    top: &mut Object<'_>,
    ledger: &mut Ledger,
) {
    let mut config = Vec::new();
    let mut object = Object::begin(&mut config);
    if let Some(wanted) = turn.max_output {
        let allowed = wanted.min(target.caps.max_output.unwrap_or(u64::MAX));
        if allowed < wanted {
            ledger.note(
                turn.words.max_output,
                Action::Clamped,
                Reason::ModelCapability,
            );
        }
        object.int("maxOutputTokens", allowed);
    }
    write_sampling(turn, target, &mut object, ledger);
    write_shape(turn, shape, &mut object, ledger);
    write_thinking(turn, target, &mut object, ledger);
    object.end();
    if config.len() > "{}".len() {
        top.key("generationConfig").extend_from_slice(&config);
    }
}

fn write_sampling(
    turn: &Turn<'_>,
    target: &Target<'_>,
    config: &mut Object<'_>,
    ledger: &mut Ledger,
) {
    let (sampling, words) = (&turn.sampling, turn.words);
    let some = target.caps.sampling != SamplingSupport::None;
    let one_of = target.caps.sampling == SamplingSupport::OneOf;
    let most = target.caps.temperature_max.unwrap_or(MAX_TEMPERATURE);
    let temperature = sampling.temperature.map(|wanted| {
        let allowed = wanted.clamp(0.0, most.max(0.0));
        if some && allowed.to_bits() != wanted.to_bits() {
            ledger.note(words.temperature, Action::Clamped, Reason::Limit);
        }
        allowed
    });
    let top_p = some && !(one_of && temperature.is_some());
    for (path, member, value, takes) in [
        (words.temperature, "temperature", temperature, some),
        (words.top_p, "topP", sampling.top_p, top_p),
        (
            words.presence_penalty,
            "presencePenalty",
            sampling.presence_penalty,
            some,
        ),
        (
            words.frequency_penalty,
            "frequencyPenalty",
            sampling.frequency_penalty,
            some,
        ),
    ] {
        match value {
            Some(value) if takes => config.number(member, value),
            Some(_) => ledger.note(path, Action::Dropped, Reason::ModelCapability),
            None => {}
        }
    }
    match sampling.top_k {
        Some(top_k) if some => config.int("topK", top_k),
        Some(_) => ledger.note(words.top_k, Action::Dropped, Reason::ModelCapability),
        None => {}
    }
    match sampling.seed.map(i32::try_from) {
        None => {}
        Some(Ok(seed)) => config.int("seed", seed),
        Some(Err(_)) => ledger.note(words.seed, Action::Dropped, Reason::Limit),
    }
    if sampling.stop.len() > MAX_STOPS {
        ledger.note(words.stop, Action::Clamped, Reason::Limit);
    }
    if !sampling.stop.is_empty() {
        let stops = sampling.stop.iter().take(MAX_STOPS);
        write_list(config.key("stopSequences"), stops, |out, stop| {
            write_str(out, stop)
        });
    }
    if let Some(most) = turn.logprobs {
        config.bool("responseLogprobs", true);
        if most > 0 {
            config.int("logprobs", most);
        }
    }
}

fn write_shape(
    turn: &Turn<'_>,
    shape: &ReplyShape<'_>,
    config: &mut Object<'_>,
    ledger: &mut Ledger,
) {
    if !shape.json {
        return;
    }
    config.text("responseMimeType", "application/json");
    let Some(schema) = shape.schema else { return };
    if clean::write_json_schema(schema.get(), config.key("responseJsonSchema")) {
        ledger.note(
            turn.words.format,
            Action::Approximated,
            Reason::SchemaSubset,
        );
    }
    if let Some(Format::JsonSchema {
        description: Some(_),
        ..
    }) = turn.format
    {
        dropped(ledger, format!("{}.description", turn.words.format));
    }
}

fn write_thinking(
    turn: &Turn<'_>,
    target: &Target<'_>,
    config: &mut Object<'_>,
    ledger: &mut Ledger,
) {
    let Some(wanted) = turn.reasoning else { return };
    let support = target.caps.thinking.as_ref();
    let steered = thinking::steer(wanted, support);
    if let Some(action) = steered.loss {
        ledger.note(turn.words.reasoning, action, Reason::ModelCapability);
    }
    let Some(setting) = steered.setting else {
        return;
    };
    let mut thinking = Object::begin(config.key("thinkingConfig"));
    match setting {
        Setting::Off => thinking.int("thinkingBudget", 0),
        Setting::Budget(tokens) => thinking.int("thinkingBudget", tokens),
        // A model without budgets decides for itself when it is told nothing.
        Setting::Dynamic if support.is_some_and(|support| support.budget.is_none()) => {}
        Setting::Dynamic => thinking.int("thinkingBudget", -1),
        Setting::Level(effort) => {
            let (word, exact) = level(effort);
            if !exact {
                ledger.note(turn.words.reasoning, Action::Approximated, Reason::Dialect);
            }
            thinking.text("thinkingLevel", word);
        }
    }
    let unwanted = matches!(
        wanted,
        Reasoning::Effort(Effort::None) | Reasoning::Budget(0)
    );
    if !unwanted {
        // Otherwise the thoughts would be paid for and not shown.
        thinking.bool("includeThoughts", true);
    }
    thinking.end();
}

/// Gemini's word for a level, and whether it means the same.
fn level(effort: Effort) -> (&'static str, bool) {
    match effort {
        Effort::None => ("MINIMAL", false),
        Effort::Minimal => ("MINIMAL", true),
        Effort::Low => ("LOW", true),
        Effort::Medium => ("MEDIUM", true),
        Effort::High => ("HIGH", true),
        Effort::Xhigh | Effort::Max => ("HIGH", false),
    }
}
