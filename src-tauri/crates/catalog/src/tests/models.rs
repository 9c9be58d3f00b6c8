use byokey_wire::{SamplingSupport, Usage};

use super::catalog;
use crate::*;

#[test]
fn every_chat_model_has_an_address() {
    for provider in catalog().providers() {
        for model in &provider.models {
            let chats = matches!(model.mode, Mode::Chat | Mode::Responses);
            let reached = |route: &Route| !provider.endpoints_for(&route.id, &model.id).is_empty();
            assert!(
                !chats || provider.routes.iter().any(reached),
                "{}/{}",
                provider.id,
                model.id
            );
        }
    }
}

#[test]
fn models_are_found_by_every_form_of_their_name() {
    let catalog = catalog();
    for (provider, name, id) in [
        ("claude", "claude-haiku-4-5", Some("claude-haiku-4-5")),
        (
            "anthropic",
            "claude-haiku-4-5-20251001",
            Some("claude-haiku-4-5"),
        ),
        (
            "claude",
            "claude-opus-5-5-20261001",
            Some("claude-opus-5-5"),
        ),
        ("openai", "gpt-4o-2024-08-06", Some("gpt-4o")),
        ("azure", "gpt-4o-2024-05-13", Some("gpt-4o-2024-05-13")),
        ("openai", "claude-haiku-4-5", None),
        ("claude", "claude-", None),
    ] {
        let found = catalog.model(provider, name);
        assert_eq!(found.map(|model| &*model.id), id, "{provider}/{name}");
    }
    let serving: Vec<&str> = catalog
        .serving("gpt-6-sol")
        .map(|(provider, _)| provider.id.as_str())
        .collect();
    assert_eq!(serving, ["azure-openai", "copilot", "openai"]);
}

#[test]
fn names_a_near_model() {
    let catalog = catalog();
    let names = catalog
        .provider("claude")
        .unwrap()
        .models
        .iter()
        .map(|model| &*model.id);
    assert_eq!(
        catalog.near("claude-opuss-5-5", names, 1),
        ["claude-opus-5-5"]
    );
}

#[test]
fn prices_are_sane_and_of_their_provider() {
    let catalog = catalog();
    let mut priced = 0;
    for provider in catalog.providers() {
        for model in &provider.models {
            let Some(price) = &model.price else { continue };
            priced += 1;
            let name = format!("{}/{}", provider.id, model.id);
            let per_million = [
                price.input,
                price.output,
                price.cache_read,
                price.cache_write,
                price.audio_input,
                price.audio_output,
            ];
            for value in per_million.into_iter().flatten() {
                assert!((0.0..=1000.0).contains(&value), "{name}: {value}");
            }
            for value in [price.second, price.character, price.image]
                .into_iter()
                .flatten()
            {
                assert!(value > 0.0 && value < 10.0, "{name}: {value}");
            }
            if let (Some(read), Some(input)) = (price.cache_read, price.input) {
                assert!(read <= input, "{name}: cached {read} dearer than {input}");
            }
            if let Some(long) = &price.long {
                assert!(long.above >= 32_000, "{name}");
            }
            assert!(!price.source.is_empty(), "{name}");
        }
    }
    assert!(priced > 400, "{priced}");
    for provider in ["kiro", "antigravity", "ollama"] {
        let models = &catalog.provider(provider).unwrap().models;
        assert!(
            models.iter().all(|model| model.price.is_none()),
            "{provider} bills in credits or not at all"
        );
    }
}

#[test]
fn sample_prices_of_november_2026() {
    let catalog = catalog();
    for (provider, model, input, output, cache_read) in [
        ("claude", "claude-opus-5-5", 4.0, 20.0, 0.2),
        ("claude", "claude-sonnet-5-5", 2.0, 10.0, 0.1),
        ("claude", "claude-haiku-5-5", 0.1, 0.5, 0.01),
        ("claude", "claude-haiku-4-5", 1.0, 5.0, 0.1),
        ("openai", "gpt-6.1-sol", 2.0, 10.0, 0.1),
        ("openai", "gpt-6-luna", 0.1, 0.5, 0.01),
        ("openai", "gpt-5.6-sol", 4.0, 20.0, 0.4),
        ("gemini", "gemini-3.8-flash", 0.75, 3.75, 0.075),
        ("gemini", "gemini-3.1-pro-preview", 2.0, 12.0, 0.2),
        ("xai", "grok-4.7", 2.0, 6.0, 0.5),
        ("deepseek", "deepseek-v4-pro", 1.32, 3.96, 0.044),
        ("moonshot", "kimi-k3", 3.0, 15.0, 0.3),
        ("zai", "glm-5.3", 1.4, 4.4, 0.26),
    ] {
        let price = catalog
            .model(provider, model)
            .and_then(|model| model.price.as_ref());
        let found = price.map(|price| (price.input, price.output, price.cache_read));
        assert_eq!(
            found,
            Some((Some(input), Some(output), Some(cache_read))),
            "{provider}/{model}"
        );
    }
    let piece = |provider, model| {
        catalog
            .model(provider, model)
            .unwrap()
            .price
            .clone()
            .unwrap()
    };
    let spoken = piece("elevenlabs", "eleven_multilingual_v2")
        .character
        .unwrap();
    assert!((spoken * 1000.0 - 0.08).abs() < 1e-9);
    let heard = piece("deepgram", "nova-3").second.unwrap();
    assert!((heard * 60.0 - 0.0043).abs() < 1e-5);
}

