#!/bin/sh
# Installs what the rig needs beside Go: Wine, the C compiler for Windows that builds its DLLs, and tmux. On Debian and Ubuntu, as root or
# with sudo; elsewhere it says what is missing. With everything there it says nothing and touches nothing.
set -eu

have() { command -v "$1" >/dev/null 2>&1; }

packages=
have wine64 || [ -x /usr/lib/wine/wine64 ] || packages="$packages wine64"
have tmux || packages="$packages tmux"
have x86_64-w64-mingw32-gcc || packages="$packages gcc-mingw-w64-x86-64"
[ -n "$packages" ] || exit 0

if ! have apt-get || ! have dpkg; then
	echo "install.sh: the rig needs Wine for 64-bit Windows programs (8.0 or newer: wine64, wineserver)" >&2
	echo "the MinGW compiler x86_64-w64-mingw32-gcc, and tmux. Install them with this system's package manager." >&2
	exit 1
fi
if [ "$(dpkg --print-architecture)" != amd64 ]; then
	echo "install.sh: the rig runs Windows programs for amd64, which needs an amd64 machine" >&2
	exit 1
fi
root=
if [ "$(id -u)" != 0 ]; then
	if ! have sudo; then
		echo "install.sh: missing:$packages; run as root: apt-get install --no-install-recommends$packages" >&2
		exit 1
	fi
	root=sudo
fi
echo "install.sh: installing$packages (apt-get${root:+, with sudo})" >&2
$root apt-get update -q
# The packages are a list of words.
# shellcheck disable=SC2086
$root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $packages
