//! Particulars by name, as a client is told them: what an outcome's details are once they have left the process.

use dita_kernel::num::{Decimal, Money};

use super::Form;

/// How many lists may lie in one another.
pub const TOLD_DEPTH_MAX: u8 = 4;

/// One particular's value.
#[derive(Clone, PartialEq, Debug)]
pub enum Told {
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
    List(Vec<ToldFields>),
}

/// Particulars by name, in their order.
#[derive(Clone, PartialEq, Default, Debug)]
pub struct ToldFields(pub Vec<(Box<str>, Told)>);

impl Form for ToldFields {
    fn put(&self, out: &mut Vec<u8>) {
        (self.0.len().min(usize::from(u16::MAX)) as u16).put(out);
        for (name, value) in &self.0 {
            name.put(out);
            put_told(value, out);
        }
    }

    fn take(left: &mut &[u8]) -> Option<ToldFields> {
        take_fields(left, TOLD_DEPTH_MAX)
    }
}

fn put_told(value: &Told, out: &mut Vec<u8>) {
    match value {
        Told::Nothing => out.push(0),
        Told::Text(text) => {
            out.push(1);
            text.put(out);
        }
        Told::Number(number) => {
            out.push(2);
            number.put(out);
        }
        Told::Money(amount) => {
            out.push(3);
            amount.put(out);
        }
        Told::Whole(whole) => {
            out.push(4);
            whole.put(out);
        }
        Told::Flag(flag) => {
            out.push(5);
            flag.put(out);
        }
        Told::Texts(texts) => {
            out.push(6);
            texts.put(out);
        }
        Told::List(rows) => {
            out.push(7);
            rows.put(out);
        }
    }
}

fn take_fields(left: &mut &[u8], depth: u8) -> Option<ToldFields> {
    let count = u16::take(left)?;
    let one = |_| Some((Form::take(left)?, take_told(left, depth)?));
    (0..count).map(one).collect::<Option<Vec<_>>>().map(ToldFields)
}

fn take_told(left: &mut &[u8], depth: u8) -> Option<Told> {
    Some(match u8::take(left)? {
        0 => Told::Nothing,
        1 => Told::Text(Form::take(left)?),
        2 => Told::Number(Form::take(left)?),
        3 => Told::Money(Form::take(left)?),
        4 => Told::Whole(Form::take(left)?),
        5 => Told::Flag(Form::take(left)?),
        6 => Told::Texts(Form::take(left)?),
        7 => {
            let (count, depth) = (u16::take(left)?, depth.checked_sub(1)?);
            Told::List((0..count).map(|_| take_fields(left, depth)).collect::<Option<Vec<_>>>()?)
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_is_read_as_it_was_written() {
        let row =
            ToldFields(vec![("code".into(), Told::Text("OK".into())), ("slot_id".into(), Told::Nothing)]);
        let told = ToldFields(vec![
            ("value".into(), Told::Number(Decimal::ONE)),
            ("limit".into(), Told::Money(Money(1))),
            ("wait".into(), Told::Whole(-1)),
            ("retryable".into(), Told::Flag(true)),
            ("orders".into(), Told::Texts(vec!["a".into(), "b".into()])),
            ("notices".into(), Told::List(vec![row])),
        ]);
        let mut bytes = Vec::new();
        told.put(&mut bytes);
        let mut left = bytes.as_slice();
        assert_eq!(ToldFields::take(&mut left), Some(told));
        assert!(left.is_empty());
    }

    #[test]
    fn lists_that_lie_too_deep_in_one_another_are_refused() {
        let mut told = ToldFields(vec![("end".into(), Told::Nothing)]);
        for _ in 0..TOLD_DEPTH_MAX {
            told = ToldFields(vec![("list".into(), Told::List(vec![told]))]);
        }
        let read = |told: &ToldFields| {
            let mut bytes = Vec::new();
            told.put(&mut bytes);
            ToldFields::take(&mut bytes.as_slice()).is_some()
        };
        assert!(read(&told));
        assert!(!read(&ToldFields(vec![("list".into(), Told::List(vec![told]))])));
    }
}
