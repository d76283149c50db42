//! The guard, the handles and the constants of what C sees.
#![allow(missing_docs, unsafe_code)]

use std::ffi::{CStr, CString, c_char};

use dita_kernel::id::Id;
use dita_kernel::names::{KernelDiagnosticCode, Severity, TradeStage};
use dita_link::message::{Reply, VERSION, Verdict};
use dita_v2_kernel::kernel::Kernel;
use dita_v2_kernel::wrong::Code;
use dita_v2_kernel::{abi, forms, handle};

const CONFIG: &str = r#"{"max_slots":2,"simulated":{"balances":{"USDT":"1000"}}}"#;

fn taken(text: *mut c_char) -> String {
    assert!(!text.is_null());
    // SAFETY: the library returned it, and it is freed once.
    unsafe {
        let said = CStr::from_ptr(text).to_str().expect("it is UTF-8").to_owned();
        abi::dita_kernel_free_string(text);
        said
    }
}

#[test]
fn a_panic_in_a_step_poisons_its_kernel_and_no_other() {
    let other = handle::keep(Kernel::create(CONFIG).expect("it is good"));
    let number = handle::keep(Kernel::create(CONFIG).expect("it is good"));
    let pointer = std::ptr::without_provenance_mut(number);
    let wrong = handle::find(number).expect("it lives").panic_in_a_step().expect_err("it panics");
    assert_eq!(wrong.code, Code::Poisoned);
    for said in
        [taken(abi::dita_kernel_snapshot_json(pointer)), taken(abi::dita_kernel_take_effects_json(pointer))]
    {
        assert!(said.starts_with(r#"{"error":{"code":"POISONED""#), "{said}");
        assert!(said.contains("reopen the kernel from its log"), "{said}");
    }
    let mut length = 0;
    let question = [3_u8, 0, 0, 0, 0, 0, 0, 0, 0];
    // SAFETY: the bytes lie there, and there is no room to write to.
    let said = unsafe {
        abi::dita_call(pointer, question.as_ptr(), question.len(), std::ptr::null_mut(), 0, &mut length)
    };
    assert_eq!(said, abi::DITA_ERR_POISONED);
    assert_eq!(abi::dita_kernel_destroy(pointer), abi::DITA_OK);
    let other = std::ptr::without_provenance_mut(other);
    assert!(taken(abi::dita_kernel_snapshot_json(other)).starts_with(r#"{"control""#));
    assert_eq!(abi::dita_kernel_destroy(other), abi::DITA_OK);
}

#[test]
fn the_headers_codes_are_the_errors_numbers() {
    let numbers = [
        abi::DITA_ERR_NULL_POINTER,
        abi::DITA_ERR_DEAD_HANDLE,
        abi::DITA_ERR_NOT_UTF8,
        abi::DITA_ERR_NOT_JSON,
        abi::DITA_ERR_INVALID_TYPE,
        abi::DITA_ERR_INVALID_INPUT,
        abi::DITA_ERR_MALFORMED,
        abi::DITA_ERR_INBOX_FULL,
        abi::DITA_ERR_CLOSED,
        abi::DITA_ERR_POISONED,
        abi::DITA_ERR_LOG_FAILED,
        abi::DITA_ERR_FAILED,
        abi::DITA_ERR_PANIC,
    ];
    assert_eq!(Code::ALL.map(Code::number), numbers);
    assert_eq!(numbers, std::array::from_fn::<i32, 13, _>(|at| -1 - at as i32));
}

fn verdict(seq: u64, trade_id: &str) -> Verdict {
    Verdict {
        seq,
        accepted: true,
        code: KernelDiagnosticCode::LateFill,
        severity: Severity::Warning,
        slot_id: (seq == 2).then_some(7),
        state: (seq == 2).then_some(TradeStage::ExitSent),
        trade_id: Id::new(trade_id).expect("it is short"),
        durable: true,
        transitions: Vec::new(),
        events: Vec::new(),
        details: Default::default(),
    }
}

#[test]
fn an_outcome_is_read_as_the_protocol_writes_it() {
    let mut reply = Vec::new();
    Reply::Verdicts(vec![verdict(1, "one"), verdict(2, "two")]).encode(5, VERSION, &mut reply);
    let second = forms::outcome(&reply, 1).expect("there are two");
    // SAFETY: it lies in the reply.
    let trade = unsafe { std::slice::from_raw_parts(second.trade_id.data.cast::<u8>(), second.trade_id.len) };
    assert_eq!(trade, b"two");
    assert_eq!((second.seq, second.has_slot, second.slot_id, second.durable), (2, 1, 7, 1));
    assert_eq!(
        (second.code, second.severity),
        (KernelDiagnosticCode::LateFill as u8, Severity::Warning as u8)
    );
    assert_eq!((second.has_state, second.state), (1, TradeStage::ExitSent as u8));
    let first = forms::outcome(&reply, 0).expect("there are two");
    assert_eq!((first.seq, first.has_slot, first.has_state), (1, 0, 0));
    for end in 0..reply.len() {
        // What was cut off is refused, or was not needed.
        assert!(forms::outcome(&reply[..end], 1).is_err() || end + 2 >= reply.len());
    }
}

#[test]
fn an_error_is_told_by_the_thread_that_made_it() {
    let config = CString::new("{").expect("no NUL");
    // SAFETY: it ends with a NUL.
    assert!(unsafe { abi::dita_kernel_create(config.as_ptr()) }.is_null());
    // SAFETY: it stays until the next error of this thread.
    let said = unsafe { CStr::from_ptr(abi::dita_last_error()) }.to_str().expect("it is UTF-8");
    assert!(said.contains(r#""code":"NOT_JSON""#), "{said}");
}

// --------------------------------------------------------------------------------------- what a caller gets wrong

/// What the last call of this thread got wrong.
fn last_error() -> String {
    // SAFETY: it stays until the next error of this thread.
    unsafe { CStr::from_ptr(abi::dita_last_error()) }.to_str().expect("it is UTF-8").to_owned()
}

fn kernel() -> *mut abi::dita_kernel {
    std::ptr::without_provenance_mut(handle::keep(Kernel::create(CONFIG).expect("it is good")))
}

/// A question after slot 0.
const QUESTION: [u8; 9] = [3, 0, 0, 0, 0, 0, 0, 0, 0];

#[test]
fn a_pointer_that_must_not_be_null_is_refused_by_its_name() {
    let kernel = kernel();
    let (mut length, mut room) = (0_usize, [0_u8; 64]);
    let (no_bytes, no_room, no_length): (*const u8, *mut u8, *mut usize) =
        (std::ptr::null(), std::ptr::null_mut(), std::ptr::null_mut());
    let (out, len, asked) = (room.as_mut_ptr(), &raw mut length, QUESTION.as_ptr());
    // SAFETY: a structure of numbers and pointers, where zeros are absent.
    let (intent, mut value) =
        (unsafe { std::mem::zeroed::<forms::dita_intent>() }, forms::dita_decimal::default());
    let (one, text) = (c"1".as_ptr(), room.as_mut_ptr().cast::<c_char>());
    // SAFETY: what is not NULL is there, and as long as it is said to be.
    let said: [(&str, i32, String); 15] = unsafe {
        macro_rules! said {
            ($name:literal, $call:expr) => {
                ($name, $call, last_error())
            };
        }
        [
            said!("len", abi::dita_call(kernel, asked, 9, out, 64, no_length)),
            said!("out", abi::dita_call(kernel, asked, 9, no_room, 64, len)),
            said!("in", abi::dita_call(kernel, no_bytes, 9, out, 64, len)),
            said!("len", abi::dita_take(kernel, out, 64, no_length)),
            said!("out", abi::dita_take(kernel, no_room, 64, len)),
            said!("intents", abi::dita_intents_encode(std::ptr::null(), 1, 0, out, 64, len)),
            said!("len", abi::dita_intents_encode(&intent, 1, 0, out, 64, no_length)),
            said!("out", abi::dita_intents_encode(&intent, 1, 0, no_room, 64, len)),
            said!("outcome", abi::dita_outcome_decode(asked, 9, 0, std::ptr::null_mut())),
            said!("event", abi::dita_event_decode(asked, 9, 0, 0, std::ptr::null_mut())),
            said!("value", abi::dita_decimal_parse(one, std::ptr::null_mut())),
            said!("text", abi::dita_decimal_parse(std::ptr::null(), &mut value)),
            said!("value, out or len", abi::dita_decimal_write(std::ptr::null(), text, 64, len)),
            said!("value, out or len", abi::dita_decimal_write(&value, std::ptr::null_mut(), 64, len)),
            said!("value, out or len", abi::dita_decimal_write(&value, text, 64, no_length)),
        ]
    };
    for (name, code, error) in said {
        assert_eq!(code, abi::DITA_ERR_NULL_POINTER, "{name}: {error}");
        assert!(error.contains(&format!(r#""field":"{name}""#)), "{name}: {error}");
    }
    // SAFETY: as above.
    let json = taken(unsafe { abi::dita_outcome_json(std::ptr::null(), 9, 0) });
    assert!(json.starts_with(r#"{"error":{"code":"NULL_POINTER","field":"reply""#), "{json}");
    assert_eq!((length, room), (0, [0; 64]), "something was written");
    assert_eq!(abi::dita_kernel_destroy(kernel), abi::DITA_OK);
}

#[test]
fn a_count_that_cannot_be_is_refused_before_anything_is_read() {
    let mut length = 0;
    let call = |intent: &forms::dita_intent, count: usize, len: &mut usize| {
        // SAFETY: of so many only one lies there; the count is looked at first.
        let code = unsafe { abi::dita_intents_encode(intent, count, 0, std::ptr::null_mut(), 0, len) };
        (code, last_error())
    };
    // SAFETY: a structure of numbers and pointers, where zeros are absent.
    let blank = unsafe { std::mem::zeroed::<forms::dita_intent>() };
    let (one, exit) = (forms::dita_decimal { low: 1, high: 0, scale: 0, given: 1 }, std::ptr::dangling());
    let cases = [
        (blank, 1_025, "count"),
        (
            forms::dita_intent { exit_leg_ratios: &one, exit_leg_ratios_count: 65, ..blank },
            1,
            "exit_leg_ratios",
        ),
        (forms::dita_intent { exit_leg_ratios_count: 1, ..blank }, 1, "exit_leg_ratios"),
        (forms::dita_intent { exits: exit, exits_count: 65, ..blank }, 1, "exits"),
        (forms::dita_intent { exits_count: 1, ..blank }, 1, "exits"),
    ];
    for (intent, count, field) in cases {
        let (code, error) = call(&intent, count, &mut length);
        assert!(
            code == abi::DITA_ERR_INVALID_INPUT || code == abi::DITA_ERR_NULL_POINTER,
            "{field}: {error}"
        );
        assert!(error.contains(&format!(r#"{field}","#)), "{field}: {error}");
    }
    assert_eq!(length, 0);
    let kernel = kernel();
    for bytes in [usize::MAX, isize::MAX as usize + 1] {
        // SAFETY: so many cannot be, which is looked at first.
        let code =
            unsafe { abi::dita_call(kernel, QUESTION.as_ptr(), bytes, std::ptr::null_mut(), 0, &mut length) };
        assert_eq!(code, abi::DITA_ERR_INVALID_INPUT, "{}", last_error());
    }
    assert_eq!(abi::dita_kernel_destroy(kernel), abi::DITA_OK);
}

#[test]
fn an_answer_without_room_is_kept_for_its_kernel_and_its_thread_and_nothing_is_written() {
    let (kernel, other) = (kernel(), kernel());
    let (number, mut length, mut room) = (kernel.addr(), 0_usize, [0xAA_u8; 4_096]);
    let mut take = |kernel, cap| {
        // SAFETY: so much room is there at least.
        let code = unsafe { abi::dita_take(kernel, room.as_mut_ptr(), cap, &mut length) };
        (code, length, room.iter().position(|byte| *byte != 0xAA))
    };
    assert_eq!(take(kernel, 4_096).0, abi::DITA_ERR_INVALID_INPUT, "nothing was asked yet");
    let mut needs = 0;
    // SAFETY: the question lies there, and there is no room.
    let code = unsafe { abi::dita_call(kernel, QUESTION.as_ptr(), 9, std::ptr::null_mut(), 0, &mut needs) };
    assert_eq!(code, abi::DITA_KEPT);
    assert!(needs > 9 && needs < 4_096, "{needs}");
    assert_eq!(take(kernel, needs - 1), (abi::DITA_KEPT, needs, None), "one byte is missing");
    assert_eq!(take(other, 4_096).0, abi::DITA_ERR_INVALID_INPUT, "another kernel's");
    let elsewhere = std::thread::spawn(move || {
        let (mut room, mut length) = ([0; 4_096], 0);
        // SAFETY: the room is there.
        unsafe {
            abi::dita_take(std::ptr::without_provenance_mut(number), room.as_mut_ptr(), 4_096, &mut length)
        }
    });
    assert_eq!(elsewhere.join().expect("it ends"), abi::DITA_ERR_INVALID_INPUT, "another thread's");
    assert_eq!(take(kernel, needs), (abi::DITA_OK, needs, Some(0)));
    assert_eq!(take(kernel, 4_096).0, abi::DITA_ERR_INVALID_INPUT, "it is given once");
    assert_eq!(room[needs], 0xAA, "no byte behind it");
    for kernel in [kernel, other] {
        assert_eq!(abi::dita_kernel_destroy(kernel), abi::DITA_OK);
    }
}

#[test]
fn the_version_is_told_by_number_and_by_the_name_that_programs_link() {
    assert_eq!((abi::dita_abi_version(), abi::dita_abi_1), (1, 1));
    assert_eq!(abi::DITA_ABI_VERSION, 1);
}
