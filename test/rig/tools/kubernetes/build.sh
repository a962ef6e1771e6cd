#!/bin/sh
# build.sh [-n]: builds the programs of a Kubernetes cluster, unmodified, that are not in the cache yet, and prints the directory they are in.
# With -n it builds nothing; it exits with 1 when a program is missing.
#
# The cache is a directory for each version of what decides the programs (this script, the two modules), so that `make clean` does not cost
# half an hour. Progress is on stderr; the directory is all of stdout.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
etcd=$here/../etcd
GO=${GO:-go}

usage() {
	echo "usage: build.sh [-n]" >&2
	exit 2
}

dry=
case $# in
0) ;;
1) [ "$1" = -n ] || usage; dry=1 ;;
*) usage ;;
esac

version() { sed -n "s,^.*[[:space:]]$2 \(v[0-9][^ ]*\).*,\1,p" "$1/go.mod" | head -n 1; }
kubernetes=$(version "$here" k8s.io/kubernetes)
[ -n "$kubernetes" ] || { echo "build.sh: no version of k8s.io/kubernetes in $here/go.mod" >&2; exit 1; }
hash=$(cat "$here/go.mod" "$here/go.sum" "$etcd/go.mod" "$etcd/go.sum" "$here/build.sh" | sha256sum | cut -c 1-12)
dir=${XDG_CACHE_HOME:-$HOME/.cache}/containerd-shim-hcs/kubernetes-$kubernetes-$hash

# What Kubernetes' own build sets (hack/lib/version.sh and golang.sh there): without it the programs say v0.0.0-master, and a kubelet is
# refused for its skew. There is no commit in a module, so its hash is left out.
numbers=${kubernetes#v}
major=${numbers%%.*}
minor=${numbers#*.}
minor=${minor%%.*}
flags="-s -w"
for package in k8s.io/client-go/pkg/version k8s.io/component-base/version; do
	flags="$flags -X $package.gitVersion=$kubernetes -X $package.gitMajor=$major -X $package.gitMinor=$minor"
	flags="$flags -X $package.gitCommit=unknown -X $package.gitTreeState=archive"
done
tags=selinux,notest,grpcnotrace

# system, program, module, package; those a pod needs last come last.
programs="
linux   etcd                    $etcd go.etcd.io/etcd/server/v3
linux   kube-apiserver          $here k8s.io/kubernetes/cmd/kube-apiserver
windows kubelet.exe             $here k8s.io/kubernetes/cmd/kubelet
linux   kube-controller-manager $here k8s.io/kubernetes/cmd/kube-controller-manager
linux   kube-scheduler          $here k8s.io/kubernetes/cmd/kube-scheduler
linux   kubectl                 $here k8s.io/kubernetes/cmd/kubectl
windows agnhost.exe             $here k8s.io/kubernetes/test/images/agnhost
"
total=$(echo "$programs" | grep -c .)

if [ -n "$dry" ]; then
	missing=0
	while read -r system program rest; do
		[ -z "$program" ] || [ -x "$dir/$program" ] || missing=1
	done <<-END
		$programs
	END
	echo "$dir"
	exit $missing
fi

mkdir -p "$dir"
# Two runs would compile everything twice.
exec 9>"$dir/lock"
if ! flock -n 9; then
	echo "kubernetes: another build of $kubernetes is at work; waiting for it" >&2
	flock 9
fi
number=0
while read -r system program module package; do
	[ -n "$program" ] || continue
	number=$((number + 1))
	[ ! -x "$dir/$program" ] || continue
	echo "kubernetes: $program $(if [ "$module" = "$etcd" ]; then version "$module" "$package"; else echo "$kubernetes"; fi)" \
		"($system/amd64, $number of $total); minutes, and only this once" >&2
	began=$(date +%s)
	(cd "$module" && CGO_ENABLED=0 GOOS=$system GOARCH=amd64 "$GO" build -trimpath -tags "$tags" -ldflags "$flags" \
		-o "$dir/$program.new" "$package") </dev/null >&2
	mv "$dir/$program.new" "$dir/$program"
	echo "kubernetes: $program: $(($(date +%s) - began)) s, $(($(wc -c <"$dir/$program") / 1000000)) MB" >&2
done <<END
$programs
END
echo "$dir"
