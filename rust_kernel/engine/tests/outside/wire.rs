//! The venue over a Unix socket: requests and answers in the one codec, with their length before them.

use std::io::{self, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dita_engine::system_ns;
use dita_kernel::codec;
use dita_kernel::effect::Command;
use dita_kernel::input::Input;

use super::Venue;
use super::trader::Reach;

const ASK: u8 = 0;
const PASS: u8 = 1;
const REPLAY: u8 = 2;
const TOTALS: u8 = 3;

pub fn hold(venue: &Mutex<Venue>) -> MutexGuard<'_, Venue> {
    venue.lock().unwrap_or_else(PoisonError::into_inner)
}

fn send(stream: &mut UnixStream, frame: &[u8]) -> io::Result<()> {
    let length = u32::try_from(frame.len()).map_err(io::Error::other)?;
    stream.write_all(&[&length.to_le_bytes(), frame].concat())
}

/// A frame; `None` where the other side is gone.
fn receive(stream: &mut UnixStream) -> Option<Vec<u8>> {
    let mut length = [0; 4];
    stream.read_exact(&mut length).ok()?;
    let mut frame = vec![0; u32::from_le_bytes(length) as usize];
    stream.read_exact(&mut frame).ok()?;
    Some(frame)
}

/// Serves one trader after another, each until it is gone: what the dead one had sent is taken before the next one is
/// heard, as one exchange takes everything in one order.
pub fn serve(listener: &UnixListener, venue: &Arc<Mutex<Venue>>) {
    for stream in listener.incoming() {
        let Ok(mut stream) = stream else { return };
        while let Some(frame) = receive(&mut stream) {
            let mut bytes = Vec::new();
            let mut venue = hold(venue);
            let written = if frame == [TOTALS] {
                codec::encode(&(venue.cash_milli, venue.position_milli), &mut bytes)
            } else {
                codec::encode(&answer(&frame, &mut venue), &mut bytes)
            };
            written.expect("what a venue says can be written");
            // A trader that is gone is told nothing; what it had sent stays taken.
            let _ = send(&mut stream, &bytes);
        }
    }
}

fn answer(frame: &[u8], venue: &mut Venue) -> Vec<Input> {
    let now_ns = system_ns();
    match frame.split_first() {
        Some((&ASK, rest)) => {
            let (sent_ns, command) = rest.split_at(8);
            let sent_ns = i64::from_le_bytes(sent_ns.try_into().expect("eight bytes"));
            let command: Command = codec::decode(command).expect("a whole frame is a command");
            venue.take(sent_ns, now_ns, &command)
        }
        Some((&PASS, _)) => Venue::pass(venue, now_ns),
        Some((&REPLAY, _)) => Venue::replay(venue),
        Some(_) | None => panic!("an unknown frame"),
    }
}

/// The trader's end.
pub struct Wire(UnixStream);

impl Wire {
    pub fn connect(path: &Path) -> io::Result<Wire> {
        UnixStream::connect(path).map(Wire)
    }

    fn call(&mut self, frame: &[u8]) -> Vec<u8> {
        send(&mut self.0, frame).expect("the venue is there");
        receive(&mut self.0).expect("the venue answers")
    }

    fn hear(&mut self, frame: &[u8]) -> Vec<Input> {
        codec::decode(&self.call(frame)).expect("what a venue says can be read")
    }

    /// The venue's own wallet and position, in thousandths.
    pub fn totals(&mut self) -> (i64, i64) {
        codec::decode(&self.call(&[TOTALS])).expect("two numbers")
    }
}

impl Reach for Wire {
    fn ask(&mut self, sent_ns: i64, command: &Command) -> Vec<Input> {
        let mut frame = vec![ASK];
        frame.extend_from_slice(&sent_ns.to_le_bytes());
        codec::encode(command, &mut frame).expect("a command can be written");
        self.hear(&frame)
    }

    fn pass(&mut self, _: i64) -> Vec<Input> {
        self.hear(&[PASS])
    }

    fn replay(&mut self) -> Vec<Input> {
        self.hear(&[REPLAY])
    }
}
