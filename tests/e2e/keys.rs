//! Client keys on the command line.

use serde_json::json;

use crate::rig::{both_ways, chat_sim, config};

const CHAT: &str = "/v1/chat/completions";

#[tokio::test]
async fn a_key_is_printed_once_and_works_until_it_is_revoked() {
    let chat = chat_sim().await;
    both_ways(&config(&[("c", &chat)]), async |house, server| {
        house.add_key("c", byokey_sim::Script::KEY).await.ok();
        let made = house
            .run(&["keys", "create", "laptop", "--print"])
            .await
            .ok();
        let key = made.out.trim_end();
        assert_eq!(made.out, format!("{key}\n"), "the key alone");
        assert!(key.starts_with("byk_") && key.len() == 36, "{key}");
        assert_eq!(made.err, "");
        if let Some(server) = server {
            assert_eq!(server.say(CHAT, key, "c/x", "hi").await.0, 200);
        }
        let again = house.run(&["keys", "create", "laptop"]).await;
        again.fails(&["laptop", "revoke it first"]);

        let listed = house.run(&["keys", "list"]).await.ok();
        assert!(
            listed.out.contains("laptop") && listed.out.contains(&key[..8]),
            "{listed:?}"
        );
        assert!(!listed.out.contains(key));
        let revoked = house.run(&["keys", "revoke", "laptop"]).await.ok();
        assert_eq!(revoked.out, "");
        if let Some(server) = server {
            let (status, error) = server.say(CHAT, key, "c/x", "hi").await;
            assert_eq!(
                (status, &error["error"]["code"]),
                (401, &json!("invalid_api_key"))
            );
        }
        let again = house.run(&["keys", "revoke", "laptop"]).await;
        again.fails(&["`laptop`"]);
        let listed = house.run(&["keys", "list", "--json"]).await.ok().json();
        assert!(listed["keys"][0]["revoked"].is_string());
    })
    .await;
}

#[tokio::test]
async fn limits_are_kept_and_hold() {
    let chat = chat_sim().await;
    both_ways(&config(&[("c", &chat)]), async |house, server| {
        house.add_key("c", byokey_sim::Script::KEY).await.ok();
        let create = [
            "keys",
            "create",
            "small",
            "--json",
            "--models",
            "c/allowed*,c/other",
            "--rpm",
            "2",
            "--budget",
            "1.5",
            "--expires",
            "7",
        ];
        let made = house.run(&create).await.ok().json();
        let limits = &made["key"]["limits"];
        assert_eq!(limits["models"], json!(["c/allowed*", "c/other"]));
        assert_eq!(
            (&limits["rpm"], &limits["budget_usd"]),
            (&json!(2), &json!(1.5))
        );
        assert!(limits["expires"].is_string());
        if let Some(server) = server {
            let key = made["secret"].as_str().unwrap();
            assert_eq!(server.say(CHAT, key, "c/denied", "hi").await.0, 403);
            assert_eq!(server.say(CHAT, key, "c/allowed-1", "hi").await.0, 200);
            let (status, error) = server.say(CHAT, key, "c/other", "hi").await;
            assert_eq!(status, 429, "{error}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_wrong_command_line_is_told_apart_from_a_failure() {
    let chat = chat_sim().await;
    both_ways(&config(&[("c", &chat)]), async |house, _| {
        for call in [
            &["keys"][..],
            &["keys", "create"],
            &["keys", "create", "x", "--rpm", "0"],
            &["keys", "create", "x", "--rpm", "many"],
            &["keys", "create", "x", "--expires", "-1"],
            &["keys", "revoke"],
            &["keys", "create", "x", "--colour", "red"],
            &["usage", "--since", "soon"],
            &["usage", "--by", "colour"],
            &["usage", "--csv", "--json"],
            &["audit", "--limit", "0"],
            &["serve", "--port", "70000"],
            &["nonsense"],
        ] {
            let wrong = house.run(call).await.ends(2);
            assert_eq!(wrong.out, "", "{wrong:?}");
            assert!(wrong.err.contains("--help"), "{wrong:?}");
        }
        house
            .run(&["keys", "create", "x", "--budget=-1"])
            .await
            .ends(1);
        house.run(&["keys", "create", " "]).await.ends(1);
        let none = house.run(&["keys", "list"]).await.ok();
        assert_eq!(none.out, "");
        none.says(&["byokey keys create"]);
    })
    .await;
}
