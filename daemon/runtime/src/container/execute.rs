//! Finds the program inside the root and executes it, with the errors that users of Kubernetes know.

use std::ffi::{CString, OsString};
use std::io;
use std::os::fd::BorrowedFd;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, AtFlags, CWD, FileType, accessat, stat};
use rustix::io::Errno;

use super::failure::{failure, words};
use super::privileges::confine;
use super::report::send_ready;
use super::user::Identity;
use crate::protocol::{Credentials, Stage, StartFailure};
use crate::spec::ContainerSpec;
use crate::sys::{close_on_exec_from, execute};

/// Where a program is looked for if the environment does not say.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The last steps. Returns only if one of them failed.
pub(super) fn execute_program(spec: &ContainerSpec, identity: &Identity, report: BorrowedFd<'_>) -> StartFailure {
    let fail = |what: String, error: &io::Error| failure(Stage::Exec, what, error);
    let program = &spec.argv[0];
    let search_path = spec.env.iter().find(|(name, _)| name == "PATH").map_or(DEFAULT_PATH, |(_, value)| value);
    let path = match find_program(program, search_path) {
        Ok(path) => path,
        Err(failure) => return failure,
    };
    // All that is allocated is, before rights are given up.
    let texts = || -> Result<_, std::ffi::NulError> {
        let path = CString::new(OsString::from(path.clone()).into_vec())?;
        let arguments = spec.argv.iter().map(|text| CString::new(text.as_str())).collect::<Result<Vec<_>, _>>()?;
        let mut environment =
            spec.env.iter().map(|(name, value)| CString::new(format!("{name}={value}"))).collect::<Result<Vec<_>, _>>()?;
        if !spec.env.iter().any(|(name, _)| name == "HOME") {
            environment.push(CString::new(format!("HOME={}", identity.home))?);
        }
        Ok((path, arguments, environment))
    };
    let (program_path, arguments, environment) = match texts() {
        Ok(texts) => texts,
        Err(error) => return fail(format!("exec {}", path.display()), &io::Error::other(error)),
    };
    let credentials = Credentials { uid: identity.uid, gid: identity.gid, groups: identity.groups.clone() };
    if let Err(failure) = confine(spec) {
        return failure;
    }
    // Standard streams are all that the program gets.
    if let Err(error) = close_on_exec_from(3).and_then(|()| send_ready(report, &credentials)) {
        return fail("preparing to exec".to_string(), &error);
    }
    let error = execute(&program_path, &arguments, &environment);
    fail(format!("exec {}", path.display()), &error)
}

/// A program as the runtimes look it up: with a slash as it is, else in each folder of the search path.
fn find_program(program: &str, search_path: &str) -> Result<PathBuf, StartFailure> {
    let refuse =
        |errno: i32, reason: String| StartFailure { stage: Stage::Exec, errno, message: format!("exec: {program:?}: {reason}") };
    if program.contains('/') {
        return match check_executable(Path::new(program)) {
            Ok(()) => Ok(PathBuf::from(program)),
            Err(Errno::NOENT) => {
                let error = io::Error::from(Errno::NOENT);
                Err(refuse(libc::ENOENT, format!("stat {program}: {}", words(&error))))
            }
            Err(errno) => Err(refuse(errno.raw_os_error(), words(&errno.into()))),
        };
    }
    let mut denied = false;
    for folder in search_path.split(':') {
        let candidate = Path::new(if folder.is_empty() { "." } else { folder }).join(program);
        match check_executable(&candidate) {
            Ok(()) => return Ok(candidate),
            Err(errno) => denied |= errno == Errno::ACCESS,
        }
    }
    if denied {
        return Err(refuse(libc::EACCES, words(&Errno::ACCESS.into())));
    }
    Err(refuse(libc::ENOENT, "executable file not found in $PATH".to_string()))
}

fn check_executable(path: &Path) -> Result<(), Errno> {
    let stat = stat(path)?;
    if FileType::from_raw_mode(stat.st_mode).is_dir() {
        return Err(Errno::ISDIR);
    }
    // Root may read anything, but executes only what has a bit for it.
    if stat.st_mode & 0o111 == 0 {
        return Err(Errno::ACCESS);
    }
    accessat(CWD, path, Access::EXEC_OK, AtFlags::EACCESS)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn check(program: &str, search_path: &str, expected: Result<&str, &str>) {
        let found = find_program(program, search_path).map_err(|failure| failure.message);
        assert_eq!(found.as_ref().map(|path| path.to_str().expect("text")).map_err(String::as_str), expected);
    }

    #[test]
    fn programs_are_looked_up_as_runtimes_do() {
        let dir = tempfile::tempdir().expect("temporary folder");
        let dir = dir.path().to_str().expect("text");
        for (name, mode) in [("run", 0o755), ("text", 0o644)] {
            fs::write(format!("{dir}/{name}"), "").expect("written");
            fs::set_permissions(format!("{dir}/{name}"), fs::Permissions::from_mode(mode)).expect("mode");
        }
        let path = format!("/nowhere:{dir}");
        check("run", &path, Ok(&format!("{dir}/run")));
        check("missing", &path, Err("exec: \"missing\": executable file not found in $PATH"));
        check("text", &path, Err("exec: \"text\": permission denied"));
        check("/no/such", &path, Err("exec: \"/no/such\": stat /no/such: no such file or directory"));
        check(&format!("{dir}/text"), &path, Err(&format!("exec: \"{dir}/text\": permission denied")));
        check("/", &path, Err("exec: \"/\": is a directory"));
    }
}
