# Sourced by the scripts beside it: where the house is, and what a missing tool means.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
# A toolchain that rustup installed is found without a login shell.
PATH="$PATH:${CARGO_HOME:-${HOME:-/root}/.cargo}/bin"

# One line for everything that is missing, and the command that brings it. Arguments: parts of the toolchain needed too.
need_toolchain() {
    local missing=() part
    command -v cargo >/dev/null || missing+=("cargo (a Rust toolchain, 1.95 or later: https://rustup.rs)")
    command -v cc >/dev/null || missing+=("cc (a C compiler for ring, aws-lc and SQLite: apt-get install gcc libc6-dev)")
    if command -v cargo >/dev/null; then
        for part in "$@"; do
            cargo "$part" --version >/dev/null 2>&1 || missing+=("cargo $part (rustup component add rustfmt clippy)")
        done
    fi
    if [ ${#missing[@]} -gt 0 ]; then
        echo "${0##*/}: missing: $(printf '%s; ' "${missing[@]}" | sed 's/; $//')" >&2
        exit 1
    fi
}

# Installs by apt what is missing of programs, each given as "PROGRAM PACKAGE[,PACKAGE] WHY".
need_programs() {
    local missing=() packages=() line program package as_root=()
    for line in "$@"; do
        read -r program package _ <<<"$line"
        command -v "$program" >/dev/null && continue
        missing+=("$program")
        packages+=(${package//,/ })
    done
    [ ${#missing[@]} -eq 0 ] && return
    if [ "$(id -u)" -ne 0 ]; then as_root=(sudo -n); fi
    if ! command -v apt-get >/dev/null || { [ "$(id -u)" -ne 0 ] && ! sudo -n true 2>/dev/null; }; then
        echo "${0##*/}: missing: ${missing[*]} (as root: apt-get install ${packages[*]})" >&2
        exit 1
    fi
    echo "${0##*/}: installing ${packages[*]}" >&2
    "${as_root[@]}" apt-get update -q
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${packages[@]}"
}
