//! The target in Python (`tests/bindings_fuzz.py`), with the extension built in, so that its branches are counted.
#![no_main]

use std::ffi::CString;
use std::sync::OnceLock;

use kernel_module::_kernel as extension;
use libfuzzer_sys::fuzz_target;
use pyo3::prelude::*;

/// The target's function, once Python runs.
fn body() -> &'static Py<PyAny> {
    static BODY: OnceLock<Py<PyAny>> = OnceLock::new();
    BODY.get_or_init(|| {
        pyo3::append_to_inittab!(extension);
        Python::initialize();
        Python::attach(|py| load(py).unwrap_or_else(|error| fail(py, &error)))
    })
}

fn load(py: Python<'_>) -> PyResult<Py<PyAny>> {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../..");
    // The built-in module takes the place of the one that a wheel would bring.
    let code = format!(
        "import sys\nsys.path[:0] = [{root:?} + '/python', {root:?} + '/tests']\n\
         import _kernel\nsys.modules['dita._kernel'] = _kernel\n"
    );
    py.run(&CString::new(code)?, None, None)?;
    Ok(py.import("bindings_fuzz")?.getattr("run")?.unbind())
}

fn fail(py: Python<'_>, error: &PyErr) -> ! {
    error.print(py);
    std::process::abort()
}

fuzz_target!(|bytes: &[u8]| {
    let body = body();
    Python::attach(|py| {
        if let Err(error) = body.call1(py, (bytes,)) {
            fail(py, &error);
        }
    });
});
