//! The table: every row against the rules that hold for all of them.

use std::collections::BTreeSet;
use std::path::Path;

use byokey_wire::{Dialect, SamplingSupport, Usage};

use crate::bundle::{FILES, MODELS, NOTICES};
use crate::custom::is_safe;
use crate::*;

fn catalog() -> Catalog {
    Catalog::bundled().unwrap()
}

fn routes(catalog: &Catalog) -> impl Iterator<Item = (&Provider, &Route)> {
    catalog
        .providers()
        .flat_map(|provider| provider.routes.iter().map(move |route| (provider, route)))
}

/// Every string that must be an address, with the place it stands in.
fn urls(catalog: &Catalog) -> Vec<(String, String)> {
    let mut urls = Vec::new();
    for provider in catalog.providers() {
        let mut put = |place: &str, url: Option<&str>| {
            urls.extend(url.map(|url| (format!("{}: {place}", provider.id), url.to_owned())));
        };
        put("base", Some(&provider.base_url));
        put("docs", provider.docs_url.as_deref());
        put(
            "check",
            provider
                .check
                .as_ref()
                .and_then(|check| check.base_url.as_deref()),
        );
        for list in &provider.list_models {
            put("list", list.base_url.as_deref());
        }
        for endpoint in &provider.endpoints {
            put("endpoint", Some(&endpoint.base_url));
            endpoint
                .regions
                .iter()
                .for_each(|region| put("region", Some(&region.base_url)));
        }
        for route in &provider.routes {
            for url in flow_urls(&route.flow) {
                put(&route.id, Some(&url));
            }
        }
    }
    urls.extend(
        catalog
            .notices()
            .iter()
            .filter_map(|n| Some((n.id.clone(), n.source.clone()?))),
    );
    urls
}

fn flow_urls(flow: &Flow) -> Vec<String> {
    let refresh = |refresh: Option<&Refresh>| refresh.and_then(|refresh| refresh.url.clone());
    let found = match flow {
        Flow::Open => vec![],
        Flow::Key(key) => vec![key.page.clone()],
        Flow::Pkce(flow) => vec![
            flow.issuer.clone(),
            Some(flow.authorize_url.clone()),
            Some(flow.token_url.clone()),
            flow.revoke_url.clone(),
            flow.resource.clone(),
            flow.paste
                .as_ref()
                .and_then(|paste| paste.redirect_uri.clone()),
            refresh(flow.refresh.as_ref()),
        ],
        Flow::Device(flow) => {
            let mut urls = vec![
                Some(flow.device_url.clone()),
                Some(flow.token_url.clone()),
                refresh(flow.refresh.as_ref()),
            ];
            urls.extend(flow.other_hosts.iter().cloned().map(Some));
            urls
        }
        Flow::AwsDevice(flow) => vec![
            Some(flow.host.clone()),
            flow.start_url.clone(),
            refresh(Some(&flow.refresh)),
        ],
        Flow::AwsPkce(flow) => vec![Some(flow.host.clone()), refresh(Some(&flow.refresh))],
        Flow::Poll(flow) => vec![
            Some(flow.start_url.clone()),
            Some(flow.poll_url.clone()),
            flow.verification_url.clone(),
            flow.token_url.clone(),
            flow.redirect_uri.clone(),
            refresh(Some(&flow.refresh)),
        ],
        Flow::Bridge(flow) => vec![Some(flow.install_url.clone())],
    };
    found.into_iter().flatten().collect()
}

#[test]
fn every_file_is_bundled() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/providers");
    let on_disk: BTreeSet<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let bundled: BTreeSet<String> = FILES.iter().map(|(id, _)| format!("{id}.toml")).collect();
    assert_eq!(on_disk, bundled);
}

