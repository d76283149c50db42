//! Bytes as an input: an error, or an input that is written and read again as the same.

use dita_kernel::codec::{CodecError, FORMAT_VERSION, decode, encode};
use dita_kernel::input::Input;

/// Decodes the bytes, and what that gives again.
pub fn run(bytes: &[u8]) {
    let input: Input = match decode(bytes) {
        Ok(input) => input,
        Err(CodecError::Empty) => return assert!(bytes.is_empty()),
        Err(CodecError::Version { found }) => {
            return assert!(found != FORMAT_VERSION && bytes.first() == Some(&found));
        }
        Err(CodecError::TrailingBytes { count }) => {
            // Without them it is an input.
            let whole = bytes.len() - count;
            return assert!(decode::<Input>(&bytes[..whole]).is_ok());
        }
        Err(CodecError::Malformed) => return,
    };
    let mut written = Vec::new();
    encode(&input, &mut written).expect("an input can be written");
    let again: Input = decode(&written).expect("what was written can be read");
    assert_eq!(again, input, "written and read again it is another input");
    let mut second = Vec::new();
    encode(&again, &mut second).expect("an input can be written");
    assert_eq!(second, written, "one input has two forms");
}
