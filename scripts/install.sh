#!/bin/sh
# Installs scaffold: downloads the archive for this machine from a release, checks its SHA-256 against the
# release's SHA256SUMS, and puts the program into ~/.local/bin.
#
#   SCAFFOLD_BIN    another folder for the program
#   SCAFFOLD_FROM   another place to download from, such as a mirror
set -eu

# The release that this script belongs to; the workflow that publishes it writes it here.
RELEASE=''
# Where its source is.
SOURCE=''

fail() {
  printf 'error: %s\n' "$1" >&2
  [ -z "${2:-}" ] || printf '\nhint: %s\n' "$2" >&2
  exit 1
}

download() { # URL FILE
  if command -v curl >/dev/null; then
    curl --fail --silent --show-error --location --proto "$protocols" --output "$2" "$1"
  elif command -v wget >/dev/null; then
    wget --quiet --output-document="$2" "$1"
  else
    fail 'there is neither curl nor wget to download with' 'apt-get install curl'
  fi || fail "$1 cannot be downloaded" 'is there a release for this machine, and a network?'
}

digest() { # FILE
  if command -v sha256sum >/dev/null; then
    sha256sum <"$1"
  else
    shasum --algorithm 256 <"$1"
  fi | cut -d ' ' -f 1
}

main() {
  from=${SCAFFOLD_FROM:-$RELEASE}
  into=${SCAFFOLD_BIN:-$HOME/.local/bin}
  case $from in
    https://*) protocols='=https' ;;
    http://127.0.0.1:* | http://localhost:*) protocols='=http' ;;
    '') fail 'this script belongs to no release' 'set SCAFFOLD_FROM to where the archives and SHA256SUMS are' ;;
    *) fail "$from is not an address that begins with https://" ;;
  esac
  case $(uname -s) in
    Linux) system=linux ;;
    Darwin) system=macos ;;
    *) fail "there is no archive for $(uname -s)" "build it with Rust: cargo install --locked --git ${SOURCE:-ADDRESS}" ;;
  esac
  case $(uname -m) in
    x86_64 | amd64) processor=x86_64 ;;
    aarch64 | arm64) processor=aarch64 ;;
    *) fail "there is no archive for $(uname -m)" "build it with Rust: cargo install --locked --git ${SOURCE:-ADDRESS}" ;;
  esac
  archive=scaffold-$system-$processor.tar.gz

  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  download "$from/SHA256SUMS" "$work/SHA256SUMS"
  download "$from/$archive" "$work/$archive"
  wanted=$(sed -n "s/^\([0-9a-f]\{64\}\)  $archive\$/\1/p" "$work/SHA256SUMS")
  found=$(digest "$work/$archive")
  [ -n "$wanted" ] || fail "SHA256SUMS of the release does not name $archive"
  [ "$found" = "$wanted" ] ||
    fail "$archive has the SHA-256 $found, and the release says $wanted" 'nothing was installed; try again, and tell the publisher if it stays'

  tar -xzf "$work/$archive" -C "$work" scaffold
  version=$("$work/scaffold" --version) || fail 'the program does not run here' 'may programs run in the folder for temporary files? TMPDIR names another one'
  mkdir -p "$into"
  # Beside its place first, so that a program that is there is replaced at once or not at all.
  cp "$work/scaffold" "$into/.scaffold-$$"
  mv "$into/.scaffold-$$" "$into/scaffold"
  printf '%s is in %s\n' "$version" "$into"
  case :$PATH: in
    *:"$into":*) ;;
    *) printf '\nhint: put it on the path: export PATH="%s:$PATH"\n' "$into" ;;
  esac
}

# Only here, so that a script that was cut off while it was downloaded does nothing.
main
