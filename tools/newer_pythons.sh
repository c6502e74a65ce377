#!/usr/bin/env bash
# Pythons of newer releases of Debian, laid beside pyenv's on an older one, as ordinary programs:
#
#     bash tools/newer_pythons.sh "$(pyenv root)/versions" sid/3.14 sid/3.15 trixie/3.13.5 sid/pypy3.11-8
#
# Leaves 3.14.x/bin/python3 and the like in that folder, the layout that pyenv and .ci/run know, CPythons with their `test` package. Each is
# an ELF file that names its own ld.so and libraries, libc and OpenSSL among them: venv, pip, nox and child processes need nothing more.
#
# A version that is there, whoever made it, is left as it is; where all are there this takes no time and no network. Nothing is installed,
# root is not needed, and only the folder is written to: what is not complete there has a hidden name, and the next run removes it.
#
# Exit status 77: this machine cannot have them, and the last line says why. 1: what came is not what this script expects.
set -eu -o pipefail

(( $# > 1 )) || { echo "usage: newer_pythons.sh FOLDER SUITE/VERSION..." >&2; exit 2; }
folder=$1
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
libraries=lib/x86_64-linux-gnu

skip() {
    echo "$*" >&2
    exit 77
}

missing() {  # SUITE/VERSION...: those that are not there
    local each
    for each; do
        compgen -G "$folder/${each#*/}" >/dev/null || compgen -G "$folder/${each#*/}.*" >/dev/null || echo "$each"
    done
}

refuse_other_machines() {
    local tool architecture
    for tool in apt-get dpkg dpkg-deb flock; do
        command -v "$tool" >/dev/null || skip "newer Pythons come from Debian's archive, and here is no $tool"
    done
    grep -qx ID=debian /etc/os-release && [[ -e $keyring ]] || skip "newer Pythons come from Debian's archive, and this is no Debian with its keys"
    architecture=$(dpkg --print-architecture)
    [[ $architecture == amd64 ]] || skip "newer Pythons are laid out for amd64, and this machine is $architecture"
}

mirror() {  # the one that this machine is set up for
    local codename
    codename=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
    apt-get indextargets --format '$(RELEASE) $(COMPONENT) $(REPO_URI)' 2>/dev/null |
        awk -v codename="$codename" '$1 == codename && $2 == "main" && !found++ {print $3}'
}

archive() {  # apt with a state of its own: nothing counts as installed, so all dependencies come along, libc among them
    apt-get -qq -o Dir::State="$work/state" -o Dir::State::Status="$work/none" -o Dir::Cache="$work/cache" \
        -o Dir::Etc::SourceList="$work/sources.list" -o Dir::Etc::SourceParts=/dev/null -o Dir::Etc::PreferencesParts=/dev/null \
        -o Dir::Etc::Preferences=/dev/null -o APT::Sandbox::User="$(id -un)" -o Acquire::Languages=none "$@" >"$work/log" 2>&1 ||
        skip "Debian's archive does not give $python: $(grep -m1 '^[EW]:' "$work/log")"
}

look_into() {  # SUITE
    local from
    from=$(mirror) || true
    [[ $from ]] || skip "newer Pythons come from Debian's archive, and apt is set up for no mirror of it"
    rm -rf "$work/state" "$work/cache"
    mkdir -p "$work/state/lists/partial" "$work/cache/archives/partial"
    : >"$work/none"
    echo "deb [signed-by=$keyring] $from $1 main" >"$work/sources.list"
    archive update -o APT::Update::Error-Mode=any
}

unpack() {  # PACKAGE...: with what they depend on, into $work/usr
    local package
    rm -rf "$work/usr" "$work/cache/archives"/*.deb
    archive install -y --no-install-recommends --download-only "$@"
    for package in "$work"/cache/archives/*.deb; do
        case ${package##*/} in
            python* | pypy* | lib* | zlib* | patchelf*)
                dpkg-deb --fsys-tarfile "$package" | tar -x -C "$work" --no-same-owner --wildcards './usr/*' \
                    --exclude='./usr/share/doc' --exclude='./usr/share/man' --exclude='./usr/share/locale'
                ;;
        esac
    done
}

unpacked() {  # PROGRAM, ARGUMENTS...: run it where it lies, by its own libraries
    "$work/usr/$libraries/ld-linux-x86-64.so.2" --library-path "$work/usr/$libraries" "$work/usr/bin/$1" "${@:2}"
}

name_it='
import ssl, sys
pypy = getattr(sys, "pypy_version_info", None)
print("pypy%d.%d-%d.%d.%d" % (*sys.version_info[:2], *pypy[:3]) if pypy else sys.version.split()[0])
'

lay() {  # VERSION, of which $python is the program
    local version to
    case $1 in
        pypy*) unpack pypy3-venv patchelf ;;
        *) unpack "$python-venv" "lib$python-testsuite" patchelf ;;
    esac
    version=$(unpacked "$python" -c "$name_it")
    [[ $version. == "$1".* ]] || skip "Debian's archive has Python $version in place of $1"
    to=$folder/$version
    # In this order and apart, or what patchelf 0.18 leaves crashes.
    unpacked patchelf --force-rpath --set-rpath "$to/$libraries" "$work/usr/bin/$python"
    unpacked patchelf --set-interpreter "$to/$libraries/ld-linux-x86-64.so.2" "$work/usr/bin/$python"
    rm "$work/usr/bin/patchelf"
    ln -sf "$python" "$work/usr/bin/python3"
    ln -sf "$python" "$work/usr/bin/python"
    sed -i "s|/usr/share/python-wheels|$to/share/python-wheels|g" "$work/usr/lib/$python"/_sysconfigdata_*.py  # for ensurepip
    mv -T "$work/usr" "$to"
    if ! "$to/bin/python3" -c 'import ssl, sys; print(sys.executable, sys.version.split()[0], ssl.OPENSSL_VERSION)'; then
        mv -T "$to" "$work/unusable"
        return 1
    fi
}

[[ $(missing "${@:2}") ]] || exit 0
refuse_other_machines
mkdir -p "$folder" 2>/dev/null && [[ -w $folder ]] || skip "newer Pythons go to $folder, which cannot be written to"
folder=$(cd "$folder" && pwd)
exec 9>"$folder/.newer-pythons.lock"
flock 9
rm -rf "$folder"/.newer-pythons.??????  # of one that was killed: whoever is alive holds the lock
work=$(mktemp -d "$folder/.newer-pythons.XXXXXX")
trap 'rm -rf "$work"' EXIT
export TMPDIR=$work
mapfile -t wanted < <(missing "${@:2}")  # with the lock: another may have laid them meanwhile
suite=
for each in "${wanted[@]}"; do
    version=${each#*/}
    python=python$(cut -d. -f1,2 <<<"$version")
    [[ $version == pypy* ]] && python=${version%-*}
    [[ ${each%/*} == "$suite" ]] || { suite=${each%/*}; look_into "$suite"; }
    lay "$version"
done
