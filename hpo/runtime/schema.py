"""The tables of an experiment's database, and how those of an earlier version become them."""

from __future__ import annotations

import re
import sqlite3

__all__ = ["SCHEMA_VERSION", "add_missing_tables", "bring_up_to_date", "make_tables"]

# History of the schema, and how the one before becomes it:
# 1  the first
# 2  trials that are retried and repeated; what the next trial waits for
# 3  indexes for what would look at every trial: the baseline, and what was told last
# 4  a plan names the files that marks were read from: the script, where it did not say
# 5  the node of a cluster that a trial ran on
SCHEMA_VERSION = 5
_MIGRATIONS = {
    2: """
    ALTER TABLE experiment ADD COLUMN waits TEXT;
    ALTER TABLE trial ADD COLUMN retries INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE trial ADD COLUMN repeat INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE trial ADD COLUMN deviation REAL;
    CREATE TABLE repetition (
        trial INTEGER NOT NULL REFERENCES trial (number), repeat INTEGER NOT NULL, value REAL NOT NULL,
        data TEXT, duration REAL, PRIMARY KEY (trial, repeat)
    ) WITHOUT ROWID;
    """,
    3: """
    CREATE INDEX trial_baseline ON trial (number) WHERE origin = 'baseline';
    CREATE INDEX trial_by_told ON trial (told);
    """,
    4: """
    UPDATE experiment SET config = json_set(config, '$.plan.sources', CASE
        WHEN json_extract(config, '$.plan.command.script') IS NULL THEN json('[]')
        WHEN json_extract(config, '$.plan.command.script') LIKE '/%'
            THEN json_array(json_extract(config, '$.plan.command.script'))
        ELSE json_array(
            json_extract(config, '$.plan.cwd') || '/' || json_extract(config, '$.plan.command.script')
        )
    END)
    WHERE json_type(config, '$.plan') = 'object' AND json_type(config, '$.plan.sources') IS NULL;
    """,
    5: "ALTER TABLE trial ADD COLUMN node TEXT",
}

_SCHEMA = """
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
    deviation     REAL,                 -- of its runs' results, of which `value` is the mean
    node          TEXT                  -- of a cluster, that it ran on; NULL for the runner's own machine
);
CREATE INDEX trial_by_state ON trial (state, value);
CREATE INDEX trial_baseline ON trial (number) WHERE origin = 'baseline';
CREATE INDEX trial_by_told ON trial (told);
CREATE TABLE metric (
    trial         INTEGER NOT NULL REFERENCES trial (number),
    sequence      INTEGER NOT NULL,     -- order of arrival in this trial
    step          INTEGER NOT NULL,
    value         REAL,                 -- NULL where it was no finite number
    data          TEXT,                 -- the whole result where it was a dict, JSON
    time          REAL NOT NULL,        -- wall clock of the trial
    PRIMARY KEY (trial, sequence)
) WITHOUT ROWID;
CREATE TABLE repetition (
    trial         INTEGER NOT NULL REFERENCES trial (number),
    repeat        INTEGER NOT NULL,     -- from 0
    value         REAL NOT NULL,        -- the final result of this run
    data          TEXT,                 -- the whole result where it was a dict, JSON
    duration      REAL,                 -- seconds
    PRIMARY KEY (trial, repeat)
) WITHOUT ROWID;
CREATE TABLE event (
    id            INTEGER PRIMARY KEY,
    time          REAL NOT NULL,        -- wall clock
    kind          TEXT NOT NULL,        -- note, warning, error
    trial         INTEGER,              -- NULL where it is about the experiment
    message       TEXT NOT NULL
);
"""


def make_tables(db: sqlite3.Connection) -> None:
    """Make the tables of a new database."""
    db.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;")


def add_missing_tables(db: sqlite3.Connection) -> None:
    """Make those tables and indexes of this version that a database has not."""
    db.executescript(
        re.sub(r"^CREATE (TABLE|INDEX)", r"CREATE \1 IF NOT EXISTS", _SCHEMA, flags=re.MULTILINE)
    )


def bring_up_to_date(db: sqlite3.Connection) -> None:
    """Migrate a database, one version after the other, all or nothing."""
    db.execute("BEGIN IMMEDIATE")
    try:
        version = db.execute("PRAGMA user_version").fetchone()[0]  # another process may have been faster
        steps = [_MIGRATIONS[later] for later in range(version + 1, SCHEMA_VERSION + 1)]
        for statement in "".join(steps).split(";"):
            db.execute(statement)
        db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        db.execute("COMMIT")
    except BaseException:
        db.execute("ROLLBACK")
        raise