#[test]
fn every_address_is_encrypted_or_stays_on_this_machine() {
    let catalog = catalog();
    let urls = urls(&catalog);
    assert!(urls.len() > 100);
    for (place, url) in urls {
        // A field's braces stand for a plain label; is_safe looks at what is around them.
        assert!(is_safe(&url.replace(['{', '}'], "")), "{place}: {url}");
        let host = url.split('/').nth(2).unwrap();
        let local = catalog
            .provider(place.split(':').next().unwrap())
            .is_some_and(|p| p.kind == Kind::Local);
        assert!(
            url.starts_with("https://") || (local && host.starts_with("127.0.0.1:")),
            "{place}: {url}"
        );
        assert!(!url.ends_with('/'), "{place}: {url}");
    }
}

#[test]
fn every_brace_is_a_field() {
    let catalog = catalog();
    for provider in catalog.providers() {
        let fields: BTreeSet<&str> = provider
            .fields
            .iter()
            .map(|field| field.name.as_str())
            .collect();
        let check = provider
            .check
            .iter()
            .map(|check| check.url(None, &provider.base_url));
        let lists = provider
            .list_models
            .iter()
            .map(|list| list.url(None, &provider.base_url));
        let endpoints = provider
            .endpoints
            .iter()
            .map(|endpoint| endpoint.url(None, "m", true));
        let flows = provider
            .routes
            .iter()
            .flat_map(|route| flow_urls(&route.flow));
        for url in check.chain(lists).chain(endpoints).chain(flows) {
            let filled = fill(&url, |name| fields.contains(name).then_some("x"));
            assert!(
                filled.is_ok_and(|url| !url.contains(['{', '}'])),
                "{}: {url}",
                provider.id
            );
        }
        for field in &provider.fields {
            let known = |id: &String| provider.route(id).is_some();
            assert!(
                field.routes.iter().all(known),
                "{}: {}",
                provider.id,
                field.name
            );
        }
    }
}

