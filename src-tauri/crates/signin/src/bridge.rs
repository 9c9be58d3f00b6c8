//! Signing in to the user's own program. The program does it and keeps what it gets; byokey starts
//! it, shows its words, hands over what the person pastes, and remembers that there is a login.

use byokey_bridge::{Bridges, LoginState, LoginWord, ProgramInfo};
use byokey_catalog::Bridge;
use tokio::sync::mpsc;
use zeroize::Zeroizing;

use crate::scene::{Said, Scene};
use crate::{Grant, Granted, Identity, SigninError, Step};

/// Pasted texts that the program has not read yet.
const PASTED: usize = 4;

/// Takes the program's login as it is, or has the program sign in first.
///
/// # Errors
/// [`SigninError::Program`] with an instruction when it is missing, too old, or did not sign in.
pub(crate) async fn run(scene: &Scene, row: &Bridge) -> Result<Grant, SigninError> {
    let bridges = &scene.bridges;
    let mut info = probe(scene, bridges, row).await?;
    if info.login == LoginState::SignedOut {
        sign_in(scene, bridges, row).await?;
        info = probe(scene, bridges, row).await?;
    }
    let (label, plan) = match info.login {
        LoginState::SignedIn { label, plan } => (label, plan),
        // Its first request will show.
        LoginState::Unknown(_) => (None, None),
        LoginState::SignedOut => {
            return Err(SigninError::Program(format!(
                "{} still says that nobody is signed in: try again, or sign in there",
                row.program
            )));
        }
    };
    Ok(Grant {
        credential: Granted::Bridge,
        // The program has one login at a time; whose it is may change there at any time.
        identity: Some(Identity {
            subject: row.program.clone(),
            label,
            plan,
        }),
        fields: byokey_vault::Fields::new(),
    })
}

async fn probe(scene: &Scene, bridges: &Bridges, row: &Bridge) -> Result<ProgramInfo, SigninError> {
    let told = bridges.probe(row, &scene.overrides.bridge).await;
    told.map_err(|trouble| SigninError::Program(trouble.to_string()))
}

async fn sign_in(scene: &Scene, bridges: &Bridges, row: &Bridge) -> Result<(), SigninError> {
    let (paste, mut pasted) = mpsc::channel(PASTED);
    let mut page = None;
    let show = |word| {
        let line = match word {
            LoginWord::Url(url) => {
                page = Some(url);
                return;
            }
            LoginWord::Line(line) => line,
            LoginWord::Code(code) => format!("Type this code there: {code}"),
        };
        scene.show(Step::Program {
            program: row.program.clone(),
            line,
            url: page.clone(),
        });
    };
    let login = bridges.login(row, &scene.overrides.bridge, &mut pasted, show);
    tokio::pin!(login);
    loop {
        tokio::select! {
            done = &mut login => {
                return done.map_err(|trouble| SigninError::Program(trouble.to_string()));
            }
            said = scene.said() => if let Said::Pasted { text, taken } = said {
                // A full queue means that the program reads nothing; the person can paste again.
                let _ = paste.try_send(Zeroizing::new(text.expose().to_owned()));
                // Only the program knows whether it is of use. A caller who left is told nothing.
                let _ = taken.send(Ok(()));
            }
        }
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt, sync::Arc};

    use byokey_bridge::BridgeSettings;
    use byokey_catalog::Catalog;
    use byokey_vault::{AccountKind, Actor, Fields, HomeChoice, Secret, Vault};

    use super::*;
    use crate::{Overrides, SignIn, SignInRequest, SignIns};

    /// A Claude Code that knows `auth` and nothing else.
    const PROGRAM: &str = r#"#!/bin/sh
case "$1 $2" in
"--version ") echo '2.1.330 (Claude Code)';;
"--help ") echo '--include-partial-messages --input-format --no-session-persistence --output-format --setting-sources --strict-mcp-config --tools';;
"auth status")
    if [ -e "$LOGIN" ]; then echo '{"loggedIn":true,"email":"me@example.org","subscriptionType":"max"}'
    else echo '{"loggedIn":false}'; exit 1; fi;;
