//! Threads of native code: one core a request, so that many are answered side by side.

use std::ffi::c_int;
use std::sync::Once;

/// OpenBLAS's own switch; it takes the number of threads.
const OPENBLAS: &[u8] = b"openblas_set_num_threads\0";

/// Keeps libtorch on the calling thread, and with it the BLAS that it calls.
///
/// OpenBLAS has threads of its own that libtorch's setting does not reach. They share a product of
/// small matrices at the price of waiting for each other in a loop of yields: without them a
/// recommendation took 27 % less CPU, and the demo, most of it training, less than half.
pub fn one_thread() {
    static BLAS: Once = Once::new();
    BLAS.call_once(one_blas_thread);
    tch::set_num_threads(1);
}

#[expect(unsafe_code, reason = "a C function that is there with OpenBLAS only")]
fn one_blas_thread() {
    let process = libloading::os::unix::Library::this();
    // SAFETY: the symbol, where there is one, is OpenBLAS's function of this signature; it may be
    // called at any time from any thread.
    unsafe {
        if let Ok(set) = process.get::<unsafe extern "C" fn(c_int)>(OPENBLAS) {
            set(1);
        }
    }
}
