use serde::Deserialize;

use crate::snapshot::{ModelRow, Origin, Snapshot, models};
use crate::{CatalogError, Notice, Provider};

/// Every provider's file; a test compares the list with the folder.
pub(crate) const FILES: &[(&str, &str)] = &[
    ("alibaba", include_str!("../data/providers/alibaba.toml")),
    ("amp", include_str!("../data/providers/amp.toml")),
    (
        "antigravity",
        include_str!("../data/providers/antigravity.toml"),
    ),
    (
        "azure-openai",
        include_str!("../data/providers/azure-openai.toml"),
    ),
    ("bedrock", include_str!("../data/providers/bedrock.toml")),
    ("claude", include_str!("../data/providers/claude.toml")),
    ("copilot", include_str!("../data/providers/copilot.toml")),
    ("deepgram", include_str!("../data/providers/deepgram.toml")),
    ("deepseek", include_str!("../data/providers/deepseek.toml")),
    (
        "elevenlabs",
        include_str!("../data/providers/elevenlabs.toml"),
    ),
    ("gemini", include_str!("../data/providers/gemini.toml")),
    ("groq", include_str!("../data/providers/groq.toml")),
    ("iflow", include_str!("../data/providers/iflow.toml")),
    ("kimi", include_str!("../data/providers/kimi.toml")),
    ("kiro", include_str!("../data/providers/kiro.toml")),
    ("lmstudio", include_str!("../data/providers/lmstudio.toml")),
    ("mistral", include_str!("../data/providers/mistral.toml")),
    ("moonshot", include_str!("../data/providers/moonshot.toml")),
    ("ollama", include_str!("../data/providers/ollama.toml")),
    ("openai", include_str!("../data/providers/openai.toml")),
    (
        "openrouter",
        include_str!("../data/providers/openrouter.toml"),
    ),
    ("qwen", include_str!("../data/providers/qwen.toml")),
    ("telnyx", include_str!("../data/providers/telnyx.toml")),
    ("together", include_str!("../data/providers/together.toml")),
    ("twilio", include_str!("../data/providers/twilio.toml")),
    ("xai", include_str!("../data/providers/xai.toml")),
    ("zai", include_str!("../data/providers/zai.toml")),
];

/// The texts shown with routes.
pub(crate) const NOTICES: &str = include_str!("../data/notices.toml");

/// Models and prices as `cargo xtask catalog` writes them.
pub(crate) const MODELS: &str = include_str!("../data/models.json");

/// One provider's file: its row, and what it says about models.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProviderFile {
    provider: Provider,
    #[serde(default)]
    models: Vec<ModelRow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NoticeFile {
    notices: Vec<Notice>,
}

/// Reads all files of the crate.
pub(crate) fn read() -> Result<(Vec<Provider>, Vec<Notice>), CatalogError> {
    let mut snapshot: Snapshot =
        serde_json::from_str(MODELS).map_err(|error| damaged("models.json", &error))?;
    let providers = FILES
        .iter()
        .map(|(id, text)| provider(id, text, &mut snapshot))
        .collect::<Result<Vec<_>, _>>()?;
    if let Some(provider) = snapshot.left().next() {
        return Err(damaged("models.json", &format!("no provider `{provider}`")));
    }
    let notices: NoticeFile =
        toml::from_str(NOTICES).map_err(|error| damaged("notices.toml", &error))?;
    Ok((providers, notices.notices))
}

fn provider(id: &str, text: &str, snapshot: &mut Snapshot) -> Result<Provider, CatalogError> {
    let name = format!("providers/{id}.toml");
    let file: ProviderFile = toml::from_str(text).map_err(|error| damaged(&name, &error))?;
    let mut provider = file.provider;
    for service in &mut provider.services {
        if service.base_url.is_empty() {
            service.base_url.clone_from(&provider.base_url);
        }
    }
    let Some(as_of) = provider.as_of.filter(|_| provider.id == id) else {
        return Err(damaged(
            &name,
            &"its id must be its name, and `as_of` be there",
        ));
    };
    for endpoint in &mut provider.endpoints {
        if endpoint.base_url.is_empty() {
            endpoint.base_url.clone_from(&provider.base_url);
        }
    }
    let generated = snapshot.origin();
    let own = Origin {
        source: "provider's documentation".into(),
        as_of,
    };
    provider.models = models(
        (snapshot.take(id), &generated),
        (file.models, &own),
        &provider.families,
    );
    Ok(provider)
}

fn damaged(file: &str, reason: &dyn std::fmt::Display) -> CatalogError {
    CatalogError::File {
        file: file.to_owned(),
        reason: reason.to_string(),
    }
}
