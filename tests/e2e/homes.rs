//! Where the vault's key lives: key file, passphrase, master key. The keychain has a program of
//! its own, because it needs sessions of its own.

use std::fs;

use serde_json::json;

use crate::rig::{House, MASTER_KEY};

async fn fill(house: &House) {
    let unchecked = ["add-key", "openai", "--no-check"];
    house.run_with(&unchecked, "sk-proj-a").await.ok();
}

async fn is_full(house: &House) {
    let found = house.run(&["accounts", "--json"]).await.ok().json();
    assert_eq!(found["accounts"][0]["provider"], "openai");
}

fn bare() -> House {
    House::empty().without("BYOKEY_MASTER_KEY")
}

#[tokio::test]
async fn a_key_file_is_made_apart_from_the_data_and_needed_ever_after() {
    for configured in [false, true] {
        let house = if configured {
            House::configured("port: 0\nvault: key-file\n").without("BYOKEY_MASTER_KEY")
        } else {
            bare().env("BYOKEY_VAULT", "key-file")
        };
        fill(&house).await;
        is_full(&house).await;
        let server = house.serve().await;
        let status = house.run(&["status", "--json"]).await.ok().json();
        assert_eq!(status["vault"], json!("key-file"));
        server.kill().await;

        let file = house.path().join(".config/byokey/byokey.key");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(&file).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode, 0o600);
        }
        let away = file.with_extension("away");
        fs::rename(&file, &away).unwrap();
        let failed = house.run(&["accounts"]).await;
        failed.fails(&["byokey.key", "does not exist"]);
        assert!(!file.exists(), "a lost key must not be replaced by another");
        fs::write(&file, "garbage").unwrap();
        house.run(&["serve"]).await.fails(&["byokey.key"]);
        fs::rename(&away, &file).unwrap();
        is_full(&house).await;
    }
}

#[tokio::test]
async fn a_key_file_may_lie_anywhere() {
    let house = bare();
    let file = house.path().join("elsewhere.key");
    let house = house.env("BYOKEY_KEY_FILE", &file);
    fill(&house).await;
    assert!(file.exists());
    is_full(&house).await;
}

#[tokio::test]
async fn only_the_passphrase_opens() {
    let house = bare();
    let words = house.path().join("words");
    fs::write(&words, "correct horse battery staple\n").unwrap();
    let house = house.env("BYOKEY_PASSPHRASE_FILE", &words);
    fill(&house).await;
    is_full(&house).await;
    fs::write(&words, "correct horse battery stable\n").unwrap();
    house.run(&["accounts"]).await.fails(&["wrong passphrase"]);
    house.run(&["serve"]).await.fails(&["wrong passphrase"]);
    fs::remove_file(&words).unwrap();
    house
        .run(&["accounts"])
        .await
        .fails(&["BYOKEY_PASSPHRASE_FILE", "words"]);
    // Nobody is there to be asked.
    let house = house
        .without("BYOKEY_PASSPHRASE_FILE")
        .env("BYOKEY_VAULT", "passphrase");
    let failed = house.run(&["accounts"]).await;
    failed.fails(&["no terminal", "BYOKEY_PASSPHRASE_FILE"]);
}

#[tokio::test]
async fn a_passphrase_that_is_none_is_refused() {
    let house = bare();
    let words = house.path().join("words");
    fs::write(&words, "abc\n").unwrap();
    let house = house.env("BYOKEY_PASSPHRASE_FILE", &words);
    house.run(&["accounts"]).await.fails(&["too short"]);
}

#[tokio::test]
async fn only_the_master_key_opens() {
    let house = House::empty();
    fill(&house).await;
    is_full(&house).await;
    let house = house.env("BYOKEY_MASTER_KEY", MASTER_KEY.replace('A', "B"));
    house
        .run(&["accounts"])
        .await
        .fails(&["BYOKEY_MASTER_KEY", "not the one"]);
    let house = house.env("BYOKEY_MASTER_KEY", "c2hvcnQ=");
    house
        .run(&["accounts"])
        .await
        .fails(&["32 bytes in base64"]);
    // Another home is a mistake, never a second key.
    let house = house
        .without("BYOKEY_MASTER_KEY")
        .env("BYOKEY_VAULT", "key-file");
    house.run(&["accounts"]).await.fails(&["BYOKEY_MASTER_KEY"]);
    let house = house
        .env("BYOKEY_MASTER_KEY", MASTER_KEY)
        .without("BYOKEY_VAULT");
    is_full(&house).await;
}

#[tokio::test]
async fn without_a_home_there_is_a_choice_and_nothing_in_clear() {
    let house = bare().env("BYOKEY_VAULT", "vault");
    house
        .run(&["accounts"])
        .await
        .fails(&["keychain, passphrase or key-file"]);
    let house = House::configured("vault: plain\n").without("BYOKEY_MASTER_KEY");
    house
        .run(&["accounts"])
        .await
        .fails(&["keychain, passphrase or key-file"]);
}
