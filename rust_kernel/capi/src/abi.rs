//! What C sees. Pointers are read here and nowhere else, and every panic ends here.
#![allow(unsafe_code, non_camel_case_types, non_upper_case_globals)]

use std::cell::RefCell;
use std::ffi::{CStr, CString, c_char};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;

use ::dita_kernel::names::{KernelDiagnosticCode, KernelEventKind, Severity, TradeStage};
use ::dita_kernel::num::Decimal;

use crate::forms::{self, dita_decimal, dita_event, dita_intent, dita_outcome};
use crate::handle;
use crate::kernel::{self, Kernel};
use crate::wrong::{Code, Wrong};

/// The version of this interface. What a version has stays as it is; what is added makes no new one.
pub const DITA_ABI_VERSION: u32 = 1;
/// All is well.
pub const DITA_OK: i32 = 0;
/// The answer is too large for the buffer and is kept: `dita_take` gives it.
pub const DITA_KEPT: i32 = 1;
/// A pointer that must not be is NULL.
pub const DITA_ERR_NULL_POINTER: i32 = -1;
/// There is no kernel of this handle.
pub const DITA_ERR_DEAD_HANDLE: i32 = -2;
/// Bytes that are no UTF-8.
pub const DITA_ERR_NOT_UTF8: i32 = -3;
/// A text that is no JSON.
pub const DITA_ERR_NOT_JSON: i32 = -4;
/// A value of a type that cannot be taken.
pub const DITA_ERR_INVALID_TYPE: i32 = -5;
/// A value that cannot be taken.
pub const DITA_ERR_INVALID_INPUT: i32 = -6;
/// Bytes that are no message, or one that has no place here.
pub const DITA_ERR_MALFORMED: i32 = -7;
/// The kernel's inbox is full.
pub const DITA_ERR_INBOX_FULL: i32 = -8;
/// The kernel was closed, or is another process's.
pub const DITA_ERR_CLOSED: i32 = -9;
/// A step failed half way: make a new kernel from the log.
pub const DITA_ERR_POISONED: i32 = -10;
/// The log failed, or does not open.
pub const DITA_ERR_LOG_FAILED: i32 = -11;
/// Something else failed.
pub const DITA_ERR_FAILED: i32 = -12;
/// Something inside panicked, and was caught.
pub const DITA_ERR_PANIC: i32 = -13;

/// Below are numbers and no addresses: `vm.mmap_min_addr` of Linux; other systems keep more.
const PAGES_UNMAPPED: usize = 65_536;

/// A kernel. Its pointer is a handle: it is never followed, so a dead one is only an error.
pub struct dita_kernel {
    _opaque: (),
}

/// Linking against this symbol fails with a library of another version.
#[unsafe(no_mangle)]
pub static dita_abi_1: u32 = DITA_ABI_VERSION;

thread_local! {
    static LAST_ERROR: RefCell<CString> = RefCell::default();
    /// What `dita_take` gives: of which kernel, and the bytes.
    static KEPT: RefCell<Option<(usize, Vec<u8>)>> = const { RefCell::new(None) };
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

fn c_string(text: String) -> CString {
    CString::new(text).unwrap_or_else(|error| {
        let mut bytes = error.into_vec();
        bytes.retain(|byte| *byte != 0);
        CString::new(bytes).unwrap_or_default()
    })
}

#[cold]
fn note(wrong: &Wrong) {
    let text = c_string(wrong.to_json());
    // A thread that ends has nobody left to ask.
    let _ = LAST_ERROR.try_with(|last| *last.borrow_mut() = text);
}

/// Runs a call: no panic leaves it.
#[inline]
fn guarded<R>(call: impl FnOnce() -> Result<R, Wrong>) -> Result<R, Wrong> {
    let result = catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
        // A payload whose own end panics must not take the process along.
        std::mem::forget(panic);
        let why = format!("something inside panicked ({text}): destroy this kernel and report it");
        Err(Wrong::because(Code::Panic, why))
    });
    if let Err(wrong) = &result {
        note(wrong);
    }
    result
}

/// A call that answers with a text.
fn answered(call: impl FnOnce() -> Result<String, Wrong>) -> *mut c_char {
    let text = guarded(call).unwrap_or_else(|wrong| wrong.to_json());
    c_string(text).into_raw()
}

