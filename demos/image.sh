#!/bin/sh
# Builds the demo image, docker.io/skiff/demo:1.0, as an OCI archive: demos/image.sh OUT.tar
#
# In it: busybox (the static one of this machine, package busybox-static) with its applets, and demos/server, linked
# statically. Nothing is downloaded but crates that cargo lacks. The same busybox, sources and compiler give the same bytes: every
# time stamp is 0, names are sorted, owners are root, and the layer is not compressed.
set -eu

name=docker.io/skiff/demo:1.0
out=${1:?usage: demos/image.sh OUT.tar}
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

fail() {
    echo "error: $*" >&2
    exit 1
}

# Everything that a file system adds to a file by chance is taken out.
archive() {
    LC_ALL=C tar --create --file "$1" --directory "$2" --format=gnu --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner .
}

find_busybox() {
    for candidate in "$(command -v busybox || true)" /bin/busybox /usr/bin/busybox; do
        if [ -x "$candidate" ] && ! readelf --wide --program-headers "$candidate" | grep -q INTERP; then
            echo "$candidate"
            return
        fi
    done
    fail "no static busybox found (Debian: apt install busybox-static)"
}

# A target folder of its own: the flags differ from those of the rest, which would be built anew each time.
build_server() {
    host=$(rustc --version --verbose | sed -n 's/^host: //p')
    target=${CARGO_TARGET_DIR:-$root/target}/demo
    flags="-C target-feature=+crt-static -C relocation-model=static --remap-path-prefix=$root=skiff"
    flags="$flags --remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=cargo"
    (cd "$root" && RUSTFLAGS=$flags cargo build --quiet --release --locked --package demo-server \
        --target "$host" --target-dir "$target") >&2
    echo "$target/$host/release/demo-server"
}

make_rootfs() {
    mkdir -p "$1/bin" "$1/etc" "$1/root" "$1/tmp" "$1/var/log" "$1/data"
    cp "$busybox" "$1/bin/busybox"
    "$busybox" --list | while read -r applet; do
        [ "$applet" = busybox ] || ln -s busybox "$1/bin/$applet"
    done
    cp "$server" "$1/bin/demo-server"
    printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n' >"$1/etc/passwd"
    printf 'root:x:0:\nnogroup:x:65534:\n' >"$1/etc/group"
    find "$1" -type d -exec chmod 755 {} +
    find "$1" -type f -exec chmod 644 {} +
    chmod 755 "$1/bin/busybox" "$1/bin/demo-server"
    chmod 1777 "$1/tmp" "$1/data"
    chmod 700 "$1/root"
}

# Moves a file to its place among the blobs; prints its digest and size as JSON.
add_blob() {
    digest=$(sha256sum "$1" | cut -d ' ' -f 1)
    size=$(wc -c <"$1" | tr -d ' ')
    mv "$1" "$work/image/blobs/sha256/$digest"
    printf '"digest":"sha256:%s","size":%s' "$digest" "$size"
}

architecture() {
    case $(uname -m) in
    x86_64) echo amd64 ;;
    aarch64) echo arm64 ;;
    *) uname -m ;;
    esac
}

busybox=$(find_busybox)
server=$(build_server)
make_rootfs "$work/rootfs"
mkdir -p "$work/image/blobs/sha256"
archive "$work/layer" "$work/rootfs"
layer=$(add_blob "$work/layer")
layer_digest=$(printf '%s' "$layer" | cut -d '"' -f 4)

oci=application/vnd.oci.image
cat >"$work/config" <<JSON
{"architecture":"$(architecture)","os":"linux","created":"1970-01-01T00:00:00Z","config":{"Env":["PATH=/bin"],"Cmd":["/bin/demo-server"],"WorkingDir":"/","ExposedPorts":{"8080/tcp":{}}},"rootfs":{"type":"layers","diff_ids":["$layer_digest"]},"history":[{"created":"1970-01-01T00:00:00Z","created_by":"demos/image.sh"}]}
JSON
config=$(add_blob "$work/config")
cat >"$work/manifest" <<JSON
{"schemaVersion":2,"mediaType":"$oci.manifest.v1+json","config":{"mediaType":"$oci.config.v1+json",$config},"layers":[{"mediaType":"$oci.layer.v1.tar",$layer}]}
JSON
manifest=$(add_blob "$work/manifest")
cat >"$work/image/index.json" <<JSON
{"schemaVersion":2,"mediaType":"$oci.index.v1+json","manifests":[{"mediaType":"$oci.manifest.v1+json",$manifest,"annotations":{"io.containerd.image.name":"$name","org.opencontainers.image.ref.name":"$name"}}]}
JSON
printf '{"imageLayoutVersion":"1.0.0"}' >"$work/image/oci-layout"
chmod 755 "$work/image" "$work/image/blobs" "$work/image/blobs/sha256"
find "$work/image" -type f -exec chmod 644 {} +

mkdir -p "$(dirname -- "$out")"
archive "$work/out.tar" "$work/image"
chmod 644 "$work/out.tar"
mv "$work/out.tar" "$out"
