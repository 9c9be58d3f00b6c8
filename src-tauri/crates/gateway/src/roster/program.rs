//! An account whose requests a program of the user's answers: it has no address and no credential.

use std::sync::Arc;

use byokey_bridge::BridgeSettings;
use byokey_catalog::{Bridge, Endpoint, Flow, Provider};
use byokey_vault::Account;
use http::HeaderMap;

use super::{Direct, Line, Seat, Unusable, label};
use crate::config::{BridgeConfig, ProviderConfig};

/// The program, as the row and the user's configuration say.
pub(crate) struct Program {
    pub(crate) bridge: Bridge,
    pub(crate) settings: BridgeSettings,
}

/// The seat of such an account.
///
/// # Errors
/// Why nothing can be asked of it.
pub(super) fn seat(
    provider: &Provider,
    settings: &ProviderConfig,
    account: &Account,
) -> Result<Seat, Unusable> {
    let route = provider.route(&account.route);
    let Some(Flow::Bridge(bridge)) = route.map(|route| &route.flow) else {
        return Err("byokey knows no program for this kind of account any more".to_owned());
    };
    let taken = provider.endpoints.iter();
    let taken = taken.filter(|endpoint| endpoint.takes(&account.route));
    let settings = settings.bridge.as_ref().map(BridgeConfig::settings);
    Ok(Seat {
        account: account.clone(),
        label: label(account),
        lines: taken.map(line).collect(),
        direct: Direct::default(),
        list: None,
        ask: None,
        lockouts: Arc::default(),
        program: Some(Program {
            bridge: bridge.clone(),
            settings: settings.unwrap_or_default(),
        }),
    })
}

/// What is spoken with the program. The endpoint has an address, as all do, to which nothing is sent.
fn line(endpoint: &Endpoint) -> Line {
    Line {
        dialect: endpoint.dialect,
        endpoint: endpoint.clone(),
        base: None,
        headers: HeaderMap::new(),
        signature: None,
        forward: Arc::default(),
    }
}