/// A call that answers with a number.
#[inline]
fn numbered(call: impl FnOnce() -> Result<i32, Wrong>) -> i32 {
    guarded(call).unwrap_or_else(|wrong| wrong.code.number())
}

#[cold]
fn null(name: &str) -> Wrong {
    Wrong { code: Code::NullPointer, ..Wrong::value(name, "NULL", "must not be NULL") }
}

/// A text that must be there.
///
/// # Safety
/// As the header says of `text`.
unsafe fn required<'a>(text: *const c_char, name: &str) -> Result<&'a str, Wrong> {
    if text.is_null() {
        return Err(null(name));
    }
    // SAFETY: the caller's promise.
    let text = unsafe { CStr::from_ptr(text) };
    text.to_str().map_err(|error| {
        let why = format!("is no UTF-8 from byte {} on", error.valid_up_to());
        Wrong { code: Code::NotUtf8, ..Wrong::value(name, text.to_string_lossy(), why) }
    })
}

/// Bytes of a caller's.
///
/// # Safety
/// As the header says of `first` and `count`.
unsafe fn bytes<'a>(first: *const u8, count: usize, name: &str) -> Result<&'a [u8], Wrong> {
    match (first.is_null(), count) {
        (_, 0) => Ok(&[]),
        (true, _) => Err(null(name)),
        (false, count) if isize::try_from(count).is_err() => {
            Err(Wrong::value(name, format!("{count} bytes"), "are more than there can be"))
        }
        // SAFETY: the caller's promise: so many lie there.
        (false, count) => Ok(unsafe { std::slice::from_raw_parts(first, count) }),
    }
}

/// Writes an answer out. `None` where it has no room: then only its length is told.
///
/// # Safety
/// As the header says of `out`, `cap` and `len`.
unsafe fn write_out(answer: &[u8], out: *mut u8, cap: usize, len: *mut usize) -> Option<i32> {
    // SAFETY: the caller's promise; both were looked at before.
    unsafe {
        *len = answer.len();
        if answer.len() > cap || out.is_null() {
            return None;
        }
        std::ptr::copy_nonoverlapping(answer.as_ptr(), out, answer.len());
    }
    Some(DITA_OK)
}

/// A JSON call on a kernel.
unsafe fn json_call(
    kernel: *mut dita_kernel,
    json: *const c_char,
    name: &str,
    call: impl FnOnce(&Kernel, &str) -> Result<String, Wrong>,
) -> *mut c_char {
    answered(|| {
        let kernel = handle::find(kernel.addr())?;
        // SAFETY: the caller's promise.
        call(&kernel, unsafe { required(json, name) }?)
    })
}

// ---------------------------------------------------------------------------------------------- about itself

/// The version of this interface: DITA_ABI_VERSION of the header that the library goes with.
#[unsafe(no_mangle)]
pub extern "C" fn dita_abi_version() -> u32 {
    DITA_ABI_VERSION
}

/// The version of DITA. Do not free it.
#[unsafe(no_mangle)]
pub extern "C" fn dita_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// What went wrong last in this thread, as {"error": {"code", "field", "value", "what_to_do"}}; empty where nothing has.
/// It stays until the next call in this thread that goes wrong. Do not free it.
#[unsafe(no_mangle)]
pub extern "C" fn dita_last_error() -> *const c_char {
    LAST_ERROR.try_with(|last| last.borrow().as_ptr()).unwrap_or(c"".as_ptr())
}

fn name_of(
    list: &'static OnceLock<Vec<CString>>,
    names: impl Iterator<Item = &'static str>,
    at: u8,
) -> *const c_char {
    let names = list.get_or_init(|| names.map(|name| c_string(name.to_owned())).collect());
    names.get(usize::from(at)).map_or(std::ptr::null(), |name| name.as_ptr())
}

/// The name of a DITA_CODE_...; NULL where there is none. Do not free it.
#[unsafe(no_mangle)]
pub extern "C" fn dita_code_name(code: u8) -> *const c_char {
    static NAMES: OnceLock<Vec<CString>> = OnceLock::new();
    name_of(&NAMES, KernelDiagnosticCode::ALL.iter().map(|it| it.name()), code)
}

/// The name of a DITA_SEVERITY_...; NULL where there is none. Do not free it.
#[unsafe(no_mangle)]
pub extern "C" fn dita_severity_name(severity: u8) -> *const c_char {
    static NAMES: OnceLock<Vec<CString>> = OnceLock::new();
    name_of(&NAMES, Severity::ALL.iter().map(|it| it.name()), severity)
}

