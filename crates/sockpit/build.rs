//! How the program is linked.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let is = |name: &str, value: &str| env::var(name).is_ok_and(|it| it == value);
    let features = env::var("CARGO_CFG_TARGET_FEATURE").unwrap_or_default();
    // A program that may stand anywhere has 18,000 pointers set, and 80 pages copied for that, before
    // its first instruction: a third of the time that a one-shot takes. The heap, the stack and the
    // libraries lie anywhere all the same (SECURITY.md).
    if is("CARGO_CFG_TARGET_OS", "linux")
        && is("CARGO_CFG_TARGET_ENV", "gnu")
        && is("PROFILE", "release")
        // That one is linked in a way of its own.
        && !features.split(',').any(|feature| feature == "crt-static")
    {
        println!("cargo::rustc-link-arg-bins=-no-pie");
    }
}
