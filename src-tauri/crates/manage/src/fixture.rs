//! An engine that listens nowhere, with a vault in memory and a folder of its own.

use byokey_gateway::{Engine, Options};
use byokey_vault::{Actor, HomeChoice, Vault};
use tempfile::TempDir;

use crate::{AddAccountParams, Client, Desk, KeyInput, Setting};

/// A desk with this configuration; the folder lives as long as the first part.
pub(crate) async fn desk(configuration: &str) -> (TempDir, Desk) {
    let dir = tempfile::tempdir().unwrap();
    let config_path = dir.path().join("config.yaml");
    std::fs::write(&config_path, configuration).unwrap();
    let vault = Vault::open(dir.path(), HomeChoice::Memory).unwrap();
    let options = Options {
        config_path,
        port: Some(0),
        host: None,
    };
    let engine = Engine::new(vault, options).await.unwrap();
    let setting = Setting {
        data_dir: dir.path().to_owned(),
        url: None,
    };
    (dir, Desk::new(engine, setting))
}

/// The client of such a desk.
pub(crate) async fn client(configuration: &str) -> (TempDir, Client) {
    let (dir, desk) = desk(configuration).await;
    (dir, Client::here(desk, Actor::Cli).unwrap())
}

/// A key on its way in, to be checked or not.
pub(crate) fn key(provider: &str, name: Option<&str>, key: &str, check: bool) -> AddAccountParams {
    AddAccountParams {
        provider: provider.to_owned(),
        name: name.map(ToOwned::to_owned),
        key: Some(KeyInput(byokey_vault::Secret::new(key))),
        check,
        fields: [].into(),
    }
}
