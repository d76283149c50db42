//! What people see who look on: rows that have changed, fills and remarks, as JSON that is made here.

use dita_engine::json;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::{Engine, id, reads};
use crate::errors::Error;

#[pymethods]
impl Engine {
    /// When there was last news of an order of ours, kernel time in ns; `None` before the first look, and of one that is
    /// not known or long over.
    fn order_time_ns(&self, venue_client_id: &Bound<'_, PyAny>) -> Result<Option<i64>, Error> {
        let client_id = id(venue_client_id, "venue_client_id")?;
        Ok(self.shared.settled()?.core.order_time_ns(&client_id))
    }

    /// What has changed since the last look, all of one moment; everything, the first time.
    ///
    /// `seq`; `slots` by number and `orders` by client id, as JSON, `None` where one is no more; `marks` by symbol;
    /// `accounts` by asset, all of them; `ended`: orders that are over; `fills` and `remarks` since, oldest first; `lost`: how many of those were lost.
    fn look<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyDict>, Error> {
        let (look, accounts) = {
            let mut state = self.shared.settled()?;
            let look = state.core.look();
            let kernel = state.core.kernel();
            let names = kernel.assets().iter().map(|asset| &asset.name);
            (look, names.filter_map(|name| reads::account_view(kernel, name)).collect::<Vec<_>>())
        };
        let dict = PyDict::new(py);
        dict.set_item("seq", look.seq)?;
        dict.set_item("lost", look.lost)?;
        let slots = look.slots.iter().map(|(id, view)| (*id, view.as_ref().map(json::slot_row)));
        dict.set_item("slots", slots.collect::<Vec<_>>())?;
        let orders = look.orders.iter().map(|(id, view)| (id.as_str(), view.as_ref().map(json::order)));
        dict.set_item("orders", orders.collect::<Vec<_>>())?;
        let marks = look.marks.iter().map(|(id, mark)| (id.as_str(), mark.map(|mark| mark.to_string())));
        dict.set_item("marks", marks.collect::<Vec<_>>())?;
        let accounts = accounts.iter().map(|view| (view.name().as_str(), view.to_json()));
        dict.set_item("accounts", accounts.collect::<Vec<_>>())?;
        dict.set_item("ended", look.ended.iter().map(json::order).collect::<Vec<_>>())?;
        dict.set_item("fills", look.fills.iter().map(json::fill).collect::<Vec<_>>())?;
        dict.set_item("remarks", look.remarks.iter().map(json::remark).collect::<Vec<_>>())?;
        Ok(dict)
    }
}
