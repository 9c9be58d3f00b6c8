use std::{collections::BTreeMap, env, time::Duration};

use serde_json::json;
use tokio::time::timeout;

use super::{PATIENCE, start, told};
use crate::{BridgeTrouble, LoginWord, bridges::Desk, rpc::Heard, words};

/// A person who has not finished by then has left.
const PERSON: Duration = Duration::from_mins(15);

/// The news of a sign-in's end.
pub(super) const COMPLETED: &str = "account/login/completed";

/// Variables that say that a browser can be opened here.
const SCREENS: [&str; 2] = ["DISPLAY", "WAYLAND_DISPLAY"];

/// Has Codex sign a person in: with a page that comes back to Codex, or with a code where no browser
/// can. Codex' own command would tell the same, but to a person at a terminal.
///
/// # Errors
/// [`BridgeTrouble::Login`] when it did not succeed, or why Codex does not run.
pub(crate) async fn login(
    desk: &Desk<'_>,
    mut words: impl FnMut(LoginWord) + Send,
) -> Result<(), BridgeTrouble> {
    let peer = start(desk).await?;
    let kind = if has_browser(&desk.settings.env) {
        "chatgpt"
    } else {
        "chatgptDeviceCode"
    };
    let begun = peer
        .call("account/login/start", json!({"type": kind}), PATIENCE)
        .await;
    let begun = begun.map_err(|trouble| told(desk.bridge, trouble))?;
    let failed = |said: &str| BridgeTrouble::Login {
        program: desk.bridge.program.clone(),
        words: words::tidy(said),
    };
    let Some(id) = begun["loginId"].as_str() else {
        return Err(failed("it named no sign-in to wait for"));
    };
    let mut heard = peer.listen(id);
    let text = |member: &str| begun[member].as_str().map(str::to_owned);
    for url in text("authUrl").into_iter().chain(text("verificationUrl")) {
        words(LoginWord::Url(url));
    }
    if let Some(code) = text("userCode") {
        words(LoginWord::Code(code));
    }
    let done = timeout(PERSON, async {
        // It may have ended before anybody listened.
        let early = peer.news(COMPLETED);
        if let Some(done) = early.filter(|done| done["loginId"] == id) {
            return Some(done);
        }
        while let Some(heard) = heard.next().await {
            if let Heard::Notice { method, params } = heard
                && method == COMPLETED
            {
                return Some(params);
            }
        }
        None
    });
    match done.await {
        Ok(Some(done)) if done["success"] == true => Ok(()),
        Ok(Some(done)) => Err(failed(done["error"].as_str().unwrap_or_default())),
        Ok(None) => Err(failed(&peer.last_words())),
        Err(_) => {
            peer.ask_in_passing("account/login/cancel", json!({"loginId": id}));
            Err(BridgeTrouble::Silent {
                program: desk.bridge.program.clone(),
                seconds: PERSON.as_secs(),
            })
        }
    }
}

/// Whether the person at this machine has a browser here. Elsewhere the page could not come back.
fn has_browser(own: &BTreeMap<String, String>) -> bool {
    let is_set = |name: &str| match own.get(name) {
        Some(value) => !value.is_empty(),
        None => env::var_os(name).is_some(),
    };
    let has_screen = cfg!(any(windows, target_os = "macos")) || SCREENS.into_iter().any(is_set);
    has_screen && !is_set("SSH_CONNECTION")
}
