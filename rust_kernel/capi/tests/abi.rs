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
