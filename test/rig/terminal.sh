#!/bin/sh
# A person at a terminal: a shell in a running container through `ctr task exec -t`, and one as a container of its own through
# `ctr run -t`, each in a terminal of tmux, typed into and read back. RIG names the rig, which is up and has the image; $1 is the rig's
# command.
set -eu

rig=$1
image=docker.io/library/winapp:1
runtime=io.containerd.hcs.v1
dir=$(mktemp -d)
tm() { tmux -S "$dir/tmux" -f /dev/null "$@"; }

leave() {
	code=$?
	[ $code = 0 ] || { echo "terminal: it shows"; tm capture-pane -p -t s || true; }
	tm kill-server 2>/dev/null || true
	rm -rf "$dir"
	exit $code
}
trap leave EXIT

# shows waits for a whole line on the screen, a pattern of grep's.
shows() {
	for _ in $(seq 1 150); do
		if tm capture-pane -p -t s | grep -q -x "$1 *"; then
			echo "   ok   $2"
			return
		fi
		sleep 0.2
	done
	echo "   FAIL $2: no line \"$1\""
	exit 1
}

types() { tm send-keys -t s -l "$1" && tm send-keys -t s Enter; }

# session runs ctr in a terminal and works with the shell that it starts.
session() {
	name=$1
	shift
	tm new-session -d -s s -x 100 -y 30 "$rig ctr $*; echo \"it ended with \$?\"; sleep 100"
	shows 'C:\\app>' "$name: the prompt"
	types 'echo typed by a person'
	shows 'typed by a person' "$name: what was typed is answered"
	types 'set /p word='
	types 'some words'
	types 'C:\app\winapp.exe print got %word%'
	shows 'got some words' "$name: a line is read, and a program started with it"
	types 'exit 7'
	shows 'it ended with 7' "$name: the exit code of the shell is ctr's"
	tm kill-session -t s
}

"$rig" ctr run -d --null-io --runtime $runtime $image terminal 'C:\app\winapp.exe' sleep 600s </dev/null
session 'ctr task exec -t' task exec -t --exec-id shell terminal cmd
"$rig" ctr task kill -s SIGKILL terminal </dev/null
"$rig" ctr task rm terminal </dev/null >/dev/null 2>&1 || true # its exit code is the task's
"$rig" ctr containers rm terminal </dev/null
session 'ctr run -t' run -t --rm --runtime $runtime $image shell cmd
if "$rig" ctr containers ls -q </dev/null | grep -q .; then
	echo "   FAIL containers are left"
	exit 1
fi
echo "terminal: as a person would have it"
