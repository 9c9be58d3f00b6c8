//! The authorization code of an organisation's portal. The client is registered for this one login, so
//! that the way back may have any port.

use byokey_catalog::{AwsPkce, Encoding};
use byokey_vault::Secret;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use super::Server;
use super::register::{Registration, Wanted, register};
use crate::callback::Expected;
use crate::loopback::Loopback;
use crate::pkce::{Proof, random};
use crate::refusal::tokens;
use crate::scene::Scene;
use crate::{Grant, SigninError, Step, Work, comeback};

/// Runs the flow up to a credential.
///
/// # Errors
/// Whatever ended it; nothing is stored then.
pub(crate) async fn run_pkce(scene: &Scene, row: &AwsPkce) -> Result<Grant, SigninError> {
    let server = Server::of(scene, &row.host, None)?;
    let (attempt, door) = server.attempt(row).await?;
    let expected = Expected::state(Secret::new(attempt.state.as_str()));
    let back = comeback::wait(scene, &attempt.page, door, expected.into(), '#');
    let code = back.await?.code.ok_or(SigninError::NotACode)?;
    scene.show(Step::Working(Work::Exchange));
    let client = &attempt.client;
    let members = [
        ("client_id", client.id.as_str()),
        ("client_secret", client.secret.as_str()),
        ("grant_type", "authorization_code"),
        ("redirect_uri", attempt.redirect_uri.as_str()),
        ("code_verifier", attempt.verifier.as_str()),
        ("code", code.expose()),
    ];
    let call = server.call("/token")?;
    let answer = call.post(Encoding::JsonCamel, &members).await?;
    let tokens = tokens(server.provider, &answer, &members)?;
    server.granted(tokens, Some(client)).await
}

/// One trip of the browser to the portal and back; sealed, so that a new process can await the same
/// answer.
#[derive(Serialize, Deserialize)]
struct Attempt {
    /// The page, with everything in its query.
    page: String,
    verifier: Zeroizing<String>,
    state: Zeroizing<String>,
    redirect_uri: String,
    port: u16,
    client: Registration,
}

impl Drop for Attempt {
    fn drop(&mut self) {
        // The page's query repeats the state.
        self.page.zeroize();
    }
}

impl Server<'_> {
    /// Takes up what an earlier process left, or starts anew.
    async fn attempt(&self, row: &AwsPkce) -> Result<(Attempt, Option<Loopback>), SigninError> {
        let kept = self.scene.kept.as_ref();
        let kept: Option<Attempt> = kept.and_then(|it| serde_json::from_str(it.expose()).ok());
        let Some(attempt) = kept else {
            return self.begin(row).await;
        };
        let overrides = &self.scene.overrides;
        let again = Loopback::bind(&row.redirect, overrides, None, Some(attempt.port));
        // Somebody else may have the port by now. Then the person pastes where the browser ended.
        let door = again.await.ok();
        let same = door.filter(|door| door.redirect_uri() == attempt.redirect_uri);
        Ok((attempt, same))
    }

    async fn begin(&self, row: &AwsPkce) -> Result<(Attempt, Option<Loopback>), SigninError> {
        let overrides = &self.scene.overrides;
        let door = Loopback::bind(&row.redirect, overrides, None, None).await?;
        let redirect_uri = door.redirect_uri();
        let wanted = Wanted {
            name: &row.client_name,
            scopes: &row.scopes,
            grants: &["authorization_code", "refresh_token"],
            redirect: Some(&redirect_uri),
            portal: &self.portal,
        };
        let client = register(self.call("/client/register")?, &wanted).await?;
        let (proof, state) = (Proof::new()?, random()?);
        let authorize = format!("{}/authorize", self.host);
        let mut page = overrides.own_or(overrides.authorize_url.as_deref(), &authorize)?;
        // AWS takes the scopes under a name of its own.
        page.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &client.id)
            .append_pair("redirect_uri", &redirect_uri)
            .append_pair("scopes", &row.scopes.join(" "))
            .append_pair("state", state.expose())
            .append_pair("code_challenge", &proof.challenge)
            .append_pair("code_challenge_method", "S256");
        let attempt = Attempt {
            page: page.into(),
            verifier: Zeroizing::new(proof.verifier.expose().to_owned()),
            state: Zeroizing::new(state.expose().to_owned()),
            redirect_uri,
            port: door.port(),
            client,
        };
        // The members are text and numbers, so writing them cannot fail.
        let sealed = Secret::new(serde_json::to_string(&attempt).unwrap_or_default());
        self.scene.keep(&sealed).await?;
        Ok((attempt, Some(door)))
    }
}
