use std::{fs, io::Write, process::Command};

use crate::rig::{House, Ran};

/// The daemon goes to the background before it has its name on the bus.
const START: &str = r#"
printf pass | gnome-keyring-daemon --unlock --components=secrets >/dev/null 2>&1
tries=0
until dbus-send --session --print-reply --dest=org.freedesktop.DBus /org/freedesktop/DBus \
  org.freedesktop.DBus.GetNameOwner string:org.freedesktop.secrets >/dev/null 2>&1
do tries=$((tries + 1)); [ $tries -lt 5000 ] || exit 3; done
"#;
const LOCK: &str = r#"
dbus-send --session --print-reply --dest=org.freedesktop.secrets /org/freedesktop/secrets \
  org.freedesktop.Secret.Service.Lock array:objpath:/org/freedesktop/secrets/collection/login >/dev/null || exit 4
"#;

/// A bus that starts no service by itself: without it, asking for the Secret Service would start the
/// one installed here, and its absence could not be played.
const BUS: &str = r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <keep_umask/>
  <listen>unix:tmpdir=/tmp</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"#;

/// Whether a session can be played here. `cargo xtask test` sees to it; elsewhere it is said.
fn is_playable() -> bool {
    let programs = [
        "dbus-run-session",
        "dbus-send",
        "gnome-keyring-daemon",
        "secret-tool",
    ];
    let missing = programs
        .into_iter()
        .find(|program| Command::new(program).arg("--version").output().is_err());
    if let Some(program) = missing {
        let note =
            format!("not played: {program} is missing; `cargo xtask test keychain` installs it");
        writeln!(std::io::stderr(), "{note}").unwrap();
    }
    missing.is_none()
}

/// Plays a shell script in a session; `$byokey` is the program.
async fn play(house: &House, script: &str) -> Ran {
    let bus = house.path().join("bus.conf");
    fs::write(&bus, BUS).unwrap();
    let bus = format!("--config-file={}", bus.display());
    let script = format!("byokey={}\n{script}", env!("CARGO_BIN_EXE_byokey"));
    house
        .run_program("dbus-run-session", &[&bus, "--", "sh", "-c", &script])
        .await
}

fn house() -> House {
    House::configured("port: 0\nvault: keychain\n").without("BYOKEY_MASTER_KEY")
}

#[tokio::test]
async fn the_keychain_holds_one_key_and_the_folder_none() {
    if !is_playable() {
        return;
    }
    let house = house();
    let script = format!(
        "{START}
        printf sk-proj-canary | $byokey add-key openai --no-check || exit 5
        $byokey accounts --json || exit 6
        secret-tool search --all service byokey-dev 2>/dev/null | grep -c '^secret = ' "
    );
    let played = play(&house, &script).await.ok();
    assert!(played.out.contains("\"openai\""), "{played:?}");
    assert!(played.out.ends_with("\n1\n"), "one entry: {played:?}");
    // Without the session the vault stays shut.
    let failed = house.run(&["accounts"]).await;
    failed.fails(&["keychain", "passphrase", "key file"]);
    for entry in fs::read_dir(house.data()).unwrap() {
        let bytes = fs::read(entry.unwrap().path()).unwrap();
        assert!(!bytes.windows(14).any(|window| window == b"sk-proj-canary"));
    }
}

#[tokio::test]
async fn the_engine_serves_from_the_keychain() {
    if !is_playable() {
        return;
    }
    let house = house();
    let script = format!(
        "{START}
        $byokey start || exit 5
        $byokey keys create k --print || exit 6
        $byokey status --json || exit 7
        $byokey stop"
    );
    let played = play(&house, &script).await.ok();
    assert!(played.out.contains("\"vault\": \"keychain\""), "{played:?}");
    assert!(played.out.contains("byk_"), "{played:?}");
}

#[tokio::test]
async fn a_locked_keychain_is_told_and_nothing_replaced() {
    if !is_playable() {
        return;
    }
    let house = house();
    let script = format!(
        "{START}
        $byokey keys create k --print >/dev/null || exit 5
        {LOCK}
        exec $byokey accounts"
    );
    let played = play(&house, &script).await;
    played.fails(&["locked", "unlock", "passphrase", "key file"]);
}

#[tokio::test]
async fn an_absent_keychain_leaves_a_choice() {
    if !is_playable() {
        return;
    }
    let house = house();
    let played = play(&house, "exec $byokey accounts").await;
    played.fails(&["no keychain", "passphrase", "key file"]);
    // No vault was made that nobody could open; the choice is still free.
    let house = house.env("BYOKEY_VAULT", "key-file");
    let unchecked = ["add-key", "openai", "--no-check"];
    house.run_with(&unchecked, "sk-proj-a").await.ok();
}
