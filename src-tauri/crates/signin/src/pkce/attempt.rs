use byokey_catalog::{Pkce, StateRule};
use byokey_vault::{Secret, Vault};
use reqwest::Url;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use super::{Proof, page, random};
use crate::callback::Expected;
use crate::loopback::Loopback;
use crate::scene::Scene;
use crate::{SigninError, client};

/// One trip of the browser to the provider and back. Sealed until the sign-in is over, so that a new
/// process can await the same answer.
#[derive(Serialize, Deserialize)]
pub(super) struct Attempt {
    /// The page, with everything in its query.
    pub(super) page: String,
    pub(super) verifier: Zeroizing<String>,
    /// What the answer must bring: a state, or the path with the nonce.
    pub(super) mark: Zeroizing<String>,
    /// What the ID token must bring.
    pub(super) nonce: Option<String>,
    pub(super) redirect_uri: String,
    /// The port that it names, if byokey listens there.
    port: Option<u16>,
    pub(super) client: String,
    /// Whether this installation gets, or has, an id of its own.
    pub(super) issues: bool,
    /// Whether the answer must bring that id.
    pub(super) first: bool,
}

impl Attempt {
    /// Takes up what an earlier process left, or starts anew; with a port for the way back, as far as
    /// there is one.
    pub(super) async fn begin_or_go_on(
        scene: &Scene,
        row: &Pkce,
    ) -> Result<(Self, Option<Loopback>), SigninError> {
        let kept = scene.kept.as_ref();
        let kept: Option<Self> = kept.and_then(|kept| serde_json::from_str(kept.expose()).ok());
        let Some(attempt) = kept else {
            let (attempt, door) = Self::begin(scene, row).await?;
            let sealed = Zeroizing::new(serde_json::to_string(&attempt).unwrap_or_default());
            scene.keep(&Secret::new(sealed.as_str())).await?;
            return Ok((attempt, door));
        };
        let Some(port) = attempt.port else {
            return Ok((attempt, None));
        };
        let below = attempt.below(row).map(str::to_owned);
        let again = Loopback::bind(
            &row.redirect,
            &scene.overrides,
            below.as_deref(),
            Some(port),
        );
        // Somebody else may have the port by now. Then the person pastes where the browser ended.
        let door = again.await.ok();
        let same = door.filter(|door| door.redirect_uri() == attempt.redirect_uri);
        Ok((attempt, same))
    }

    async fn begin(scene: &Scene, row: &Pkce) -> Result<(Self, Option<Loopback>), SigninError> {
        let (client, issues, first) = self::client(scene, row).await?;
        let proof = Proof::new()?;
        let mark = random()?;
        let below = (row.state == StateRule::NonceInPath).then(|| mark.expose());
        let link = format!("byokey://signin/{}", scene.provider);
        let shown = row.paste.as_ref().filter(|_| scene.headless);
        let shown = shown.and_then(|paste| paste.redirect_uri.clone());
        let own = scene.overrides.redirect.as_deref();
        let (door, redirect_uri) = if own == Some(&*link) {
            (None, link)
        } else if let Some(shown) = shown.filter(|_| own.is_none()) {
            (None, shown)
        } else {
            let door = Loopback::bind(&row.redirect, &scene.overrides, below, None).await;
            let door = door.map_err(|error| page::other_ways(scene, error))?;
            let uri = door.redirect_uri();
            (Some(door), uri)
        };
        let openid = row.issuer.is_some() && row.scopes.iter().any(|scope| scope == "openid");
        let nonce = match openid {
            true => Some(random()?.expose().to_owned()),
            false => None,
        };
        let asked = page::Asked {
            scene,
            row,
            client: &client,
            first,
            redirect_uri: &redirect_uri,
            state: mark.expose(),
            nonce: nonce.as_deref(),
            proof: &proof,
        };
        let page = asked.url()?.into();
        let mark = match (row.state, &door) {
            (StateRule::NonceInPath, Some(door)) => door.path(),
            _ => mark.expose(),
        };
        let attempt = Self {
            page,
            verifier: Zeroizing::new(proof.verifier.expose().to_owned()),
            mark: Zeroizing::new(mark.to_owned()),
            nonce,
            redirect_uri,
            port: door.as_ref().map(Loopback::port),
            client,
            issues,
            first,
        };
        Ok((attempt, door))
    }

    /// What an answer to this attempt must bring.
    pub(super) fn expected(&self, row: &Pkce) -> Expected {
        let mark = Secret::new(self.mark.as_str());
        let expected = match row.state {
            StateRule::State => Expected::state(mark),
            StateRule::NonceInPath => Expected::path(mark),
        };
        // A bare code would leave out the id.
        if self.first {
            expected.whole()
        } else {
            expected
        }
    }

    /// Host of the page.
    pub(super) fn host(&self) -> String {
        let url = Url::parse(&self.page).ok();
        url.and_then(|url| Some(url.host_str()?.to_owned()))
            .unwrap_or_default()
    }

    /// The nonce at the end of the path.
    fn below(&self, row: &Pkce) -> Option<&str> {
        let nonce = self.mark.rsplit('/').next();
        nonce.filter(|_| row.state == StateRule::NonceInPath)
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        // The page's query repeats the state.
        self.page.zeroize();
    }
}

/// Who asks; whether this installation gets or has an id of its own, and whether it is to get one now.
async fn client(scene: &Scene, row: &Pkce) -> Result<(String, bool, bool), SigninError> {
    if row.client.id.is_none() && row.client.env.is_none() && row.client.advice.is_none() {
        let own = scene.overrides.client_id.clone();
        return Ok((own.unwrap_or_default(), false, false));
    }
    let id = client::id(&scene.overrides, &row.client)?;
    if !row.client.issued_on_first_login || scene.overrides.client_id.is_some() {
        return Ok((id, false, false));
    }
    let (vault, provider, route) = (
        scene.vault.clone(),
        scene.provider.clone(),
        scene.route.clone(),
    );
    let known = tokio::task::spawn_blocking(move || known_client(&vault, &provider, &route)).await;
    match known {
        Ok(Ok(Some(issued))) => Ok((issued, true, false)),
        Ok(Ok(None)) => Ok((id, true, true)),
        Ok(Err(error)) => Err(error),
        Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
    }
}

/// The id that the provider issued to this installation with an account that is still there.
fn known_client(vault: &Vault, provider: &str, route: &str) -> Result<Option<String>, SigninError> {
    for account in vault.accounts()? {
        if account.provider != provider || account.route != route {
            continue;
        }
        if let Ok(stored) = vault.tokens(account.id)
            && let Some(client) = &stored.tokens.client
        {
            return Ok(Some(client.id.clone()));
        }
    }
    Ok(None)
}
