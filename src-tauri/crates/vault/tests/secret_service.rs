//! The real Secret Service: GNOME's keyring on a session bus of its own, unlocked and locked.
//!
//! Each scene runs this test program again inside `dbus-run-session`, with a home folder of its
//! own, so that no keyring of the user is touched. Without the programs the scenes cannot run and
//! say so.
#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use byokey_vault::{
    Actor, HomeChoice, Keychain, KeychainTrouble, NewAccount, Secret, Vault, VaultError,
};

const SCENE: &str = "BYOKEY_KEYRING_SCENE";
const FOLDER: &str = "BYOKEY_KEYRING_FOLDER";

/// The daemon goes to the background before it has taken its name on the bus.
const START: &str = r#"
printf pass | gnome-keyring-daemon --unlock --components=secrets >/dev/null 2>&1
tries=0
until dbus-send --session --print-reply --dest=org.freedesktop.DBus /org/freedesktop/DBus \
  org.freedesktop.DBus.GetNameOwner string:org.freedesktop.secrets >/dev/null 2>&1
do tries=$((tries + 1)); [ $tries -lt 5000 ] || exit 3; done
"#;
const UNLOCKED: &str = r#"exec "$0" "$@""#;
const LOCKED: &str = r#"
BYOKEY_KEYRING_SCENE=unlocked "$0" "$@" || exit 1
dbus-send --session --print-reply --dest=org.freedesktop.secrets /org/freedesktop/secrets \
  org.freedesktop.Secret.Service.Lock array:objpath:/org/freedesktop/secrets/collection/login >/dev/null || exit 2
exec "$0" "$@""#;
const ABSENT: &str = r#"exec "$0" "$@""#;

#[test]
fn unlocked() {
    play("unlocked", &format!("{START}{UNLOCKED}"));
}

#[test]
fn locked() {
    play("locked", &format!("{START}{LOCKED}"));
}

#[test]
fn absent() {
    play("absent", ABSENT);
}

/// Runs inside the session, when asked for by name.
#[test]
fn scene() {
    let (Ok(scene), Some(dir)) = (std::env::var(SCENE), std::env::var_os(FOLDER)) else {
        return;
    };
    let dir = Path::new(&dir).join("data");
    let open = || {
        Vault::open(
            &dir,
            HomeChoice::Keychain(Keychain::default().service("byokey-test")),
        )
    };
    match scene.as_str() {
        "unlocked" => {
            let vault = open().unwrap();
            let new = NewAccount {
                provider: "openai",
                name: None,
                route: "api-key",
                base_origin: None,
                limited: false,
                fields: &[],
            };
            // Larger than any keychain entry may be: the entry holds only the vault's key.
            let id = vault
                .add_key(new, Secret::new("k".repeat(16_384)), Actor::Cli)
                .unwrap()
                .id;
            drop(vault);
            let vault = open().unwrap();
            assert_eq!(vault.credential(id).unwrap().secret.expose().len(), 16_384);
            let held = Command::new("secret-tool")
                .args(["search", "--all", "service", "byokey-test"])
                .output()
                .unwrap();
            let held = String::from_utf8(held.stdout).unwrap();
            let secrets: Vec<_> = held
                .lines()
                .filter(|l| l.starts_with("secret = "))
                .collect();
            assert_eq!(secrets.len(), 1, "one entry");
            assert_eq!(
                secrets[0].len(),
                "secret = ".len() + 44,
                "32 bytes in base64"
            );
        }
        "locked" => assert_eq!(trouble(open()), KeychainTrouble::Locked),
        "absent" => assert_eq!(trouble(open()), KeychainTrouble::Absent),
        other => panic!("no scene {other}"),
    }
    println!("scene {scene} played");
}

fn trouble(opened: Result<Vault, VaultError>) -> KeychainTrouble {
    match opened {
        Err(VaultError::Keychain(trouble)) => trouble,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("the vault opened"),
    }
}

fn play(scene: &str, session: &str) {
    for program in [
        "dbus-run-session",
        "gnome-keyring-daemon",
        "secret-tool",
        "dbus-send",
    ] {
        if Command::new(program).arg("--version").output().is_err() {
            let mut notice = std::io::stderr().lock();
            writeln!(
                notice,
                "scene {scene} not played: {program} is not installed"
            )
            .unwrap();
            return;
        }
    }
    let home = tempfile::tempdir().unwrap();
    let config = home.path().join("bus.conf");
    std::fs::write(&config, BUS_WITHOUT_SERVICES).unwrap();
    let played = Command::new("dbus-run-session")
        .arg(format!("--config-file={}", config.display()))
        .args(["--", "sh", "-c", session])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "scene", "--nocapture"])
        .env(SCENE, scene)
        .env(FOLDER, home.path())
        .env("HOME", home.path())
        .env("XDG_RUNTIME_DIR", home.path())
        .env("XDG_DATA_HOME", home.path().join("share"))
        .env("XDG_CONFIG_HOME", home.path().join("config"))
        .env_remove("DISPLAY")
        .env_remove("WAYLAND_DISPLAY")
        .env_remove("DBUS_SESSION_BUS_ADDRESS")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let out = String::from_utf8_lossy(&played.stdout);
    let err = String::from_utf8_lossy(&played.stderr);
    assert!(played.status.success(), "{out}\n{err}");
    assert!(
        out.contains(&format!("scene {scene} played")),
        "{out}\n{err}"
    );
}

/// A bus that starts no service by itself: without it, asking for the Secret Service would start
/// the one installed here, and "absent" could not be played.
const BUS_WITHOUT_SERVICES: &str = r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
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
