//! `[outbound_networking] block_networks`: addresses that no outbound connection may have, whatever its host name said.

use std::net::{IpAddr, SocketAddr};

use anyhow::Context;
use ip_network::IpNetwork;

/// Networks to keep out of. The default blocks nothing.
#[derive(Debug, Default)]
pub(crate) struct BlockedNetworks {
    networks: Vec<IpNetwork>,
    /// `"private"`: everything that is not globally routable.
    private: bool,
}

impl BlockedNetworks {
    /// Parses networks in CIDR notation and the word `private`.
    pub(crate) fn parse(entries: &[String]) -> anyhow::Result<Self> {
        let mut blocked = Self::default();
        for entry in entries {
            if entry == "private" {
                blocked.private = true;
            } else {
                let network = IpNetwork::from_str_truncate(entry).with_context(|| {
                    format!("block_networks: {entry:?} is neither a network in CIDR notation nor 'private'")
                })?;
                blocked.networks.push(network);
            }
        }
        Ok(blocked)
    }

    /// What is left of the addresses a name resolved to; `None` when there were some and all are blocked.
    pub(crate) fn filter(&self, mut addresses: Vec<SocketAddr>) -> Option<Vec<SocketAddr>> {
        let resolved = addresses.len();
        addresses.retain(|address| !self.contains(address.ip()));
        (resolved == 0 || !addresses.is_empty()).then_some(addresses)
    }

    fn contains(&self, ip: IpAddr) -> bool {
        if self.private && !IpNetwork::from(ip).is_global() {
            return true;
        }
        if self.networks.iter().any(|network| network.contains(ip)) {
            return true;
        }
        // An IPv4 address can also be written as an IPv6 one (`::ffff:10.0.0.1`, `::10.0.0.1`) and reaches the same host.
        match ip {
            IpAddr::V6(v6) => v6.to_ipv4().is_some_and(|v4| self.contains(v4.into())),
            IpAddr::V4(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocked(entries: &[&str]) -> BlockedNetworks {
        let entries: Vec<String> = entries.iter().map(ToString::to_string).collect();
        BlockedNetworks::parse(&entries).expect("valid networks")
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn private_means_all_that_is_not_globally_routable() {
        let blocked = blocked(&["private"]);
        for private in [
            "0.0.0.0",
            "10.1.1.1",
            "100.64.0.1",
            "127.0.0.1",
            "169.254.169.254",
            "192.168.0.1",
            "::1",
            "::ffff:10.1.1.1",
            "::10.1.1.1",
            "fc00::1",
        ] {
            assert!(blocked.contains(ip(private)), "{private}");
        }
        assert!(!blocked.contains(ip("93.184.216.34")));
        assert!(!blocked.contains(ip("2600::1")));
    }

    #[test]
    fn a_network_is_blocked_in_its_ipv6_spellings_too() {
        let blocked = blocked(&["123.123.0.0/16"]);
        assert!(blocked.contains(ip("123.123.1.1")));
        assert!(blocked.contains(ip("::ffff:123.123.1.1")));
        assert!(!blocked.contains(ip("123.124.1.1")));
    }

    #[test]
    fn allowed_addresses_are_kept_and_none_left_is_told_apart_from_none_found() {
        let blocked = blocked(&["private"]);
        let both: Vec<SocketAddr> = vec![
            "127.0.0.1:80".parse().expect("an address"),
            "1.1.1.1:80".parse().expect("an address"),
        ];
        assert_eq!(blocked.filter(both.clone()), Some(vec![both[1]]));
        assert_eq!(blocked.filter(vec![both[0]]), None);
        assert_eq!(blocked.filter(vec![]), Some(vec![]));
    }

    #[test]
    fn a_misspelt_entry_is_refused() {
        assert!(BlockedNetworks::parse(&["privat".into()]).is_err());
    }
}