"auth login")
    echo 'If the browser did not open, visit:'; echo 'https://claude.ai/oauth/authorize?x=1'; printf 'Paste code here > '
    read -r code; [ "$code" = "good#code" ] || { echo 'no such code' >&2; exit 1; }
    echo "$code" > "$LOGIN";;
esac
"#;

    struct House {
        vault: Vault,
        sign_ins: SignIns,
        settings: BridgeSettings,
        _folder: tempfile::TempDir,
    }

    impl House {
        fn new(is_signed_in: bool) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let program = folder.path().join("claude");
            fs::write(&program, PROGRAM).unwrap();
            fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
            let login = folder.path().join("login");
            if is_signed_in {
                fs::write(&login, "").unwrap();
            }
            let vault = Vault::open(folder.path(), HomeChoice::Memory).unwrap();
            let bridges = Arc::new(Bridges::new(folder.path().join("work")));
            let env = [("LOGIN".to_owned(), login.to_str().unwrap().to_owned())].into();
            Self {
                sign_ins: SignIns::new(vault.clone(), bridges),
                vault,
                settings: BridgeSettings {
                    program: Some(program),
                    env,
                },
                _folder: folder,
            }
        }

        async fn start(&self) -> SignIn {
            let request = SignInRequest {
                catalog: Arc::new(Catalog::bundled().unwrap()),
                overrides: Overrides {
                    bridge: self.settings.clone(),
                    ..Overrides::default()
                },
                provider: "claude".to_owned(),
                route: "claude-cli".to_owned(),
                name: None,
                fields: Fields::new(),
                choice: None,
                headless: false,
                by: Actor::Cli,
            };
            self.sign_ins.start(request).await.unwrap()
        }

        /// Waits for a step.
        async fn until(&self, mut it: SignIn, holds: impl Fn(&Step) -> bool) -> SignIn {
            while !holds(&it.step) {
                assert!(!it.step.is_over(), "{:?}", it.step);
                it = self.sign_ins.after(&it.id, &it.step).await.unwrap();
            }
            it
        }
    }

    #[tokio::test]
    async fn a_login_that_is_there_is_taken_as_it_is() {
        let house = House::new(true);
        let mut ids = Vec::new();
        for renewed_now in [false, true] {
            let it = house.start().await;
            let it = house
                .until(it, |step| matches!(step, Step::Done { .. }))
                .await;
            let Step::Done {
                account,
                label,
                renewed,
                ..
            } = it.step
            else {
                unreachable!()
            };
            assert_eq!(
                (label.as_deref(), renewed),
                (Some("me@example.org"), renewed_now)
            );
            ids.push(account);
        }
        assert_eq!(ids[0], ids[1], "one program, one account");
        let accounts = house.vault.accounts().unwrap();
        assert_eq!((accounts.len(), accounts[0].kind), (1, AccountKind::Bridge));
    }

    #[tokio::test]
    async fn the_programs_own_sign_in_is_shown_and_helped_along() {
        let house = House::new(false);
        let it = house.start().await;
        let has_page = |step: &Step| matches!(step, Step::Program { url: Some(url), .. } if url.starts_with("https://claude.ai/"));
        let it = house.until(it, has_page).await;
        house
            .sign_ins
            .paste(&it.id, Secret::new("good#code"))
            .await
            .unwrap();
        house
            .until(it, |step| matches!(step, Step::Done { .. }))
            .await;
    }

    #[tokio::test]
    async fn what_went_wrong_is_an_instruction() {
        let house = House::new(false);
        let it = house.start().await;
        let it = house
            .until(it, |step| matches!(step, Step::Program { .. }))
            .await;
        house
            .sign_ins
            .paste(&it.id, Secret::new("bad"))
            .await
            .unwrap();
        let it = house.until(it, Step::is_over).await;
        let Step::Failed { code, message } = it.step else {
            panic!("{:?}", it.step)
        };
        assert_eq!(code, "program");
        assert!(message.contains("no such code"), "{message}");

        let mut house = House::new(false);
        house.settings.program = Some("/nowhere/claude".into());
        let it = house.start().await;
        let it = house.until(it, Step::is_over).await;
        let Step::Failed { message, .. } = it.step else {
            panic!("{:?}", it.step)
        };
        assert!(message.contains("/nowhere/claude"), "{message}");
        assert!(house.vault.accounts().unwrap().is_empty());
    }
}
