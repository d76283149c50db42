//! A session on a log: what it has written is durable by then, whatever a power loss takes.
#![allow(missing_docs, clippy::unwrap_used)]

mod desk;

use desk::{MILLI, Wanted, field, kernel_on, only, session};
use dita_log::MemoryDisk;
use dita_log::disk::Fate;
use dita_stdio::{Lines, Pulse};
use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};

/// Gives one line each time that what came of the one before is written.
struct OneByOne(Receiver<()>, std::vec::IntoIter<String>);

impl Read for OneByOne {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        self.0.recv().map_err(std::io::Error::other)?;
        let line = self.1.next().unwrap_or_default();
        into[..line.len()].copy_from_slice(line.as_bytes());
        Ok(line.len())
    }
}

fn states(text: &str) -> BTreeMap<String, String> {
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let states = only(&lines, &["order_state"]).into_iter();
    states.map(|line| (field(&line, "client_order_id").to_owned(), line)).collect()
}

#[test]
fn what_was_written_is_answered_again_after_a_power_loss_at_that_moment() {
    let wanted = Wanted { market: true, step_ns: 200 * MILLI, ..Wanted::default() };
    let commands = "BUY BTCUSDT 0.5 0 a MARKET|BUY BTCUSDT 1 40000 low|SELL ETHUSDT 1 0 short MARKET|Q ACCOUNT|\
                    SELL BTCUSDT 0.2 0 b MARKET|BUY BTCUSDT 9 50000 dear|CANCEL low|Q ACCOUNT|BUY ETHUSDT 2 0 c MARKET|\
                    Q ACCOUNT|Q ACCOUNT";
    let lines: Vec<String> = commands.split('|').map(|line| format!("{}\n", line.trim())).collect();
    let disk = MemoryDisk::new();
    let drain = kernel_on(&wanted, Some(Arc::new(disk.clone())));
    let (written, next) = channel();
    let (mut text, mut images) = (String::new(), Vec::new());
    let mut lines = Lines::of(OneByOne(next, lines.into_iter())).unwrap();
    let mut session = session(&drain, &wanted);
    let mut write = |bytes: &[u8]| {
        text.push_str(std::str::from_utf8(bytes).unwrap());
        for fate in [Fate::Lost, Fate::Subset(images.len() as u64)] {
            images.push((text.clone(), disk.crash(fate)));
        }
        // At the end nobody reads any more.
        let _ = written.send(());
        Ok(())
    };
    session.run(&mut lines, &Pulse::default(), &mut write).unwrap();
    assert!(images.len() > 20 && states(&text).len() == 6, "{text}");
    for (text, image) in images {
        let reported = states(&text);
        let drain = kernel_on(&wanted, Some(Arc::new(image)));
        let mut session = desk::session(&drain, &wanted);
        for id in reported.keys() {
            session.obey(format!("Q ORDER {id}").as_bytes()).unwrap();
        }
        let answered = states(std::str::from_utf8(session.written()).unwrap());
        for (id, before) in reported {
            let after = &answered[&id];
            if ["FILLED", "CANCELLED", "REJECTED"].contains(&field(&before, "status")) {
                assert_eq!(*after, before);
            }
            assert_eq!(field(after, "order_qty"), field(&before, "order_qty"), "{id}");
        }
    }
}

#[test]
fn an_order_that_had_not_met_the_market_meets_it_in_the_next_session() {
    for (market, command) in [(false, "BUY BTCUSDT 1 100 waits"), (true, "BUY BTCUSDT 0.1 0 waits MARKET")] {
        let wanted = Wanted { market, ..Wanted::default() };
        let disk = MemoryDisk::new();
        let drain = kernel_on(&wanted, Some(Arc::new(disk.clone())));
        session(&drain, &wanted).obey(command.as_bytes()).unwrap();
        drain.sync(()).map_err(|error| format!("{error:?}")).unwrap();
        let drain = kernel_on(&wanted, Some(Arc::new(disk.crash(Fate::Lost))));
        let mut session = desk::session(&drain, &wanted);
        session.finish_now().unwrap();
        let ends = states(std::str::from_utf8(session.written()).unwrap());
        assert_eq!(field(&ends["waits"], "status"), "FILLED");
    }
}
