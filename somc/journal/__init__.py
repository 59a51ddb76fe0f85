"""The journal (记录): the hall's truth, its bus and its outbox in one SQLite file."""
