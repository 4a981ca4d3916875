//! The runtime configuration file (`--runtime-config-file`): the parts of it that this project ships and tests.

use std::collections::HashMap;
use std::path::Path;

use anyhow::Context;
use serde::Deserialize;

use crate::blocked_networks::BlockedNetworks;

/// A runtime configuration. Whatever else Spin would read from the file is an error here.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RuntimeConfig {
    #[serde(default)]
    outbound_networking: OutboundNetworking,
    /// By label.
    #[serde(default)]
    key_value_store: HashMap<String, KeyValueStore>,
}

/// Where a key-value store is, other than in a file of the state directory.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
enum KeyValueStore {
    Redis { url: String },
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct OutboundNetworking {
    #[serde(default)]
    block_networks: Vec<String>,
}

impl RuntimeConfig {
    /// Reads the file at `path`.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("failed to read runtime config file '{}'", path.display()))?;
        toml::from_str(&text).with_context(|| {
            format!(
                "failed to parse runtime config file '{}' as toml (this host knows `[outbound_networking] block_networks` and \
                 `[key_value_store.LABEL]` with `type = \"redis\"` and `url`)",
                path.display()
            )
        })
    }

    /// The URLs of Redis databases, by the labels of the stores that are there.
    pub(crate) fn redis_stores(&self) -> HashMap<String, String> {
        let stores = self.key_value_store.iter();
        stores
            .map(|(label, KeyValueStore::Redis { url })| (label.clone(), url.clone()))
            .collect()
    }

    pub(crate) fn blocked_networks(&self) -> anyhow::Result<BlockedNetworks> {
        BlockedNetworks::parse(&self.outbound_networking.block_networks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_in_redis_is_known_by_its_label() {
        let config = "[key_value_store.default]\ntype = \"redis\"\nurl = \"redis://localhost/7\"";
        let config: RuntimeConfig = toml::from_str(config).unwrap();
        assert_eq!(config.redis_stores()["default"], "redis://localhost/7");
        let other = "[key_value_store.default]\ntype = \"azure_cosmos\"\nkey = \"k\"";
        assert!(toml::from_str::<RuntimeConfig>(other).is_err());
    }

    #[test]
    fn an_unknown_setting_is_refused() {
        assert!(
            toml::from_str::<RuntimeConfig>("[outbound_http]\nconnection_pooling = false").is_err()
        );
        assert!(toml::from_str::<RuntimeConfig>("[outbound_networking]\nblock = []").is_err());
    }
}