#[test]
fn names_are_unique_and_plain() {
    let catalog = catalog();
    let plain = |name: &str| {
        name.bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    let mut names = BTreeSet::new();
    for provider in catalog.providers() {
        for name in std::iter::once(&provider.id).chain(&provider.aliases) {
            assert!(plain(name) && names.insert(name.clone()), "{name}");
        }
        let routes: BTreeSet<&str> = provider
            .routes
            .iter()
            .map(|route| route.id.as_str())
            .collect();
        assert_eq!(routes.len(), provider.routes.len(), "{}", provider.id);
        assert!(routes.iter().all(|id| plain(id)), "{routes:?}");
        let sorted = provider
            .models
            .windows(2)
            .all(|pair| pair[0].id < pair[1].id);
        assert!(sorted, "{}", provider.id);
    }
    let notices: BTreeSet<&str> = catalog
        .notices()
        .iter()
        .map(|notice| notice.id.as_str())
        .collect();
    assert_eq!(notices.len(), catalog.notices().len());
}

#[test]
fn routes_named_by_a_row_exist() {
    for provider in catalog().providers() {
        let lists = provider.list_models.iter().flat_map(|list| &list.routes);
        let check = provider.check.iter().flat_map(|check| &check.routes);
        let endpoints = provider
            .endpoints
            .iter()
            .flat_map(|endpoint| &endpoint.routes);
        for route in lists.chain(check).chain(endpoints) {
            assert!(provider.route(route).is_some(), "{}: {route}", provider.id);
        }
        for endpoint in &provider.endpoints {
            assert!(
                endpoint.path.starts_with('/'),
                "{}: {}",
                provider.id,
                endpoint.path
            );
        }
    }
}

/// Provider, route, standing and status as byokey last judged them, 2026-11-21.
const BOARD: &[(&str, &str, Standing, Status)] = {
    use Standing::{Bridge, Official, Retired, Unofficial};
    use Status::{Active, Restricted};
    &[
        ("claude", "api-key", Official, Active),
        ("claude", "claude-cli", Bridge, Active),
        ("claude", "oauth-pkce", Unofficial, Restricted),
        ("openai", "api-key", Official, Active),
        ("openai", "siwc", Official, Active),
        ("openai", "codex-app-server", Bridge, Active),
        ("openai", "codex-pkce", Unofficial, Active),
        ("openai", "codex-device", Unofficial, Active),
        ("copilot", "github-device", Official, Active),
        ("copilot", "pat", Official, Active),
        ("copilot", "copilot-cli", Bridge, Active),
        ("gemini", "api-key", Official, Active),
        ("gemini", "vertex", Official, Active),
        ("gemini", "code-assist", Unofficial, Restricted),
        ("gemini", "code-assist-individual", Retired, Status::Retired),
        ("kiro", "api-key", Official, Active),
        ("kiro", "builder-id-device", Unofficial, Active),
        ("kiro", "idc-device", Unofficial, Active),
        ("kiro", "idc-pkce", Unofficial, Active),
        ("kiro", "social-device", Unofficial, Active),
        ("antigravity", "google-oauth", Unofficial, Restricted),
        ("qwen", "oauth-device", Retired, Status::Retired),
        ("kimi", "kimi-key", Official, Active),
        ("kimi", "kimi-device", Unofficial, Active),
        ("moonshot", "moonshot-key", Official, Active),
        ("iflow", "oauth", Retired, Status::Retired),
        ("zai", "coding-plan-key", Official, Active),
        ("zai", "api-key", Official, Active),
        ("alibaba", "coding-plan-key", Official, Active),
        ("alibaba", "token-plan-key", Official, Active),
        ("alibaba", "dashscope-key", Official, Active),
        ("openrouter", "oauth-pkce", Official, Active),
        ("openrouter", "api-key", Official, Active),
        ("ollama", "local", Official, Active),
        ("ollama", "api-key", Official, Active),
        ("lmstudio", "local", Official, Active),
        ("lmstudio", "api-key", Official, Active),
        ("xai", "api-key", Official, Active),
        ("azure-openai", "api-key", Official, Active),
        ("bedrock", "api-key", Official, Active),
        ("deepgram", "api-key", Official, Active),
        ("deepseek", "api-key", Official, Active),
        ("elevenlabs", "api-key", Official, Active),
        ("groq", "api-key", Official, Active),
        ("mistral", "api-key", Official, Active),
        ("telnyx", "api-key", Official, Active),
        ("together", "api-key", Official, Active),
        ("twilio", "api-key", Official, Active),
    ]
};

#[test]
fn every_route_has_its_standing() {
    let catalog = catalog();
    let rows: BTreeSet<_> = routes(&catalog)
        .map(|(provider, route)| {
            (
                provider.id.as_str(),
                route.id.as_str(),
                format!("{:?} {:?}", route.standing, route.status),
            )
        })
        .collect();
    let board: BTreeSet<_> = BOARD
        .iter()
        .map(|(provider, route, standing, status)| {
            (*provider, *route, format!("{standing:?} {status:?}"))
        })
        .collect();
    assert_eq!(rows, board);
}

#[test]
fn what_is_not_offered_plainly_says_why() {
    let catalog = catalog();
    for (provider, route) in routes(&catalog) {
        let name = format!("{}/{}", provider.id, route.id);
        let notice = catalog.notice(route);
        match route.standing {
            Standing::Official | Standing::Bridge => {
                assert_eq!(route.offer(), Offer::On, "{name}");
                assert!(
                    notice.is_none_or(|n| matches!(n.kind, NoticeKind::Text | NoticeKind::Modal)),
                    "{name}"
                );
            }
            Standing::Unofficial => {
                assert_eq!(route.offer(), Offer::AfterNotice, "{name}");
                assert_eq!(
                    notice.map(|notice| notice.kind),
                    Some(NoticeKind::Required),
                    "{name}"
                );
                assert!(
                    route.reason.is_some() && route.replacement.is_some(),
                    "{name}"
                );
            }
            Standing::Retired => {
                assert_eq!(route.offer(), Offer::Greyed, "{name}");
                assert_eq!(
                    notice.map(|notice| notice.kind),
                    Some(NoticeKind::Greyed),
                    "{name}"
                );
                assert!(route.retired.is_some() && route.reason.is_some(), "{name}");
            }
        }
        assert_eq!(
            route.retired.is_some(),
            route.status == Status::Retired,
            "{name}"
        );
        assert_eq!(
            route.standing == Standing::Retired,
            route.status == Status::Retired,
            "{name}"
        );
        for other in route.replacement.iter().flat_map(|list| list.split(", ")) {
            let (owner, id) = other.split_once('/').unwrap_or((&provider.id, other));
            let better = catalog
                .provider(owner)
                .and_then(|provider| provider.route(id));
            assert!(
                better.is_some_and(|better| better.offer() == Offer::On),
                "{name}: {other}"
            );
        }
    }
    let used: BTreeSet<&str> = routes(&catalog)
        .filter_map(|(_, route)| route.notice.as_deref())
        .collect();
    assert!(
        catalog
            .notices()
            .iter()
            .all(|notice| used.contains(notice.id.as_str()) && notice.version > 0)
    );
}

#[test]
fn no_file_holds_a_secret() {
    let files = FILES
        .iter()
        .copied()
        .chain([("notices", NOTICES), ("models", MODELS)]);
    for (file, text) in files {
        for sign in [
            "GOCSPX-",
            "client_secret",
            "-----BEGIN",
            "eyJ",
            "sk-ant-api03-A",
            "ghp_A",
        ] {
            assert!(!text.contains(sign), "{file}: {sign}");
        }
        // Whatever its form: no long run of mixed letters and digits but the public client ids.
        let public = [
            "9d1c250a-",
            "app_EMoamEEZ73f0CkXaXp7hrann",
            "681255809395-",
            "1071006060591-",
            "f0304373b74a44d2b584a3fb70ca9e56",
            "17e5f671-",
        ];
        let mut words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '-'));
        let secret = words.find(|word| {
            let digits = word.bytes().filter(u8::is_ascii_digit).count();
            let longest = word.split(['-', '_']).map(str::len).max().unwrap_or(0);
            longest >= 24 && digits >= 4 && !public.iter().any(|id| word.starts_with(id))
        });
        assert_eq!(secret, None, "{file}");
    }
    let catalog = catalog();
    for (provider, route) in routes(&catalog) {
        let client = match &route.flow {
            Flow::Pkce(flow) => &flow.client,
            Flow::Device(flow) => &flow.client,
            Flow::Poll(flow) => &flow.client,
            _ => continue,
        };
        if let SecretSource::Configured(name) | SecretSource::Installed(name) = &client.secret {
            let variable = name.bytes().all(|b| b.is_ascii_uppercase() || b == b'_');
            assert!(
                variable && name.ends_with("_CLIENT_SECRET"),
                "{}: {name}",
                provider.id
            );
        }
    }
}

