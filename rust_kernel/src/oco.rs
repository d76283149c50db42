//! Groups of orders that cancel one another.

use serde::{Deserialize, Serialize};

/// The groups that have a live order.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct Groups {}
