//! AWS OIDC as Kiro uses it: clients that register themselves, device codes, and the authorize page.
//! Everything is JSON in camelCase; codes are regional.

use serde_json::{Value, json};

use super::{
    House, Realm, authorize,
    authorize::Rules,
    books::Registered,
    device::Polled,
    house::Answer,
    office::random,
    read::{Fields, Refusal},
    tokens::{camel, plain, unsupported},
};
use crate::{Reply, Seen};

const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

const SCOPES: &[&str] = &[
    "codewhisperer:completions",
    "codewhisperer:analysis",
    "codewhisperer:conversations",
    "codewhisperer:transformations",
    "codewhisperer:taskassist",
];

/// The portal of Builder IDs; its home is this region alone.
const BUILDER_ID: &str = "https://view.awsapps.com/start";
const HOME: &str = "us-east-1";

/// Registrations last this long, in seconds.
const NINETY_DAYS: i64 = 90 * 86_400;

pub(crate) fn sign_in(house: &House, seen: &Seen, path: &str, region: &'static str) -> Answer {
    Some(match path {
        "/client/register" => register(house, seen, region),
        "/device_authorization" => device(house, seen, region),
        "/authorize" => ask(house, seen, region),
        "/token" => token(house, seen, region),
        _ => return None,
    })
}

fn list(value: &Value) -> Vec<String> {
    let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
    let text = |item: &Value| item.as_str().map(str::to_owned);
    items.iter().filter_map(text).collect()
}

fn register(house: &House, seen: &Seen, region: &'static str) -> Result<Reply, Refusal> {
    let fields = Fields::json(seen)?;
    let body = seen.json();
    fields.need("clientName")?;
    fields.is("clientType", "public")?;
    let scopes = list(&body["scopes"]);
    if scopes.is_empty() {
        return Err(Refusal::new(400, "invalid_scope", "scopes are missing."));
    }
    authorize::known_scopes(&scopes.join(" "), SCOPES)?;
    let redirects = list(&body["redirectUris"]);
    let grants = list(&body["grantTypes"]);
    let codes = grants.iter().any(|grant| grant == "authorization_code");
    let literal =
        |redirect: &String| authorize::loopback(redirect, &["127.0.0.1"], "/oauth/callback");
    if codes && (redirects.is_empty() || !redirects.iter().all(literal)) {
        let words = "redirectUris are missing, or no loopback addresses.";
        return Err(Refusal::new(400, "invalid_redirect_uri", words));
    }
    let id = random();
    let now = house.office.now();
    let mut books = house.office.books.lock();
    let secret = books.secret(random() + &random());
    let client = Registered {
        secret: secret.clone(),
        region,
        scopes,
        redirects,
        grants,
    };
    books.clients.insert(id.clone(), client);
    Ok(Reply::json(
        200,
        &json!({"clientId": id, "clientSecret": secret, "clientIdIssuedAt": now,
            "clientSecretExpiresAt": now + NINETY_DAYS}),
    ))
}

/// The registered client of a request, known by its secret and only in its region.
fn client(house: &House, fields: &Fields, region: &str) -> Result<(String, Registered), Refusal> {
    let id = fields.need("clientId")?;
    let found = house.office.books.lock().clients.get(id).cloned();
    let secret = fields.need("clientSecret")?;
    let right = |client: &Registered| client.secret == secret && client.region == region;
    match found.filter(right) {
        Some(client) => Ok((id.to_owned(), client)),
        None => Err(Refusal::client("Invalid client provided.")),
    }
}

fn device(house: &House, seen: &Seen, region: &str) -> Result<Reply, Refusal> {
    let fields = Fields::json(seen)?;
    let (id, client) = client(house, &fields, region)?;
    let start = fields.need("startUrl")?;
    let known = match start == BUILDER_ID {
        true => region == HOME,
        false => start.starts_with("https://d-") && start.ends_with(".awsapps.com/start"),
    };
    if !known {
        return Err(Refusal::request("Invalid start url provided."));
    }
    let scope = client.scopes.join(" ");
    let device = house.office.start_device(Realm::Aws, &id, &scope, None);
    let page = house.office.address(&format!("{start}/#/device"));
    Ok(Reply::json(
        200,
        &json!({"deviceCode": device.code, "userCode": device.user_code, "verificationUri": page,
            "verificationUriComplete": format!("{page}?user_code={}", device.user_code),
            "expiresIn": 600, "interval": device.interval}),
    ))
}

fn ask(house: &House, seen: &Seen, region: &str) -> Result<Reply, Refusal> {
    let fields = Fields::query(seen)?;
    let id = fields.need("client_id")?;
    let found = house.office.books.lock().clients.get(id).cloned();
    let Some(client) = found.filter(|client| client.region == region) else {
        return Err(Refusal::client("Invalid client provided."));
    };
    fields.need("scopes")?;
    let known = |redirect: &str| client.redirects.iter().any(|known| known == redirect);
    let scopes: Vec<&str> = client.scopes.iter().map(String::as_str).collect();
    let rules = Rules {
        realm: Realm::Aws,
        name: "AWS",
        redirect: "redirect_uri",
        redirects: &known,
        scopes: &scopes,
        pkce: true,
        standard: true,
        also: &[],
    };
    authorize::page(house, &fields, id, &rules)
}

fn token(house: &House, seen: &Seen, region: &str) -> Result<Reply, Refusal> {
    let fields = Fields::json(seen)?;
    let (id, client) = client(house, &fields, region)?;
    let office = &house.office;
    let kind = fields.need("grantType")?;
    if !client.grants.is_empty() && !client.grants.iter().any(|grant| grant == kind) {
        let words = "This client did not register that grant type.";
        return Err(Refusal::new(400, "unauthorized_client", words));
    }
    let grant = match kind {
        DEVICE_GRANT => match office.poll(Realm::Aws, &id, fields.need("deviceCode")?) {
            Polled::Granted(device, user) => office.grant(Realm::Aws, user, &id, &device.scope),
            Polled::ErrorIn200 => {
                return Ok(Reply::json(200, &json!({"error": "authorization_pending"})));
            }
            other => return Err(Refusal::new(400, other.code(), "")),
        },
        "authorization_code" => {
            let (redirect, verifier) = (fields.need("redirectUri")?, fields.need("codeVerifier")?);
            let code = fields.need("code")?;
            let (ask, grant) = office.redeem(Realm::Aws, code, Some(redirect), Some(verifier))?;
            if ask.client != id {
                return Err(Refusal::grant("This code is another client's."));
            }
            grant
        }
        "refresh_token" => {
            let refresh = fields.need("refreshToken")?;
            let renewed = office.renew(Realm::Aws, Some(&id), refresh, None);
            renewed.map_err(plain)?
        }
        other => return Err(unsupported(other)),
    };
    Ok(Reply::json(200, &camel(&grant)))
}
