//! Bytes as a message between a program and a kernel's server: an error, or a message that is written and read again as the same.
//! The first byte says whose it is, and of which version.

use dita_link::message::{Reply, Request, VERSION, VERSION_OLDEST};

/// Decodes the bytes, and what that gives again.
pub fn run(bytes: &[u8]) {
    let Some((first, bytes)) = bytes.split_first() else { return };
    let versions = VERSION - VERSION_OLDEST + 1;
    match first.checked_sub(1) {
        None => request(bytes),
        Some(version) => reply(bytes, VERSION_OLDEST + u16::from(version) % versions),
    }
}

fn request(bytes: &[u8]) {
    let Ok((number, request)) = Request::decode(bytes) else { return };
    let (mut written, mut second) = (Vec::new(), Vec::new());
    request.encode(number, &mut written);
    let again = Request::decode(&written).expect("what was written can be read");
    assert_eq!(again, (number, request), "written and read again it is another message");
    again.1.encode(number, &mut second);
    assert_eq!(second, written, "one message has two forms");
}

fn reply(bytes: &[u8], version: u16) {
    let Ok((number, reply)) = Reply::decode(bytes, version) else { return };
    let (mut written, mut second) = (Vec::new(), Vec::new());
    reply.encode(number, version, &mut written);
    let again = Reply::decode(&written, version).expect("what was written can be read");
    assert_eq!(again, (number, reply), "written and read again it is another message");
    again.1.encode(number, version, &mut second);
    assert_eq!(second, written, "one message has two forms");
}
