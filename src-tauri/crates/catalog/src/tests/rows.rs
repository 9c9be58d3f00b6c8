use std::collections::BTreeSet;
use std::path::Path;

use byokey_wire::Dialect;

use super::{catalog, routes};
use crate::bundle::{FILES, MODELS, NOTICES};
use crate::custom::is_safe;
use crate::*;

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
        let services = provider
            .services
            .iter()
            .map(|service| service.url(&service.base_url, "m", "v", "go"));
        let flows = provider
            .routes
            .iter()
            .flat_map(|route| flow_urls(&route.flow));
        for url in check
            .chain(lists)
            .chain(endpoints)
            .chain(services)
            .chain(flows)
        {
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
        let services = provider.services.iter().flat_map(|service| &service.routes);
        for route in lists.chain(check).chain(endpoints).chain(services) {
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
            // A row may say what a secret begins with, so that it is found where it belongs.
            let mut behind = text.split(sign).skip(1);
            assert!(behind.all(|rest| rest.starts_with('"')), "{file}: {sign}");
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
fn configuration_adds_providers_and_cannot_hide_one() {
    let custom = |id: &str| CustomProvider {
        id: id.into(),
        dialect: Dialect::Chat,
        base_url: "https://llm.example.org/v1".into(),
        auth: None,
        models: vec!["my-model".into()],
        oauth: None,
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
        for service in &provider.services {
            put("service", Some(&service.base_url));
        }
        for host in &provider.native_hosts {
            put("native host", Some(&host.base_url));
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
            put("sessions", route.sessions_page.as_deref());
            put(
                "revoke",
                route.revoke.as_ref().and_then(|it| it.url.as_deref()),
            );
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
            flow.resource.clone(),
            flow.paste
                .as_ref()
                .and_then(|paste| paste.redirect_uri.clone()),
            refresh(flow.refresh.as_ref()),
        ],
        Flow::Device(flow) => vec![
            Some(flow.device_url.clone()),
            Some(flow.token_url.clone()),
            refresh(flow.refresh.as_ref()),
        ],
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
