"""The store: one SQLite file with everything that devices said, safe against kills and for several writers.

A session is one start of one device. Whatever happened in it is known by the device's own counter, milliseconds of
sound since that start, so that the same line always is the same row, however often and from where it comes. When it was
by the clock is worked out from the offsets between clock and counter that `clocks` remembers, one per hour.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from kws.errors import DataError

HOUR_MS = 3_600_000
JUMP_MS = 60_000  # between two hours; a clock that is merely wrong drifts less
BUSY_MS = 60_000  # how long a writer waits for another
FOLDER, NAME = "field", "monitor.db"
READ, GUESSED, WRONG = 0, 1, 2  # how a clock is known: as a line had it, from the file's age, or as it cannot be
MOST_QUARANTINED = 1_000  # lines kept of each device

MIGRATIONS = ("""
CREATE TABLE devices (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE words (id INTEGER PRIMARY KEY, word TEXT NOT NULL UNIQUE);
CREATE TABLE sessions (
    id INTEGER PRIMARY KEY,
    device_id INTEGER NOT NULL REFERENCES devices ON DELETE CASCADE,
    key TEXT NOT NULL,
    model TEXT,
    UNIQUE (device_id, key));
CREATE TABLE events (
    session_id INTEGER NOT NULL REFERENCES sessions ON DELETE CASCADE,
    hour INTEGER NOT NULL,
    word_id INTEGER NOT NULL REFERENCES words,
    time_ms INTEGER NOT NULL,
    score INTEGER NOT NULL,
    near INTEGER NOT NULL,
    PRIMARY KEY (session_id, hour, word_id, time_ms)) WITHOUT ROWID;
CREATE TABLE reports (
    session_id INTEGER NOT NULL REFERENCES sessions ON DELETE CASCADE,
    uptime_s INTEGER NOT NULL,
    samples INTEGER NOT NULL, decisions INTEGER NOT NULL, detections INTEGER NOT NULL, near_misses INTEGER NOT NULL,
    clipped INTEGER NOT NULL, lost INTEGER NOT NULL,
    levels TEXT NOT NULL, scores TEXT NOT NULL, features TEXT NOT NULL,
    PRIMARY KEY (session_id, uptime_s)) WITHOUT ROWID;
CREATE TABLE clocks (
    session_id INTEGER NOT NULL REFERENCES sessions ON DELETE CASCADE,
    hour INTEGER NOT NULL,
    offset_ms INTEGER NOT NULL,
    guessed INTEGER NOT NULL,
    PRIMARY KEY (session_id, hour)) WITHOUT ROWID;
CREATE TABLE clips (
    id INTEGER PRIMARY KEY,
    device_id INTEGER NOT NULL REFERENCES devices ON DELETE CASCADE,
    path TEXT NOT NULL UNIQUE,
    word TEXT NOT NULL,
    near INTEGER NOT NULL,
    score REAL NOT NULL,
    at_ms INTEGER NOT NULL,
    model TEXT,
    label TEXT,
    promoted TEXT);
CREATE TABLE quarantine (
    device_id INTEGER NOT NULL REFERENCES devices ON DELETE CASCADE,
    digest BLOB NOT NULL,
    line TEXT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (device_id, digest)) WITHOUT ROWID;
CREATE TABLE baselines (model TEXT PRIMARY KEY, content TEXT NOT NULL);
""",)

Row = Sequence[str | int | float | bytes | None]


class Store:
    """An open store. Use as a context manager, or close it."""

    def __init__(self, path: Path):
        """Makes what is not there yet. Raises DataError for a file that is no store, or is of a newer kws."""
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._ids: dict[tuple[str | int, ...], int] = {}
        try:
            self.db = sqlite3.connect(path, timeout=BUSY_MS / 1000, isolation_level=None)
            self.db.execute("PRAGMA journal_mode = WAL")
            self.db.execute("PRAGMA synchronous = NORMAL")
            self.db.execute("PRAGMA foreign_keys = ON")
            self.db.execute("PRAGMA cache_size = -65536")
            self._migrate()
        except sqlite3.DatabaseError as error:
            raise DataError(f"{path}: cannot be used as a store ({error}); name another one with --store, or move this "
                            "file away and ingest again") from error

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        self.db.close()

    def _migrate(self) -> None:
        """Bring the tables to what this kws knows; several may try at once."""
        if self._version() == len(MIGRATIONS):
            return
        self.db.execute("BEGIN IMMEDIATE")
        try:
            version = self._version()
            if version > len(MIGRATIONS):
                raise DataError(f"{self.path}: is of a newer kws (version {version}, this one knows "
                                f"{len(MIGRATIONS)}); update kws")
            for number in range(version, len(MIGRATIONS)):
                for statement in MIGRATIONS[number].split(";\n"):
                    self.db.execute(statement)
            self.db.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
            self.db.execute("COMMIT")
        except BaseException:
            self.db.execute("ROLLBACK")
            raise

    def _version(self) -> int:
        version: int = self.db.execute("PRAGMA user_version").fetchone()[0]
        return version

    @contextmanager
    def writing(self) -> Iterator[None]:
        """All that is written in the block, or nothing of it, is in the store afterwards."""
        self.db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.db.execute("COMMIT")
        except BaseException:
            self._ids.clear()
            self.db.execute("ROLLBACK")
            raise

    # ---- what is written, within `writing`

    def device(self, name: str) -> int:
        """The number of a device, which is made where it is not known."""
        return self._id(("device", name), "INSERT INTO devices (name) VALUES (?) ON CONFLICT DO NOTHING",
                        "SELECT id FROM devices WHERE name = ?", (name,))

    def word(self, word: str) -> int:
        return self._id(("word", word), "INSERT INTO words (word) VALUES (?) ON CONFLICT DO NOTHING",
                        "SELECT id FROM words WHERE word = ?", (word,))

    def session(self, device: str, key: str, model: str | None = None) -> int:
        """The number of a session; its model is noted once it is known."""
        if model is not None and ("model", device, key) not in self._ids:
            number = self.session(device, key)
            self.db.execute("UPDATE sessions SET model = ? WHERE id = ? AND model IS NULL", (model, number))
            self._ids["model", device, key] = number
        if found := self._ids.get(("session", device, key)):
            return found
        return self._id(("session", device, key),
                        "INSERT INTO sessions (device_id, key) VALUES (?, ?) ON CONFLICT DO NOTHING",
                        "SELECT id FROM sessions WHERE device_id = ? AND key = ?", (self.device(device), key))

    def _id(self, name: tuple[str | int, ...], insert: str, select: str, values: Row) -> int:
        found = self._ids.get(name)
        if found is None:
            self.db.execute(insert, values)
            found = self._ids[name] = self.db.execute(select, values).fetchone()[0]
        return found

    def add_events(self, rows: Sequence[Row]) -> int:
        """rows : session, hour, word, time_ms, score, near. How many of them are new."""
        return self._add("INSERT OR IGNORE INTO events VALUES (?, ?, ?, ?, ?, ?)", rows)

    def add_reports(self, rows: Sequence[Row]) -> int:
        """rows : the columns of `reports`. How many of them are new."""
        return self._add(f"INSERT OR IGNORE INTO reports VALUES ({', '.join('?' * 11)})", rows)

    def add_clocks(self, rows: Sequence[Row]) -> None:
        """rows : session, hour, offset_ms, and READ, GUESSED or WRONG, of which the first is the best."""
        self.db.executemany("INSERT INTO clocks VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET offset_ms = "
                            "excluded.offset_ms, guessed = excluded.guessed WHERE guessed > excluded.guessed", rows)

    def add_clips(self, rows: Sequence[Row]) -> int:
        """rows : device, path, word, near, score, at_ms, model. How many of them are new."""
        return self._add("INSERT OR IGNORE INTO clips (device_id, path, word, near, score, at_ms, model) "
                         "VALUES (?, ?, ?, ?, ?, ?, ?)", rows)

    def quarantine(self, rows: Sequence[Row]) -> int:
        """rows : device, digest, line, reason. How many were kept; of each device no more than MOST_QUARANTINED are."""
        return self._add("INSERT OR IGNORE INTO quarantine SELECT ?1, ?2, ?3, ?4 WHERE "
                         f"(SELECT count(*) FROM quarantine WHERE device_id = ?1) < {MOST_QUARANTINED}", rows)

    def _add(self, statement: str, rows: Sequence[Row]) -> int:
        before = self.db.total_changes
        self.db.executemany(statement, rows)
        return self.db.total_changes - before

    # ---- what is forgotten

    def forget_device(self, name: str) -> list[Path]:
        """Delete everything that is known of a device. Returns its clips, which the caller removes.

        Raises DataError for a device that is not known.
        """
        if not self.db.execute("SELECT 1 FROM devices WHERE name = ?", (name,)).fetchone():
            known = ", ".join(row[0] for row in self.db.execute("SELECT name FROM devices ORDER BY name")) or "none"
            raise DataError(f"no device {name!r} in {self.path}; there are: {known}")
        self.db.execute("PRAGMA secure_delete = ON")
        with self.writing():
            clips = self.db.execute("SELECT path FROM clips JOIN devices ON device_id = devices.id WHERE name = ?",
                                    (name,)).fetchall()
            self.db.execute("DELETE FROM devices WHERE name = ?", (name,))
        self._ids.clear()
        self._shrink()
        return [Path(row[0]) for row in clips]

    def forget_before(self, moment_ms: int) -> list[Path]:
        """Delete what happened before a moment, as milliseconds since 1970, and what is in quarantine.

        Returns clips, which the caller removes.
        """
        self.db.execute("PRAGMA secure_delete = ON")
        with self.writing():
            clips = self.db.execute("SELECT path FROM clips WHERE at_ms < ?", (moment_ms,)).fetchall()
            self.db.execute("DELETE FROM clips WHERE at_ms < ?", (moment_ms,))
            self.db.execute("DELETE FROM quarantine")  # nobody knows how old its lines are
            for session, offset_ms in self.offsets().items():
                hour = (moment_ms - offset_ms) // HOUR_MS
                self.db.execute("DELETE FROM events WHERE session_id = ? AND hour < ?", (session, hour))
                self.db.execute("DELETE FROM reports WHERE session_id = ? AND uptime_s < ?",
                                (session, (moment_ms - offset_ms) // 1000))
            self.db.execute("DELETE FROM sessions WHERE id NOT IN (SELECT session_id FROM events) AND id NOT IN "
                            "(SELECT session_id FROM reports)")
        self._ids.clear()
        self._shrink()
        return [Path(row[0]) for row in clips]

    def _shrink(self) -> None:
        """What was deleted leaves the write-ahead log as well."""
        self.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    # ---- the clock

    def offsets(self) -> dict[int, int]:
        """For each session that a clock is known of: when it started, in milliseconds since 1970.

        The middle one of its offsets, so that a clock that was set in between does not move what happened: within a
        session the device's counter is believed. Guessed ones count only if there is no other, wrong ones never.
        """
        found: dict[int, dict[int, list[int]]] = {}
        for session, offset, guessed in self.db.execute("SELECT session_id, offset_ms, guessed FROM clocks "
                                                        f"WHERE guessed != {WRONG}"):
            found.setdefault(session, {}).setdefault(guessed, []).append(offset)
        return {session: middle(kinds[min(kinds)]) for session, kinds in found.items()}

    def jumps(self) -> dict[int, list[tuple[int, int]]]:
        """Sessions whose clock did not go on as the device's counter did: at which hours, and by how many seconds."""
        found: dict[int, list[tuple[int, int]]] = {}
        before: tuple[int, int] | None = None
        for session, hour, offset in self.db.execute("SELECT session_id, hour, offset_ms FROM clocks WHERE guessed != "
                                                     f"{GUESSED} ORDER BY session_id, hour"):
            if before is not None and before[0] == session and abs(offset - before[1]) > JUMP_MS:
                found.setdefault(session, []).append((hour, round((offset - before[1]) / 1000)))
            before = session, offset
        return found


def middle(values: list[int]) -> int:
    return sorted(values)[len(values) // 2]
