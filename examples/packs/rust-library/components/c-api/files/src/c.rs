use std::ffi::{CStr, CString, c_char};

/// Greets `name`; the caller frees the result with `greeting_free`.
///
/// # Safety
/// `name` is a string that ends with NUL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn greeting(name: *const c_char) -> *mut c_char {
    let name = unsafe { CStr::from_ptr(name) }.to_string_lossy();
    CString::new(crate::greeting::greet(&name)).map_or(std::ptr::null_mut(), CString::into_raw)
}

/// Frees what `greeting` returned.
///
/// # Safety
/// `text` comes from `greeting` and is freed once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn greeting_free(text: *mut c_char) {
    if !text.is_null() {
        drop(unsafe { CString::from_raw(text) });
    }
}