#[test]
fn capabilities_follow_the_models_documented_refusals() {
    let catalog = catalog();
    let caps = |provider, model| &catalog.model(provider, model).unwrap().caps;
    for model in [
        "claude-opus-5-5",
        "claude-sonnet-5",
        "claude-opus-4-7",
        "claude-haiku-5-5",
    ] {
        let caps = caps("claude", model);
        let thinking = caps.thinking.as_ref().unwrap();
        assert_eq!(caps.sampling, SamplingSupport::None, "{model}");
        assert!(thinking.adaptive && thinking.budget.is_none(), "{model}");
        assert_eq!(caps.prefill, Some(false), "{model}");
        assert_eq!(caps.max_output, Some(128_000), "{model}");
    }
    let old = caps("claude", "claude-haiku-4-5");
    assert_eq!(old.thinking.as_ref().unwrap().budget, Some((1024, 59_904)));
    assert!(!old.thinking.as_ref().unwrap().adaptive && old.prefill == Some(true));
    assert_eq!(old.sampling, SamplingSupport::OneOf);

    assert!(caps("openai", "gpt-6.1-sol").max_completion_tokens);
    assert!(
        !caps("openai", "gpt-6-astra")
            .thinking
            .as_ref()
            .unwrap()
            .zero_ok
    );
    let pro = caps("gemini", "gemini-2.5-pro").thinking.as_ref().unwrap();
    assert_eq!(
        (pro.budget, pro.zero_ok, pro.dynamic_ok),
        (Some((128, 32_768)), false, true)
    );
    let flash = caps("gemini", "gemini-3.8-flash")
        .thinking
        .as_ref()
        .unwrap();
    assert!(flash.budget.is_none() && !flash.levels.is_empty());
}

#[test]
fn a_model_of_tomorrow_takes_its_familys_word() {
    let catalog = catalog();
    let caps = |provider, model| catalog.provider(provider).unwrap().capabilities(model);
    assert!(caps("deepseek", "deepseek-v9").wants_reasoning_content);
    assert_eq!(
        caps("claude", "claude-opus-5-9").sampling,
        SamplingSupport::None
    );
    assert_eq!(caps("claude", "claude-opus-5-9").max_output, None);
    assert_eq!(
        caps("claude", "claude-next"),
        byokey_wire::Capabilities::default()
    );
    assert_eq!(
        caps("openai", "gpt-6-sol"),
        catalog.model("openai", "gpt-6-sol").unwrap().caps
    );
}

#[test]
fn limits_are_consistent() {
    for provider in catalog().providers() {
        for model in &provider.models {
            let name = format!("{}/{}", provider.id, model.id);
            if let (Some(context), Some(output)) = (model.context, model.max_output) {
                assert!(
                    output <= context || model.mode != Mode::Chat,
                    "{name}: {output} of {context}"
                );
            }
            if let Some((low, high)) = model
                .caps
                .thinking
                .as_ref()
                .and_then(|thinking| thinking.budget)
            {
                assert!(
                    low < high && model.max_output.is_none_or(|output| high < output),
                    "{name}"
                );
            }
            let levels = model
                .caps
                .thinking
                .iter()
                .flat_map(|thinking| thinking.levels.windows(2));
            assert!(levels.into_iter().all(|pair| pair[0] < pair[1]), "{name}");
        }
    }
}

#[test]
fn a_price_becomes_an_estimate() {
    let catalog = catalog();
    let price = catalog
        .model("claude", "claude-opus-5-5")
        .unwrap()
        .price
        .as_ref()
        .unwrap();
    let usage = Usage {
        input: Some(1_000_000),
        cache_read: Some(900_000),
        cache_write: Some(0),
        output: Some(10_000),
        reasoning: None,
    };
    assert!((price.estimate(&usage) - (0.1 * 4.0 + 0.9 * 0.2 + 0.01 * 20.0)).abs() < 1e-9);
}
