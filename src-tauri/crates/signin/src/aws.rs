use byokey_catalog::{AwsDevice, AwsPkce};

use crate::scene::Scene;
use crate::{Grant, SigninError};

pub(crate) async fn run_device(scene: &Scene, _row: &AwsDevice) -> Result<Grant, SigninError> {
    std::future::ready(Err(SigninError::KeysOnly(scene.provider()?.name.clone()))).await
}

pub(crate) async fn run_pkce(scene: &Scene, _row: &AwsPkce) -> Result<Grant, SigninError> {
    std::future::ready(Err(SigninError::KeysOnly(scene.provider()?.name.clone()))).await
}
