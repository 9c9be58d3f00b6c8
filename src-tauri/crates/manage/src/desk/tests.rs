use byokey_sim::{Kind, Script, Sim};

use crate::fixture::{client, desk, key};
use crate::*;

fn code<T>(result: Result<T, ClientError>) -> (Code, String) {
    match result {
        Err(ClientError::Refused(refused)) => (refused.code, refused.message),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("was not refused"),
    }
}

async fn names(client: &Client) -> Vec<String> {
    let accounts = client.accounts(None).await.unwrap().accounts;
    let name = |account: AccountInfo| format!("{}/{}", account.provider, account.name);
    accounts.into_iter().map(name).collect()
}

#[tokio::test]
async fn a_key_is_stored_once_its_provider_knows_it() {
    let sim = Sim::start(Kind::Chat, Script::default()).await;
    let config = format!("providers: {{openai: {{base_url: {}}}}}", sim.base_url());
    let (_dir, client) = client(&config).await;

    let wrong = key("openai", None, "sk-wrong-key", true);
    let (refused, message) = code(client.add_account(&wrong).await);
    assert_eq!(refused, Code::KeyRefused);
    assert!(!message.contains("sk-wrong-key"), "{message}");
    assert!(names(&client).await.is_empty());

    let pasted = format!(" '{}'\n", Script::KEY);
    let added = client
        .add_account(&key("openai", None, &pasted, true))
        .await
        .unwrap();
    assert_eq!(added.outcome, CheckOutcome::Accepted);
    assert_eq!(
        added.account.base_origin,
        Some(format!("http://{}", sim.address()))
    );
    assert_eq!(names(&client).await, ["openai/default"]);
    let sent = sim.requests();
    assert_eq!(
        sent.last().unwrap().header("authorization"),
        format!("Bearer {}", Script::KEY)
    );

    let checked = client.check_account(added.account.id).await.unwrap();
    assert_eq!(checked.outcome, CheckOutcome::Accepted);
    let models = client.models().await.unwrap().models;
    assert!(
        models
            .iter()
            .any(|model| model.provider.as_deref() == Some("openai"))
    );
}

#[tokio::test]
async fn an_unreachable_provider_stores_nothing_unless_told_to() {
    let sim = Sim::start(Kind::Chat, Script::default()).await;
    let config = format!("providers: {{openai: {{base_url: {}}}}}", sim.base_url());
    drop(sim);
    let (_dir, client) = client(&config).await;
    let (unreachable, _) = code(client.add_account(&key("openai", None, "sk-1", true)).await);
    assert_eq!(unreachable, Code::Unreachable);
    assert!(names(&client).await.is_empty());

    let added = client
        .add_account(&key("openai", None, "sk-1", false))
        .await
        .unwrap();
    assert_eq!(added.outcome, CheckOutcome::Unchecked);
    let checked = client.check_account(added.account.id).await.unwrap();
    assert_eq!(checked.outcome, CheckOutcome::Unreachable);
}

#[tokio::test]
async fn what_cannot_be_a_key_or_a_provider_is_refused_with_a_hint() {
    let (_dir, client) = client("").await;
    for (provider, text, expected, hint) in [
        ("opnai", "sk-1", Code::UnknownProvider, "openai"),
        ("openai", "  ", Code::KeyShape, "empty"),
        ("openai", "a b", Code::KeyShape, "space"),
        ("openai", "byk_abc", Code::KeyShape, "byokey"),
    ] {
        let refused = client.add_account(&key(provider, None, text, false)).await;
        let (refused, message) = code(refused);
        assert_eq!(refused, expected);
        assert!(message.contains(hint), "{message}");
    }
}

#[tokio::test]
async fn a_provider_without_keys_needs_none() {
    let (_dir, client) = client("").await;
    let added = client
        .add_account(&key("ollama", None, "", true))
        .await
        .unwrap();
    assert_eq!(
        (added.account.route.as_str(), added.account.idle),
        ("local", None)
    );
    let checked = client.check_account(added.account.id).await.unwrap();
    assert_eq!(checked.outcome, CheckOutcome::Unchecked);
}

