//! The other end of a program's line, as a test plays it.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use dita_kernel::id::Id;
use dita_link::Policy;
use dita_link::message::{Hello, MAGIC, REPLY_BYTES_MAX, Reply, Request, VERSION, VERSION_OLDEST, Welcome};
use dita_link::packet::{self, PACKET_BYTES_MAX, Read};
use rustix::net::{RecvFlags, SocketFlags, accept_with, bind, listen};

/// A socket that listens, and where.
pub fn listening(name: &str) -> (OwnedFd, PathBuf) {
    let path = std::env::temp_dir().join(format!("dita-{}-{name}.sock", std::process::id()));
    let listener = packet::socket().unwrap();
    bind(&listener, &packet::address(&path).unwrap()).unwrap();
    listen(&listener, 1).unwrap();
    (listener, path)
}

/// What a program says first.
pub fn hello() -> Hello {
    Hello {
        magic: MAGIC,
        oldest: VERSION_OLDEST,
        newest: VERSION,
        account: Id::EMPTY,
        name: Id::new("mine").unwrap(),
        slots: 1,
        policy: Policy::Keep,
        grace_ms: 0,
        secret: "".into(),
        market: false,
    }
}

/// The next request of a program.
pub fn heard(socket: &OwnedFd) -> (u32, Request) {
    let (read, message) = read(socket);
    assert_eq!(read, Read::Whole);
    Request::decode(&message).unwrap()
}

/// What comes next, waited for.
pub fn read(socket: &OwnedFd) -> (Read, Vec<u8>) {
    let (mut message, mut packet) = (Vec::new(), vec![0; PACKET_BYTES_MAX]);
    let read = packet::read_onto(socket, &mut message, &mut packet, REPLY_BYTES_MAX, RecvFlags::TRUNC);
    (read.unwrap(), message)
}

/// A reply's bytes.
pub fn bytes(reply: &Reply, number: u32) -> Vec<u8> {
    let mut message = Vec::new();
    reply.encode(number, VERSION, &mut message);
    message
}

/// Sends a reply.
pub fn say(socket: &OwnedFd, reply: &Reply, number: u32) {
    packet::send_from(socket, &bytes(reply, number), 0, &mut Vec::new()).unwrap();
}

/// Waits for a program that connects, and for its hello.
pub fn let_in(listener: &OwnedFd) -> OwnedFd {
    let socket = accept_with(listener, SocketFlags::CLOEXEC).unwrap();
    assert!(matches!(heard(&socket), (_, Request::Hello(_))));
    socket
}

/// Welcomes it.
pub fn welcome(socket: &OwnedFd) {
    let welcome = Welcome {
        version: VERSION,
        host: Id::EMPTY,
        account: Id::EMPTY,
        slots: vec![0],
        again: false,
        slots_max: 1,
        seq: 0,
        now_ns: 0,
        assets: Vec::new(),
        instruments: Vec::new(),
        plane_directory: "".into(),
        plane_name: "".into(),
    };
    say(socket, &Reply::Welcome(Box::new(welcome)), 0);
}

/// Nobody else finds it there.
pub fn unlisted(path: &Path) {
    std::fs::remove_file(path).unwrap();
}