#[test]
fn redirects_are_literal_unless_the_row_says_why() {
    let catalog = catalog();
    for (provider, route) in routes(&catalog) {
        let redirect = match &route.flow {
            Flow::Pkce(flow) => &flow.redirect,
            Flow::AwsPkce(flow) => &flow.redirect,
            _ => continue,
        };
        let name = format!("{}/{}", provider.id, route.id);
        match redirect.host.as_str() {
            "127.0.0.1" => assert_eq!(redirect.localhost_because, None, "{name}"),
            "localhost" => assert!(redirect.localhost_because.is_some(), "{name}"),
            other => panic!("{name}: {other}"),
        }
        assert!(
            redirect.path.starts_with('/') && redirect.path.len() > 1,
            "{name}"
        );
        if let Ports::Only(ports) | Ports::Prefer(ports) = &redirect.ports {
            assert!(
                !ports.is_empty() && ports.iter().all(|port| *port >= 1024),
                "{name}"
            );
        }
    }
}

#[test]
fn byokey_names_only_itself() {
    for provider in catalog().providers() {
        let of_routes = provider.routes.iter().flat_map(|route| &route.headers);
        let of_endpoints = provider
            .endpoints
            .iter()
            .flat_map(|endpoint| &endpoint.headers);
        for (name, value) in provider.headers.iter().chain(of_routes).chain(of_endpoints) {
            let name = name.to_lowercase();
            let identity = [
                "user-agent",
                "editor-version",
                "editor-plugin-version",
                "x-app",
                "copilot-integration-id",
            ];
            assert!(
                !identity.contains(&name.as_str()),
                "{}: {name}",
                provider.id
            );
            assert!(
                !["authorization", "cookie", "x-api-key"].contains(&name.as_str()),
                "{}: {name}",
                provider.id
            );
            assert!(name != "originator" || value == "byokey");
            assert!(
                value.is_ascii() && !value.contains(['\r', '\n']),
                "{}: {name}",
                provider.id
            );
        }
        for name in &provider.forward_headers {
            assert_eq!(*name, name.to_lowercase());
            assert!(
                !name.contains("auth") && !name.contains("key") && name != "cookie",
                "{name}"
            );
        }
    }
}

