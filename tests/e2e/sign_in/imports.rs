//! Logins of other programs: followed as their owner keeps them, never renewed and never written.

use std::{fs, path::PathBuf};

use byokey_sim::{Realm, User};
use serde_json::{Value, json};

use super::Scene;
use crate::rig::soon;

const CODEX: &str = "app_EMoamEEZ73f0CkXaXp7hrann";
const CODEX_TOKEN: &str = "https://auth.openai.com/oauth/token";

/// The Codex CLI's file in the house's home.
fn codex_file(scene: &Scene) -> PathBuf {
    scene.house.path().join(".codex/auth.json")
}

/// What the Codex CLI writes when it signs in or renews.
fn codex_writes(scene: &Scene, access: &str, refresh: &str) {
    let file = codex_file(scene);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    let content = json!({"auth_mode": "chatgpt", "OPENAI_API_KEY": null,
        "tokens": {"id_token": access, "access_token": access, "refresh_token": refresh,
            "account_id": "org-ada"},
        "last_refresh": "2026-11-21T10:00:00.000Z"});
    let draft = file.with_extension("new");
    fs::write(&draft, content.to_string()).unwrap();
    fs::rename(&draft, &file).unwrap();
}

#[tokio::test]
async fn a_followed_login_is_read_and_never_renewed() {
    let scene = Scene::of(&["openai"]).await;
    let ada = User::new("ada");
    let (access, refresh) = scene.issuer.signed_in(Realm::Codex, &ada, CODEX);
    codex_writes(&scene, &access, &refresh);
    let before = fs::read(codex_file(&scene)).unwrap();

    let plan = scene
        .house
        .run(&["import", "codex", "--dry-run"])
        .await
        .ok();
    assert!(plan.out.contains("ada@example.org"), "{plan:?}");
    assert!(
        scene.accounts("openai").await.is_empty(),
        "a plan takes nothing"
    );
    let take = ["import", "codex", "--accept-notice", "--yes"];
    scene.house.run(&take).await.ok();
    let account = scene.account("openai").await;
    assert_eq!(
        (&account["kind"], &account["state"]["kind"]),
        (&json!("followed"), &json!("follows"))
    );
    scene.answers("openai/sim-large").await;

    // It ends, and its owner does nothing about it: the person is told whose turn it is.
    scene.issuer.expire(Realm::Codex);
    let (status, error) = scene.say("openai/sim-large").await;
    assert!(status >= 400, "{error}");
    let told = error["error"]["message"].as_str().unwrap();
    assert!(told.contains("Codex"), "{told}");
    assert_eq!(
        scene.account("openai").await["state"]["kind"],
        "needs-owner"
    );

    // The owner renews; byokey picks it up by itself.
    let (access, refresh) = scene.issuer.signed_in(Realm::Codex, &ada, CODEX);
    codex_writes(&scene, &access, &refresh);
    let served = async { while scene.say("openai/sim-large").await.0 != 200 {} };
    soon("the owner's new token to be used", served).await;
    assert_eq!(scene.account("openai").await["state"]["kind"], "follows");
    assert_eq!(scene.issuer.posts(CODEX_TOKEN), 0, "byokey renewed nothing");
    assert_ne!(fs::read(codex_file(&scene)).unwrap(), before);
    let now = fs::read_to_string(codex_file(&scene)).unwrap();
    assert!(now.contains(&refresh), "byokey wrote nothing");
    // Signing out ends nothing of the owner's.
    let out = scene.house.run(&["logout", "openai"]).await.ok();
    assert!(out.err.contains("Codex"), "{out:?}");
    assert_eq!(scene.issuer.alive(Realm::Codex), 2);
}

#[tokio::test]
async fn a_half_written_file_changes_nothing() {
    let scene = Scene::of(&["openai"]).await;
    let (access, refresh) = scene
        .issuer
        .signed_in(Realm::Codex, &User::new("ada"), CODEX);
    codex_writes(&scene, &access, &refresh);
    let take = ["import", "codex", "--accept-notice", "--yes"];
    scene.house.run(&take).await.ok();
    let whole = fs::read(codex_file(&scene)).unwrap();
    fs::write(codex_file(&scene), &whole[..whole.len() / 2]).unwrap();
    // What was read before may serve on; else it is told that the file is unfinished.
    let (status, error) = scene.say("openai/sim-large").await;
    let told = error["error"]["message"].as_str().unwrap_or_default();
    assert!(status == 200 || told.contains("being written"), "{error}");
    assert_eq!(scene.account("openai").await["state"]["kind"], "follows");
    fs::write(codex_file(&scene), &whole).unwrap();
    let served = async { while scene.say("openai/sim-large").await.0 != 200 {} };
    soon("the whole file to be read", served).await;
    assert_eq!(scene.account("openai").await["state"]["kind"], "follows");
}

#[tokio::test]
async fn a_file_with_a_key_becomes_a_key_account() {
    let scene = Scene::of(&["openai"]).await;
    let key = "sk-proj-simulated-of-codex";
    scene.issuer.know(key);
    let file = codex_file(&scene);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    let content = json!({"auth_mode": "apikey", "OPENAI_API_KEY": key, "tokens": null});
    fs::write(&file, content.to_string()).unwrap();
    scene.house.run(&["import", "codex", "--yes"]).await.ok();
    let account = scene.account("openai").await;
    assert_eq!(
        (&account["kind"], &account["route"]),
        (&json!("key"), &json!("api-key"))
    );
    scene.answers("openai/sim-large").await;
}

#[tokio::test]
async fn a_notice_comes_before_a_login_is_followed() {
    let scene = Scene::of(&["openai"]).await;
    let (access, refresh) = scene
        .issuer
        .signed_in(Realm::Codex, &User::new("ada"), CODEX);
    codex_writes(&scene, &access, &refresh);
    let refused = scene.house.run(&["import", "codex", "--yes"]).await.ends(1);
    refused.says(&["--accept-notice"]);
    assert!(scene.accounts("openai").await.is_empty());
}

#[tokio::test]
async fn files_of_ended_services_are_known_and_not_taken() {
    let scene = Scene::of(&["qwen"]).await;
    let folder = scene.house.path().join(".qwen");
    fs::create_dir_all(&folder).unwrap();
    let content = json!({"access_token": "a".repeat(40), "refresh_token": "b".repeat(40),
        "token_type": "Bearer", "expiry_date": 1_900_000_000_000_i64,
        "resource_url": "portal.qwen.ai"});
    fs::write(folder.join("oauth_creds.json"), content.to_string()).unwrap();
    let plan = scene
        .house
        .run(&["import", "qwen", "--dry-run", "--json"])
        .await
        .ok()
        .json();
    assert_eq!(plan["found"][0]["verdict"]["kind"], "retired", "{plan}");
    scene.house.run(&["import", "qwen", "--yes"]).await.ends(1);
    assert!(scene.accounts("qwen").await.is_empty());
    assert_eq!(
        scene.manage("GET", "/manage/imports", Value::Null).await.0,
        200
    );
}
