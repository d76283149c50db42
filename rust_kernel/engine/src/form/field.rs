//! Particulars by name, as a client is told them: what an outcome's details are once they have left the process.

use dita_kernel::num::{Decimal, Money};

use super::Form;

/// How many lists may lie in one another.
pub const TOLD_DEPTH_MAX: u8 = 4;

/// One particular's value.
#[derive(Clone, PartialEq, Debug)]
pub enum FieldValue {
    /// Known to be absent.
    Nothing,
    /// A name, an id or free text.
    Text(Box<str>),
    /// A number.
    Number(Decimal),
    /// An amount.
    Money(Money),
    /// A whole number.
    Whole(i64),
    /// A flag.
    Flag(bool),
    /// Several names or ids.
    Texts(Vec<Box<str>>),
    /// Several of the same kind.
    List(Vec<FieldValues>),
}

/// Particulars by name, in their order.
#[derive(Clone, PartialEq, Default, Debug)]
pub struct FieldValues(pub Vec<(Box<str>, FieldValue)>);

impl Form for FieldValues {
    fn put(&self, out: &mut Vec<u8>) {
        (self.0.len().min(usize::from(u16::MAX)) as u16).put(out);
        for (name, value) in &self.0 {
            name.put(out);
            put_told(value, out);
        }
    }

    fn take(left: &mut &[u8]) -> Option<FieldValues> {
        take_fields(left, TOLD_DEPTH_MAX)
    }
}

fn put_told(value: &FieldValue, out: &mut Vec<u8>) {
    match value {
        FieldValue::Nothing => out.push(0),
        FieldValue::Text(text) => {
            out.push(1);
            text.put(out);
        }
        FieldValue::Number(number) => {
            out.push(2);
            number.put(out);
        }
        FieldValue::Money(amount) => {
            out.push(3);
            amount.put(out);
        }
        FieldValue::Whole(whole) => {
            out.push(4);
            whole.put(out);
        }
        FieldValue::Flag(flag) => {
            out.push(5);
            flag.put(out);
        }
        FieldValue::Texts(texts) => {
            out.push(6);
            texts.put(out);
        }
        FieldValue::List(rows) => {
            out.push(7);
            rows.put(out);
        }
    }
}

fn take_fields(left: &mut &[u8], depth: u8) -> Option<FieldValues> {
    let count = u16::take(left)?;
    let one = |_| Some((Form::take(left)?, take_told(left, depth)?));
    (0..count).map(one).collect::<Option<Vec<_>>>().map(FieldValues)
}

fn take_told(left: &mut &[u8], depth: u8) -> Option<FieldValue> {
    Some(match u8::take(left)? {
        0 => FieldValue::Nothing,
        1 => FieldValue::Text(Form::take(left)?),
        2 => FieldValue::Number(Form::take(left)?),
        3 => FieldValue::Money(Form::take(left)?),
        4 => FieldValue::Whole(Form::take(left)?),
        5 => FieldValue::Flag(Form::take(left)?),
        6 => FieldValue::Texts(Form::take(left)?),
        7 => {
            let (count, depth) = (u16::take(left)?, depth.checked_sub(1)?);
            FieldValue::List((0..count).map(|_| take_fields(left, depth)).collect::<Option<Vec<_>>>()?)
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_is_read_as_it_was_written() {
        let row = FieldValues(vec![
            ("code".into(), FieldValue::Text("OK".into())),
            ("slot_id".into(), FieldValue::Nothing),
        ]);
        let told = FieldValues(vec![
            ("value".into(), FieldValue::Number(Decimal::ONE)),
            ("limit".into(), FieldValue::Money(Money(1))),
            ("wait".into(), FieldValue::Whole(-1)),
            ("retryable".into(), FieldValue::Flag(true)),
            ("orders".into(), FieldValue::Texts(vec!["a".into(), "b".into()])),
            ("notices".into(), FieldValue::List(vec![row])),
        ]);
        let mut bytes = Vec::new();
        told.put(&mut bytes);
        let mut left = bytes.as_slice();
        assert_eq!(FieldValues::take(&mut left), Some(told));
        assert!(left.is_empty());
    }

    #[test]
    fn lists_that_lie_too_deep_in_one_another_are_refused() {
        let mut told = FieldValues(vec![("end".into(), FieldValue::Nothing)]);
        for _ in 0..TOLD_DEPTH_MAX {
            told = FieldValues(vec![("list".into(), FieldValue::List(vec![told]))]);
        }
        let read = |told: &FieldValues| {
            let mut bytes = Vec::new();
            told.put(&mut bytes);
            FieldValues::take(&mut bytes.as_slice()).is_some()
        };
        assert!(read(&told));
        assert!(!read(&FieldValues(vec![("list".into(), FieldValue::List(vec![told]))])));
    }
}
