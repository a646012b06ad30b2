//! Which machine this is and what runs on it: the `nodeInfo` of a node.

use super::{MachineError, Roots, read};

/// The versions that only the caller knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Versions {
    /// Our own version, without a `v`.
    pub skiff: String,
    /// The Kubernetes version whose behaviour we have, as clients expect it in `kubeletVersion`.
    pub kubelet: String,
}

/// The fields of a node's `status.nodeInfo`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeInfo {
    /// From `/etc/machine-id`; empty where the machine has none.
    pub machine_id: String,
    /// From the firmware; the machine id where it does not say.
    pub system_uuid: String,
    /// Drawn by the kernel at boot.
    pub boot_id: String,
    /// As `uname -r`.
    pub kernel_version: String,
    /// PRETTY_NAME of os-release.
    pub os_image: String,
    /// In Go's words: `amd64`, `arm64`.
    pub architecture: String,
    /// `linux`
    pub operating_system: String,
    /// `skiff://<version>`
    pub container_runtime_version: String,
    /// As the caller gave it.
    pub kubelet_version: String,
}

pub(super) fn read(roots: &Roots, versions: &Versions) -> Result<NodeInfo, MachineError> {
    let machine_id = first_of(roots, &["etc/machine-id", "var/lib/dbus/machine-id"]).unwrap_or_default();
    let product_uuid = read::text(roots.sys.join("class/dmi/id/product_uuid")).ok().map(|text| text.trim().to_lowercase());
    let os_release = first_of(roots, &["etc/os-release", "usr/lib/os-release"]).unwrap_or_default();
    Ok(NodeInfo {
        system_uuid: product_uuid.filter(|uuid| !uuid.is_empty()).unwrap_or_else(|| machine_id.clone()),
        machine_id,
        boot_id: boot_id(roots)?,
        kernel_version: read::text(roots.proc.join("sys/kernel/osrelease"))?.trim().to_owned(),
        os_image: pretty_name(&os_release).unwrap_or_else(|| "Linux".to_owned()),
        architecture: go_architecture(std::env::consts::ARCH).to_owned(),
        operating_system: "linux".to_owned(),
        container_runtime_version: format!("skiff://{}", versions.skiff),
        kubelet_version: versions.kubelet.clone(),
    })
}

pub(super) fn boot_id(roots: &Roots) -> Result<String, MachineError> {
    Ok(read::text(roots.proc.join("sys/kernel/random/boot_id"))?.trim().to_owned())
}

/// The first of the files that has anything in it.
fn first_of(roots: &Roots, names: &[&str]) -> Option<String> {
    let texts = names.iter().filter_map(|name| read::text(roots.root.join(name)).ok());
    texts.map(|text| text.trim().to_owned()).find(|text| !text.is_empty())
}

/// os-release(5): shell assignments; the value may be quoted either way.
fn pretty_name(os_release: &str) -> Option<String> {
    let value = os_release.lines().find_map(|line| line.trim().strip_prefix("PRETTY_NAME="))?;
    let quoted = |quote: char| value.strip_prefix(quote)?.strip_suffix(quote);
    let plain = quoted('"').or_else(|| quoted('\'')).unwrap_or(value);
    Some(plain.replace("\\\"", "\"").replace("\\\\", "\\")).filter(|name| !name.is_empty())
}

fn go_architecture(rust: &str) -> &str {
    match rust {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "x86" => "386",
        "powerpc64" if cfg!(target_endian = "little") => "ppc64le",
        "powerpc64" => "ppc64",
        "loongarch64" => "loong64",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn roots(dir: &std::path::Path) -> Roots {
        for folder in ["proc/sys/kernel/random", "sys/class/dmi/id", "etc", "usr/lib"] {
            fs::create_dir_all(dir.join(folder)).unwrap();
        }
        fs::write(dir.join("proc/sys/kernel/random/boot_id"), "b007\n").unwrap();
        fs::write(dir.join("proc/sys/kernel/osrelease"), "6.1.0-9-amd64\n").unwrap();
        Roots { proc: dir.join("proc"), sys: dir.join("sys"), root: dir.to_owned(), data_dir: dir.to_owned() }
    }

    fn versions() -> Versions {
        Versions { skiff: "0.1.0".to_owned(), kubelet: "v1.36.0+skiff".to_owned() }
    }

    #[test]
    fn a_usual_machine_is_described() {
        let dir = tempfile::tempdir().unwrap();
        let roots = roots(dir.path());
        fs::write(dir.path().join("etc/machine-id"), "0123abcd\n").unwrap();
        fs::write(dir.path().join("sys/class/dmi/id/product_uuid"), "EC2A-77\n").unwrap();
        fs::write(dir.path().join("etc/os-release"), "NAME=x\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n").unwrap();
        let info = read(&roots, &versions()).unwrap();
        assert_eq!((info.machine_id.as_str(), info.system_uuid.as_str()), ("0123abcd", "ec2a-77"));
        assert_eq!((info.boot_id.as_str(), info.kernel_version.as_str()), ("b007", "6.1.0-9-amd64"));
        assert_eq!(info.os_image, "Debian GNU/Linux 12 (bookworm)");
        assert_eq!(info.container_runtime_version, "skiff://0.1.0");
    }

    #[test]
    fn a_machine_without_firmware_and_os_release_is_described_too() {
        let dir = tempfile::tempdir().unwrap();
        let roots = roots(dir.path());
        fs::write(dir.path().join("etc/machine-id"), "0123abcd\n").unwrap();
        let info = read(&roots, &versions()).unwrap();
        assert_eq!((info.system_uuid.as_str(), info.os_image.as_str()), ("0123abcd", "Linux"));
    }

    #[test]
    fn names_of_systems_are_read_however_they_are_quoted() {
        let check = |line: &str, name: Option<&str>| assert_eq!(pretty_name(line).as_deref(), name);
        check("PRETTY_NAME=Alpine", Some("Alpine"));
        check("PRETTY_NAME='Void Linux'", Some("Void Linux"));
        check("PRETTY_NAME=\"a \\\"b\\\"\"", Some("a \"b\""));
        check("PRETTY_NAME=", None);
        check("NAME=x", None);
    }

    #[test]
    fn architectures_have_the_names_that_images_use() {
        assert_eq!(
            (go_architecture("x86_64"), go_architecture("aarch64"), go_architecture("riscv64")),
            ("amd64", "arm64", "riscv64")
        );
    }
}