#[tokio::test]
async fn accounts_are_renamed_switched_put_first_and_forgotten() {
    let (_dir, client) = client("").await;
    for name in ["a", "b"] {
        let added = key("openai", Some(name), "sk-1", false);
        client.add_account(&added).await.unwrap();
    }
    assert_eq!(names(&client).await, ["openai/a", "openai/b"]);
    let second = client.accounts(Some("openai")).await.unwrap().accounts[1].id;
    client.make_first(second).await.unwrap();
    assert_eq!(names(&client).await, ["openai/b", "openai/a"]);

    let change = ChangeAccountParams {
        name: Some("work".into()),
        enabled: Some(false),
        ..ChangeAccountParams::default()
    };
    let changed = client.change_account(second, &change).await.unwrap();
    assert_eq!((changed.name.as_str(), changed.enabled), ("work", false));
    let taken = ChangeAccountParams {
        name: Some("a".into()),
        ..ChangeAccountParams::default()
    };
    assert_eq!(
        code(client.change_account(second, &taken).await).0,
        Code::NameTaken
    );

    client.remove_account(second).await.unwrap();
    assert_eq!(code(client.remove_account(second).await).0, Code::NotFound);
    assert_eq!(names(&client).await, ["openai/a"]);
    assert_eq!(
        code(client.accounts(Some("none")).await).0,
        Code::UnknownProvider
    );
}

#[tokio::test]
async fn what_an_address_needs_stands_beside_the_key() {
    let (_dir, client) = client("").await;
    let azure = |fields: &[(&str, &str)]| AddAccountParams {
        fields: fields
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        ..key("azure-openai", Some("work"), "0123456789abcdef", false)
    };
    for (fields, named) in [
        (&[][..], "--field resource="),
        (&[("resorce", "mine")][..], "it has resource"),
        (&[("resource", "evil.example/")][..], "evil.example/"),
    ] {
        let (refused, message) = code(client.add_account(&azure(fields)).await);
        assert_eq!(refused, Code::BadValue);
        assert!(message.contains(named), "{message}");
    }
    assert!(names(&client).await.is_empty());

    let added = client.add_account(&azure(&[("resource", "mine")])).await;
    let added = added.unwrap().account;
    assert_eq!(
        (added.fields["resource"].as_str(), added.idle),
        ("mine", None)
    );
    // A new key for the account keeps what stands beside it.
    let again = client.add_account(&azure(&[])).await.unwrap().account;
    assert_eq!((again.id, again.fields), (added.id, added.fields));

    let change = |value: &str| ChangeAccountParams {
        fields: [("resource".to_owned(), value.to_owned())].into(),
        ..ChangeAccountParams::default()
    };
    let changed = client.change_account(added.id, &change("other")).await;
    let changed = changed.unwrap();
    assert_eq!(
        (changed.fields["resource"].as_str(), changed.idle),
        ("other", None)
    );
    let emptied = client.change_account(added.id, &change("")).await;
    assert_eq!(code(emptied).0, Code::BadValue);
}

#[tokio::test]
async fn a_client_key_is_shown_once_and_ends_by_its_name() {
    let (_dir, client) = client("").await;
    let params = CreateKeyParams {
        name: "my tool ü".into(),
        limits: LimitsInfo {
            models: vec!["gpt-5*".into()],
            rpm: Some(10),
            budget_usd: Some(1.5),
            expires: None,
        },
    };
    let made = client.create_key(&params).await.unwrap();
    assert!(made.secret.starts_with("byk_"));
    assert_eq!(code(client.create_key(&params).await).0, Code::NameTaken);
    let listed = client.keys().await.unwrap();
    assert_eq!(listed.keys, std::slice::from_ref(&made.key));
    assert_eq!(listed.keys[0].limits, params.limits);
    assert!(
        !serde_json::to_string(&listed)
            .unwrap()
            .contains(&made.secret)
    );

    let revoked = client.revoke_key("my tool ü").await.unwrap();
    assert_eq!(revoked.id, made.key.id);
    assert!(client.keys().await.unwrap().keys[0].revoked.is_some());
    assert_eq!(code(client.revoke_key("my tool ü").await).0, Code::NotFound);
}

