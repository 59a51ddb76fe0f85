/* internal.h: the memory of the scheduler, drawn; shared by its C files and by nothing else.
 *
 *   scheduler
 *   |- tickets: an arena of segments, 256 records of 64 bytes each. A record never moves.
 *   |      slot:  [ key | v | order | generation | queue | told | live | spare ............ ]  one cache line
 *   |      handle = generation << 32 | slot; free slots form a list, last freed first (still warm)
 *   |
 *   |- lines: one cache line a queue, all that a pick reads
 *   |             [ head_v | head_order | rate | offset | guard | knee | jump | rate_after ]
 *   |  heads: the slot of each queue's head, read only for the winners and for full ties
 *   |
 *   |- queues: a directory of chunks each, in the order of (v, order, key)
 *   |      spans: [ first_v | chunk | begin | count ] [ ... ] [ ... ]      live ones are first .. last - 1
 *   |                           |
 *   |                           v
 *   |      chunk: [ open[0] open[1] | v[63] | order[63] | slot[63] ]       1280 bytes
 *   |             entries begin .. begin + count - 1 are used, so that a call from the front moves nothing
 *   |             bit i of open[0]: entry i was not told its warning; of open[1]: not its breach
 *   |
 *   |- profiles: arrays of lanes
 *   `- pool: free chunks
 *
 * Invariants (sched_check looks at each)
 * - No span of a queue is empty. Bits of open[] outside begin .. begin + count - 1 are 0.
 * - marks[l] is at most the index of the first span with a bit in open[l] (the watermark: all before it have
 *   been told), and moments[l] is the moment of that bit's entry: the two timers of a queue.
 * - An empty queue has head_v = EMPTY_V, so far in the future that no lane shows it.
 */
#ifndef SOMC_SCHEDULER_INTERNAL_H
#define SOMC_SCHEDULER_INTERNAL_H

#include "scheduler.h"

#include <stdbool.h>
#include <stddef.h>

/* The limits of interface.py; why each is so large stands there. */
#define NEVER (INT64_C(1) << 53)
#define TIME_LIMIT (INT64_C(1) << 52)
#define WAIT_LIMIT (INT64_C(1) << 40)
#define RATE_LIMIT (INT64_C(1) << 20)
#define SCORE_LIMIT ((INT64_C(1) << 54) - 1)
#define MEAN_LIMIT (INT64_C(1) << 31)
#define LEVEL_LIMIT 60
#define NEWCOMER INT64_C(-1)
#define LAST_IN_ORDER INT64_MAX

#define EMPTY_V (INT64_C(1) << 60)
#define NO_MOMENT INT64_MAX
#define NO_SLOT UINT32_MAX

enum { SEGMENT = 256, CHUNK = 63, CACHE_LINE = 64 };

struct ticket {
    _Alignas(CACHE_LINE) int64_t key;
    int64_t v;
    int64_t order;
    uint32_t generation;
    uint32_t queue; /* of a free record: the next free slot */
    uint8_t told;   /* 0, SCHED_WARNING or SCHED_BREACH */
    bool live;
};

struct chunk {
    union {
        uint64_t open[2];
        struct chunk *next; /* while it lies in the pool */
    };
    int64_t v[CHUNK];
    int64_t order[CHUNK];
    uint32_t slot[CHUNK];
};

struct span {
    int64_t first_v; /* of its first entry, so that a search need not touch the chunk */
    struct chunk *chunk;
    uint32_t begin, count;
};

struct queue {
    struct span *spans;
    uint32_t first, last, room; /* of spans */
    uint32_t marks[2];
    int64_t moments[2];
    int64_t alert_waits[2]; /* warn and target */
    int64_t count;
};

struct line {
    _Alignas(CACHE_LINE) int64_t head_v;
    int64_t head_order;
    int64_t rate, offset, guard, knee, jump, rate_after;
};

struct profile {
    sched_lane *lanes;
    int64_t count;
};

struct scheduler {
    struct ticket **segments;
    int64_t segment_count, segment_room;
    uint32_t used; /* slots below have been used */
    uint32_t free; /* the first free slot among them, or NO_SLOT */
    int64_t count;

    struct line *lines;
    uint32_t *heads;
    struct queue *queues;
    int64_t queue_count, queue_room;

    struct profile *profiles;
    int64_t profile_count, profile_room;

    struct chunk *pool;
    int64_t bytes;
};

_Static_assert(sizeof(struct ticket) == CACHE_LINE, "a ticket is one cache line");
_Static_assert(sizeof(struct line) == CACHE_LINE, "what a pick reads of a queue is one cache line");
_Static_assert(sizeof(struct chunk) == 20 * CACHE_LINE, "a chunk is twenty cache lines");

/* The place of an entry: a span of its queue, and a position within the span's chunk. */
struct spot {
    uint32_t span, at;
};

/* memory.c: allocation and the arena */

/* Cache-aligned memory, or NULL. `scratch` memory of a query is not counted in bytes. */
void *memory_scratch(size_t bytes);
void memory_scratch_free(void *memory);
void *memory_get(scheduler *s, size_t bytes);
void memory_free(scheduler *s, void *memory, size_t bytes);
/* The array with room for one more element, moved if need be; NULL, and the old one untouched, if there is
 * no memory. */
void *memory_grown(scheduler *s, void *array, int64_t *room, int64_t count, size_t element);
/* See that arena_take cannot fail. */
bool arena_reserve(scheduler *s);
uint32_t arena_take(scheduler *s);
void arena_give(scheduler *s, uint32_t slot);

static inline struct ticket *arena_ticket(const scheduler *s, uint32_t slot) {
    return &s->segments[slot / SEGMENT][slot % SEGMENT];
}

/* The slot of a live ticket, or NO_SLOT. */
uint32_t arena_find(const scheduler *s, int64_t handle);

static inline int64_t key_of(const scheduler *s, uint32_t slot) {
    return slot == NO_SLOT ? NEWCOMER : arena_ticket(s, slot)->key;
}

/* queue.c: the sorted tickets of one queue */

/* See that queue_insert cannot fail. */
bool queue_reserve(scheduler *s, uint32_t queue);
/* Put a ticket where its v, order and key say, or take it out; `refresh` brings line and timers up to date. */
void queue_insert(scheduler *s, uint32_t queue, uint32_t slot);
void queue_erase(scheduler *s, uint32_t queue, uint32_t slot);
void queue_refresh(scheduler *s, uint32_t queue);
/* Where a ticket of this queue stands. */
struct spot queue_locate(const scheduler *s, uint32_t queue, uint32_t slot);

/* pick.c: who competes, and with what */

/* By this candidates are compared, the largest first: level and score in one number, or the guard. */
int64_t pick_rank(const struct line *line, const sched_lane *lane, int64_t wait, int64_t *score);

struct candidate {
    int64_t rank, score;
    const sched_lane *lane;
};

/* The best and the second best head among the lanes of a profile: how many of the two there are. */
int pick(const scheduler *s, const struct line *lines, const uint32_t *heads, const struct profile *profile,
         int64_t now, struct candidate found[2]);

static inline bool instant_ok(int64_t instant) { return instant > -TIME_LIMIT && instant < TIME_LIMIT; }

#endif
