//! Bytes as calls of the C ABI, below the guard that catches panics: each is answered with JSON or a message, or refused,
//! and the books stay sound.

use dita_link::message::{Reply, VERSION};
use dita_v2_kernel::forms;
use dita_v2_kernel::kernel::{self, Kernel};
use dita_v2_kernel::parse::{Value, parse};
use dita_v2_kernel::wrong::Wrong;

/// So many calls of an entry are made.
const CALLS_MAX: usize = 100;

const SIMULATED: &str = r#"{"max_slots":3,"simulated":{"balances":{"USDT":"10000"},"fill_without_market":true},
"exchange":{"instruments":{"BTCUSDT":{"tick_size":"0.1","lot_step":"0.001"}}},"seed_capital":{"USDT":"10000"}}"#;
const CALLER: &str = r#"{"max_slots":3,"venue":"caller",
"exchange":{"instruments":{"BTCUSDT":{"tick_size":"0.1","lot_step":"0.001"}}},"seed_capital":{"USDT":"10000"}}"#;

/// Makes the calls: the first byte says whose venue it is, then each line's first byte which call, its rest what is given.
pub fn run(bytes: &[u8]) {
    let Some((choice, lines)) = bytes.split_first() else { return };
    let kernel = Kernel::create(if choice & 1 == 0 { SIMULATED } else { CALLER }).expect("it is good");
    let mark = kernel.mark_price(r#"{"asset":"BTCUSDT","price":"60000","timestamp":1}"#);
    assert!(mark.is_ok());
    for line in lines.split(|byte| *byte == b'\n').take(CALLS_MAX) {
        let Some((call, given)) = line.split_first() else { continue };
        if *call == b'B' {
            binary(&kernel, given);
        } else if let Ok(text) = core::str::from_utf8(given) {
            spoken(&kernel, *call, text);
        }
    }
    assert!(matches!(parse(&kernel.snapshot().expect("it can be read")), Ok(Value::Object(_))));
    kernel.close().expect("it closes");
}

fn spoken(kernel: &Kernel, call: u8, text: &str) {
    let said = match call {
        b'i' => kernel.process_intent(text),
        b'e' => kernel.on_venue_event(text),
        b'a' => kernel.on_account_event(text),
        b'r' => kernel.reconcile_slots(text),
        b's' => kernel.set_slot(0, text),
        b'c' => kernel.set_seed_capital(text),
        b'x' => kernel.set_exchange_config(text),
        b'f' => kernel.calibrate_fee(text),
        b'm' => kernel.mark_price(text),
        b'q' => kernel.quote(text),
        b't' => kernel.advance_time(text),
        b'g' => kernel.slot(text.parse().unwrap_or(0)),
        b'k' => Kernel::create(text).map(|_| "{}".into()),
        _ => kernel.take_effects(),
    };
    let answer = said.unwrap_or_else(|wrong| told(&wrong));
    assert!(matches!(parse(&answer), Ok(Value::Object(_))), "{answer}");
}

/// An error says what it is about and what to do, and is JSON whatever was given.
fn told(wrong: &Wrong) -> String {
    assert!(!wrong.why.is_empty(), "{wrong:?}");
    wrong.to_json()
}

fn binary(kernel: &Kernel, message: &[u8]) {
    let mut reply = Vec::new();
    // What is no reply is read by nobody as one.
    let _ = (forms::outcome(message, 0), forms::event(message, 0, 0), kernel::outcome_json(message, 0));
    if let Err(wrong) = kernel.call(message, &mut reply) {
        told(&wrong);
        return;
    }
    let (_, read) = Reply::decode(&reply, VERSION).expect("an answer reads");
    let Reply::Verdicts(verdicts) = read else { return };
    for (at, verdict) in verdicts.iter().enumerate() {
        let outcome = forms::outcome(&reply, at).expect("an outcome reads");
        assert_eq!(outcome.events_count, verdict.events.len());
        for event in 0..outcome.events_count {
            assert!(forms::event(&reply, at, event).is_ok());
        }
        assert!(kernel::outcome_json(&reply, at).is_ok());
    }
}
