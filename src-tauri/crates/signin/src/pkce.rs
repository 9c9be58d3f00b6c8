//! Authorization code with PKCE.

mod proof;

use byokey_catalog::Pkce;

pub(crate) use self::proof::{Proof, random};
use crate::scene::Scene;
use crate::{Grant, SigninError};

pub(crate) async fn run(scene: &Scene, _row: &Pkce) -> Result<Grant, SigninError> {
    std::future::ready(Err(SigninError::KeysOnly(scene.provider()?.name.clone()))).await
}
