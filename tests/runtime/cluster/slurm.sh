#!/usr/bin/env bash
# Try the batch job of docs/clusters.md, as it stands there, on a Slurm of three hosts on one machine. Each has a
# network, a name, processes and a /tmp of its own; they share the folder of the script and the store. The first job is
# cut off by its time limit, and goes on in the next.
# It needs root, iproute2 and Debian's Slurm (apt-get install slurm-wlm munge): bash tests/runtime/cluster/slurm.sh
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../../.." && pwd)
state=$(mktemp -d -p /var/tmp hpo-slurm-XXXXXX) # shared: a host has a /tmp of its own
export PATH="$root/.venv/bin:$PATH:/usr/sbin" SLURM_CONF="$state/slurm.conf" HPO_HOME="$state/store"
processes=()

host() { # NUMBER: make one
    ip netns add "hpo$1"
    ip link add "vhpo$1" type veth peer name eth0 netns "hpo$1"
    ip link set "vhpo$1" master hpobr up
    ip -n "hpo$1" addr add "10.77.0.1$1/24" dev eth0
    ip -n "hpo$1" link set eth0 up
    ip -n "hpo$1" link set lo up
    ip -n "hpo$1" route add default via 10.77.0.1
    nsenter --net="/run/netns/hpo$1" unshare --uts --mount --pid --fork --kill-child --mount-proc sh -c "
        hostname host$1; mount -t tmpfs tmpfs /tmp; mount --bind '$state/hosts' /etc/hosts
        exec slurmd -D -N host$1 >'$state/slurmd$1.log' 2>&1" &
    processes+=($!)
}
down() {
    kill -9 "${processes[@]}"
    for number in 1 2 3; do
        ip link del "vhpo$number" # at once, whatever still lives in there
        ip netns del "hpo$number"
    done
    ip link del hpobr
    sleep 1
    rm -rf "$state"
} 2>/dev/null
trap 'down || true' EXIT

head -c 1024 /dev/urandom >"$state/munge.key"
chmod 600 "$state/munge.key"
chmod 711 "$state"
mkdir "$state"/spool-host{1,2,3}
echo CgroupPlugin=cgroup/v1 >"$state/cgroup.conf" # not to be looked for: none is used
printf '10.77.0.1%s host%s\n' 1 1 2 2 3 3 >"$state/hosts"
echo '127.0.0.1 localhost' >>"$state/hosts"
cat >"$SLURM_CONF" <<END
ClusterName=hpo
SlurmctldHost=$(hostname)(10.77.0.1)
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=$state/munge
StateSaveLocation=$state/control
SlurmdSpoolDir=$state/spool-%n
MailProg=/bin/true
SlurmctldPidFile=$state/slurmctld.pid
SlurmdPidFile=$state/slurmd-%n.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
SchedulerParameters=sched_interval=5
MpiDefault=none
MessageTimeout=60
KillWait=10
NodeName=host[1-3] NodeAddr=10.77.0.1[1-3] CPUs=2 RealMemory=1000
PartitionName=all Nodes=ALL Default=YES State=UP
END
ip link add hpobr type bridge
ip addr add 10.77.0.1/24 dev hpobr
ip link set hpobr up
munged --foreground --force --key-file "$state/munge.key" --socket "$state/munge" --pid-file "$state/munge.pid" \
    --log-file "$state/munge.log" --seed-file "$state/munge.seed" >"$state/munged" 2>&1 &
processes+=($!)
until [ -S "$state/munge" ]; do sleep 0.1; done
slurmctld -D >"$state/slurmctld.log" 2>&1 &
processes+=($!)
for number in 1 2 3; do host "$number"; done

cat >"$state/train.py" <<'END'
import socket, time
import hpo

rate = 0.1  # hpo: loguniform(1e-4, 1)
checkpoint = hpo.trial_dir() / "steps"
done = int(checkpoint.read_text()) if checkpoint.exists() else 0
print("begins at", done, "on", socket.gethostname())
for step in range(done, 10):
    time.sleep(1)
    checkpoint.with_suffix(".new").write_text(str(step + 1))
    checkpoint.with_suffix(".new").replace(checkpoint)
    hpo.report_intermediate_result(rate * step, step=step)
hpo.report_final_result(rate)
END
# The job of the page, with the sizes of these hosts.
sed -n '/^#!\/bin\/bash$/,/^```$/{/^```$/!p}' "$root/docs/clusters.md" |
    sed -E "s/--nodes=[0-9]+/--nodes=3/; s/--cpus-per-task=[0-9]+/--cpus-per-task=2/; s/ --gpus-per-(task|trial)[= ][0-9]+//
        s/--time=[0-9:]+/--time=3/; s/USR1@[0-9]+/USR1@60/; s/--max-trials [0-9]+/--max-trials 40 --seed 1/" >"$state/sweep.sbatch"
cat "$state/sweep.sbatch"
cd "$state"
until sinfo -h -t idle -o %D | grep -q 3; do sleep 1; done
job=$(sbatch --parsable sweep.sbatch)
until squeue -h -j "$job" -o '%T %r' | tee "$state/now" | grep -q '^$' || ! [ -s "$state/now" ]; do
    cmp -s "$state/now" "$state/before" || { date +%T; cat "$state/now"; }
    cp "$state/now" "$state/before"
    sleep 2
done
cat "$state/slurm-$job.out"
hpo trial list
grep -H . "$HPO_HOME"/*/trials/*/stdout*.log | grep -v 'begins at 0' || true
hpo trial list --json | python -c '
import collections, json, sys
trials = json.load(sys.stdin)
assert all(trial["state"] == "succeeded" and trial["value"] == trial["parameters"]["rate"] for trial in trials)
nodes = collections.Counter(trial["node"] for trial in trials)
assert len(nodes) > 1, nodes
print(len(trials), "trials succeeded, on", dict(nodes))'
