#!/usr/bin/env bash
# Try a cluster of three hosts on one machine. Each has a network, a name, processes and a /tmp of its own: the
# script lies on the first alone, and so does the store. In the middle of it the third host dies.
# It needs root and iproute2: bash tests/runtime/cluster/hosts.sh
set -euo pipefail
bin=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)/.venv/bin
state=$(mktemp -d)
export PATH="$bin:$PATH" HOME=/tmp HPO_HOME=/tmp/store RAY_AUTH_MODE=token RAY_raylet_start_wait_time_s=120
RAY_AUTH_TOKEN=$(head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n')
export RAY_AUTH_TOKEN

host() { # NUMBER: make one
    ip netns add "hpo$1"
    ip link add "vhpo$1" type veth peer name eth0 netns "hpo$1"
    ip link set "vhpo$1" master hpobr up
    ip -n "hpo$1" addr add "10.77.0.1$1/24" dev eth0
    ip -n "hpo$1" link set eth0 up
    ip -n "hpo$1" link set lo up
    ip netns exec "hpo$1" unshare --uts --mount --pid --fork --mount-proc \
        sh -c "hostname host$1; mount -t tmpfs tmpfs /tmp; mkdir /tmp/work; exec sleep infinity" &
    local parent=$! child=
    until child=$(pgrep -P "$parent" sleep); do sleep 0.1; done
    echo "$child" >"$state/$1"
}
on() { # NUMBER COMMAND...: run there
    local number=$1
    shift
    nsenter --target "$(cat "$state/$number")" --net --uts --mount --pid -- \
        sh -c 'cd /tmp/work; exec "$@"' sh "$@"
}
down() {
    for number in 1 2 3; do
        kill -9 "$(cat "$state/$number")" || true
        ip netns del "hpo$number" || true
    done
    ip link del hpobr || true
    rm -rf "$state"
} 2>/dev/null
trap down EXIT

ip link add hpobr type bridge
ip addr add 10.77.0.1/24 dev hpobr
ip link set hpobr up
for number in 1 2 3; do host "$number"; done
memory=(--object-store-memory 100000000 --num-cpus 1)
on 1 ray start --head --node-ip-address 10.77.0.11 --port 6379 --include-dashboard false "${memory[@]}" >"$state/ray" 2>&1
for number in 2 3; do
    on "$number" ray start --address 10.77.0.11:6379 --node-ip-address "10.77.0.1$number" "${memory[@]}" >>"$state/ray" 2>&1
done

on 1 sh -c 'cat >model.py; cat >train.py <<"END"
import socket, time
import hpo
from model import gain

rate = 0.1  # hpo: loguniform(1e-4, 1)
checkpoint = hpo.trial_dir() / "steps"
done = int(checkpoint.read_text()) if checkpoint.exists() else 0
print("begins at", done, "on", socket.gethostname())
for step in range(done, 8):
    time.sleep(0.5)
    checkpoint.with_suffix(".new").write_text(str(step + 1))
    checkpoint.with_suffix(".new").replace(checkpoint)
    hpo.report_intermediate_result(gain(rate, step), step=step)
hpo.report_final_result(gain(rate, 8))
END' <<<'def gain(rate, steps): return rate * steps'

on 1 hpo run train.py --ray-address 10.77.0.11:6379 --max-trials 18 --seed 1 --no-web &
runner=$!
until on 1 sh -c 'grep -qs host3 /tmp/store/*/trials/*/stdout.log'; do sleep 0.5; done
sleep 3
kill -9 "$(cat "$state/3")"
echo "--- host3 is dead"
wait "$runner"
on 1 hpo trial list
on 1 sh -c 'head -n 3 /tmp/store/*/trials/*/stdout*.log'
on 1 hpo trial list --json | python3 -c '
import collections, json, sys
trials = json.load(sys.stdin)
assert all(trial["state"] == "succeeded" and trial["value"] == 8 * trial["parameters"]["rate"] for trial in trials)
print(len(trials), "trials succeeded, on", dict(collections.Counter(trial["node"] for trial in trials)))'
