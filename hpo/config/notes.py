"""What takes the place of NNI's fields that have no meaning here."""

from __future__ import annotations

INTERMEDIATE_RESULTS = "every tuner sees the intermediate results; nothing needs to be set"
ALGORITHM_GPUS = "tuners and assessors run on the CPU"
LOG_COLLECTION = "each trial's output is kept in its folder (`hpo trial logs`)"
MANAGER_IP = "trials report through files, over no network"
NAS_MODE = "one-shot architecture search is not done here; mutable_layers choose per trial"
OTHER_PLATFORM = "trials run on this machine, so this is not read"
WORKING_DIRECTORY = "experiments are kept in $HPO_HOME (~/.hpo), where `hpo list` finds them"
LOG_LEVEL = "what happens is shown as it runs, and kept with the experiment (`hpo show`)"
ELSEWHERE = (
    "the trials run on this machine, as many at a time as trialConcurrency says, and what the file says of "
    "others is not read; to run them on a Ray cluster, give --ray-address"
)
CLUSTER = "the trials run on the Ray cluster, and what the file says of other machines is not read"
SEVERAL_SERVICES = "several are listed; the trials run on this machine"
