use super::is_safe;
use crate::{
    Auth, CatalogError, ClientId, Device, Encoding, Flow, IdentityRule, IdentitySource, Parameter,
    Pkce, Ports, Redirect, Refresh, Revoke, Rotation, Route, SecretIn, Standing, StateRule, Status,
};

/// How people sign in at a provider that the user's configuration describes: by an OpenID issuer,
/// whose discovery names what is absent here, or by plain OAuth addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CustomOauth {
    /// The issuer.
    pub issuer: Option<String>,
    /// Page that the browser opens.
    pub authorize_url: Option<String>,
    /// Token endpoint.
    pub token_url: Option<String>,
    /// Where a device code is asked for.
    pub device_url: Option<String>,
    /// Where a token is revoked.
    pub revoke_url: Option<String>,
    /// Id under which byokey is registered there.
    pub client_id: Option<String>,
    /// Whether a secret belongs to it; it is then sent as HTTP Basic, which every server must take
    /// (RFC 6749, section 2.3.1).
    pub secret: bool,
    /// What is asked for.
    pub scopes: Vec<String>,
}

impl CustomOauth {
    /// The ways to sign in that these addresses make possible: `oauth-pkce` and `oauth-device`.
    ///
    /// # Errors
    /// [`CatalogError::Insecure`].
    pub(super) fn into_routes(self) -> Result<Vec<Route>, CatalogError> {
        let urls = [
            &self.issuer,
            &self.authorize_url,
            &self.token_url,
            &self.device_url,
            &self.revoke_url,
        ];
        if let Some(url) = urls.into_iter().flatten().find(|url| !is_safe(url)) {
            return Err(CatalogError::Insecure { url: url.clone() });
        }
        let discovers = self.issuer.is_some();
        let tokens = discovers || self.token_url.is_some();
        let mut routes = Vec::new();
        if tokens && (discovers || self.authorize_url.is_some()) {
            let flow = Flow::Pkce(Box::new(self.pkce()));
            routes.push(self.route("oauth-pkce", "Sign in in the browser", flow));
        }
        if tokens && (discovers || self.device_url.is_some()) {
            let flow = Flow::Device(self.device());
            routes.push(self.route("oauth-device", "Sign in with a code", flow));
        }
        Ok(routes)
    }

    fn pkce(&self) -> Pkce {
        let scopes = self.asked_scopes();
        let parameter = |name: &str, value: &str| Parameter {
            name: name.to_owned(),
            value: value.to_owned(),
            first_login_only: false,
        };
        // OpenID Connect Core, section 11: without it no lasting access is given.
        let offline = scopes.iter().any(|scope| scope == "offline_access");
        Pkce {
            issuer: self.issuer.clone(),
            authorize_url: self.authorize_url.clone().unwrap_or_default(),
            token_url: self.token_url.clone().unwrap_or_default(),
            client: self.client(),
            scopes,
            required_scope: None,
            resource: None,
            parameters: offline
                .then(|| parameter("prompt", "consent"))
                .into_iter()
                .collect(),
            redirect: Redirect {
                host: "127.0.0.1".to_owned(),
                localhost_because: None,
                path: "/callback".to_owned(),
                ports: Ports::Any,
                parameter: "redirect_uri".to_owned(),
            },
            state: StateRule::State,
            state_in_exchange: false,
            encoding: Encoding::Form,
            refresh: Some(refresh()),
            paste: None,
            timeout_s: 600,
        }
    }

    fn device(&self) -> Device {
        Device {
            issuer: self.issuer.clone(),
            device_url: self.device_url.clone().unwrap_or_default(),
            token_url: self.token_url.clone().unwrap_or_default(),
            client: self.client(),
            scopes: self.asked_scopes(),
            pkce: false,
            extra_interval_s: 0,
            code_hosts: Vec::new(),
            request_id_header: None,
            identity_headers: None,
            refresh: Some(refresh()),
        }
    }

    /// What the user names; else, of an issuer, who the person is and access that lasts.
    fn asked_scopes(&self) -> Vec<String> {
        const USUAL: [&str; 4] = ["openid", "profile", "email", "offline_access"];
        match self.issuer {
            Some(_) if self.scopes.is_empty() => USUAL.map(str::to_owned).to_vec(),
            _ => self.scopes.clone(),
        }
    }

    fn client(&self) -> ClientId {
        ClientId {
            id: self.client_id.clone(),
            advice: Some(
                "name the id under which byokey is registered there: `oauth.client_id` of the \
                 provider in the configuration"
                    .to_owned(),
            ),
            secret_in: match self.secret {
                true => SecretIn::Basic,
                false => SecretIn::Body,
            },
            ..ClientId::default()
        }
    }

    fn route(&self, id: &str, name: &str, flow: Flow) -> Route {
        let rule = IdentityRule {
            from: IdentitySource::IdToken,
            subject: vec!["/sub".to_owned()],
            label: ["/email", "/preferred_username", "/name"]
                .map(str::to_owned)
                .to_vec(),
            plan: None,
            keep: [].into(),
        };
        Route {
            id: id.to_owned(),
            name: name.to_owned(),
            standing: Standing::Official,
            status: Status::Active,
            auth: Some(Auth::Bearer),
            flow,
            identity: self.issuer.is_some().then_some(rule),
            revoke: (self.issuer.is_some() || self.revoke_url.is_some()).then(|| Revoke {
                url: self.revoke_url.clone(),
                encoding: Encoding::Form,
                bare: false,
            }),
            ..super::key_route()
        }
    }
}

fn refresh() -> Refresh {
    Refresh {
        url: None,
        encoding: Encoding::Form,
        rotation: Rotation::May,
        lead_s: None,
        lead_percent: None,
        sends_scope: false,
        permanent: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(oauth: CustomOauth) -> Vec<String> {
        let routes = oauth.into_routes().unwrap();
        routes.into_iter().map(|route| route.id).collect()
    }

    fn url(path: &str) -> Option<String> {
        Some(format!("https://a.example/{path}"))
    }

    #[test]
    fn addresses_make_ways_to_sign_in() {
        let oauth = CustomOauth {
            issuer: url(""),
            ..CustomOauth::default()
        };
        assert_eq!(ids(oauth), ["oauth-pkce", "oauth-device"]);
        let mut oauth = CustomOauth {
            authorize_url: url("authorize"),
            token_url: url("token"),
            ..CustomOauth::default()
        };
        assert_eq!(ids(oauth.clone()), ["oauth-pkce"]);
        oauth.authorize_url = None;
        oauth.device_url = url("device");
        assert_eq!(ids(oauth.clone()), ["oauth-device"]);
        oauth.token_url = None;
        assert!(ids(oauth.clone()).is_empty());
        oauth.token_url = Some("http://a.example/token".to_owned());
        let refused = oauth.into_routes();
        assert!(matches!(refused, Err(CatalogError::Insecure { .. })));
    }

    #[test]
    fn lasting_access_is_asked_for_as_openid_has_it() {
        let mut oauth = CustomOauth {
            issuer: url(""),
            ..CustomOauth::default()
        };
        assert_eq!(oauth.pkce().parameters.len(), 1);
        oauth.scopes = vec!["openid".to_owned()];
        assert!(oauth.pkce().parameters.is_empty());
    }
}