/// The name of a DITA_STAGE_...; NULL where there is none. Do not free it.
#[unsafe(no_mangle)]
pub extern "C" fn dita_stage_name(stage: u8) -> *const c_char {
    static NAMES: OnceLock<Vec<CString>> = OnceLock::new();
    name_of(&NAMES, TradeStage::ALL.iter().map(|it| it.name()), stage)
}

/// The name of a DITA_EVENT_KIND_...; NULL where there is none. Do not free it.
#[unsafe(no_mangle)]
pub extern "C" fn dita_event_kind_name(kind: u8) -> *const c_char {
    static NAMES: OnceLock<Vec<CString>> = OnceLock::new();
    name_of(&NAMES, KernelEventKind::ALL.iter().map(|it| it.name()), kind)
}

// ------------------------------------------------------------------------------------------ life and death

/// Makes a kernel from its configuration, a JSON object. NULL where that does not work: `dita_last_error` says why.
///
/// # Safety
/// `config_json` is NULL or ends with a NUL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dita_kernel_create(config_json: *const c_char) -> *mut dita_kernel {
    let made = guarded(|| {
        // The older system's `dita_kernel_create(size_t max_slots)`. No system maps its first pages, so that a number
        // cannot be a text's address.
        let slots = config_json.addr();
        if (1..PAGES_UNMAPPED).contains(&slots) {
            let why = format!("is a number: pass a JSON text such as {{\"max_slots\": {slots}}}");
            return Err(Wrong::value("config_json", slots.to_string(), why));
        }
        // SAFETY: the caller's promise.
        let config = unsafe { required(config_json, "config_json") }?;
        Ok(handle::keep(Kernel::create(config)?))
    });
    std::ptr::without_provenance_mut(made.unwrap_or(0))
}

/// Closes a kernel and lets it go: its log is whole. Its handle is dead from then on. 0, or a negative code.
#[unsafe(no_mangle)]
pub extern "C" fn dita_kernel_destroy(kernel: *mut dita_kernel) -> i32 {
    numbered(|| {
        handle::find(kernel.addr())?;
        handle::remove(kernel.addr())?.close()?;
        Ok(DITA_OK)
    })
}

/// Frees a text that a function of this header has returned. NULL is nothing.
///
/// # Safety
/// `text` is NULL, or was returned by a function that says so and was not freed yet.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dita_kernel_free_string(text: *mut c_char) {
    if !text.is_null() {
        // SAFETY: the caller's promise: `answered` made it.
        drop(unsafe { CString::from_raw(text) });
    }
}

/// Tells that this process was forked off the one that made its kernels: they are not its own from then on. Call it in
/// the child.
#[unsafe(no_mangle)]
pub extern "C" fn dita_was_forked() {
    dita_host::was_forked();
}

// --------------------------------------------------------------------------------------------- JSON in and out

/// A slot as it is now. Free the answer.
#[unsafe(no_mangle)]
pub extern "C" fn dita_kernel_get_slot_json(kernel: *mut dita_kernel, slot_id: u32) -> *mut c_char {
    answered(|| handle::find(kernel.addr())?.slot(slot_id))
}

/// An operator's override of a slot: "by", "reason", and the fields that change. Free the answer.
///
/// # Safety
/// `json` is NULL or ends with a NUL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dita_kernel_set_slot_json(
    kernel: *mut dita_kernel,
    slot_id: u32,
    json: *const c_char,
) -> *mut c_char {
    // SAFETY: the caller's promise.
    unsafe { json_call(kernel, json, "json", |kernel, json| kernel.set_slot(slot_id, json)) }
}

/// Takes an intent, with all that its venue answers at once. Free the answer.
///
/// # Safety
/// `json` is NULL or ends with a NUL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dita_kernel_process_intent_json(
    kernel: *mut dita_kernel,
    json: *const c_char,
) -> *mut c_char {
    // SAFETY: the caller's promise.
    unsafe { json_call(kernel, json, "json", Kernel::process_intent) }
}

/// Takes what the venue said of an order, or what came of an effect (LEVERAGE_SET, LEVERAGE_REFUSED, NOT_SENT). Free
/// the answer.
///
/// # Safety
/// `json` is NULL or ends with a NUL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dita_kernel_on_venue_event_json(
    kernel: *mut dita_kernel,
    json: *const c_char,
) -> *mut c_char {
    // SAFETY: the caller's promise.
    unsafe { json_call(kernel, json, "json", Kernel::on_venue_event) }
}

