use byokey_vault::Vault;

/// Headers in which some providers want to be told which program on which device calls; filled with
/// byokey's own name and version and with nothing that tells one person's machine from another but an
/// id made for this purpose. All values are ASCII. `prefix` is the row's
/// [`identity_headers`](byokey_catalog::Device::identity_headers).
pub fn identity_headers(prefix: &str, vault: &Vault) -> Vec<(String, String)> {
    let (system, machine) = (std::env::consts::OS, std::env::consts::ARCH);
    [
        ("Platform", "byokey".to_owned()),
        ("Version", env!("CARGO_PKG_VERSION").to_owned()),
        ("Device-Name", "byokey".to_owned()),
        ("Device-Model", format!("{system} {machine}")),
        ("Os-Version", system.to_owned()),
        ("Device-Id", vault.device_id(prefix)),
    ]
    .map(|(name, value)| (format!("{prefix}{name}"), value))
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_tell_byokeys_own_truth_in_ascii() {
        let vault = Vault::open(
            std::path::Path::new("nowhere"),
            byokey_vault::HomeChoice::Memory,
        );
        let headers = identity_headers("X-Msh-", &vault.unwrap());
        let value = |name: &str| {
            let found = headers.iter().find(|(it, _)| it == name);
            found.map(|(_, value)| value.as_str()).unwrap_or_default()
        };
        assert_eq!(value("X-Msh-Platform"), "byokey");
        assert_eq!(value("X-Msh-Version"), env!("CARGO_PKG_VERSION"));
        assert_eq!(value("X-Msh-Device-Name"), "byokey");
        assert!(value("X-Msh-Device-Model").contains(std::env::consts::ARCH));
        assert_eq!(value("X-Msh-Device-Id").len(), 36);
        for (name, value) in &headers {
            assert!(!value.is_empty() && value.is_ascii(), "{name}: {value}");
        }
    }
}
