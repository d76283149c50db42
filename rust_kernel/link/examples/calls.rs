//! What a call costs beside a bare exchange of packets, in the same run: `benches/serve/run.py` starts it.
//!
//! `calls ping SOCKET` sends each packet back. `calls measure KERNEL_SOCKET PING_SOCKET CALLS` takes turns of 200: packets of an
//! intent's and an outcome's size to and from the first, intents to a kernel's server, and prints nanoseconds, one pair a line.
//! `calls turns KERNEL_SOCKET CALLS PAUSE_US` takes turns of 200 through the socket and through shared memory, with so long a pause
//! before each, and prints nanoseconds, one pair a line.
#![allow(missing_docs, clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use dita_kernel::id::Id;
use dita_kernel::input::Intent;
use dita_kernel::names::{KernelCommandType, TradeSide};
use dita_kernel::num::Decimal;
use dita_link::message::{Hello, MAGIC, Reply, Request, VERSION, VERSION_OLDEST};
use dita_link::{Link, Policy, SocketTransport, SpinTransport, Transport, Travels, packet};
use rustix::net::{RecvFlags, SendFlags, SocketFlags, accept_with, bind, listen, recv, send};

const TURN: usize = 200;
/// About what an intent and its outcome have.
const ASKED: usize = 230;
const ANSWERED: usize = 700;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match *arguments.as_slice() {
        ["ping", path] => ping(Path::new(path)),
        ["measure", kernel, bare, calls] => measure(kernel.into(), Path::new(bare), calls.parse().unwrap()),
        ["turns", kernel, calls, pause] => {
            turns(kernel.into(), calls.parse().unwrap(), Duration::from_micros(pause.parse().unwrap()));
        }
        _ => panic!(
            "calls ping SOCKET | calls measure KERNEL_SOCKET PING_SOCKET CALLS | calls turns KERNEL_SOCKET CALLS PAUSE_US"
        ),
    }
}

fn ping(path: &Path) {
    let listener = packet::socket().unwrap();
    bind(&listener, &packet::address(path).unwrap()).unwrap();
    listen(&listener, 1).unwrap();
    let socket = accept_with(&listener, SocketFlags::CLOEXEC).unwrap();
    let (mut bytes, answer) = (vec![0; 1 << 16], [0; ANSWERED]);
    while recv(&socket, &mut bytes[..], RecvFlags::empty()).is_ok_and(|(_, length)| length > 0) {
        send(&socket, &answer, SendFlags::NOSIGNAL).unwrap();
    }
}

fn intent(slot_id: u32, turn: usize, action: KernelCommandType) -> Request {
    let id = |text: String| Id::new(&text).unwrap();
    let symbol = Id::new("BTCUSDT").unwrap();
    let mut intent = Intent::new(
        action,
        id(format!("calls:{turn}-{}", action as u8)),
        id(format!("t{turn}")),
        slot_id,
        symbol,
        TradeSide::Long,
    );
    intent.target_size = Some(Decimal::new(1, 3).unwrap());
    Request::Intents { again: false, intents: vec![intent] }
}

fn opened(transport: impl Transport) -> Link {
    let hello = Hello {
        magic: MAGIC,
        oldest: VERSION_OLDEST,
        newest: VERSION,
        account: Id::EMPTY,
        name: Id::new("calls").unwrap(),
        slots: 1,
        policy: Policy::Keep,
        grace_ms: 0,
        secret: "".into(),
        market: false,
    };
    Link::open(Box::new(transport), hello, Duration::from_secs(1)).unwrap()
}

/// Calls with an intent, and says how long that took, ns.
fn call(link: &Link, turn: usize) -> u128 {
    let action = if turn.is_multiple_of(2) { KernelCommandType::Enter } else { KernelCommandType::Exit };
    let request = intent(link.welcome().slots[0], turn / 2, action);
    let began = Instant::now();
    let reply = link.call(&request, Duration::from_secs(5), &mut || false).unwrap();
    let call_ns = began.elapsed().as_nanos();
    let Reply::Verdicts(verdicts) = reply else { panic!("no verdict") };
    assert!(verdicts[0].accepted, "{:?}", verdicts[0]);
    call_ns
}

/// Looks at the clock: a sleep would be of another length than it is asked for.
fn pause(pause: Duration) {
    let began = Instant::now();
    while began.elapsed() < pause {
        std::hint::spin_loop();
    }
}

fn turns(kernel: PathBuf, calls: usize, before_each: Duration) {
    let mut turn = 0;
    for _ in 0..calls.div_ceil(TURN) {
        // One after the other: while a program has a channel the server spins, and hears sockets sooner too.
        let link = opened(SocketTransport { path: kernel.clone() });
        let mut taken = Vec::with_capacity(TURN);
        for _ in 0..TURN {
            pause(before_each);
            taken.push(call(&link, turn));
            turn += 1;
        }
        link.part(Duration::from_secs(5)).unwrap();
        let link = opened(SpinTransport { path: kernel.clone() });
        assert_eq!(link.travels(), Travels::Channel);
        for socket_ns in taken {
            pause(before_each);
            println!("{socket_ns} {}", call(&link, turn));
            turn += 1;
        }
        link.part(Duration::from_secs(5)).unwrap();
    }
}

fn measure(kernel: PathBuf, bare: &Path, calls: usize) {
    let link = opened(SocketTransport { path: kernel });
    let line = packet::connect_to(bare).unwrap();
    let (asked, mut answer) = ([0; ASKED], vec![0; 1 << 16]);
    let mut turn = 0;
    for _ in 0..calls.div_ceil(TURN) {
        let mut bare_ns = Vec::with_capacity(TURN);
        for _ in 0..TURN {
            let began = Instant::now();
            send(&line, &asked, SendFlags::NOSIGNAL).unwrap();
            recv(&line, &mut answer[..], RecvFlags::empty()).unwrap();
            bare_ns.push(began.elapsed().as_nanos());
        }
        for bare_ns in bare_ns {
            println!("{bare_ns} {}", call(&link, turn));
            turn += 1;
        }
        drop(link.pushed());
    }
    link.part(Duration::from_secs(5)).unwrap();
}