#[test]
fn every_key_leads_to_a_route_that_takes_it() {
    let catalog = catalog();
    for (provider, key, route) in [
        ("claude", "sk-ant-api03-x", Some("api-key")),
        ("openai", "sk-proj-x", Some("api-key")),
        ("openai", "sk-admin-x", None),
        ("alibaba", "sk-sp-x", Some("coding-plan-key")),
        ("alibaba", "sk-x", Some("dashscope-key")),
        ("copilot", "github_pat_x", Some("pat")),
        ("copilot", "ghp_x", None),
        ("gemini", "AIzaX", Some("api-key")),
        ("gemini", "ya29.x", Some("vertex")),
        ("kiro", "ksk_x", Some("api-key")),
        ("kimi", "sk-kimi-x", Some("kimi-key")),
        ("groq", "of another form", Some("api-key")),
        ("ollama", "x", Some("api-key")),
        ("iflow", "x", None),
    ] {
        let found = catalog.provider(provider).unwrap().route_for_key(key);
        assert_eq!(
            found.map(|route| route.id.as_str()),
            route,
            "{provider} {key}"
        );
    }
    for (provider, route) in routes(&catalog) {
        if let Flow::Key(key) = &route.flow {
            assert!(
                key.env.iter().all(|name| provider.env.contains(name)),
                "{}",
                provider.id
            );
        }
    }
}

