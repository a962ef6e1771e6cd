#!/bin/sh
# cli.sh: prints the path of a docker command: the machine's own, or else Debian's (package docker.io), unpacked into the cache. The package
# is not installed: that would start an engine for Linux.
set -eu

if own=$(command -v docker); then
	echo "$own"
	exit
fi
dir=${XDG_CACHE_HOME:-$HOME/.cache}/containerd-shim-hcs/docker-cli
if [ ! -x "$dir/usr/bin/docker" ]; then
	echo "docker: no docker command on this machine: Debian's docker.io is unpacked into $dir" >&2
	mkdir -p "$dir"
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
	# apt drops to a user of its own, who has to reach the directory.
	chmod 755 "$work"
	(cd "$work" && { apt-get -qq download docker.io 2>/dev/null || { apt-get -qq update && apt-get -qq download docker.io; }; }) >&2
	dpkg-deb -x "$work"/docker.io_*.deb "$dir" >&2
fi
echo "$dir/usr/bin/docker"