/// Takes over trades known from elsewhere, as `dita_kernel_get_slot_json` gives them: all, or none. Free the answer.
///
/// # Safety
/// `json` is NULL or ends with a NUL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dita_kernel_reconcile_slots_json(
    kernel: *mut dita_kernel,
    json: *const c_char,
) -> *mut c_char {
    // SAFETY: the caller's promise.
    unsafe { json_call(kernel, json, "json", Kernel::reconcile_slots) }
}

/// Controls, slots and account. Free the answer.
#[unsafe(no_mangle)]
pub extern "C" fn dita_kernel_snapshot_json(kernel: *mut dita_kernel) -> *mut c_char {
    answered(|| handle::find(kernel.addr())?.snapshot())
}

/// Sets what was brought in: "capital", and "asset" (USDT). Free the answer.
///
/// # Safety
/// `json` is NULL or ends with a NUL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dita_kernel_set_seed_capital(
    kernel: *mut dita_kernel,
    json: *const c_char,
) -> *mut c_char {
    // SAFETY: the caller's promise.
    unsafe { json_call(kernel, json, "json", Kernel::set_seed_capital) }
}

/// Sets the venue's instruments and rates. Free the answer.
///
/// # Safety
/// `json` is NULL or ends with a NUL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dita_kernel_set_exchange_config_json(
    kernel: *mut dita_kernel,
    json: *const c_char,
) -> *mut c_char {
    // SAFETY: the caller's promise.
    unsafe { json_call(kernel, json, "json", Kernel::set_exchange_config) }
}

/// Holds a fee that was seen against the prediction. Free the answer.
///
/// # Safety
/// `json` is NULL or ends with a NUL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dita_kernel_calibrate_fee_json(
    kernel: *mut dita_kernel,
    json: *const c_char,
) -> *mut c_char {
    // SAFETY: the caller's promise.
    unsafe { json_call(kernel, json, "json", Kernel::calibrate_fee) }
}

/// Takes what the venue said of the account. Free the answer.
///
/// # Safety
/// `json` is NULL or ends with a NUL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dita_kernel_on_account_event_json(
    kernel: *mut dita_kernel,
    json: *const c_char,
) -> *mut c_char {
    // SAFETY: the caller's promise.
    unsafe { json_call(kernel, json, "json", Kernel::on_account_event) }
}

/// Takes the price that positions are valued at: "asset", "price", "timestamp". Free the answer.
///
/// # Safety
/// `json` is NULL or ends with a NUL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dita_kernel_mark_price_json(
    kernel: *mut dita_kernel,
    json: *const c_char,
) -> *mut c_char {
    // SAFETY: the caller's promise.
    unsafe { json_call(kernel, json, "json", Kernel::mark_price) }
}

/// Shows the simulated venue a best quote: "asset", "bid", "ask", "bid_size", "ask_size", "timestamp". Free the answer.
///
/// # Safety
/// `json` is NULL or ends with a NUL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dita_kernel_quote_json(
    kernel: *mut dita_kernel,
    json: *const c_char,
) -> *mut c_char {
    // SAFETY: the caller's promise.
    unsafe { json_call(kernel, json, "json", Kernel::quote) }
}

/// Moves kernel time forward: "timestamp". Free the answer.
///
/// # Safety
/// `json` is NULL or ends with a NUL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dita_kernel_advance_time_json(
    kernel: *mut dita_kernel,
    json: *const c_char,
) -> *mut c_char {
    // SAFETY: the caller's promise.
    unsafe { json_call(kernel, json, "json", Kernel::advance_time) }
}

/// What the caller has to carry out and has not taken yet. Needed after `dita_call`, and now and then where the kernel
/// goes by the machine's clock: its timer asks about orders. Free the answer.
#[unsafe(no_mangle)]
pub extern "C" fn dita_kernel_take_effects_json(kernel: *mut dita_kernel) -> *mut c_char {
    answered(|| handle::find(kernel.addr())?.take_effects())
}

/// BLAKE3 of the whole trading state, in hexadecimal digits. Free the answer.
#[unsafe(no_mangle)]
pub extern "C" fn dita_kernel_state_hash(kernel: *mut dita_kernel) -> *mut c_char {
    answered(|| handle::find(kernel.addr())?.state_hash())
}

