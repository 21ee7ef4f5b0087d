//! Calls of FAISS' C interface: the only unsafe code of this crate.
//!
//! faiss 0.13 searches a graph index only through `&mut`, though FAISS allows concurrent searches
//! of an index that is not changed; and it leaks the selector of a filtered search. Calling the C
//! interface, which the `faiss` crate links, avoids both.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::marker::PhantomData;

use faiss::index::NativeIndex;
use faiss::search_params::SearchParameters;
use faiss::selector::IdSelector;

use crate::error::Error;
use crate::filter::Filter;

#[expect(
    unsafe_code,
    reason = "C functions that the faiss crate links but does not offer in the form needed"
)]
unsafe extern "C" {
    /// OpenMP: sets the number of threads of parallel regions started from the calling thread.
    safe fn omp_set_num_threads(threads: c_int);
    /// OpenMP: returns that number.
    safe fn omp_get_max_threads() -> c_int;
    /// Frees a selector of any kind, which must not be freed elsewhere.
    fn faiss_IDSelector_free(selector: *mut c_void);
    /// Searches for the `k` best rows of each of `n` queries; `params` may be null.
    fn faiss_Index_search_with_params(
        index: *const c_void,
        n: i64,
        x: *const f32,
        k: i64,
        params: *const c_void,
        distances: *mut f32,
        labels: *mut i64,
    ) -> c_int;
    /// Returns the message of this thread's last failure; null if there was none.
    fn faiss_get_last_error() -> *const c_char;
}

/// A row that FAISS proposes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Proposal {
    pub(crate) row: u32,
    /// FAISS' own score.
    pub(crate) score: f32,
}

/// Searches for one query; returns at most `k` proposals, best first. The caller ensures that
/// `query.len()` is the index' dimension and `k` is at least 1.
///
/// One query is never spread over threads: FAISS' parallel regions run over queries.
pub(crate) fn search<I: NativeIndex + Sync>(
    index: &I,
    query: &[f32],
    k: usize,
    filter: Option<&Filter>,
) -> Result<Vec<Proposal>, Error> {
    const ACTION: &str = "searching";
    if query.len() != index.d() as usize || k == 0 {
        return Err(Error::Faiss {
            action: ACTION,
            message: format!("{} values for {} dimensions, k {k}", query.len(), index.d()),
        });
    }
    let parameters = filter.map(FilterParameters::new).transpose()?;
    let native_k = i64::try_from(k).map_err(|_| Error::Faiss {
        action: ACTION,
        message: format!("k is {k}"),
    })?;
    let mut scores = vec![0.0f32; k];
    let mut rows = vec![-1i64; k];
    #[expect(
        unsafe_code,
        reason = "a concurrent search that faiss 0.13 does not wrap"
    )]
    // SAFETY: the index is alive and borrowed shared, so it does not change, and FAISS' `search` is
    // const; the query has the index' dimension, checked above; `scores` and `rows` hold `1 x k`
    // results; the parameters and the filter's bits outlive the call.
    let code = unsafe {
        faiss_Index_search_with_params(
            index.inner_ptr().cast::<c_void>(),
            1,
            query.as_ptr(),
            native_k,
            parameters
                .as_ref()
                .map_or(std::ptr::null(), FilterParameters::as_ptr),
            scores.as_mut_ptr(),
            rows.as_mut_ptr(),
        )
    };
    if code != 0 {
        return Err(Error::Faiss {
            action: ACTION,
            message: last_error(),
        });
    }
    // FAISS fills up with row -1 if it found fewer than `k`.
    let found = rows.into_iter().map(u32::try_from).zip(scores);
    Ok(found
        .filter_map(|(row, score)| row.ok().map(|row| Proposal { row, score }))
        .collect())
}

/// Returns the message of this thread's last failure.
fn last_error() -> String {
    #[expect(unsafe_code, reason = "a C string from FAISS")]
    // SAFETY: FAISS returns null or a nul-terminated string that lives until this thread's next
    // call of FAISS; it is copied at once.
    unsafe {
        let message = faiss_get_last_error();
        if message.is_null() {
            "no message".to_owned()
        } else {
            CStr::from_ptr(message).to_string_lossy().into_owned()
        }
    }
}

/// Search parameters that select the rows of a filter, valid as long as the filter's bits.
struct FilterParameters<'bits> {
    parameters: SearchParameters,
    /// `SearchParameters::new` forgets the selector (faiss 0.13), and FAISS does not own it: `drop`
    /// frees it, else each filtered search would leak one.
    selector: *mut c_void,
    /// FAISS keeps a pointer to the bits, which the type of `IdSelector::bitmap` does not state.
    bits: PhantomData<&'bits [u8]>,
}

impl<'bits> FilterParameters<'bits> {
    fn new(filter: &'bits Filter) -> Result<Self, Error> {
        let selector =
            IdSelector::bitmap(filter.bytes()).map_err(Error::faiss("making a row selector"))?;
        let pointer = selector.inner_ptr().cast::<c_void>();
        let parameters =
            SearchParameters::new(selector).map_err(Error::faiss("making search parameters"))?;
        Ok(Self {
            parameters,
            selector: pointer,
            bits: PhantomData,
        })
    }

    fn as_ptr(&self) -> *const c_void {
        self.parameters.inner_ptr().cast()
    }
}

impl Drop for FilterParameters<'_> {
    #[expect(unsafe_code, reason = "frees what the faiss crate forgets")]
    fn drop(&mut self) {
        // SAFETY: the pointer came from a live `IdSelector` whose ownership `SearchParameters::new`
        // gave up by `mem::forget`; the parameters, dropped after this, do not read it again (the
        // destructor of `faiss::SearchParameters` is empty), and nothing else holds it.
        unsafe { faiss_IDSelector_free(self.selector) }
    }
}

/// A guard: until it is dropped, FAISS uses one thread for the calls of the current thread.
pub(crate) struct SingleThread {
    before: c_int,
    /// The setting is the current thread's, so the guard must not move to another one.
    not_send: PhantomData<*const ()>,
}

impl SingleThread {
    /// Sets one thread for the calls of the current thread.
    pub(crate) fn set() -> Self {
        let before = omp_get_max_threads();
        omp_set_num_threads(1);
        Self {
            before,
            not_send: PhantomData,
        }
    }
}

impl Drop for SingleThread {
    fn drop(&mut self) {
        omp_set_num_threads(self.before);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_threads_is_restored() {
        omp_set_num_threads(3);
        {
            let _guard = SingleThread::set();
            assert_eq!(omp_get_max_threads(), 1);
        }
        assert_eq!(omp_get_max_threads(), 3);
    }
}
