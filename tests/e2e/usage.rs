//! Models, usage and the audit trail on the command line; where output goes and how it ends.

use std::process::Stdio;

use byokey_sim::Script;
use serde_json::Value;

use crate::rig::{House, both_ways, chat_sim, config, messages_sim, soon};

#[tokio::test]
async fn usage_is_the_same_with_and_without_the_engine() {
    let (chat, messages) = (chat_sim().await, messages_sim().await);
    let house = House::furnished(&[("c", &chat), ("m", &messages)]).await;
    let key = house.client_key("laptop").await;
    let server = house.serve().await;
    for (path, model, text) in [
        ("/v1/chat/completions", "c/one", "hi"),
        ("/v1/messages", "c/one", "hi"),
        ("/v1/messages", "m/two", "hi"),
        ("/v1/messages", "m/two", "[[sim status=500]]"),
    ] {
        server.say(path, &key, model, text).await;
    }
    house.run(&["stop"]).await.ok();
    assert_eq!(server.ended().await.0, Some(0));
    let offline = everything(&house).await;
    let server = house.serve().await;
    assert_eq!(everything(&house).await, offline);
    drop(server);

    let [model, account, client, day, provider, csv, text, since] = offline.as_slice() else {
        panic!("{offline:?}");
    };
    let groups = |text: &str| -> Vec<Value> {
        let value: Value = serde_json::from_str(text).unwrap();
        value["groups"].as_array().unwrap().clone()
    };
    let counted = |text: &str| -> Vec<(String, u64, u64)> {
        let row = |group: &Value| {
            let number = |member: &str| group[member].as_u64().unwrap();
            let name = group["group"].as_str().unwrap().to_owned();
            (name, number("requests"), number("failed"))
        };
        let mut rows: Vec<_> = groups(text).iter().map(row).collect();
        rows.sort();
        rows
    };
    let named = |name: &str, requests, failed| (name.to_owned(), requests, failed);
    assert_eq!(counted(model), [named("c/one", 2, 0), named("m/two", 2, 1)]);
    assert_eq!(
        counted(account),
        [named("c/default", 2, 0), named("m/default", 2, 1)]
    );
    assert_eq!(counted(client), [named("laptop", 4, 1)]);
    assert_eq!(counted(provider), [named("c", 2, 0), named("m", 2, 1)]);
    let days = counted(day);
    assert_eq!(days.iter().map(|(_, requests, _)| requests).sum::<u64>(), 4);
    assert!(groups(client)[0]["tokens"]["input"].as_u64().unwrap() > 0);
    assert!(csv.starts_with("group,requests,failed,"), "{csv}");
    assert!(csv.contains("\nm/two,2,1,"), "{csv}");
    assert!(
        text.contains("c/one") && text.contains("REQUESTS"),
        "{text}"
    );
    assert_eq!(
        groups(since),
        Vec::<Value>::new(),
        "nothing is from the future"
    );
}

/// What `usage` says in all its forms, without the moment of asking.
async fn everything(house: &House) -> Vec<String> {
    let mut told = Vec::new();
    for by in ["model", "account", "client", "day", "provider"] {
        let call = ["usage", "--since", "2026-01-01", "--by", by, "--json"];
        told.push(house.run(&call).await.ok().out);
    }
    for call in [
        &["usage", "--csv"][..],
        &["usage"],
        &["usage", "--since", "2126-01-01", "--json"],
    ] {
        let ran = house.run(call).await.ok();
        assert_eq!(ran.err, "");
        told.push(ran.out);
    }
    told
}

#[tokio::test]
async fn models_are_those_of_the_accounts() {
    let chat = chat_sim().await;
    let settings = config(&[("c", &chat)]) + "models: { aliases: { fast: [c/x] } }\n";
    both_ways(&settings, async |house, _| {
        let ids = async || {
            let listed = house.run(&["models", "--json"]).await.ok().json();
            let models = listed["models"].as_array().unwrap().clone();
            let ids = models
                .iter()
                .map(|model| model["id"].as_str().unwrap().to_owned());
            ids.collect::<Vec<_>>()
        };
        assert!(ids().await.is_empty(), "nobody can serve the alias");
        house.add_key("c", Script::KEY).await.ok();
        assert_eq!(ids().await[..2], ["fast", "c-model"]);
        let text = house.run(&["models"]).await.ok();
        assert!(
            text.out.contains("c-model") && text.out.contains("(alias)"),
            "{text:?}"
        );
    })
    .await;
}

#[tokio::test]
async fn the_trail_tells_every_change_and_proves_itself() {
    let chat = chat_sim().await;
    both_ways(&config(&[("c", &chat)]), async |house, _| {
        house.add_key("c", Script::KEY).await.ok();
        house.client_key("laptop").await;
        house.run(&["keys", "revoke", "laptop"]).await.ok();
        house.run(&["logout", "c"]).await.ok();
        let trail = house
            .run(&["audit", "--verify", "--json"])
            .await
            .ok()
            .json();
        let entries = trail["entries"].as_array().unwrap();
        let told: Vec<_> = entries.iter().rev().map(|entry| &entry["action"]).collect();
        assert_eq!(
            told,
            ["account.add", "key.create", "key.revoke", "account.remove"]
        );
        assert!(entries.iter().all(|entry| entry["actor"] == "cli"));
        assert_eq!(trail["verdict"]["intact"], true);
        let text = house.run(&["audit", "--verify", "--limit", "1"]).await.ok();
        assert!(text.out.contains("intact: 4"), "{text:?}");
    })
    .await;
}

#[tokio::test]
async fn a_reader_that_has_enough_is_no_failure() {
    let house = House::empty();
    let unchecked = ["add-key", "openai", "--no-check"];
    house.run_with(&unchecked, "sk-proj-a").await.ok();
    for call in [
        &["completions", "bash"][..],
        &["completions", "zsh"],
        &["openapi"],
        &["--help"],
        &["status", "--json"],
        &["models"],
        &["usage", "--csv"],
        &["audit", "--json"],
    ] {
        let mut child = house.command(call).stdin(Stdio::null()).spawn().unwrap();
        // Closed before a byte can have been read: every write from here on fails.
        drop(child.stdout.take());
        let output = soon("a short end", child.wait_with_output()).await.unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(
            (output.status.code(), told.as_str()),
            (Some(0), ""),
            "{call:?}"
        );
    }
}

#[tokio::test]
async fn what_needs_no_vault_asks_for_none() {
    // No key, no keychain: opening the vault would fail.
    let house = House::empty().without("BYOKEY_MASTER_KEY");
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let made = house.run(&["completions", shell]).await.ok();
        assert!(made.out.contains("add-key"), "{shell}");
    }
    let document = house.run(&["openapi"]).await.ok().json();
    assert!(document["paths"]["/manage/accounts"]["post"].is_object());
    assert_eq!(
        house.run(&["status", "--json"]).await.ok().json()["running"],
        false
    );
    let welcome = house.run(&[]).await.ok();
    assert!(welcome.out.contains("byokey start") && welcome.out.contains("byokey add-key"));
    assert!(
        house
            .run(&["--version"])
            .await
            .ok()
            .out
            .starts_with("byokey ")
    );
    house.run(&["completions", "tcsh"]).await.ends(2);
}
