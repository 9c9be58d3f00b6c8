//! The real program with a real Secret Service: GNOME's keyring, on a session bus of its own, in a
//! home of its own, so that no keyring of the user is touched.
#![cfg(target_os = "linux")]

#[cfg(test)]
#[path = "e2e/rig.rs"]
mod rig;

#[cfg(test)]
mod secret_service {
    pub(crate) mod scenes;
}
