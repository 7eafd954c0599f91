//! Order among sequence numbers, which begin anew after 2³² (RFC 9293 §3.4).

/// Whether `one` comes before `other`; they are taken to be less than 2³¹ apart.
pub(super) const fn is_before(one: u32, other: u32) -> bool {
    distance(other, one) < 0
}

/// Whether `one` comes before `other`, or is it.
pub(super) const fn is_at_most(one: u32, other: u32) -> bool {
    distance(other, one) <= 0
}

/// The later of the two.
pub(super) const fn later(one: u32, other: u32) -> u32 {
    if is_before(one, other) { other } else { one }
}

/// How far `to` lies behind `from`; negative where it comes after.
const fn distance(from: u32, to: u32) -> i32 {
    to.wrapping_sub(from).cast_signed()
}
