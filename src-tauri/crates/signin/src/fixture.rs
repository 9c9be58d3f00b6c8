//! What the tests of the flows share.

use std::path::Path;
use std::sync::Arc;

use byokey_bridge::Bridges;
use byokey_catalog::Catalog;
use byokey_sim::Issuer;
use byokey_vault::{Fields, HomeChoice, Vault};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Mutex, mpsc, watch};

use crate::scene::Scene;
use crate::{Grant, Granted, Http, Overrides, SigninError, Step, flow};

pub(crate) fn vault() -> Vault {
    Vault::open(Path::new("nowhere"), HomeChoice::Memory).unwrap()
}

/// The user's own programs: none.
pub(crate) fn bridges() -> Arc<Bridges> {
    Arc::new(Bridges::new("nowhere".into()))
}

/// The configuration that leads a sign-in to the simulated issuers.
pub(crate) fn to(issuer: &Issuer) -> Overrides {
    Overrides {
        origins: issuer.origins().clone(),
        ..Overrides::default()
    }
}

/// A sign-in of this route. Nothing in it has a limit in time, so that it runs under a stopped clock.
pub(crate) fn scene(provider: &str, route: &str, overrides: Overrides) -> Scene {
    let (said_to, said) = mpsc::channel(8);
    drop(said_to);
    let ten_minutes = SignedDuration::from_mins(10);
    Scene {
        id: "sign-in".to_owned(),
        http: Http::patient(),
        vault: vault(),
        bridges: bridges(),
        overrides,
        name: None,
        fields: Fields::new(),
        choice: None,
        headless: false,
        expires: Timestamp::now().checked_add(ten_minutes).unwrap(),
        kept: None,
        catalog: Arc::new(Catalog::bundled().unwrap()),
        provider: provider.to_owned(),
        route: route.to_owned(),
        step: watch::channel(Step::Starting).0,
        changes: watch::channel(0).0,
        said: Mutex::new(said),
        landing: parking_lot::Mutex::default(),
    }
}

/// Runs a flow while `person` does what a person does once they see a code.
pub(crate) async fn run(scene: &Scene, person: impl FnOnce(String)) -> Result<Grant, SigninError> {
    let mut step = scene.step.subscribe();
    let (grant, ()) = tokio::join!(flow::run(scene), async {
        let shown = step.wait_for(|step| matches!(step, Step::Code { .. }));
        // A flow that fails before it shows a code ends the channel only with the scene.
        let shown = tokio::time::timeout(std::time::Duration::from_secs(1), shown).await;
        if let Ok(Ok(shown)) = shown
            && let Step::Code { code, .. } = &*shown
        {
            person(code.clone());
        }
    });
    grant
}

/// The tokens of a grant.
pub(crate) fn tokens(grant: &Grant) -> &byokey_vault::TokenSet {
    match &grant.credential {
        Granted::Tokens(tokens) => tokens,
        _ => panic!("it brought no tokens"),
    }
}
