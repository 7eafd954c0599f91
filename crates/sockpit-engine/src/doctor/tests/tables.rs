//! What the system lists, read.

use std::ffi::OsStr;

use super::*;
use crate::doctor::nets::{parse_igmp, parse_igmp6};
use crate::doctor::table::{parse_inet, parse_unix};

#[cfg(target_endian = "little")]
#[test]
fn the_tables_of_the_internet_are_read() {
    let table = "\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1B58 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4242 1 0
   1: 0100007F:B914 0100007F:AE6F 06 00000000:00000000 03:00000480 00000000     0        0 0 3 0
   2: B80D0120000000000000000001000000:0050 00000000000000000000000000000000:0000 0A 0:0 0:0 0 33 0 7
   3: 0100007F:zzzz 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4242 1 0
   4: 01007F:1B58 00000000:0000 0A
   5:
é
";
    let entry = |local: &str, state, uid, inode| Entry {
        local: Some(local.parse().unwrap()),
        uid,
        ..Entry::new(Kind::Tcp, state, inode)
    };
    assert_eq!(
        parse_inet(Protocol::Tcp, table),
        [
            // port: only compared
            entry("127.0.0.1:7000", State::Listening, Some(1000), 4242),
            // port: only compared
            entry("127.0.0.1:47380", State::TimeWait, None, 0),
            entry("[2001:db8::1]:80", State::Listening, Some(33), 7),
        ]
    );
}

#[test]
fn the_table_of_unix_sockets_is_read() {
    let table = b"Num       RefCount Protocol Flags    Type St Inode Path
0000000000000000: 00000002 00000000 00010000 0001 01 44693 /run/a b.sock
0000000000000000: 00000003 00000000 00000000 0001 03 44694 /run/a b.sock
0000000000000000: 00000002 00000000 00000000 0002 01  1057 @name
0000000000000000: 00000003 00000000 00000000 0001 03   777
0000000000000000: 00000002 00000000 00010000 0001 01 1 /run/\xff
0000000000000000: 00000002 00000000 0001
b
";
    let entry = |kind, state, inode, name: &[u8]| Entry {
        path: Some(OsStr::from_bytes(name).into()),
        ..Entry::new(kind, state, inode)
    };
    assert_eq!(
        parse_unix(table),
        [
            entry(Kind::Unix, State::Listening, 44_693, b"/run/a b.sock"),
            entry(Kind::Unix, State::Connected, 44_694, b"/run/a b.sock"),
            entry(Kind::UnixDatagram, State::Bound, 1057, b"@name"),
            entry(Kind::Unix, State::Listening, 1, b"/run/\xff"),
        ]
    );
}

#[cfg(target_endian = "little")]
#[test]
fn the_tables_of_groups_are_read() {
    let table = "\
Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter
1\tlo        :     1      V3
\t\t\t\t010000E0     1 0:00000000\t\t0
12\teth0      :     2      V3
\t\t\t\tFB0000E0     1 0:00000000\t\t0
\t\t\t\tzz0000E0     1 0:00000000\t\t0
";
    let v4 = |index, text: &str| (index, text.parse::<IpAddr>().unwrap());
    assert_eq!(
        parse_igmp(table),
        [v4(1, "224.0.0.1"), v4(12, "224.0.0.251")]
    );
    let table = "1    lo              ff020000000000000000000000000001     1 0000000C 0\nbad\n\n";
    assert_eq!(parse_igmp6(table), [v4(1, "ff02::1")]);
}

#[test]
fn the_interfaces_end_with_loopback() {
    let interfaces = interfaces().unwrap();
    let last = interfaces.last().unwrap();
    assert_eq!((last.name.as_str(), last.is_loopback), ("lo", true));
    assert!(last.addresses.contains(&(Ipv4Addr::LOCALHOST.into(), 8)));
    assert!(default_routes().is_ok());
}
