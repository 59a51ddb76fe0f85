"""Would the tests notice? The C core with one thing wrong at a time; its own test programs must fail on each.

A mutant is a textual replacement in one source. It is compiled into the program that compares the core with
an oracle (`native/tests/fuzz_scheduler.c`) or makes each allocation fail (`starve_scheduler.c`). A handful
runs each time, all of them under `SOMC_CAMPAIGN=1`. What is not in the list is left out because nobody could
tell: where a full chunk is split, and on which side of the split an entry goes that fits on either.
"""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

NATIVE = Path(__file__).parents[2] / "native"
SOURCES = [path for path in sorted(NATIVE.glob("*.c")) if '#include "internal.h"' in path.read_text("utf-8")]
"""The scheduler's; the simulator beside it knows scheduler.h only."""

COMPILER = os.environ.get("CC", "cc")
FLAGS = ["-std=c11", "-O1", "-w"]  # a mutant may well be worth a warning
RUNS, SEED, LIMIT_S = "800", "20100601", 120


@dataclass(frozen=True)
class Mutant:
    """One wrong line. `always`: run each time, not only in a campaign."""

    name: str
    source: str
    right: str
    wrong: str
    program: str = "fuzz_scheduler"
    always: bool = False


MUTANTS = [
    # pick.c
    Mutant(
        "ties go to the shorter wait",
        "pick",
        "return front->lines[a].head_v < front->lines[b].head_v;",
        "return front->lines[a].head_v > front->lines[b].head_v;",
        always=True,
    ),
    Mutant(
        "ties ignore the order", "pick", "return order_of(s, head_a) < order_of(s, head_b);", "return true;"
    ),
    Mutant("ties ignore the key", "pick", "return key_of(s, head_a) < key_of(s, head_b);", "return true;"),
    Mutant(
        "the guard speaks a millisecond late",
        "pick",
        "if (wait >= front->late[lane->queue].guard) return GUARDED + wait;",
        "if (wait > front->late[lane->queue].guard) return GUARDED + wait;",
        always=True,
    ),
    Mutant("the guard forgets the wait", "pick", "return GUARDED + wait;", "return GUARDED;"),
    Mutant(
        "heads are guarded late",
        "pick",
        "wait >= s->front.late[lane->queue].guard}",
        "wait > s->front.late[lane->queue].guard}",
    ),
    Mutant(
        "the knee bends a millisecond late",
        "pick",
        "if (counted >= late->knee) sum +=",
        "if (counted > late->knee) sum +=",
        always=True,
    ),
    Mutant(
        "the jump is forgotten", "pick", "sum += late->jump + late->rate_after", "sum += late->rate_after"
    ),
    Mutant("scores are not cut", "pick", "return cut(sum, SCORE_LIMIT);", "return sum;"),
    Mutant(
        "waits are not cut", "pick", "int64_t counted = cut(wait, WAIT_LIMIT);", "int64_t counted = wait;"
    ),
    Mutant(
        "overflow opens a millisecond late",
        "pick",
        "if (wait < lane->min_wait || (lane->reserve",
        "if (wait <= lane->min_wait || (lane->reserve",
        always=True,
    ),
    Mutant(
        "a forward run sees overflow late",
        "pick",
        "if (wait < lane->min_wait) continue;\n        int64_t rank",
        "if (wait <= lane->min_wait) continue;\n        int64_t rank",
    ),
    Mutant(
        "one idle counter too few is kept free",
        "pick",
        "(lane->reserve >= idle &&",
        "(lane->reserve > idle &&",
    ),
    Mutant(
        "a guard ends no reserve",
        "pick",
        "lane->reserve >= idle && wait < s->front.late[lane->queue].guard",
        "lane->reserve >= idle",
    ),
    Mutant(
        "an idle counter sleeps through a guard",
        "idle",
        "if (guard < NEVER) earliest = first_beyond(q, now, guard, earliest);",
        "(void)guard;",
    ),
    Mutant("the runner-up is lost", "pick", "*runner = *best;\n", ""),
    Mutant(
        "a tied runner-up is not looked at", "pick", "(ranks[i] >= next)", "(ranks[i] > next)", always=True
    ),
    Mutant("the level is forgotten", "pick", "- lane->level * LEVEL_STEP;", "- LEVEL_STEP;"),
    Mutant("ratio scores forget the bonus", "pick", "return cut(bonus - lag_of", "return cut(- lag_of"),
    Mutant(
        "a ratio is called a score",
        "pick",
        "choice->rule = SCHED_RATIO;",
        "choice->rule = SCHED_SCORE;",
    ),
    Mutant("heads stand by queue", "pick", "if (its > rank ||", "if (true ||"),
    # ratio.c
    Mutant(
        "a call takes nothing off the other lags",
        "ratio",
        "lags->passed += lag_of(lags, line->group);",
        "",
        always=True,
    ),
    Mutant("every share is one", "ratio", "RATIO_STEP / line->share", "RATIO_STEP"),
    Mutant("a lag is set without what has passed", "ratio", "s->front.lags.passed + lag;", "lag;"),
    # scheduler.c
    Mutant(
        "a call charges nobody",
        "scheduler",
        "    lag_charge(&s->front.lags,",
        "    if (0) lag_charge(&s->front.lags,",
    ),
    Mutant(
        "a removal charges",
        "scheduler",
        "    leave(s, arena_ticket(s, slot)->queue, slot);",
        "    leave_called(s, arena_ticket(s, slot)->queue, slot);",
    ),
    Mutant("what was told is forgotten", "scheduler", ".told = (uint32_t)told,", ".told = 0,"),
    Mutant(
        "a key may be inside twice",
        "scheduler",
        "if (index_find(s, key) != NO_SLOT) return SCHED_INSIDE;",
        "",
    ),
    Mutant("plain waits ignore the guard", "scheduler", "if (t->guard < plain) plain = t->guard;", ""),
    Mutant("plain waits ignore the knee", "scheduler", "if (t->knee < plain) plain = t->knee;", ""),
    Mutant(
        "plain waits ignore large offsets",
        "scheduler",
        "if (t->group || !within(t->offset, -TIME_LIMIT, TIME_LIMIT)) return 0;",
        "if (t->group) return 0;",
    ),
    Mutant(
        "the n-th is the one behind",
        "scheduler",
        "for (; n > span->count; span++)",
        "for (; n >= span->count; span++)",
    ),
    Mutant(
        "a move keeps its old place", "scheduler", "    ticket->v = v;\n    queue_insert", "    queue_insert"
    ),
    Mutant("a share needs no group", "scheduler", "(t->share == 0) == (t->group == 0)", "true"),
    # queue.c
    Mutant(
        "a split loses an entry",
        "queue",
        "append(next, span, kept, CHUNK - kept);",
        "append(next, span, kept, CHUNK - kept - 1);",
        always=True,
    ),
    Mutant("behind a split one place off", "queue", "spot.at - kept}", "spot.at - kept + 1}"),
    Mutant(
        "the head is the chunk's first entry",
        "queue",
        "slots = span->chunk->slot + span->begin;",
        "slots = span->chunk->slot;",
        always=True,
    ),
    Mutant("bits stay behind their entries", "queue", "chunk->open[level] |= moved << target;", ""),
    Mutant("a split leaves its bits", "queue", "span->chunk->open[0] &= below(kept);", ""),
    Mutant("an erased entry leaves its bit", "queue", "chunk->open[1] &= ~(UINT64_C(1) << spot.at);", ""),
    Mutant(
        "a merge forgets the watermark",
        "queue",
        "if (q->marks[level] == left + 1) q->marks[level] = left;",
        "",
    ),
    Mutant(
        "a closed span leaves the watermark", "queue", "if (q->marks[level] > index) q->marks[level]--;", ";"
    ),
    Mutant(
        "a search stops too early",
        "queue",
        "compare(s, span->chunk, span->begin, ticket) > 0;",
        "compare(s, span->chunk, span->begin, ticket) >= 0;",
    ),
    Mutant(
        "keys do not order a queue",
        "queue",
        "return key < ticket->key ? -1 : key > ticket->key;",
        "return 0;",
    ),
    Mutant("the directory is reused without its marks", "queue", "q->marks[0] -= q->first;", ""),
    Mutant(
        "beyond means from",
        "queue",
        "if (q->spans[middle].first_v <= v)",
        "if (q->spans[middle].first_v < v)",
    ),
    Mutant(
        "beyond means from, in a chunk",
        "queue",
        "if (span->chunk->v[middle] <= v)",
        "if (span->chunk->v[middle] < v)",
    ),
    # alerts.c
    Mutant(
        "the watermark is not drawn back", "alerts", "if (q->marks[level] > span) q->marks[level] = span;", ""
    ),
    Mutant(
        "a timer stands still",
        "alerts",
        "    advance(q, level);\n    return true;",
        "    return true;",
    ),
    Mutant("an earlier alert sets no timer", "alerts", "if (sooner) carry(s, queue);", ""),
    Mutant(
        "the tree keeps the later moment",
        "alerts",
        "earlier = one < other ? one : other;",
        "earlier = one < other ? other : one;",
    ),
    Mutant(
        "a warning is due beside its breach",
        "alerts",
        "v + target <= now) continue;",
        "v + target < now) continue;",
        always=True,
    ),
    Mutant("alerts of one moment stand by chance", "alerts", ": a->key > b->key;", ": false;"),
    Mutant("a breach told leaves the warning", "alerts", "int before = ticket->told;", "int before = 1;"),
    # index.c
    Mutant(
        "an erasure breaks a chain",
        "index",
        "*link = ticket->next;",
        "*link = NO_SLOT;",
        always=True,
    ),
    Mutant("equal homes are equal keys", "index", "&& arena_ticket(s, slot)->key != key", "&& false"),
    Mutant(
        "a search ends at the first of a chain",
        "index",
        "slot = arena_ticket(s, slot)->next;\n    return",
        "slot = NO_SLOT;\n    return",
    ),
    # idle.c
    Mutant(
        "the shortest idle first",
        "idle",
        "return a->since < b->since;",
        "return a->since > b->since;",
        always=True,
    ),
    Mutant("the highest level first", "idle", "return level_a < level_b;", "return level_a > level_b;"),
    Mutant(
        "the highest number first", "idle", "return a->number < b->number;", "return a->number > b->number;"
    ),
    Mutant(
        "fixed order looks at idle times",
        "idle",
        "if (distribution != SCHED_FIXED_ORDER && a->since",
        "if (a->since",
    ),
    Mutant(
        "the last sight counts",
        "idle",
        "return moment < earliest ? moment : earliest;",
        "return moment > earliest ? moment : earliest;",
    ),
    # ahead.c
    Mutant(
        "those of lower rank stand before", "ahead", "if (rank != rival->rank) return rank > rival->rank;", ""
    ),
    Mutant("the hidden are counted", "ahead", "if (now - v < lane->min_wait) return false;", ""),
    Mutant("later spans are not counted", "ahead", "count += q->spans[i].count;", ""),
    Mutant(
        "ratio is counted as if it stood still",
        "ahead",
        "if (s->front.lines[profile->lanes[i].queue].group) return true;",
        "",
    ),
    # forward.c
    Mutant(
        "the newcomer goes before its equals", "forward", "run->newcomer_v < v) {", "run->newcomer_v <= v) {"
    ),
    Mutant(
        "a run charges nobody",
        "forward",
        "    lag_charge(&run->front.lags,",
        "    if (0) lag_charge(&run->front.lags,",
    ),
    Mutant(
        "of servers free at once the last calls",
        "forward",
        ": a.server < b.server;",
        ": a.server > b.server;",
        always=True,
    ),
    Mutant(
        "every service takes as long", "forward", "first->time += means[queue];", "first->time += means[0];"
    ),
    Mutant(
        "a server without work leaves",
        "forward",
        "first->time = next_sight(run, profile);",
        "first->time = TIME_LIMIT;",
    ),
    # batch.c
    Mutant("half a batch joins", "batch", "while (i-- > 0) sched_remove(s, tickets[i].key);", ""),
    Mutant("a key may leave twice", "batch", "|| arena_ticket(s, slot)->marked) break;", ") break;"),
    Mutant(
        "a refused batch leaves marks",
        "batch",
        "->marked = false;\n        return",
        "->marked = true;\n        return",
    ),
    Mutant(
        "calls before a wrong one are made",
        "batch",
        "if (!profile_ok(s, asks[i].profile)) return SCHED_NO_PROFILE;",
        "",
    ),
    # memory
    Mutant(
        "a push takes before it has all",
        "scheduler",
        "|| !queue_reserve(s, (uint32_t)queue)) return SCHED_NO_MEMORY;\n    uint32_t slot = arena_take(s);",
        ") return SCHED_NO_MEMORY;\n    uint32_t slot = arena_take(s);\n"
        "    if (!queue_reserve(s, (uint32_t)queue)) return SCHED_NO_MEMORY;",
        "starve_scheduler",
    ),
    Mutant(
        "a profile is lost for want of memory",
        "scheduler",
        "if (!copy_lanes(s, lanes, count, &other)) return SCHED_NO_MEMORY;",
        "s->profiles[profile].count = 0;\n"
        "    if (!copy_lanes(s, lanes, count, &other)) return SCHED_NO_MEMORY;",
        "starve_scheduler",
    ),
]


