//! The one place where randomness is drawn.

/// Random bytes from the host's secure generator.
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("WASI's random_get has no failure that a guest can mend");
    bytes
}

/// 128 random bits.
pub fn bits() -> u128 {
    u128::from_le_bytes(bytes())
}

/// A token that nobody has had: 32 hexadecimal digits.
pub fn token() -> String {
    format!("{:032x}", bits())
}

/// 64 random bits.
pub fn word() -> u64 {
    u64::from_le_bytes(bytes())
}
