//! The address of the provider's page.

use byokey_catalog::{Flow, Pkce, Standing, StateRule};
use oauth2::basic::BasicClient;
use oauth2::{
    AuthUrl, ClientId, CsrfToken, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope,
};
use reqwest::Url;

use super::Proof;
use crate::SigninError;
use crate::scene::Scene;

/// The parameter by which RFC 6749 names the way back.
const REDIRECT_URI: &str = "redirect_uri";

/// What goes into the address.
pub(super) struct Asked<'a> {
    pub(super) scene: &'a Scene,
    pub(super) row: &'a Pkce,
    pub(super) client: &'a str,
    pub(super) first: bool,
    pub(super) redirect_uri: &'a str,
    pub(super) state: &'a str,
    pub(super) nonce: Option<&'a str>,
    pub(super) proof: &'a Proof,
}

impl Asked<'_> {
    /// The address.
    pub(super) fn url(&self) -> Result<Url, SigninError> {
        let overrides = &self.scene.overrides;
        let own = overrides.authorize_url.as_deref();
        let page = overrides.own_or(own, &self.row.authorize_url)?;
        let mut url = match self.row.state {
            StateRule::State => self.standard(page)?,
            StateRule::NonceInPath => self.keyless(page),
        };
        let mut query = url.query_pairs_mut();
        if let Some(resource) = &self.row.resource {
            query.append_pair("resource", resource);
        }
        if let Some(nonce) = self.nonce {
            query.append_pair("nonce", nonce);
        }
        let parameters = self.row.parameters.iter();
        for parameter in parameters.filter(|it| self.first || !it.first_login_only) {
            query.append_pair(&parameter.name, &self.value(&parameter.value));
        }
        drop(query);
        Ok(url)
    }

    /// As RFC 6749 and 7636 have it.
    fn standard(&self, page: Url) -> Result<Url, SigninError> {
        let client = BasicClient::new(ClientId::new(self.client.to_owned()))
            .set_auth_uri(AuthUrl::from_url(page));
        let verifier = PkceCodeVerifier::new(self.proof.verifier.expose().to_owned());
        let challenge = PkceCodeChallenge::from_code_verifier_sha256(&verifier);
        let scopes = self.row.scopes.iter().cloned().map(Scope::new);
        let state = CsrfToken::new(self.state.to_owned());
        let request = client
            .authorize_url(|| state)
            .add_scopes(scopes)
            .set_pkce_challenge(challenge);
        let request = if self.row.redirect.parameter == REDIRECT_URI {
            let back = RedirectUrl::new(self.redirect_uri.to_owned());
            let back = back.map_err(|_| {
                SigninError::Address(format!("`{}` is not a URL", self.redirect_uri))
            })?;
            request.set_redirect_uri(std::borrow::Cow::Owned(back))
        } else {
            request.add_extra_param(self.row.redirect.parameter.clone(), self.redirect_uri)
        };
        Ok(request.url().0)
    }

    /// For a page that knows no clients and returns no state.
    fn keyless(&self, mut page: Url) -> Url {
        let mut query = page.query_pairs_mut();
        query
            .append_pair(&self.row.redirect.parameter, self.redirect_uri)
            .append_pair("code_challenge", &self.proof.challenge)
            .append_pair("code_challenge_method", "S256");
        if !self.client.is_empty() {
            query.append_pair("client_id", self.client);
        }
        drop(query);
        page
    }

    fn value(&self, template: &str) -> String {
        match template.contains("{device_id}") {
            true => {
                let device = self.scene.vault.device_id(&self.scene.route);
                template.replace("{device_id}", &device)
            }
            false => template.to_owned(),
        }
    }
}

/// Adds to a port that cannot be had how else to sign in.
pub(super) fn other_ways(scene: &Scene, error: SigninError) -> SigninError {
    let (SigninError::Port(why), Ok(provider)) = (&error, scene.provider()) else {
        return error;
    };
    let by_code = provider.routes.iter().find(|route| {
        let code = matches!(
            route.flow,
            Flow::Device(_) | Flow::Poll(_) | Flow::AwsDevice(_)
        );
        code && route.standing != Standing::Retired
    });
    let instead = by_code.map(|route| format!(", or sign in with a code (`--route {}`)", route.id));
    SigninError::Port(format!(
        "{} can only send the browser back to a port that is not free: {why}. Free it{} and start \
         again",
        provider.name,
        instead.unwrap_or_default()
    ))
}