TRIED = [each for each in MUTANTS if each.always or os.environ.get("SOMC_CAMPAIGN") == "1"]


@pytest.fixture(scope="module")
def objects(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with every source as it is, compiled."""
    if shutil.which(COMPILER) is None:
        pytest.skip(f"needs a C compiler ({COMPILER})")
    folder = tmp_path_factory.mktemp("objects")
    for program in ("fuzz_scheduler", "starve_scheduler"):
        build(NATIVE / "tests" / f"{program}.c", folder / f"{program}.o")
    for path in SOURCES:
        build(path, folder / f"{path.stem}.o")
    build(NATIVE / "memory.c", folder / "memory_starved.o", "-DSCHED_TEST_ALLOCATION")
    return folder


def build(source: Path, target: Path, *flags: str) -> None:
    subprocess.run([COMPILER, *FLAGS, *flags, f"-I{NATIVE}", "-c", source, "-o", target], check=True)


def run(objects: Path, program: str, other: Path | None = None, name: str = "") -> int:
    """The exit code of a test program, one of its objects replaced by another."""
    parts = [objects / f"{path.stem}.o" for path in SOURCES if path.stem not in (name, "memory")]
    parts.append(objects / ("memory_starved.o" if program == "starve_scheduler" else "memory.o"))
    if other is not None:
        parts.append(other)
    target = (other or objects / program).with_suffix(".run")
    subprocess.run([COMPILER, objects / f"{program}.o", *parts, "-o", target], check=True)
    arguments = [RUNS, SEED] if program == "fuzz_scheduler" else []
    try:
        done = subprocess.run([target, *arguments], capture_output=True, timeout=LIMIT_S, check=False)
    except subprocess.TimeoutExpired:
        return -1  # it hangs: noticed as well
    return done.returncode


@pytest.mark.parametrize("program", ["fuzz_scheduler", "starve_scheduler"])
def test_the_core_as_it_is_passes(objects: Path, program: str) -> None:
    assert run(objects, program) == 0


def test_the_line_of_every_mutant_is_there_once() -> None:
    for mutant in MUTANTS:
        text = (NATIVE / f"{mutant.source}.c").read_text(encoding="utf-8")
        assert text.count(mutant.right) == 1, f"{mutant.name}: its line has changed, write the mutant anew"


@pytest.mark.parametrize("mutant", TRIED, ids=lambda mutant: mutant.name)
def test_a_mutant_is_noticed(objects: Path, tmp_path: Path, mutant: Mutant) -> None:
    text = (NATIVE / f"{mutant.source}.c").read_text(encoding="utf-8")
    changed = tmp_path / f"{mutant.source}.c"
    changed.write_text(text.replace(mutant.right, mutant.wrong), encoding="utf-8")
    build(changed, tmp_path / "mutant.o")
    assert run(objects, mutant.program, tmp_path / "mutant.o", mutant.source) != 0, "nobody noticed"
