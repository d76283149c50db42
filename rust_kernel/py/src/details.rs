//! An outcome's or a transition's details: plain Rust until somebody reads them.

use std::borrow::Cow;
use std::sync::Arc;

use dita_engine::form::{FieldValue, FieldValues};
use dita_kernel::id::Id;
use dita_kernel::num::{Decimal, Money};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::{number, text};

/// One detail's value.
#[derive(Clone, PartialEq, Debug)]
pub enum Detail {
    /// A public name or another fixed text.
    Name(&'static str),
    /// An id.
    Id(Id),
    /// Free text.
    Text(Box<str>),
    /// A number.
    Number(Decimal),
    /// An amount.
    Money(Money),
    /// A whole number.
    Whole(i64),
    /// A flag.
    Flag(bool),
    /// A Python object that travels as it is: an adapter's exception.
    Object(Kept),
    /// Several public names.
    Names(Vec<&'static str>),
    /// Several texts.
    Texts(Vec<Box<str>>),
    /// Several ids.
    Ids(Box<[Id]>),
    /// Several of the same kind.
    List(Vec<Details>),
    /// Known to be absent.
    Nothing,
}

/// A Python object that plain data can carry: shared, and equal to itself only.
#[derive(Clone, Debug)]
pub struct Kept(Arc<Py<PyAny>>);

impl From<Py<PyAny>> for Kept {
    fn from(object: Py<PyAny>) -> Kept {
        Kept(Arc::new(object))
    }
}

impl PartialEq for Kept {
    fn eq(&self, other: &Kept) -> bool {
        self.0.as_ptr() == other.0.as_ptr()
    }
}

/// Details by name, in the order in which they were added. Costs nothing when empty.
#[derive(Clone, PartialEq, Default, Debug)]
pub struct Details(Vec<(Cow<'static, str>, Detail)>);

impl Details {
    /// None.
    pub const EMPTY: Details = Details(Vec::new());

    /// Adds one; the last of a name wins.
    pub fn add(&mut self, name: &'static str, value: Detail) {
        self.0.push((Cow::Borrowed(name), value));
    }

    /// With one more.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: Detail) -> Details {
        self.add(name, value);
        self
    }

    /// Adds all of another's.
    pub fn extend(&mut self, other: &Details) {
        self.0.extend(other.0.iter().cloned());
    }

    /// As they leave the process. A Python object does not: what is to be known of it stands beside it as text.
    pub fn told(&self) -> FieldValues {
        let told = |value: &Detail| match value {
            Detail::Name(name) => Some(FieldValue::Text((*name).into())),
            Detail::Id(id) => Some(FieldValue::Text(id.as_str().into())),
            Detail::Text(text) => Some(FieldValue::Text(text.clone())),
            Detail::Number(number) => Some(FieldValue::Number(*number)),
            Detail::Money(amount) => Some(FieldValue::Money(*amount)),
            Detail::Whole(whole) => Some(FieldValue::Whole(*whole)),
            Detail::Flag(flag) => Some(FieldValue::Flag(*flag)),
            Detail::Object(_) => None,
            Detail::Names(names) => {
                Some(FieldValue::Texts(names.iter().map(|name| (*name).into()).collect()))
            }
            Detail::Texts(texts) => Some(FieldValue::Texts(texts.clone())),
            Detail::Ids(ids) => Some(FieldValue::Texts(ids.iter().map(|id| id.as_str().into()).collect())),
            Detail::List(rows) => Some(FieldValue::List(rows.iter().map(Details::told).collect())),
            Detail::Nothing => Some(FieldValue::Nothing),
        };
        let fields = self.0.iter().filter_map(|(name, value)| Some((name.as_ref().into(), told(value)?)));
        FieldValues(fields.collect())
    }

    /// Of what another process has told.
    pub fn of(fields: FieldValues) -> Details {
        let detail = |told| match told {
            FieldValue::Nothing => Detail::Nothing,
            FieldValue::Text(text) => Detail::Text(text),
            FieldValue::Number(number) => Detail::Number(number),
            FieldValue::Money(amount) => Detail::Money(amount),
            FieldValue::Whole(whole) => Detail::Whole(whole),
            FieldValue::Flag(flag) => Detail::Flag(flag),
            FieldValue::Texts(texts) => Detail::Texts(texts),
            FieldValue::List(rows) => Detail::List(rows.into_iter().map(Details::of).collect()),
        };
        Details(fields.0.into_iter().map(|(name, told)| (Cow::Owned(name.into()), detail(told))).collect())
    }

    /// As a new `dict`.
    pub fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        for (name, value) in &self.0 {
            let name = name.as_ref();
            match value {
                Detail::Name(name_value) => dict.set_item(name, name_value)?,
                Detail::Id(id) => dict.set_item(name, text::get_id(py, id))?,
                Detail::Text(text) => dict.set_item(name, &**text)?,
                Detail::Number(number) => dict.set_item(name, number::get(py, *number)?)?,
                Detail::Money(amount) => dict.set_item(name, number::get_money(py, *amount)?)?,
                Detail::Whole(whole) => dict.set_item(name, whole)?,
                Detail::Flag(flag) => dict.set_item(name, flag)?,
                Detail::Object(kept) => dict.set_item(name, kept.0.bind(py))?,
                Detail::List(rows) => {
                    let rows = rows.iter().map(|row| row.to_dict(py)).collect::<PyResult<Vec<_>>>()?;
                    dict.set_item(name, rows)?;
                }
                Detail::Ids(ids) => {
                    let ids: Vec<_> = ids.iter().map(|id| text::get_id(py, id)).collect();
                    dict.set_item(name, ids)?;
                }
                Detail::Names(names) => dict.set_item(name, names)?,
                Detail::Texts(texts) => {
                    dict.set_item(name, texts.iter().map(|text| &**text).collect::<Vec<_>>())?;
                }
                Detail::Nothing => dict.set_item(name, py.None())?,
            }
        }
        Ok(dict)
    }
}
