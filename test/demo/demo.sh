#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The demonstration: two routers and a host behind each, in network namespaces that end with
# this script. Usage: demo.sh BINDIR
set -eu

bin=$(cd "$1" && pwd)
if [ "${2-}" != inside ]; then
	flags="--net --mount --pid --fork --kill-child --mount-proc"
	[ "$(id -u)" = 0 ] || flags="--user --map-root-user $flags"
	# shellcheck disable=SC2086 # the flags are words
	exec unshare $flags "$BASH" "$0" "$bin" inside
fi
trap 'exit 130' INT TERM # as pid 1 of the namespace: everything in it ends with this shell

mount --make-rprivate /
mount -t tmpfs tmpfs /run # all that is written
PATH=$bin:$PATH
export PATH

bold='' faint='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR-}" ]; then
	bold=$'\e[1m' faint=$'\e[2m' plain=$'\e[0m'
	export FORCE_COLOR=1
fi
say() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }

# at NODE COMMAND... shows a command and runs it there. "uci" is told which directories
# are those of the router; ucid finds them in its environment.
at() {
	local node=$1
	shift
	printf '%s%s$%s %s\n' "$faint" "$node" "$plain" "$(shown "$@")"
	quietly "$node" "$@"
}
shown() {
	local word line=''
	for word in "$@"; do
		case $word in
		*[!A-Za-z0-9_./:=@,-]*) word="'$word'" ;;
		esac
		line="$line$word "
	done
	printf '%s' "${line% }"
}
quietly() {
	local node=$1 command=$2
	shift 2
	local -a where=()
	[ "$command" != uci ] || where=(-c "/run/$node/config" -t "/run/$node/save")
	ip netns exec "$node" env "UCID_CONFDIR=/run/$node/config" "UCID_SAVEDIR=/run/$node/save" \
		"UCID_RUNDIR=/run/$node" "UCID_STATEDIR=/run/$node/state" "$command" "${where[@]}" "$@"
}
# until_true SECONDS COMMAND... polls.
until_true() {
	local deadline=$((SECONDS + $1))
	shift
	until "$@"; do
		[ $SECONDS -lt $deadline ] || { echo "this did not become true: $*" >&2; exit 1; }
		read -r -t 0.02 <> <(:) || true
	done
}

say "Two routers, branch and hq, joined by a wire; a host behind each."
mkdir -p /run/netns
for ns in branch hq desk server; do ip netns add $ns; ip -n $ns link set lo up; done
wire() { ip link add "$2" netns "$1" type veth peer name "$4" netns "$3"; ip -n "$1" link set "$2" up; ip -n "$3" link set "$4" up; }
wire branch wan hq wan
wire branch lan desk eth0
wire hq lan server eth0
host() { ip -n "$1" addr add "$2" dev eth0; ip -n "$1" route add default via "$3"; }
host desk 192.0.2.10/25 192.0.2.1
host server 198.51.100.10/24 198.51.100.1
for router in branch hq; do
	ip netns exec $router sh -c 'echo 1 > /proc/sys/net/ipv4/ip_forward'
	mkdir -p /run/$router/config /run/$router/state
done
router() { # NAME WAN LAN
	cat > "/run/$1/config/network" <<EOF

config interface 'wan'
	option device 'wan'
	option proto 'static'
	option ipaddr '$2'

config interface 'lan'
	option device 'lan'
	option proto 'static'
	option ipaddr '$3'
EOF
}
router branch 203.0.113.1/30 192.0.2.1/25
router hq 203.0.113.2/30 198.51.100.1/24
touch /run/branch/config/ucid /run/hq/config/ucid
cat /run/branch/config/network

say "A ucid runs on each. It only watches until the first reload."
for router in branch hq; do
	quietly $router ucid run 2> /run/$router/log &
	until_true 10 test -S /run/$router/ucid.sock
	until_true 10 grep -q ready /run/$router/log
done
at branch ucid status
at branch ucid reload
quietly hq ucid reload > /dev/null

say "A route to hq's network: set, commit, look at the plan, reload."
at branch uci set network.office=route
at branch uci set network.office.interface=wan
at branch uci set network.office.target=198.51.100.0/24
at branch uci set network.office.gateway=203.0.113.2
at branch uci commit
at branch ucid plan
at branch ucid reload
at branch ip route
say "The same at hq, for the way back."
quietly hq uci batch <<EOF
set network.branch=route
set network.branch.interface=wan
set network.branch.target=192.0.2.0/25
set network.branch.gateway=203.0.113.1
commit network
EOF
at hq ucid reload
say "From the host behind one router to the host behind the other:"
at desk ping -c 2 -i 0.2 -W 2 198.51.100.10

say "Somebody deletes the route by hand."
office() { ip -n branch route show 198.51.100.0/24 | grep -q via; }
at branch ip route del 198.51.100.0/24
deleted=$(date +%s%N)
until office; do [ $SECONDS -lt 25 ] || exit 1; done
took=$((($(date +%s%N) - deleted) / 1000))
echo "It was back after $((took / 1000)).$((took % 1000 / 100)) ms, the time 'ip' takes to look included."
at branch ucid events -n 1

say "A process that is kept running."
at branch uci set ucid.clock=process
at branch uci add_list ucid.clock.command=sh
at branch uci add_list ucid.clock.command=-c
at branch uci add_list 'ucid.clock.command=while date +%T; do sleep 1; done'
at branch uci set ucid.clock.respawn='3600 1 0'
at branch uci commit
at branch ucid plan
at branch ucid reload
pid() { quietly branch ucid service list | awk '$1 == "clock" { print $3 }'; }
first=$(pid)
at branch ucid service list
say "It is killed (pid $first), and replaced after the second its respawn option says."
kill -9 "$first"
replaced() { local now; now=$(pid); [ "$now" != - ] && [ "$now" != "$first" ]; }
until_true 10 replaced
at branch ucid service list
at branch ucid logs clock -n 2

say "A section with a mistake: its old route stays, the rest is applied."
at branch uci set network.office.gateway=203.0.113.300
at branch uci set network.lab=route
at branch uci set network.lab.interface=lan
at branch uci set network.lab.target=198.51.101.0/24
at branch uci set network.lab.gateway=192.0.2.20
at branch uci commit
at branch ucid reload || echo "(exit status $?)"
at branch ip route
at desk ping -c 1 -W 2 -q 198.51.100.10
at branch ucid status

say "Mended, and the new route changed in place."
at branch uci set network.office.gateway=203.0.113.2
at branch uci set network.lab.gateway=192.0.2.21
at branch uci commit
at branch ucid plan
at branch ucid reload
at branch ucid reload
say "Everything here lived in namespaces that end now; nothing is left on this machine."
