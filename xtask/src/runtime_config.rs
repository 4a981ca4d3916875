//! The runtime configuration that keeps webhooks out of private networks.
//!
//! The URL policy refuses private addresses, but a public name may stand for one. Both hosts look at what a name stands for, and
//! connect to nothing in `block_networks`. The service calls itself over its own address, so that one has to stay open.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};

/// The address that the shipped file leaves open. Nothing else listens there: what is meant for this machine alone listens on
/// 127.0.0.1, as a rule.
#[cfg(test)]
const OPEN: Ipv4Addr = Ipv4Addr::new(127, 93, 42, 1);

/// IPv4 networks that are not global: IANA's registry of special-purpose addresses, and multicast.
const IPV4: [(Ipv4Addr, u32); 16] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    (Ipv4Addr::new(240, 0, 0, 0), 4),
    // Where some clouds have what tells about a machine.
    (Ipv4Addr::new(168, 63, 129, 16), 32),
];

/// IPv6 networks that are not global, and multicast, with those that stand for IPv4 addresses in other ways than the hosts look through.
const IPV6: [&str; 13] = [
    "::/128",
    "::1/128",
    "64:ff9b::/96",
    "64:ff9b:1::/48",
    "100::/64",
    "2001::/23",
    "2001:db8::/32",
    "2002::/16",
    "3fff::/20",
    "5f00::/16",
    "fc00::/7",
    "fe80::/9",
    "ff00::/8",
];

/// The configuration that leaves `open` as the one private address.
pub(crate) fn text(open: IpAddr) -> String {
    let mut text = format!(
        "# Webhooks go to no private network, whatever a name stands for. The service calls itself over the address that it listens on, so
# that address, {open}, is left open, and it alone. Made by `cargo xtask up` for another address; README.md, \"Security\".

[outbound_networking]
block_networks = [
"
    );
    for (network, prefix) in IPV4 {
        for (network, prefix) in without(network, prefix, open) {
            let _ = writeln!(text, "    \"{network}/{prefix}\",");
        }
    }
    let closed = |network: &&str| network.split('/').next() != Some(open.to_string().as_str());
    for network in IPV6.iter().filter(|network| closed(network)) {
        let _ = writeln!(text, "    \"{network}\",");
    }
    text.push_str("]\n");
    text
}

/// A network without one address: what is left of it when it is halved, over and over, and the half with the address is halved next.
fn without(network: Ipv4Addr, prefix: u32, open: IpAddr) -> Vec<(Ipv4Addr, u32)> {
    let IpAddr::V4(open) = open else {
        return vec![(network, prefix)];
    };
    let mask = |prefix: u32| u32::MAX.checked_shl(32 - prefix).unwrap_or(0);
    if open.to_bits() & mask(prefix) != network.to_bits() {
        return vec![(network, prefix)];
    }
    let halves = (prefix + 1..=32).map(|prefix| {
        let other = open.to_bits() ^ (1 << (32 - prefix));
        (Ipv4Addr::from_bits(other & mask(prefix)), prefix)
    });
    halves.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_file_leaves_its_one_address_open() {
        let shipped = include_str!("../../runtime-config.toml");
        assert!(
            shipped == text(OPEN.into()),
            "it should be:\n{}",
            text(OPEN.into())
        );
    }

    #[test]
    fn a_network_without_an_address_has_all_the_others() {
        let left = without(Ipv4Addr::new(127, 0, 0, 0), 8, OPEN.into());
        let count: u64 = left.iter().map(|(_, prefix)| 1_u64 << (32 - prefix)).sum();
        assert_eq!(count, (1 << 24) - 1);
        let covers = |ip: Ipv4Addr| {
            left.iter().any(|(network, prefix)| {
                let mask = u32::MAX << (32 - prefix);
                ip.to_bits() & mask == network.to_bits()
            })
        };
        assert!(!covers(OPEN));
        for other in [
            [127, 0, 0, 1],
            [127, 93, 42, 0],
            [127, 93, 42, 2],
            [127, 255, 255, 255],
        ] {
            assert!(covers(other.into()), "{other:?}");
        }
    }

    #[test]
    fn an_address_elsewhere_takes_nothing_away() {
        let network = Ipv4Addr::new(10, 0, 0, 0);
        assert_eq!(without(network, 8, OPEN.into()), [(network, 8)]);
        let all = text(IpAddr::from([192, 0, 2, 1]));
        assert!(all.contains("\"127.0.0.0/8\"") && all.contains("\"::1/128\""));
        assert!(!text("::1".parse().expect("an address")).contains("\"::1/128\""));
    }
}