// ------------------------------------------------------------------------------------------------ bytes in and out

/// Answers a message: intents that `dita_intents_encode` wrote, or a question of the protocol.
///
/// DITA_OK: the answer is in `out`, and `len` is its length. DITA_KEPT: it has no room there, `len` is the room that it
/// needs, and `dita_take` gives it; `out` is as it was. A negative code: nothing was taken, and `dita_last_error` says why.
///
/// # Safety
/// `n` bytes lie at `in`, `cap` bytes have room at `out`, `len` can be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dita_call(
    kernel: *mut dita_kernel,
    r#in: *const u8,
    n: usize,
    out: *mut u8,
    cap: usize,
    len: *mut usize,
) -> i32 {
    numbered(|| {
        if len.is_null() {
            return Err(null("len"));
        }
        if out.is_null() && cap > 0 {
            return Err(null("out"));
        }
        let found = handle::find(kernel.addr())?;
        // SAFETY: the caller's promise.
        let message = unsafe { bytes(r#in, n, "in") }?;
        SCRATCH.with_borrow_mut(|answer| {
            found.call(message, answer)?;
            // SAFETY: the caller's promise.
            if let Some(ok) = unsafe { write_out(answer, out, cap, len) } {
                return Ok(ok);
            }
            KEPT.set(Some((kernel.addr(), std::mem::take(answer))));
            Ok(DITA_KEPT)
        })
    })
}

/// Gives the answer that `dita_call` kept in this thread for this kernel, once. DITA_OK; DITA_KEPT where it still has no
/// room; DITA_ERR_INVALID_INPUT where nothing is kept.
///
/// # Safety
/// `cap` bytes have room at `out`, `len` can be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dita_take(
    kernel: *mut dita_kernel,
    out: *mut u8,
    cap: usize,
    len: *mut usize,
) -> i32 {
    numbered(|| {
        if len.is_null() {
            return Err(null("len"));
        }
        if out.is_null() && cap > 0 {
            return Err(null("out"));
        }
        handle::find(kernel.addr())?;
        KEPT.with_borrow_mut(|kept| match kept {
            Some((owner, answer)) if *owner == kernel.addr() => {
                // SAFETY: the caller's promise.
                let written = unsafe { write_out(answer, out, cap, len) };
                if written.is_some() {
                    *kept = None;
                }
                Ok(written.unwrap_or(DITA_KEPT))
            }
            Some(_) | None => {
                Err(Wrong::value("kernel", "", "has no answer kept in this thread: call dita_call first"))
            }
        })
    })
}

/// Writes a message of intents, at most 1,024, for `dita_call`; `number` comes back with the answer. DITA_KEPT where it
/// has no room: `len` is the room that it needs, and nothing is kept.
///
/// # Safety
/// `count` intents lie at `intents`, with their texts and lists; `cap` bytes have room at `out`, `len` can be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dita_intents_encode(
    intents: *const dita_intent,
    count: usize,
    number: u32,
    out: *mut u8,
    cap: usize,
    len: *mut usize,
) -> i32 {
    numbered(|| {
        if intents.is_null() || len.is_null() {
            return Err(null(if len.is_null() { "len" } else { "intents" }));
        }
        if out.is_null() && cap > 0 {
            return Err(null("out"));
        }
        if count > dita_link::message::BATCH_MAX {
            return Err(Wrong::value("count", count.to_string(), "is more than 1,024 intents"));
        }
        // SAFETY: the caller's promise.
        let given = unsafe { std::slice::from_raw_parts(intents, count) };
        let read = |(at, one): (usize, &dita_intent)| {
            // SAFETY: the caller's promise.
            unsafe { forms::intent(one) }.map_err(|wrong| wrong.within(&format!("intents[{at}].")))
        };
        let intents = given.iter().enumerate().map(read).collect::<Result<Vec<_>, _>>()?;
        SCRATCH.with_borrow_mut(|bytes| {
            kernel::encode_intents(intents, number, bytes);
            // SAFETY: the caller's promise.
            Ok(unsafe { write_out(bytes, out, cap, len) }.unwrap_or(DITA_KEPT))
        })
    })
}

