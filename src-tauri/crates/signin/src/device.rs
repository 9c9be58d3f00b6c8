use byokey_catalog::Device;

use crate::scene::Scene;
use crate::{Grant, SigninError};

pub(crate) async fn run(scene: &Scene, _row: &Device) -> Result<Grant, SigninError> {
    std::future::ready(Err(SigninError::KeysOnly(scene.provider()?.name.clone()))).await
}
