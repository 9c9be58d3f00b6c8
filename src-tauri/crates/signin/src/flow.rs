//! Which engine runs which flow.

use byokey_catalog::{Flow, Provider, Route, fill};
use byokey_vault::Fields;

use crate::scene::Scene;
use crate::{Grant, Overrides, SigninError, aws, bridge, device, pkce, poll};

/// Runs the flow of a sign-in up to a credential.
///
/// # Errors
/// Whatever ended it; nothing is stored then.
pub(crate) async fn run(scene: &Scene) -> Result<Grant, SigninError> {
    match scene.flow()? {
        Flow::Pkce(row) => pkce::run(scene, row).await,
        Flow::Device(row) => device::run(scene, row).await,
        Flow::AwsDevice(row) => aws::run_device(scene, row).await,
        Flow::AwsPkce(row) => aws::run_pkce(scene, row).await,
        Flow::Poll(row) => poll::run(scene, row).await,
        Flow::Bridge(row) => bridge::run(scene, row).await,
        Flow::Key(_) | Flow::Open => Err(SigninError::KeysOnly(scene.provider()?.name.clone())),
    }
}

/// Origin of the endpoint that gives and renews this sign-in's tokens; a token set is renewed nowhere
/// else.
///
/// # Errors
/// When the address cannot be built.
pub(crate) fn token_origin(scene: &Scene) -> Result<Option<String>, SigninError> {
    let (provider, route) = (scene.provider()?, scene.route()?);
    renewed_at(&scene.overrides, provider, route, &scene.fields)
}

/// The same for tokens that come in another way.
///
/// # Errors
/// When the address cannot be built.
pub(crate) fn renewed_at(
    overrides: &Overrides,
    provider: &Provider,
    route: &Route,
    fields: &Fields,
) -> Result<Option<String>, SigninError> {
    let own = overrides.token_url.as_deref();
    let row = match &route.flow {
        Flow::Pkce(row) => row.token_url.clone(),
        Flow::Device(row) => row.token_url.clone(),
        Flow::AwsDevice(byokey_catalog::AwsDevice { host, .. })
        | Flow::AwsPkce(byokey_catalog::AwsPkce { host, .. }) => {
            fill(host, |name| provider.field(fields, name))
                .map_err(|error| SigninError::Address(error.to_string()))?
        }
        Flow::Poll(row) => row
            .token_url
            .as_ref()
            .or(row.refresh.url.as_ref())
            .unwrap_or(&row.poll_url)
            .clone(),
        Flow::Bridge(_) | Flow::Key(_) | Flow::Open => return Ok(None),
    };
    let url = overrides.own_or(own, &row)?;
    Ok(Some(url.origin().ascii_serialization()))
}
