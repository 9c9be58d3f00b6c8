//! One model in the words of each dialect. Facts that nobody tells are left out, never guessed.

use byokey_catalog::Modality;
use byokey_wire::{Dialect, Effort};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::ModelFacts;

/// Programs want a date; a model's own is not always known, and then it is this one.
const CREATED_S: i64 = 1_735_689_600;

/// The model in this dialect's list.
pub(super) fn row(facts: &ModelFacts, dialect: Dialect) -> Value {
    match dialect {
        Dialect::Messages => messages(facts),
        Dialect::Gemini => gemini(facts),
        Dialect::Chat | Dialect::Responses | Dialect::Kiro => openai(facts),
    }
}

/// OpenAI's members, and byokey's own beside them.
fn openai(facts: &ModelFacts) -> Value {
    let mut row = json!({
        "id": facts.id,
        "object": "model",
        "created": facts.created_s.unwrap_or(CREATED_S),
        "owned_by": facts.provider.as_deref().unwrap_or("byokey"),
        "dialects": facts.dialects,
    });
    let budget = facts
        .budget
        .map(|(least, most)| json!({ "min": least, "max": most }));
    let levels = (!facts.levels.is_empty()).then(|| json!(facts.levels));
    let price = facts.price.as_ref().map(|price| {
        let mut per_million = Map::new();
        for (member, usd) in [
            ("input", price.input),
            ("output", price.output),
            ("cache_read", price.cache_read),
            ("cache_write", price.cache_write),
        ] {
            per_million.extend(usd.map(|usd| (member.to_owned(), usd.into())));
        }
        json!({
            "usd_per_million_tokens": per_million,
            "source": price.source.as_ref(),
            "as_of": price.as_of,
        })
    });
    put(
        &mut row,
        [
            ("name", facts.name.as_ref().map(|name| json!(name))),
            ("context_window", facts.context.map(Value::from)),
            ("max_output_tokens", facts.max_output.map(Value::from)),
            (
                "input_modalities",
                facts.input.as_ref().map(|input| json!(input)),
            ),
            ("tools", facts.tools.map(Value::from)),
            ("reasoning", facts.reasoning.map(Value::from)),
            ("reasoning_levels", levels),
            ("reasoning_budget", budget),
            ("price", price),
        ],
    );
    row
}

fn messages(facts: &ModelFacts) -> Value {
    let created = Timestamp::from_second(facts.created_s.unwrap_or(CREATED_S)).unwrap_or_default();
    let mut row = json!({
        "type": "model",
        "id": facts.id,
        "display_name": facts.name.as_deref().unwrap_or(&facts.id),
        "created_at": created.to_string(),
    });
    let flag = |supported: bool| json!({ "supported": supported });
    let mut capabilities = json!({});
    let takes = |kind| {
        facts
            .input
            .as_ref()
            .map(|input| flag(input.contains(&kind)))
    };
    let thinking = facts.reasoning.map(|supported| {
        let types = json!({
            "enabled": flag(facts.budget.is_some()),
            "adaptive": flag(facts.adaptive),
        });
        json!({ "supported": supported, "types": types })
    });
    let effort = facts.reasoning.map(|_| {
        let mut effort = flag(!facts.levels.is_empty());
        let words = [
            (Effort::Low, "low"),
            (Effort::Medium, "medium"),
            (Effort::High, "high"),
            (Effort::Xhigh, "xhigh"),
            (Effort::Max, "max"),
        ];
        for (level, word) in words {
            effort[word] = flag(facts.levels.contains(&level));
        }
        effort
    });
    put(
        &mut capabilities,
        [
            ("thinking", thinking),
            ("effort", effort),
            ("image_input", takes(Modality::Image)),
            ("pdf_input", takes(Modality::Pdf)),
            ("structured_outputs", facts.json_schema.map(flag)),
        ],
    );
    let told = capabilities
        .as_object()
        .is_some_and(|told| !told.is_empty());
    put(
        &mut row,
        [
            ("max_input_tokens", facts.context.map(Value::from)),
            ("max_tokens", facts.max_output.map(Value::from)),
            ("capabilities", told.then_some(capabilities)),
        ],
    );
    row
}

fn gemini(facts: &ModelFacts) -> Value {
    let mut row = json!({
        "name": format!("models/{}", facts.id),
        "version": facts.id,
        "displayName": facts.name.as_deref().unwrap_or(&facts.id),
        "supportedGenerationMethods": ["generateContent", "streamGenerateContent", "countTokens"],
    });
    put(
        &mut row,
        [
            ("inputTokenLimit", facts.context.map(Value::from)),
            ("outputTokenLimit", facts.max_output.map(Value::from)),
            ("thinking", facts.reasoning.map(Value::from)),
        ],
    );
    row
}

fn put<const N: usize>(row: &mut Value, members: [(&str, Option<Value>); N]) {
    for (member, value) in members {
        if let Some(value) = value {
            row[member] = value;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_dialect_gets_its_own_words() {
        let facts = ModelFacts {
            id: "p/m".into(),
            provider: Some("p".into()),
            context: Some(200_000),
            max_output: Some(8192),
            input: Some([Modality::Text, Modality::Image].into()),
            reasoning: Some(true),
            levels: vec![Effort::Low, Effort::High],
            dialects: vec![Dialect::Messages],
            ..ModelFacts::default()
        };
        let openai = row(&facts, Dialect::Chat);
        assert_eq!(openai["context_window"], 200_000);
        assert_eq!(openai["reasoning_levels"], json!(["low", "high"]));
        assert_eq!(openai["dialects"], json!(["messages"]));
        assert!(openai.get("tools").is_none() && openai.get("price").is_none());
        let messages = row(&facts, Dialect::Messages);
        assert_eq!(messages["max_input_tokens"], 200_000);
        assert_eq!(messages["created_at"], "2025-01-01T00:00:00Z");
        assert_eq!(
            messages["capabilities"]["effort"]["high"]["supported"],
            true
        );
        assert_eq!(
            messages["capabilities"]["effort"]["max"]["supported"],
            false
        );
        assert_eq!(messages["capabilities"]["pdf_input"]["supported"], false);
        let gemini = row(&facts, Dialect::Gemini);
        assert_eq!(gemini["name"], "models/p/m");
        assert_eq!(gemini["outputTokenLimit"], 8192);
    }

    #[test]
    fn a_bare_name_claims_nothing() {
        let facts = ModelFacts {
            id: "m".into(),
            ..ModelFacts::default()
        };
        let messages = row(&facts, Dialect::Messages);
        assert!(messages.get("capabilities").is_none());
        assert_eq!(row(&facts, Dialect::Gemini)["displayName"], "m");
    }
}
