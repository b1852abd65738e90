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
    defaults      TEXT NOT NULL      -- the source's own values by name, JSON
);
INSERT INTO "experiment" VALUES('earlier','train','running',NULL,1.7956835727897241116e+09,3.78478704000372090376e-01,'maximize','{"settings": {"name": null, "description": null, "command": null, "code_directory": "{WORK}", "use_annotation": null, "tuner": {"name": "Random", "file": null, "class_args": {}}, "assessor": null, "direction": "maximize", "trial_concurrency": 1, "max_trials": 6, "max_duration": null, "max_trial_duration": null, "gpus_per_trial": null, "gpu_indices": null, "max_trials_per_gpu": 1, "use_active_gpu": false, "seed": 1, "options": [], "metric_pattern": null, "notes": []}, "plan": {"command": {"script": "train.py", "args": []}, "cwd": "{WORK}", "modules": ["time", "hpo"]}}','{"x": {"_type": "uniform", "_value": [0, 1]}, "n": {"_type": "choice", "_value": [1, 2, 3]}}','{"x": 0.5, "n": 2}');
CREATE TABLE metric (
    trial         INTEGER NOT NULL REFERENCES trial (number),
    sequence      INTEGER NOT NULL,     -- order of arrival in this trial
    step          INTEGER NOT NULL,
    value         REAL,                 -- NULL where it was no finite number
    data          TEXT,                 -- the whole result where it was a dict, JSON
    time          REAL NOT NULL,        -- wall clock of the trial
    PRIMARY KEY (trial, sequence)
) WITHOUT ROWID;
INSERT INTO "metric" VALUES(0,0,0,0.0,NULL,1.79568357308461856846e+09);
INSERT INTO "metric" VALUES(0,1,1,0.5,NULL,1.79568357309771680827e+09);
INSERT INTO "metric" VALUES(1,0,0,0.0,NULL,1.79568357312261462212e+09);
INSERT INTO "metric" VALUES(1,1,1,5.86704065434806909529e-01,NULL,1.79568357312276196476e+09);
INSERT INTO "metric" VALUES(2,0,0,0.0,NULL,1.79568357313834238049e+09);
INSERT INTO "metric" VALUES(2,1,1,0.983296089691269,NULL,1.79568357313908314701e+09);
INSERT INTO "metric" VALUES(3,0,0,0.0,NULL,1.79568357316490697858e+09);
INSERT INTO "metric" VALUES(3,1,1,2.92896807061294284224e-01,NULL,1.7956835731650483608e+09);
INSERT INTO "metric" VALUES(4,0,0,0.0,NULL,1.7956835731920256614e+09);
INSERT INTO "metric" VALUES(4,1,1,5.73414519405972211707e-01,NULL,1.79568357319817614552e+09);
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
    spool         INTEGER NOT NULL DEFAULT 0  -- bytes of metrics.jsonl that are in this file
);
INSERT INTO "trial" VALUES(0,'succeeded','baseline','{"x": 0.5, "n": 2}','{}',1,0.5,'{"default": 0.5, "other": 2}',0,1.79568357285323166845e+09,1.79568357310662174222e+09,2.44069357000626041553e-01,NULL,NULL,'[]',296);
INSERT INTO "trial" VALUES(1,'succeeded','tuner','{"x": 0.5867040654348069, "n": 1}','{}',1,5.86704065434806909529e-01,'{"default": 0.5867040654348069, "other": 1}',1,1.79568357310765528683e+09,1.79568357313068604468e+09,2.24184500002593267709e-02,NULL,NULL,'[]',340);
INSERT INTO "trial" VALUES(2,'failed','tuner','{"x": 0.983296089691269, "n": 2}','{}',1,NULL,NULL,2,1.79568357313161134723e+09,1.79568357315324783323e+09,1.96877940006743301637e-02,'exception','ValueError: trial 2 fails','[]',198);
INSERT INTO "trial" VALUES(3,'succeeded','tuner','{"x": 0.2928968070612943, "n": 2}','{}',1,2.92896807061294284224e-01,'{"default": 0.2928968070612943, "other": 2}',3,1.79568357315424299239e+09,1.79568357318203306203e+09,2.70478570000705076381e-02,NULL,NULL,'[]',340);
INSERT INTO "trial" VALUES(4,'running','tuner','{"x": 0.5734145194059722, "n": 1}','{}',1,NULL,NULL,NULL,1.79568357318296194071e+09,NULL,NULL,NULL,NULL,'[]',199);
CREATE INDEX trial_by_state ON trial (state, value);
COMMIT;
PRAGMA user_version = 1;