/// Reads an outcome of an answer. Its texts lie in `reply`.
///
/// # Safety
/// `n` bytes lie at `reply`, `outcome` can be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dita_outcome_decode(
    reply: *const u8,
    n: usize,
    index: usize,
    outcome: *mut dita_outcome,
) -> i32 {
    numbered(|| {
        if outcome.is_null() {
            return Err(null("outcome"));
        }
        // SAFETY: the caller's promise.
        let read = forms::outcome(unsafe { bytes(reply, n, "reply") }?, index)?;
        // SAFETY: the caller's promise.
        unsafe { outcome.write(read) };
        Ok(DITA_OK)
    })
}

/// Reads a venue event of an outcome of an answer. Its texts lie in `reply`.
///
/// # Safety
/// `n` bytes lie at `reply`, `event` can be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dita_event_decode(
    reply: *const u8,
    n: usize,
    index: usize,
    at: usize,
    event: *mut dita_event,
) -> i32 {
    numbered(|| {
        if event.is_null() {
            return Err(null("event"));
        }
        // SAFETY: the caller's promise.
        let read = forms::event(unsafe { bytes(reply, n, "reply") }?, index, at)?;
        // SAFETY: the caller's promise.
        unsafe { event.write(read) };
        Ok(DITA_OK)
    })
}

/// An outcome of an answer whole, as `dita_kernel_process_intent_json` gives it, without effects. Free the answer.
///
/// # Safety
/// `n` bytes lie at `reply`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dita_outcome_json(reply: *const u8, n: usize, index: usize) -> *mut c_char {
    // SAFETY: the caller's promise.
    answered(|| kernel::outcome_json(unsafe { bytes(reply, n, "reply") }?, index))
}

/// Reads an exact decimal from text: "61800.20".
///
/// # Safety
/// `text` is NULL or ends with a NUL, `value` can be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dita_decimal_parse(text: *const c_char, value: *mut dita_decimal) -> i32 {
    numbered(|| {
        if value.is_null() {
            return Err(null("value"));
        }
        // SAFETY: the caller's promise.
        let text = unsafe { required(text, "text") }?;
        let read = Decimal::parse(text)
            .map_err(|_| Wrong::value("text", text, "is no decimal of at most 28 digits"))?;
        // SAFETY: the caller's promise.
        unsafe { value.write(read.into()) };
        Ok(DITA_OK)
    })
}

/// Writes a decimal as text, with its NUL. `len` is its length without it. DITA_KEPT where it has no room.
///
/// # Safety
/// `value` can be read, `cap` bytes have room at `out`, `len` can be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dita_decimal_write(
    value: *const dita_decimal,
    out: *mut c_char,
    cap: usize,
    len: *mut usize,
) -> i32 {
    numbered(|| {
        if value.is_null() || len.is_null() || (out.is_null() && cap > 0) {
            return Err(null("value, out or len"));
        }
        // SAFETY: the caller's promise.
        let given = unsafe { value.read() }.read("value")?;
        let text = c_string(given.map(|given| given.to_string()).unwrap_or_default());
        // SAFETY: the caller's promise.
        let written = unsafe { write_out(text.as_bytes_with_nul(), out.cast(), cap, len) };
        // SAFETY: the caller's promise.
        unsafe { *len -= 1 };
        Ok(written.unwrap_or(DITA_KEPT))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A payload that panics once more where it ends.
    struct Bomb;

    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("a second one");
        }
    }

    fn last() -> String {
        LAST_ERROR.with_borrow(|last| last.to_str().unwrap().to_owned())
    }

    #[test]
    fn no_panic_leaves_a_call_whatever_it_carries() {
        assert_eq!(numbered(|| panic!("a text")), DITA_ERR_PANIC);
        assert!(last().contains("something inside panicked (a text): destroy this kernel"), "{}", last());
        assert_eq!(numbered(|| panic!("of {}", "parts")), DITA_ERR_PANIC);
        assert!(last().contains("something inside panicked (of parts)"), "{}", last());
        assert_eq!(numbered(|| std::panic::panic_any(Bomb)), DITA_ERR_PANIC);
        assert!(last().contains("something inside panicked ()"), "{}", last());
        let answer = answered(|| panic!("a text"));
        // SAFETY: `answered` made it, and it is freed once.
        let text = unsafe { CString::from_raw(answer) };
        assert!(text.to_str().unwrap().starts_with(r#"{"error":{"code":"PANIC""#), "{text:?}");
        assert_eq!(numbered(|| Ok(DITA_OK)), DITA_OK);
    }
}
