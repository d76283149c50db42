//! A program that has parted is gone for good: it does not come back for a lease that nobody would give back.
#![allow(missing_docs, clippy::unwrap_used)]

mod server;

use std::os::fd::OwnedFd;
use std::thread;
use std::time::Duration;

use dita_link::message::{Refused, Reply, Request, Why};
use dita_link::packet::{self, Read};
use dita_link::{Link, LinkError, SocketTransport};
use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType, socketpair};
use server::{heard, hello, let_in, listening, read, say, unlisted, welcome};

const PATIENCE: Duration = Duration::from_secs(20);
/// A link comes back some milliseconds after its line broke.
const LONG_ENOUGH: Duration = Duration::from_millis(300);

fn link_to(path: &std::path::Path) -> Link {
    let transport = SocketTransport { path: path.to_owned() };
    Link::open(Box::new(transport), hello(), Duration::from_secs(2)).unwrap()
}

fn is_knocked_at(listener: &OwnedFd) -> bool {
    packet::wait_for(listener, false, LONG_ENOUGH).unwrap()
}

#[test]
fn who_has_given_the_lease_back_does_not_come_for_it_again() {
    let (listener, path) = listening("parted");
    let server = thread::spawn(move || {
        let socket = let_in(&listener);
        welcome(&socket);
        let (number, Request::Bye) = heard(&socket) else { panic!("it does not part") };
        say(&socket, &Reply::Gone, number);
        drop(socket);
        is_knocked_at(&listener)
    });
    let link = link_to(&path);
    // As `part` does it, and then for long does not get to close the link.
    assert_eq!(link.call(&Request::Bye, PATIENCE, &mut || false), Ok(Reply::Gone));
    assert!(!server.join().unwrap(), "it has come back");
    let again = link.call(&Request::Bye, PATIENCE, &mut || false);
    assert!(matches!(again, Err(LinkError::Closed(_))), "{again:?}");
    unlisted(&path);
}

#[test]
fn who_is_refused_when_it_comes_back_does_not_try_for_ever() {
    let (listener, path) = listening("refused");
    let server = thread::spawn(move || {
        let socket = let_in(&listener);
        welcome(&socket);
        drop(socket);
        let socket = let_in(&listener);
        say(&socket, &Reply::Refused(Refused::because(Why::NoFreeSlot, "slots: none is free").into()), 0);
        drop(socket);
        is_knocked_at(&listener)
    });
    let link = link_to(&path);
    assert!(!server.join().unwrap(), "it has come back");
    let refused = link.call(&Request::Bye, PATIENCE, &mut || false);
    assert!(matches!(refused, Err(LinkError::Refused(_))), "{refused:?}");
    unlisted(&path);
}

#[test]
fn who_closes_while_it_is_welcomed_hangs_up() {
    let (listener, path) = listening("closing");
    let link = link_to_server_that_hangs_up(&listener, &path);
    let socket = let_in(&listener);
    thread::scope(|scope| {
        scope.spawn(|| link.close());
        while !link.is_closed() {
            thread::yield_now();
        }
        welcome(&socket);
    });
    assert!(packet::wait_for(&socket, false, PATIENCE).unwrap(), "it stays");
    assert_eq!(read(&socket).0, Read::Ended);
    drop(link);
    unlisted(&path);
}

fn link_to_server_that_hangs_up(listener: &OwnedFd, path: &std::path::Path) -> Link {
    thread::scope(|scope| {
        scope.spawn(|| welcome(&let_in(listener)));
        link_to(path)
    })
}

#[test]
fn a_refusal_followed_by_a_close_is_read_by_a_program_that_polls() {
    let flags = SocketFlags::CLOEXEC;
    for round in 0..3_000 {
        let (server, program) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None).unwrap();
        let refusing = thread::spawn(move || {
            packet::send_from(&server, b"refused", 0, &mut Vec::new()).unwrap();
        });
        let (mut message, mut buffer) = (Vec::new(), vec![0; 64]);
        let mut read = Read::Nothing;
        while read == Read::Nothing {
            read = packet::read_onto(&program, &mut message, &mut buffer, 64, RecvFlags::DONTWAIT).unwrap();
        }
        assert_eq!((read, message.as_slice()), (Read::Whole, &b"refused"[..]), "round {round}");
        refusing.join().unwrap();
    }
}
