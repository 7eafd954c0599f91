//! A room of a few visitors who send what they like.

use std::sync::Arc;
use std::time::Duration;

use sockpit_core::chat::line::Form;
use sockpit_core::chat::room::{Facts, Hub, Member, Output, Settings};
use sockpit_core::chat::visitor::{self, Visitor};
use sockpit_core::machine::{self, Machine};
use sockpit_core::text::charset::Charset;
use sockpit_core::text::escape::is_hidden;
use sockpit_core::time::Time;

/// Visitors at a time.
const SEATS: usize = 3;

/// In calls: who asks for more after one chunk goes round in circles.
const MOST: usize = 1 << 20;

struct Seat {
    member: Member,
    visitor: Visitor,
    /// Whether all that it got was in UTF-8 and for people.
    is_plain: bool,
    is_over: bool,
}

/// What visitors send: of each piece a byte says who, and another how long it is. Nothing that
/// moves a screen reaches one who reads plain lines, and everything comes to rest.
pub fn chat(bytes: &[u8]) {
    let mut hub = Hub::new(Settings {
        max_rooms: 4,
        max_rooms_each: 2,
        ..Settings::default()
    });
    let mut now = Time::ZERO;
    let mut members = 0;
    let mut seats: Vec<Seat> = (0..SEATS)
        .map(|_| enter(&mut hub, &mut members, now))
        .collect();
    let mut rest = bytes;
    while let Some(([who, len], after)) = rest.split_first_chunk() {
        let (piece, after) = after.split_at(usize::from(*len).min(after.len()));
        rest = after;
        let index = usize::from(*who) % (SEATS + 1);
        let Some(seat) = seats.get_mut(index) else {
            now = now + Duration::from_millis(u64::from(*len) * 100);
            hub.handle_timeout(now);
            settle(&mut hub, &mut seats, now);
            continue;
        };
        if seat.is_over {
            *seat = enter(&mut hub, &mut members, now);
        }
        match piece.is_empty() {
            true => seat.visitor.handle_end(now),
            false => seat.visitor.handle_input(now, piece),
        }
        seat.is_plain &= seat.visitor.form() == Form::Plain(Charset::UTF_8);
        let has_ended = piece.is_empty();
        settle(&mut hub, &mut seats, now);
        if has_ended {
            assert!(
                seats[index].is_over,
                "a visitor ended, and was not dismissed"
            );
        }
    }
}

fn enter(hub: &mut Hub, members: &mut u64, now: Time) -> Seat {
    *members += 1;
    let member = Member(*members);
    hub.enter(now, member, Facts::default());
    Seat {
        member,
        visitor: Visitor::new(Arc::new(visitor::Settings {
            max_line: 64,
            ..visitor::Settings::default()
        })),
        is_plain: true,
        is_over: false,
    }
}

/// Carries out what visitors and hub want, until nobody wants anything.
fn settle(hub: &mut Hub, seats: &mut [Seat], now: Time) {
    for _ in 0..MOST {
        let mut is_quiet = true;
        for seat in &mut *seats {
            while !seat.is_over {
                match seat.visitor.poll_output() {
                    machine::Output::Event(request) => hub.hear(now, seat.member, request),
                    machine::Output::Transmit(bytes) => look(seat, &bytes),
                    machine::Output::Close(reason) => {
                        seat.is_over = true;
                        hub.leave(now, seat.member, reason);
                    }
                    machine::Output::Shutdown => {}
                    machine::Output::Wait(_) => break,
                }
                is_quiet = false;
            }
        }
        loop {
            match hub.poll_output() {
                Output::Deliver { to, line } => {
                    for member in to.iter() {
                        if let Some(seat) = seats.iter_mut().find(|seat| seat.member == member) {
                            seat.visitor.deliver(&line);
                        }
                    }
                }
                Output::Dismiss { member, line, why } => {
                    if let Some(seat) = seats.iter_mut().find(|seat| seat.member == member) {
                        seat.visitor.dismiss(line.as_deref(), why);
                    }
                }
                Output::Log(_) | Output::Share(_) => {}
                Output::Wait(due) => {
                    assert!(due.is_none_or(|due| now <= due), "what is due was not done");
                    break;
                }
            }
            is_quiet = false;
        }
        if is_quiet {
            return;
        }
    }
    panic!("no rest");
}

fn look(seat: &Seat, bytes: &[u8]) {
    if !seat.is_plain {
        return;
    }
    // Answers to telnet are no text, and stand before it.
    let text = String::from_utf8_lossy(bytes);
    let is_fit = |c: char| match c {
        '\n' | '\t' => true,
        c => !c.is_control() && !is_hidden(c),
    };
    let is_telnet = bytes.first() == Some(&0xff);
    assert!(is_telnet || text.chars().all(is_fit), "{text:?}");
}