#[tokio::test]
async fn the_trail_says_who_did_what() {
    let (_dir, desk) = desk("").await;
    let here = |by| Client::here(desk.clone(), by).unwrap();
    let cli = here(byokey_vault::Actor::Cli);
    cli.add_account(&key("openai", None, "sk-1", false))
        .await
        .unwrap();
    let id = cli.accounts(None).await.unwrap().accounts[0].id;
    here(byokey_vault::Actor::Tray)
        .remove_account(id)
        .await
        .unwrap();
    let audit = cli.audit(10, true).await.unwrap();
    let told: Vec<_> = audit
        .entries
        .iter()
        .map(|e| (&*e.actor, &*e.action))
        .collect();
    assert_eq!(told, [("tray", "account.remove"), ("cli", "account.add")]);
    let verdict = AuditVerdict {
        intact: true,
        entries: 2,
    };
    assert_eq!(audit.verdict, Some(verdict));
    assert_eq!(cli.audit(1, false).await.unwrap().entries.len(), 1);
}

#[tokio::test]
async fn a_wrong_configuration_is_told_and_the_old_one_stays() {
    let (dir, client) = client("strict: true").await;
    std::fs::write(dir.path().join("config.yaml"), "strict: true\nprot: 1\n").unwrap();
    let (refused, message) = code(client.reload().await);
    assert_eq!(refused, Code::Config);
    assert!(
        message.contains("line 2") && message.contains("prot"),
        "{message}"
    );
    assert!(client.config().await.unwrap().strict);
    assert_eq!(client.status().await.unwrap().config_error, Some(message));
    std::fs::write(dir.path().join("config.yaml"), "strict: false\n").unwrap();
    client.reload().await.unwrap();
    assert!(!client.config().await.unwrap().strict);
    assert_eq!(client.status().await.unwrap().config_error, None);
}

#[tokio::test]
async fn no_reply_holds_a_stored_secret() {
    let secret = "sk-canary-7h1s-1s-s3cr3t";
    let config =
        format!("providers: {{openai: {{api_key: {secret}, headers: {{x-own: {secret}}}}}}}");
    let (_dir, client) = client(&config).await;
    client
        .add_account(&key("xai", None, secret, false))
        .await
        .unwrap();
    let replies = [
        serde_json::to_string(&client.status().await.unwrap()),
        serde_json::to_string(&client.accounts(None).await.unwrap()),
        serde_json::to_string(&client.config().await.unwrap()),
        serde_json::to_string(&client.providers().await.unwrap()),
        serde_json::to_string(&client.audit(50, true).await.unwrap()),
    ];
    for reply in replies {
        let reply = reply.unwrap();
        assert!(!reply.contains(secret), "{reply}");
    }
    assert_eq!(names(&client).await, ["openai/config", "xai/default"]);
}

#[tokio::test]
async fn providers_tell_standing_and_notices() {
    let (_dir, client) = client("providers: {openai: {enabled: false}}").await;
    let providers = client.providers().await.unwrap().providers;
    let find = |id: &str| providers.iter().find(|provider| provider.id == id).unwrap();
    assert!(!find("openai").enabled && find("claude").enabled);
    let routes = providers.iter().flat_map(|provider| &provider.routes);
    let retired: Vec<_> = routes
        .filter(|route| route.status == byokey_catalog::Status::Retired)
        .collect();
    assert!(!retired.is_empty());
    assert!(
        retired
            .iter()
            .all(|route| route.reason.is_some() && route.replacement.is_some())
    );
    assert!(
        find("claude")
            .routes
            .iter()
            .any(|route| route.notice.is_some())
    );
}
