use std::collections::BTreeSet;

use byokey_wire::Dialect;

use super::{catalog, routes};
use crate::*;

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
        ("kimi", "kimi-device-global", Unofficial, Active),
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
        ("amp", "api-key", Official, Active),
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
                assert!(
                    route.retired.is_some()
                        && route.reason.is_some()
                        && route.replacement.is_some(),
                    "{name}"
                );
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
        ("claude", "claude-cli", Dialect::Chat, "opus", None),
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
fn every_name_to_sign_in_with_means_routes_of_its_row() {
    let catalog = catalog();
    for provider in catalog.providers() {
        for (name, means) in &provider.sign_in {
            assert_eq!(catalog.provider(name).map(|it| &it.id), Some(&provider.id));
            for route in means {
                assert!(provider.route(route).is_some(), "{name}: {route}");
            }
        }
    }
}

#[test]
fn every_login_says_whose_it_is_where_the_provider_does() {
    let catalog = catalog();
    for (provider, route) in routes(&catalog) {
        let by_login = !matches!(route.flow, Flow::Key(_) | Flow::Open | Flow::Bridge(_));
        let silent = ["iflow/oauth", "qwen/oauth-device"];
        let name = format!("{}/{}", provider.id, route.id);
        let said = route.identity.is_some();
        assert_eq!(said, by_login && !silent.contains(&name.as_str()), "{name}");
        for pointer in route.identity.iter().flat_map(|rule| &rule.subject) {
            assert!(pointer.starts_with('/'), "{name}");
        }
    }
}

#[test]
fn imports_say_who_and_where() {
    let catalog = catalog();
    let imports = || {
        routes(&catalog).flat_map(|(provider, route)| {
            route
                .imports
                .iter()
                .map(move |import| (provider, route, import))
        })
    };
    for (provider, route, import) in imports() {
        let at = format!("{}/{} {}", provider.id, route.id, import.owner);
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte == b'-';
        assert!(import.source.bytes().all(plain), "{at}: {}", import.source);
        // A login that runs out must come with a way to renew it; keys and retired ones need none.
        let keyed = matches!(route.flow, Flow::Key(_));
        let needs = !keyed && route.standing != Standing::Retired;
        assert!(import.renew.is_some() || !needs, "{at}");
        if let Place::File { os: Some(os), .. } | Place::Sqlite { os: Some(os), .. } = &import.at {
            assert!(["linux", "macos", "windows"].contains(&&**os), "{at}: {os}");
        }
    }
    let sources: BTreeSet<_> = imports().map(|(_, _, import)| &*import.source).collect();
    for promised in [
        "claude-code",
        "codex",
        "copilot",
        "gemini",
        "kiro",
        "antigravity",
        "qwen",
        "iflow",
        "kimi",
        "byokey",
    ] {
        assert!(sources.contains(promised), "{promised}");
    }
}
