//! The flow of a code on another device, as in RFC 8628, with the small ways in which servers stray
//! from it: errors within a 200, pages that are named in full only, a `slow_down` with 429.

use byokey_catalog::{Device, Encoding};
use byokey_vault::{Fields, IssuedClient, Secret};
use reqwest::Url;

use crate::call::Call;
use crate::code::{Pages, USUAL_LIFE_S, WaitingCode};
use crate::exchange::{NewTokens, identify};
use crate::pkce::Proof;
use crate::refusal::{advised, round};
use crate::rounds::{Round, until_granted};
use crate::scene::Scene;
use crate::{Grant, Granted, SigninError, Step, Work, client, identity, identity_headers, stage};

/// What is polled for.
pub(crate) const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// Runs the flow up to a credential.
///
/// # Errors
/// Whatever ended it; nothing is stored then.
pub(crate) async fn run(scene: &Scene, row: &Device) -> Result<Grant, SigninError> {
    let flow = Flow::of(scene, row).await?;
    let code = match WaitingCode::kept(scene)? {
        Some(code) => code,
        None => {
            let code = flow.ask_for_code().await?;
            code.keep(scene).await?;
            code
        }
    };
    code.show(scene);
    let pace = code.pace(row.extra_interval_s);
    let tokens = until_granted(pace, || flow.poll(&code)).await;
    flow.granted(*tokens.map_err(advised)?).await
}

/// The flow of one sign-in.
struct Flow<'a> {
    scene: &'a Scene,
    row: &'a Device,
    provider: &'a str,
    client: String,
    secret: Option<Secret>,
    headers: Vec<(String, String)>,
}

impl<'a> Flow<'a> {
    async fn of(scene: &'a Scene, row: &'a Device) -> Result<Self, SigninError> {
        let prefix = row.identity_headers.as_deref();
        let headers = prefix.map(|prefix| identity_headers(prefix, &scene.vault));
        Ok(Self {
            scene,
            row,
            provider: &scene.provider()?.name,
            client: client::id(&scene.overrides, &row.client)?,
            secret: client::needed_secret(&scene.overrides, &row.client).await?,
            headers: headers.unwrap_or_default(),
        })
    }

    async fn ask_for_code(&self) -> Result<WaitingCode, SigninError> {
        let overrides = &self.scene.overrides;
        let url = overrides.own_or(overrides.device_url.as_deref(), &self.row.device_url)?;
        let proof = self.row.pkce.then(Proof::new).transpose()?;
        let scopes = self.row.scopes.join(" ");
        let mut members: Vec<(&str, &str)> = Vec::new();
        if !scopes.is_empty() {
            members.push(("scope", &scopes));
        }
        if let Some(proof) = &proof {
            members.push(("code_challenge", &proof.challenge));
            members.push(("code_challenge_method", "S256"));
        }
        let call = self.call(url.clone(), &mut members)?;
        let answer = call.post(Encoding::Form, &members).await?;
        let pages = Pages {
            overrides,
            row: &self.row.device_url,
            asked: &url,
            hosts: &self.row.code_hosts,
            named: self.row.issuer.as_deref(),
        };
        let code = WaitingCode::read(self.provider, &answer, &members, &pages, USUAL_LIFE_S);
        let mut code = code.map_err(advised)?;
        code.verifier = proof.map(|proof| proof.verifier.expose().to_owned());
        Ok(code)
    }

    async fn poll(&self, code: &WaitingCode) -> Result<Round<Box<NewTokens>>, SigninError> {
        let overrides = &self.scene.overrides;
        let url = overrides.own_or(overrides.token_url.as_deref(), &self.row.token_url)?;
        let mut members = vec![
            ("grant_type", GRANT_TYPE),
            ("device_code", code.device.as_str()),
        ];
        if let Some(verifier) = &code.verifier {
            members.push(("code_verifier", verifier));
        }
        let call = self.call(url, &mut members)?;
        match call.post(Encoding::Form, &members).await {
            Ok(answer) => round(self.provider, &answer, &members),
            Err(unreached) => Ok(Round::Unreached(unreached.into())),
        }
    }

    /// A call that says who asks, in `members` or in a header.
    fn call<'b>(
        &'b self,
        url: Url,
        members: &mut Vec<(&'b str, &'b str)>,
    ) -> Result<Call<'b>, SigninError> {
        let secret = self.secret.as_ref();
        let basic = identify(members, self.row.client.secret_in, &self.client, secret);
        let mut call = Call::to(&self.scene.http, &self.scene.overrides, url)?;
        if let Some((id, secret)) = basic {
            call = call.basic(id, secret)?;
        }
        for (name, value) in &self.headers {
            call = call.header(name, value)?;
        }
        if let Some(name) = &self.row.request_id_header {
            call = call.header(name, &request_id()?)?;
        }
        Ok(call)
    }
}

impl Flow<'_> {
    /// Makes a credential of the tokens.
    async fn granted(&self, mut tokens: NewTokens) -> Result<Grant, SigninError> {
        let scene = self.scene;
        scene.show(Step::Working(Work::Identity));
        let headers = self.headers.iter();
        let headers: Vec<_> = headers
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let call = scene.identity_call(&scene.fields, &headers)?;
        let identity = identity::of(&call, &tokens).await?;
        let named = tokens.rest.remove("resource_url");
        let base = named
            .as_ref()
            .and_then(|named| base_of(scene, named.as_str()?));
        let mut set = identity::set_of(call.route, tokens)?;
        if let Some(base) = base {
            set.extra.insert(stage::API_BASE.to_owned(), base);
        }
        // What is not the row's, a renewal could not find again.
        let own = self.secret.is_some() || scene.overrides.client_id.is_some();
        set.client = own.then(|| IssuedClient {
            id: self.client.clone(),
            secret: self.secret.as_ref().map(|it| Secret::new(it.expose())),
            expires: None,
        });
        let mut grant = Grant {
            credential: Granted::Tokens(Box::new(set)),
            identity,
            fields: Fields::new(),
        };
        stage::complete(scene, &mut grant).await?;
        Ok(grant)
    }
}

/// The base of requests that a reply names by its host.
fn base_of(scene: &Scene, host: &str) -> Option<String> {
    let base = format!("https://{host}/v1");
    let (provider, route) = (scene.provider().ok()?, scene.route().ok()?);
    scene.overrides.named_base(provider, route, &base)
}

/// A fresh UUID.
fn request_id() -> Result<String, SigninError> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).map_err(|_| SigninError::NoRandomness)?;
    let number = u128::from_be_bytes(bytes) & !(0xf << 76) & !(0x3 << 62) | 4 << 76 | 2 << 62;
    let hex = format!("{number:032x}");
    let (a, b, c, d, e) = (
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..],
    );
    Ok(format!("{a}-{b}-{c}-{d}-{e}"))
}

#[cfg(test)]
mod tests;
