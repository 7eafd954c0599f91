//! A colour for every name, the same wherever it stands.

/// Colours of the 256 that terminals have, no two alike, that read well on black and on white: each
/// has a contrast of at least 3.5 to both (WCAG 2.2 asks 3 for what is large or bold).
pub(super) const PALETTE: [u8; 16] = [
    166, 28, 32, 164, 130, 30, 63, 162, 100, 26, 134, 131, 64, 98, 133, 29,
];

/// The SGR code of a name's colour: bold, so that it stands out where colours are few.
pub(super) fn of_name(name: &str) -> String {
    // FNV-1a, by which similar names differ.
    let folded = name.chars().flat_map(char::to_lowercase);
    let hash = folded.fold(0x811c_9dc5_u32, |hash, character| {
        (hash ^ u32::from(character)).wrapping_mul(0x0100_0193)
    });
    let place = (hash ^ (hash >> 16)) as usize % PALETTE.len();
    format!("1;38;5;{}", PALETTE[place])
}