#[test]
fn a_request_finds_its_address() {
    let catalog = catalog();
    let url = |provider: &str, route: &str, dialect, model: &str| {
        let provider = catalog.provider(provider).unwrap();
        Some(
            provider
                .endpoint(dialect, route, model)?
                .url(None, model, false),
        )
    };
    for (provider, route, dialect, model, expected) in [
        (
            "anthropic",
            "api-key",
            Dialect::Messages,
            "claude-opus-5-5",
            Some("https://api.anthropic.com/v1/messages"),
        ),
        (
            "openai",
            "api-key",
            Dialect::Chat,
            "gpt-6-sol",
            Some("https://api.openai.com/v1/chat/completions"),
        ),
        ("openai", "api-key", Dialect::Chat, "gpt-5-pro", None),
        (
            "openai",
            "api-key",
            Dialect::Responses,
            "gpt-5-pro",
            Some("https://api.openai.com/v1/responses"),
        ),
        ("openai", "siwc", Dialect::Chat, "gpt-6-sol", None),
        (
            "codex",
            "codex-pkce",
            Dialect::Responses,
            "gpt-6-sol",
            Some("https://chatgpt.com/backend-api/codex/responses"),
        ),
        ("claude", "claude-cli", Dialect::Messages, "opus", None),
        (
            "deepseek",
            "api-key",
            Dialect::Messages,
            "x",
            Some("https://api.deepseek.com/anthropic/v1/messages"),
        ),
        (
            "gemini",
            "api-key",
            Dialect::Gemini,
            "gemini-x",
            Some(
                "https://generativelanguage.googleapis.com/v1beta/models/gemini-x:generateContent",
            ),
        ),
        (
            "gemini",
            "api-key",
            Dialect::Chat,
            "gemini-x",
            Some("https://generativelanguage.googleapis.com/v1beta/openai/chat/completions"),
        ),
        (
            "copilot",
            "pat",
            Dialect::Messages,
            "claude-opus-4.8",
            Some("https://api.githubcopilot.com/v1/messages"),
        ),
        ("copilot", "pat", Dialect::Messages, "gpt-5.5", None),
        (
            "zai",
            "coding-plan-key",
            Dialect::Chat,
            "glm-5.3",
            Some("https://api.z.ai/api/coding/paas/v4/chat/completions"),
        ),
        (
            "zai",
            "api-key",
            Dialect::Chat,
            "glm-5.3",
            Some("https://api.z.ai/api/paas/v4/chat/completions"),
        ),
        (
            "ollama",
            "local",
            Dialect::Chat,
            "x",
            Some("http://127.0.0.1:11434/v1/chat/completions"),
        ),
        (
            "ollama",
            "api-key",
            Dialect::Chat,
            "x",
            Some("https://ollama.com/v1/chat/completions"),
        ),
    ] {
        assert_eq!(
            url(provider, route, dialect, model).as_deref(),
            expected,
            "{provider}/{route} {model}"
        );
    }
}

#[test]
fn every_chat_model_has_an_address() {
    for provider in catalog().providers() {
        for model in &provider.models {
            let chats = matches!(model.mode, Mode::Chat | Mode::Responses);
            let reached = |route: &Route| {
                provider
                    .endpoints_for(&route.id, &model.id)
                    .next()
                    .is_some()
            };
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
fn credentials_go_where_the_provider_wants_them() {
    let catalog = catalog();
    let claude = catalog.provider("claude").unwrap();
    let endpoint = &claude.endpoints[0];
    assert_eq!(
        *claude.auth_for(claude.route("api-key"), endpoint),
        Auth::Header("x-api-key".into())
    );
    assert_eq!(
        *claude.auth_for(claude.route("oauth-pkce"), endpoint),
        Auth::Bearer
    );
    assert_eq!(
        claude.headers_for(claude.route("api-key"), endpoint),
        [("anthropic-version", "2023-06-01")].into()
    );
    assert!(
        claude
            .headers_for(claude.route("oauth-pkce"), endpoint)
            .contains_key("anthropic-beta")
    );

    let gemini = catalog.provider("gemini").unwrap();
    let chat = gemini.endpoint(Dialect::Chat, "api-key", "x").unwrap();
    assert_eq!(*gemini.auth_for(None, chat), Auth::Bearer);
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

#[test]
fn configuration_adds_providers_and_cannot_hide_one() {
    let custom = |id: &str| CustomProvider {
        id: id.into(),
        dialect: Dialect::Chat,
        base_url: "https://llm.example.org/v1".into(),
        auth: None,
        models: vec!["my-model".into()],
    };
    let catalog = catalog().with_custom(custom("my-gateway")).unwrap();
    let added = catalog.provider("my-gateway").unwrap();
    assert_eq!(
        added.endpoints[0].url(None, "my-model", true),
        "https://llm.example.org/v1/chat/completions"
    );
    assert!(catalog.model("my-gateway", "my-model").is_some());
    assert_eq!(catalog.serving("my-model").count(), 1);
    for taken in ["openai", "anthropic", "my-gateway"] {
        let refused = catalog.clone().with_custom(custom(taken));
        assert!(matches!(refused, Err(CatalogError::NameTaken(name)) if name == taken));
    }
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
