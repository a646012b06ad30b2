//! Refuses a specification that could not mean what its sender wants: names that climb, relative paths, nothing to run.

use std::path::{Component, Path, PathBuf};

use super::{ContainerSpec, Mount, SandboxSpec};

/// Why a specification is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpecError {
    /// Not `[a-zA-Z0-9_.-]{1,253}`, or only dots.
    #[error("{what} {name:?} may only hold letters, digits, '-', '_' and '.', and at most 253 of them")]
    Name {
        /// What it names.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// Relative, or with `..`.
    #[error("{what} {path} has to be absolute and without \"..\"")]
    Path {
        /// What it is for.
        what: &'static str,
        /// The path.
        path: PathBuf,
    },
    /// A mount over everything.
    #[error("nothing can be mounted over the root itself")]
    RootTarget,
    /// No program.
    #[error("there is no command to run")]
    NoCommand,
    /// A text that the kernel could not be handed.
    #[error("{what} has a NUL byte or a name with '='")]
    Text {
        /// What it is.
        what: &'static str,
    },
    /// No layers.
    #[error("the root has no layers")]
    NoLayers,
    /// Not whole instructions, or too many of them.
    #[error("the seccomp filter has {0} bytes: it has to be 1 to 4096 instructions of 8 bytes")]
    Filter(usize),
}

const NAME_LIMIT: usize = 253;
const FILTER_LIMIT: usize = 4096;

fn check_name(what: &'static str, name: &str) -> Result<(), SpecError> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let fits = !name.is_empty() && name.len() <= NAME_LIMIT && name.bytes().all(is_plain);
    if fits && name.bytes().any(|byte| byte != b'.') {
        return Ok(());
    }
    Err(SpecError::Name { what, name: name.to_string() })
}

fn check_path(what: &'static str, path: &Path) -> Result<(), SpecError> {
    let climbs = path.components().any(|component| component == Component::ParentDir);
    let has_nul = path.as_os_str().as_encoded_bytes().contains(&0);
    if path.is_absolute() && !climbs && !has_nul {
        return Ok(());
    }
    Err(SpecError::Path { what, path: path.to_path_buf() })
}

impl SandboxSpec {
    /// Checks names and paths.
    pub fn check(&self) -> Result<(), SpecError> {
        check_name("sandbox id", &self.id)?;
        check_path("run folder", &self.run_dir)
    }
}

impl ContainerSpec {
    /// Checks names, paths and texts; what only the kernel can know is found when the container is set up.
    pub fn check(&self) -> Result<(), SpecError> {
        check_name("container name", &self.name)?;
        if self.argv.first().is_none_or(String::is_empty) {
            return Err(SpecError::NoCommand);
        }
        if self.argv.iter().any(|text| text.contains('\0')) {
            return Err(SpecError::Text { what: "the command" });
        }
        let bad_name = |name: &String| name.is_empty() || name.contains(['=', '\0']);
        if self.env.iter().any(|(name, value)| bad_name(name) || value.contains('\0')) {
            return Err(SpecError::Text { what: "the environment" });
        }
        check_path("working folder", &self.cwd)?;
        if self.rootfs.lowers.is_empty() {
            return Err(SpecError::NoLayers);
        }
        for lower in &self.rootfs.lowers {
            check_path("layer", lower)?;
        }
        check_path("mount point of the root", &self.rootfs.mountpoint)?;
        check_path("log file", &self.log.path)?;
        for mount in &self.mounts {
            match mount {
                Mount::Bind { source, target, .. } => {
                    check_path("mount source", source)?;
                    check_path("mount target", target)?;
                }
                Mount::Tmpfs { target, .. } => check_path("mount target", target)?,
                Mount::Part { volume, part, target, .. } => {
                    check_path("volume", volume)?;
                    // Where it leads, the kernel says.
                    check_path("part of a volume", &volume.join(part))?;
                    check_path("mount target", target)?;
                }
            }
            if mount.target().components().count() < 2 {
                return Err(SpecError::RootTarget);
            }
        }
        for path in self.masked_paths.iter().chain(&self.readonly_paths).chain(self.devices.iter().map(|device| &device.path)) {
            check_path("path", path)?;
        }
        match &self.seccomp {
            Some(filter) if filter.is_empty() || filter.len() % 8 != 0 || filter.len() / 8 > FILTER_LIMIT => {
                Err(SpecError::Filter(filter.len()))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_climb_or_hide_are_refused() {
        for name in ["", ".", "..", "a/b", "a b", "a\0b", "ä"] {
            assert!(check_name("name", name).is_err(), "{name:?}");
        }
        assert_eq!(check_name("name", "web-0_a.b"), Ok(()));
        assert!(check_name("name", &"x".repeat(254)).is_err());
    }

    #[test]
    fn targets_that_climb_are_refused() {
        for path in ["etc", "/a/../b", "", "/a\0b"] {
            assert!(check_path("path", Path::new(path)).is_err(), "{path:?}");
        }
        assert_eq!(check_path("path", Path::new("/a/b/./c")), Ok(()));
    }
}
