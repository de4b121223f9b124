//! The folder that a node keeps its files in: made by the master, written by the workers.
#![allow(clippy::missing_safety_doc)]

use crate::abi::*;
use crate::convert::bytes;
use crate::guard::{guard, Failure};
use std::ffi::{CStr, CString};
use std::fs::Permissions;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;

/// Makes a folder that only its owner may enter, or makes one that is there so, and gives it to the
/// user that workers run as.
/// Arguments: `user` a user's name; empty for no change of owner.
/// Returns: OK; INVALID, with what failed in `ta_last_error`.
#[no_mangle]
pub unsafe extern "C" fn ta_folder_prepare(path: ta_str_t, user: ta_str_t) -> i32 {
    guard(
        || (),
        || {
            // SAFETY: pointers are valid for their length, as for all exports.
            let (path, user) = unsafe { (bytes(path, "path")?, bytes(user, "user")?) };
            let path =
                std::str::from_utf8(path).map_err(|_| Failure::invalid("path: expected UTF-8"))?;
            make(Path::new(path)).map_err(|e| Failure::invalid(format!("{path}: {e}")))?;
            if !user.is_empty() && is_root() {
                give(path, user).map_err(|e| Failure::invalid(format!("{path}: {e}")))?;
            }
            Ok(ta_status_t::TA_STATUS_OK)
        },
    )
}

fn make(path: &Path) -> std::io::Result<()> {
    if path.is_dir() {
        // What lies in it would tell who is banned.
        return std::fs::set_permissions(path, Permissions::from_mode(0o700));
    }
    std::fs::DirBuilder::new().mode(0o700).create(path)
}

/// Whether this process can give something away. Where it cannot, nginx runs workers as whoever it is.
fn is_root() -> bool {
    // SAFETY: takes nothing and always succeeds.
    unsafe { libc::geteuid() == 0 }
}

fn give(path: &str, user: &[u8]) -> std::io::Result<()> {
    let user = CString::new(user)?;
    let (uid, gid) =
        ids(&user).ok_or_else(|| std::io::Error::other(format!("there is no user {user:?}")))?;
    std::os::unix::fs::chown(path, Some(uid), Some(gid))
}

fn ids(user: &CStr) -> Option<(u32, u32)> {
    // SAFETY: called in the master before it forks, where there is one thread; the entry is read
    // before anything else can call getpwnam.
    let entry = unsafe { libc::getpwnam(user.as_ptr()).as_ref() }?;
    Some((entry.pw_uid, entry.pw_gid))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn others_may_not_enter_a_folder_that_was_there() -> std::io::Result<()> {
        let path = std::env::temp_dir().join(format!("ta-folder-{}", std::process::id()));
        for _ in 0..2 {
            make(&path)?;
            let mode = std::fs::metadata(&path)?.permissions().mode();
            assert_eq!(mode & 0o777, 0o700);
            std::fs::set_permissions(&path, Permissions::from_mode(0o755))?;
        }
        std::fs::remove_dir(&path)
    }
}
