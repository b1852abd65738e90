BEGIN TRANSACTION;
CREATE TABLE event (
    id            INTEGER PRIMARY KEY,
    time          REAL NOT NULL,        -- wall clock
    kind          TEXT NOT NULL,        -- note, warning, error
    trial         INTEGER,              -- NULL where it is about the experiment
    message       TEXT NOT NULL
);
CREATE TABLE experiment (
    id            TEXT NOT NULL,     -- the folder's name
    name          TEXT NOT NULL,     -- as the user calls it; need not be unique
    status        TEXT NOT NULL,     -- running, stopped, done, error ('interrupted' is seen, not stored)
    message       TEXT,              -- why it ended, for a person
    created       REAL NOT NULL,     -- wall clock, seconds since 1970
    elapsed       REAL NOT NULL,     -- seconds that runners spent on it, all together
    direction     TEXT NOT NULL,     -- maximize or minimize
    config        TEXT NOT NULL,     -- the configuration it runs by, JSON
    space         TEXT NOT NULL,     -- NNI's search-space JSON
    defaults      TEXT NOT NULL,     -- the source's own values by name, JSON
    waits         TEXT               -- what the next trial waits for, and since when; NULL for nothing
);
INSERT INTO "experiment" VALUES('earlier','train','running',NULL,1.7956835874176361561e+09,1.56825475000005098991e-01,'maximize','{"settings": {"name": null, "description": null, "command": null, "code_directory": "{WORK}", "use_annotation": null, "tuner": {"name": "Random", "file": null, "class_args": {}}, "assessor": null, "direction": "maximize", "trial_concurrency": 1, "max_trials": 6, "max_duration": null, "max_trial_duration": null, "max_trial_memory": null, "max_failures": null, "stop_when": null, "patience": null, "retries": 0, "repeat": 1, "cpus_per_trial": null, "gpus_per_trial": null, "gpu_indices": null, "max_trials_per_gpu": 1, "use_active_gpu": false, "seed": 1, "start_method": "fork", "engine": "local", "ray_address": null, "ray_resources": {}, "ray_runtime_env": {}, "options": [], "metric_pattern": null, "notes": []}, "plan": {"command": {"script": "train.py", "args": []}, "cwd": "{WORK}", "modules": ["time", "hpo"], "sources": ["{WORK}/train.py"]}}','{"x": {"_type": "uniform", "_value": [0, 1]}, "n": {"_type": "choice", "_value": [1, 2, 3]}}','{"x": 0.5, "n": 2}',NULL);
CREATE TABLE metric (
    trial         INTEGER NOT NULL REFERENCES trial (number),
    sequence      INTEGER NOT NULL,     -- order of arrival in this trial
    step          INTEGER NOT NULL,
    value         REAL,                 -- NULL where it was no finite number
    data          TEXT,                 -- the whole result where it was a dict, JSON
    time          REAL NOT NULL,        -- wall clock of the trial
    PRIMARY KEY (trial, sequence)
) WITHOUT ROWID;
INSERT INTO "metric" VALUES(0,0,0,0.0,NULL,1.79568358754972481729e+09);
INSERT INTO "metric" VALUES(0,1,1,0.5,NULL,1.79568358755045938491e+09);
INSERT INTO "metric" VALUES(1,0,0,0.0,NULL,1.79568358755390930178e+09);
INSERT INTO "metric" VALUES(1,1,1,5.86704065434806909529e-01,NULL,1.79568358755409979814e+09);
INSERT INTO "metric" VALUES(2,0,0,0.0,NULL,1.7956835875569303035e+09);
INSERT INTO "metric" VALUES(2,1,1,0.983296089691269,NULL,1.79568358755710768704e+09);
INSERT INTO "metric" VALUES(3,0,0,0.0,NULL,1.79568358756802701949e+09);
INSERT INTO "metric" VALUES(3,1,1,2.92896807061294284224e-01,NULL,1795683587.56822);
INSERT INTO "metric" VALUES(4,0,0,0.0,NULL,1.79568358757186245918e+09);
INSERT INTO "metric" VALUES(4,1,1,5.73414519405972211707e-01,NULL,1.79568358757204437261e+09);
CREATE TABLE repetition (
    trial         INTEGER NOT NULL REFERENCES trial (number),
    repeat        INTEGER NOT NULL,     -- from 0
    value         REAL NOT NULL,        -- the final result of this run
    data          TEXT,                 -- the whole result where it was a dict, JSON
    duration      REAL,                 -- seconds
    PRIMARY KEY (trial, repeat)
) WITHOUT ROWID;
CREATE TABLE trial (
    number        INTEGER PRIMARY KEY,  -- from 0, in the order of proposal
    state         TEXT NOT NULL,        -- hpo.trial.TrialState
    origin        TEXT NOT NULL,        -- baseline, tuner, user or imported
    parameters    TEXT NOT NULL,        -- the configuration, JSON
    memo          TEXT NOT NULL,        -- what the tuner must remember, JSON
    attempt       INTEGER NOT NULL,     -- 1, and one more each time it is run again
    value         REAL,                 -- the final result
    data          TEXT,                 -- the whole result where it was a dict, JSON
    told          INTEGER,              -- its place in the order in which the tuner was told
    started       REAL,                 -- wall clock
    ended         REAL,                 -- wall clock
    duration      REAL,                 -- seconds, by a clock that nobody sets
    failure       TEXT,                 -- exception, exit, signal, oom, timeout, no_result, bad_value, lost
    detail        TEXT,                 -- what went wrong, for a person
    device        TEXT,                 -- the GPUs it had, JSON list
    spool         INTEGER NOT NULL DEFAULT 0, -- bytes of metrics.jsonl that are in this file
    retries       INTEGER NOT NULL DEFAULT 0, -- how often it failed and was run again
    repeat        INTEGER NOT NULL DEFAULT 0, -- which of its runs is under way, or was the last, from 0
    deviation     REAL                  -- of its runs' results, of which `value` is the mean
);
INSERT INTO "trial" VALUES(0,'succeeded','baseline','{"x": 0.5, "n": 2}','{}',1,0.5,'{"default": 0.5, "other": 2}',0,1.79568358747076034544e+09,1.79568358755167794228e+09,0.0698180350000257,NULL,NULL,'[]',296,0,0,NULL);
INSERT INTO "trial" VALUES(1,'succeeded','tuner','{"x": 0.5867040654348069, "n": 1}','{}',1,5.86704065434806909529e-01,'{"default": 0.5867040654348069, "other": 1}',1,1.79568358755195975305e+09,1.79568358755504155158e+09,2.73858199943788349628e-03,NULL,NULL,'[]',340,0,0,NULL);
INSERT INTO "trial" VALUES(2,'failed','tuner','{"x": 0.983296089691269, "n": 2}','{}',1,NULL,NULL,2,1.79568358755524849889e+09,1.79568358756605315207e+09,1.05739589998847804963e-02,'exception','ValueError: trial 2 fails','[]',198,0,0,NULL);
INSERT INTO "trial" VALUES(3,'succeeded','tuner','{"x": 0.2928968070612943, "n": 2}','{}',1,2.92896807061294284224e-01,'{"default": 0.2928968070612943, "other": 2}',3,1.79568358756626343729e+09,1.79568358756919240959e+09,2.71074499960377579554e-03,NULL,NULL,'[]',338,0,0,NULL);
INSERT INTO "trial" VALUES(4,'running','tuner','{"x": 0.5734145194059722, "n": 1}','{}',1,NULL,NULL,NULL,1795683587.5694,NULL,NULL,NULL,NULL,'[]',199,0,0,NULL);
CREATE INDEX trial_by_state ON trial (state, value);
CREATE INDEX trial_baseline ON trial (number) WHERE origin = 'baseline';
CREATE INDEX trial_by_told ON trial (told);
COMMIT;
PRAGMA user_version = 4;
