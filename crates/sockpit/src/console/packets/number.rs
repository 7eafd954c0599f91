//! Numbers and addresses, written without the detour of a formatter.

use std::io::Write as _;
use std::net::{IpAddr, SocketAddr};

/// Appends a number in decimal digits.
pub(super) fn push_number(number: u64, out: &mut Vec<u8>) {
    let mut digits = [0; 20];
    let mut start = digits.len();
    let mut rest = number;
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        start -= 1;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[start..]);
}

/// Appends a number of at least so many digits.
pub(super) fn push_digits(number: u64, least: usize, out: &mut Vec<u8>) {
    let mut limit = 10;
    for _ in 1..least {
        if number < limit {
            out.extend(std::iter::repeat_n(b'0', least - digits_of(number)));
            break;
        }
        limit = limit.saturating_mul(10);
    }
    push_number(number, out);
}

const fn digits_of(number: u64) -> usize {
    match number.checked_ilog10() {
        Some(log) => log as usize + 1,
        None => 1,
    }
}

pub(super) fn push_ip(ip: IpAddr, out: &mut Vec<u8>) {
    match ip {
        IpAddr::V4(ip) => {
            let [first, rest @ ..] = ip.octets();
            push_number(first.into(), out);
            for octet in rest {
                out.push(b'.');
                push_number(octet.into(), out);
            }
        }
        // Writing to a vector cannot fail.
        IpAddr::V6(ip) => drop(write!(out, "{ip}")),
    }
}

pub(super) fn push_socket(ip: IpAddr, port: u16, out: &mut Vec<u8>) {
    match ip {
        IpAddr::V4(_) => {
            push_ip(ip, out);
            out.push(b':');
            push_number(port.into(), out);
        }
        IpAddr::V6(_) => drop(write!(out, "{}", SocketAddr::new(ip, port))),
    }
}
