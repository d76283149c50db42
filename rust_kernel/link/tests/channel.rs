//! A server that is not to be believed: what it writes into a channel ends the program's connection, and nothing else of it.
#![allow(missing_docs, clippy::unwrap_used)]

mod server;

use std::os::fd::OwnedFd;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use dita_kernel::id::Id;
use dita_link::message::{Reply, Request, Topic};
use dita_link::{Link, LinkError, SpinTransport, Travels, packet};
use dita_zinc::{Channel, Count, RING_WORDS, Taken};
use server::{bytes, heard, hello, let_in, listening, unlisted, welcome};

/// Where its words are (docs/reference/protocol.md): how much of the requests was read, how much of the answers was written,
/// and the first word of the answers.
const REQUESTS_READ: u64 = 4 * 16;
const ANSWERS_WRITTEN: u64 = 5 * 16;
const ANSWERS: u64 = 7 * 16 + RING_WORDS as u64;

/// What a server writes: words, by their places.
type Lies = &'static [(u64, u64)];

/// Lets one program in, hands it a channel, and lies in it: `before` its first request, and `behind` it.
fn lie(listener: OwnedFd, before: Lies, behind: Lies, over: &mpsc::Receiver<()>) {
    let socket = let_in(&listener);
    welcome(&socket);
    let (number, Request::Channel) = heard(&socket) else { panic!("no channel is asked for") };
    let (channel, handed) = Channel::make().unwrap();
    let write = |lies: Lies| {
        for (place, word) in lies {
            assert_eq!(rustix::io::pwrite(&handed, &word.to_le_bytes(), place * 8), Ok(8));
        }
    };
    write(before);
    assert!(packet::send_with(&socket, &bytes(&Reply::Channel, number), &handed).unwrap());
    let (mut count, mut message) = (Count::default(), Vec::new());
    while before.is_empty()
        && channel.requests().read(&mut count, &mut message, 1 << 20) == Ok(Taken::Nothing)
    {
        thread::yield_now();
    }
    write(behind);
    // The socket stays open: nothing but the lie ends the connection.
    over.recv().unwrap();
}

fn called(name: &str, before: Lies, behind: Lies) -> Result<Reply, LinkError> {
    let (listener, path) = listening(name);
    let (tell, over) = mpsc::channel();
    let server = thread::spawn(move || lie(listener, before, behind, &over));
    let transport = SpinTransport { path: path.clone() };
    let link = Link::open(Box::new(transport), hello(), Duration::from_millis(50)).unwrap();
    assert_eq!(link.travels(), Travels::Channel);
    // Nobody lets it in a second time.
    unlisted(&path);
    let asked = Request::Read { topic: Topic::Health, name: Id::EMPTY };
    let reply = link.call(&asked, Duration::from_secs(20), &mut || false);
    tell.send(()).unwrap();
    server.join().unwrap();
    reply
}

#[test]
fn a_server_that_writes_what_cannot_be_is_left() {
    let lies: [(&str, Lies, Lies); 6] = [
        ("count", &[], &[(ANSWERS_WRITTEN, RING_WORDS as u64 + 1)]),
        ("back", &[], &[(ANSWERS_WRITTEN, u64::MAX)]),
        ("empty", &[], &[(ANSWERS, 0), (ANSWERS_WRITTEN, 2)]),
        ("long", &[], &[(ANSWERS, 100), (ANSWERS_WRITTEN, 2)]),
        ("mark", &[], &[(ANSWERS, 8 | 2 << 32), (ANSWERS_WRITTEN, 2)]),
        ("read", &[(REQUESTS_READ, 1 << 40)], &[]),
    ];
    for (name, before, behind) in lies {
        let reply = called(name, before, behind);
        assert!(matches!(reply, Err(LinkError::Away(_))), "{name}: {reply:?}");
    }
}

#[test]
fn an_answer_that_is_none_of_the_protocol_ends_the_link() {
    let reply = called("rubbish", &[], &[(ANSWERS, 8), (ANSWERS + 1, u64::MAX), (ANSWERS_WRITTEN, 2)]);
    let Err(LinkError::Away(why)) = reply else { panic!("{reply:?}") };
    assert_eq!(why, "what the server says is of another protocol");
}
