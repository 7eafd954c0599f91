use super::*;

#[test]
fn who_is_thrown_out_is_told_why_and_so_are_the_others() {
    let mut world = two();
    assert_eq!(world.hub.kick(world.now, "BOB", "spam").unwrap(), "bob");
    world.settle();
    world.reads(2, "! you were thrown out: spam\n");
    world.reads(1, "* bob was thrown out of lobby: spam\n");
    assert_eq!(world.closed[&Member(2)], Reason::Local);
    let error = world.hub.kick(world.now, "bob", "").unwrap_err();
    assert_eq!(error.to_string(), "nobody is called `bob`");
}

#[test]
fn who_is_banned_does_not_come_back() {
    let mut world = two();
    let ban = world.hub.ban_of("bob").unwrap();
    assert_eq!(ban.to_string(), "10.0.0.2");
    assert_eq!(world.hub.ban(world.now, ban.clone(), ""), ["bob"]);
    world.settle();
    world.reads(2, "! you are banned\n");
    world.enter(2);
    world.reads(2, "! you are banned\n");
    world.hub.unban(&ban).unwrap();
    assert!(world.hub.unban(&ban).is_err());
    world.enter_named(2, "bob");
    assert_eq!(world.hub.stat().members, 2);
}

#[test]
fn a_banned_name_is_nobodys() {
    let mut world = two();
    let ban: Ban = "Carl".parse().unwrap();
    world.hub.ban(world.now, ban, "");
    world.enter_named(3, "CARL");
    assert_eq!(world.closed[&Member(3)], Reason::Limit);
    world.types(1, "/nick carl");
    world.reads(1, "! you are banned\n");
    world.reads(2, "* anna left lobby\n");
}

#[test]
fn a_ban_reads_as_people_write_it() {
    let ip = |text: &str| text.parse().ok();
    let check = |ban: &str, banned: &str, free: &str| {
        let ban: Ban = ban.parse().unwrap();
        assert!(ban.is_of(ip(banned)), "{ban} {banned}");
        assert!(!ban.is_of(ip(free)), "{ban} {free}");
        assert_eq!(ban.to_string().parse(), Ok(ban));
    };
    check("10.0.0.0/8", "10.255.1.2", "11.0.0.0");
    check("10.0.0.1", "::ffff:10.0.0.1", "10.0.0.2");
    check("2001:db8::/32", "2001:db8:1::1", "2001:db9::");
    assert!("0.0.0.0/0".parse::<Ban>().unwrap().is_of(ip("1.2.3.4")));
    for text in ["10.0.0.0/33", "10.0.0.0/", "::/129", "a b", "", "anna/8"] {
        assert!(text.parse::<Ban>().is_err(), "{text}");
    }
}

#[test]
fn a_notice_reaches_everybody_or_a_room() {
    let mut world = two();
    world.enter(3);
    world.read(3);
    assert_eq!(world.hub.notify(world.now, None, "tea\x1b!").unwrap(), 3);
    world.settle();
    for number in 1..=3 {
        world.reads(number, "[#notice] tea\\x1b!\n");
    }
    assert_eq!(world.hub.notify(world.now, Some("#Lobby"), "a").unwrap(), 2);
    world.settle();
    world.reads(1, "[#notice lobby] a\n");
    assert!(world.hub.notify(world.now, Some("dev"), "a").is_err());
    world.hub.set_topic(world.now, "lobby", "tea").unwrap();
    world.settle();
    world.reads(2, "[#notice lobby] a\n* the topic of lobby: tea\n");
}

#[test]
fn an_operator_sees_who_is_where() {
    let mut world = two();
    world.types(2, "/join dev");
    let members = world.hub.members(Some("#dev"));
    let expected = Somebody {
        member: Some(Member(2)),
        nick: "bob".to_owned(),
        addr: "tcp://10.0.0.2:5".to_owned(),
        node: String::new(),
        rooms: vec!["lobby".to_owned(), "dev".to_owned()],
        current: "dev".to_owned(),
    };
    assert_eq!(members, [expected]);
    assert_eq!(world.hub.members(None).len(), 2);
    assert_eq!(world.hub.rooms().len(), 2);
}

#[test]
fn a_server_that_closes_says_goodbye_once() {
    let mut world = two();
    world.hub.close(world.now);
    world.settle();
    for number in 1..=2 {
        world.reads(number, "* the server is closing; goodbye\n");
        assert_eq!(world.closed[&Member(number)], Reason::Local);
    }
    world.enter(3);
    world.reads(3, "* the server is closing; goodbye\n");
    assert_eq!(world.hub.stat().members, 0);
    assert!(matches!(world.hub.poll_output(), Output::Wait(None)));
}
