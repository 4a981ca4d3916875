//! The runtime configuration file (`--runtime-config-file`): the part of it that this project ships.

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
                "failed to parse runtime config file '{}' as toml (this host knows `[outbound_networking] block_networks`)",
                path.display()
            )
        })
    }

    pub(crate) fn blocked_networks(&self) -> anyhow::Result<BlockedNetworks> {
        BlockedNetworks::parse(&self.outbound_networking.block_networks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_setting_is_refused() {
        assert!(
            toml::from_str::<RuntimeConfig>("[outbound_http]\nconnection_pooling = false").is_err()
        );
        assert!(toml::from_str::<RuntimeConfig>("[outbound_networking]\nblock = []").is_err());
    }
}
