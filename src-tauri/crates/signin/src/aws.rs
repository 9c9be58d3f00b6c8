//! AWS's OIDC: the client is registered for this installation, then a person types a code or signs in
//! on the portal of their organisation. Bodies are JSON in camel case.

mod browser;
mod register;

use byokey_catalog::{AwsDevice, Encoding, fill};

pub(crate) use self::browser::run_pkce;
use self::register::{Registration, known, register};
use crate::call::Call;
use crate::code::{Pages, USUAL_LIFE_S, WaitingCode};
use crate::device::GRANT_TYPE;
use crate::exchange::NewTokens;
use crate::refusal::round;
use crate::rounds::{Round, until_granted};
use crate::scene::Scene;
use crate::{Grant, SigninError, stage};

/// Name of the field that holds the portal of an organisation, and of what a token set keeps of it.
const START_URL: &str = "start_url";
/// Name of the field for the region of the sign-in.
const AUTH_REGION: &str = "auth_region";

/// Runs the flow of a code up to a credential.
///
/// # Errors
/// Whatever ended it; nothing is stored then.
pub(crate) async fn run_device(scene: &Scene, row: &AwsDevice) -> Result<Grant, SigninError> {
    let server = Server::of(scene, &row.host, row.start_url.as_deref())?;
    let code = match WaitingCode::kept(scene)? {
        Some(code) => code,
        None => {
            let code = server.ask_for_code(row).await?;
            code.keep(scene).await?;
            code
        }
    };
    code.show(scene);
    let tokens = until_granted(code.pace(0), || server.poll(&code)).await?;
    server.granted(*tokens, code.client.as_ref()).await
}

/// The OIDC server of one region, for one sign-in.
struct Server<'a> {
    scene: &'a Scene,
    provider: &'a str,
    /// Its origin, with the region filled in.
    host: String,
    portal: String,
}

impl<'a> Server<'a> {
    fn of(scene: &'a Scene, host: &str, portal: Option<&str>) -> Result<Self, SigninError> {
        let typed = || scene.fields.get(START_URL).map(|typed| typed.trim());
        let portal = portal.or_else(typed).filter(|portal| !portal.is_empty());
        let portal = portal.ok_or_else(|| {
            SigninError::Missing(format!(
                "which organisation? Give the address of its portal \
                 (https://….awsapps.com/start) as `{START_URL}`, and its region as `{AUTH_REGION}`"
            ))
        })?;
        scene.overrides.url(portal)?;
        Ok(Self {
            scene,
            provider: &scene.provider()?.name,
            host: filled(scene, host)?,
            portal: portal.to_owned(),
        })
    }

    fn call(&self, path: &str) -> Result<Call<'a>, SigninError> {
        let overrides = &self.scene.overrides;
        let url = overrides.url(&format!("{}{path}", self.host))?;
        Call::to(&self.scene.http, overrides, url)
    }

    async fn ask_for_code(&self, row: &AwsDevice) -> Result<WaitingCode, SigninError> {
        let grants = [GRANT_TYPE, "refresh_token"];
        let wanted = register::Wanted {
            name: &row.client_name,
            scopes: &row.scopes,
            grants: &grants,
            redirect: None,
            portal: &self.portal,
        };
        if let Some(known) = known(self.scene, &self.portal).await? {
            match self.ask_with(row, known).await {
                // AWS has forgotten it before its time.
                Err(SigninError::Rejected { .. }) => {}
                done => return done,
            }
        }
        let new = register(self.call("/client/register")?, &wanted).await?;
        self.ask_with(row, new).await
    }

    async fn ask_with(
        &self,
        row: &AwsDevice,
        client: Registration,
    ) -> Result<WaitingCode, SigninError> {
        let members = [
            ("client_id", client.id.as_str()),
            ("client_secret", client.secret.as_str()),
            ("start_url", self.portal.as_str()),
        ];
        let path = format!("{}/device_authorization", self.host);
        let call = self.call("/device_authorization")?;
        let answer = call.post(Encoding::JsonCamel, &members).await?;
        let hosts = row.code_hosts.iter().map(|host| filled(self.scene, host));
        let hosts: Vec<String> = hosts.collect::<Result<_, _>>()?;
        let pages = Pages {
            overrides: &self.scene.overrides,
            row: &path,
            asked: &self.scene.overrides.url(&path)?,
            hosts: &hosts,
            named: Some(&self.portal),
        };
        let code = WaitingCode::read(self.provider, &answer, &members, &pages, USUAL_LIFE_S);
        let mut code = code?;
        code.client = Some(client);
        Ok(code)
    }

    /// Makes a credential of the tokens and of the client that they are renewed with. The region that
    /// its owner is asked for in comes from the stage.
    async fn granted(
        &self,
        tokens: NewTokens,
        client: Option<&Registration>,
    ) -> Result<Grant, SigninError> {
        let mut set = tokens.into_set()?;
        set.client = client.map(Registration::issued);
        set.extra.insert(START_URL.to_owned(), self.portal.clone());
        stage::before_identity(self.scene, set).await
    }

    async fn poll(&self, code: &WaitingCode) -> Result<Round<Box<NewTokens>>, SigninError> {
        let Some(client) = &code.client else {
            return Err(SigninError::TooLate);
        };
        let members = [
            ("client_id", client.id.as_str()),
            ("client_secret", client.secret.as_str()),
            ("device_code", code.device.as_str()),
            ("grant_type", GRANT_TYPE),
        ];
        let call = self.call("/token")?;
        match call.post(Encoding::JsonCamel, &members).await {
            Ok(answer) => round(self.provider, &answer, &members),
            Err(unreached) => Ok(Round::Unreached(unreached.into())),
        }
    }
}

/// A template of the row with the account's values.
fn filled(scene: &Scene, template: &str) -> Result<String, SigninError> {
    let provider = scene.provider()?;
    fill(template, |name| provider.field(&scene.fields, name))
        .map_err(|error| SigninError::Address(error.to_string()))
}

#[cfg(test)]
mod tests;
