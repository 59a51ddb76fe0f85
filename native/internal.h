/* internal.h: the memory of the scheduler, drawn; shared by its C files and by nothing else.
 *
 *   scheduler
 *   |- index: a table from keys to tickets: the slot of the first ticket with this home, the others linked behind it;
 *   |      at least four homes a ticket, each                               4 bytes
 *   |
 *   |- tickets: an arena of segments, 256 records each. A record never moves; free ones form a list, last
 *   |      freed first (still warm)
 *   |      slot:  [ key | v | order | next | queue told live marked ]        32 bytes, two in a cache line
 *   |
 *   |- front: all that a pick reads
 *   |      lines: [ head_v | plain | offset | rate | share | group ]       32 bytes a queue, two in a cache line
 *   |      late:  [ guard | knee | jump | rate_after ]                     32 more, read once a head has waited long
 *   |      heads: the slot of each queue's head, read only for the winners and for full ties
 *   |      lags:  of the groups, as start tags: lag[g] = max(0, start[g] - passed)
 *   |
 *   |- queues: a directory of chunks each, in the order of (v, order, key)
 *   |      spans: [ first_v | chunk | begin | count ] [ ... ] [ ... ]      live ones are first .. last - 1
 *   |                           |
 *   |                           v
 *   |      chunk: [ open[0] open[1] | v[63] | order[63] | slot[63] ]       1280 bytes
 *   |             entries begin .. begin + count - 1 are used, so that a call from the front moves nothing
 *   |             bit i of open[0]: entry i was not told its warning; of open[1]: not its breach
 *   |
 *   |- timers: a tree of minima. Leaf queue_room + i holds the earliest moment of an alert of queue i,
 *   |      node k the earlier of nodes 2k and 2k + 1; so node 1 is the scheduler's next moment
 *   |- profiles: arrays of lanes
 *   |- pool: free chunks
 *   `- slabs: larger pieces of memory, out of which segments and chunks are carved and never given back
 *
 * Invariants (sched_check looks at each)
 * - No span of a queue is empty. Bits of open[] outside begin .. begin + count - 1 are 0.
 * - marks[l] is at most the index of the first span with a bit in open[l] (the watermark: all before it have
 *   been told), and moments[l] is the moment of that bit's entry: the two timers of a queue.
 * - An empty queue has head_v = EMPTY_V, so far in the future that no lane shows it.
 * - The index holds every live ticket once, in the chain of its home.
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
#define RATIO_STEP INT64_C(720720)
#define SHARE_LIMIT 1000
#define LEVEL_LIMIT 60
#define NEWCOMER INT64_C(-1)
#define LAST_IN_ORDER INT64_MAX

#define EMPTY_V (INT64_C(1) << 60)
#define NO_MOMENT INT64_MAX
#define NO_SLOT UINT32_MAX

enum { SEGMENT = 256, CHUNK = 63, CACHE_LINE = 64, QUEUE_BITS = 28 };

struct ticket {
    int64_t key;
    int64_t v;
    int64_t order;
    uint32_t next; /* in the chain of its home in the index, or of free slots; NO_SLOT ends it */
    uint32_t queue : QUEUE_BITS;
    uint32_t told : 2; /* 0, SCHED_WARNING or SCHED_BREACH */
    uint32_t live : 1;
    uint32_t marked : 1; /* within sched_remove_many only: named by it */
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

/* The beginning of a slab. */
struct slab {
    _Alignas(CACHE_LINE) struct slab *before;
    size_t size;
};

struct span {
    int64_t first_v; /* of its first entry, so that a search need not touch the chunk */
    struct chunk *chunk;
    uint32_t begin, count;
};

struct queue {
    _Alignas(CACHE_LINE) struct span *spans;
    uint32_t first, last, room; /* of spans */
    uint32_t count;             /* of tickets */
    uint32_t marks[2];
    int64_t moments[2];
    int64_t alert_waits[2]; /* warn and target */
};

struct line {
    int64_t head_v;
    int64_t plain; /* from 0 up to here a wait scores offset + rate * wait: no guard, no knee, no cut */
    int64_t offset;
    int32_t rate;
    uint16_t share, group;
};

/* What counts from then on. */
struct late {
    int64_t guard, knee, jump, rate_after;
};

struct lags {
    int64_t passed;
    int64_t start[SCHED_GROUPS];
};

struct front {
    struct line *lines;
    struct late *late;
    uint32_t *heads;
    struct lags lags;
};

struct lane {
    int64_t base; /* bonus - level * LEVEL_STEP, so that base + score without bonus is the rank */
    int64_t min_wait;
    uint32_t queue, reserve;
    int64_t level;
};

struct profile {
    struct lane *lanes;
    int64_t count;
};

struct scheduler {
    uint32_t *index;
    uint64_t index_mask;  /* the index has one more home than this, if any: a power of two */
    uint32_t index_round; /* keys that share the bits from this one on are not displaced against each other */
    int64_t index_room;  /* for so many tickets: a quarter of its homes */

    struct ticket **segments;
    int64_t segment_count, segment_room;
    uint32_t used; /* slots below have been used */
    uint32_t free; /* the first free slot among them, or NO_SLOT */
    int64_t count;

    struct front front;
    struct queue *queues;
    int64_t *timers;
    int64_t next_moment; /* timers[1], at an address that stays */
    int64_t queue_count, queue_room; /* the room is a power of two, as the tree of timers needs it */

    struct profile *profiles;
    int64_t profile_count, profile_room;

    struct chunk *pool;
    struct slab *slabs; /* the last one first */
    size_t slab_left;   /* bytes at the end of the last slab that are not carved yet */
    int64_t bytes;
};

_Static_assert(sizeof(struct ticket) == CACHE_LINE / 2, "two tickets are one cache line");
_Static_assert(sizeof(struct line) == CACHE_LINE / 2, "what a pick reads of two queues is one cache line");
_Static_assert(sizeof(struct queue) == CACHE_LINE, "what a change touches of a queue is one cache line more");
_Static_assert(sizeof(struct chunk) == 20 * CACHE_LINE, "a chunk is twenty cache lines");
_Static_assert(RATIO_STEP <= RATE_LIMIT, "a lag is far below every limit of a score");

/* The place of an entry: a span of its queue, and a position within the span's chunk. */
struct spot {
    uint32_t span, at;
};

static inline bool within(int64_t number, int64_t lowest, int64_t highest) {
    return number >= lowest && number <= highest;
}

static inline bool instant_ok(int64_t instant) { return instant > -TIME_LIMIT && instant < TIME_LIMIT; }

static inline bool queue_ok(const scheduler *s, int64_t queue) {
    return queue >= 0 && queue < s->queue_count;
}

static inline bool profile_ok(const scheduler *s, int64_t profile) {
    return profile >= 0 && profile < s->profile_count;
}

/* memory.c: allocation and the arena */

/* Cache-aligned memory, or NULL. `scratch` memory of a query is not counted in bytes. */
void *memory_scratch(size_t bytes);

/* The same, all zero, at no cost for pages that are never written; not aligned to a cache line. */
void *memory_zeroed(size_t bytes);
void memory_scratch_free(void *memory);
void *memory_get(scheduler *s, size_t bytes);
void memory_free(scheduler *s, void *memory, size_t bytes);
/* Memory of whole cache lines that stays until the scheduler is freed, or NULL. */
void *memory_carve(scheduler *s, size_t bytes);
/* The array with room for one more element, moved if need be; NULL, and the old one untouched, if there is
 * no memory. */
void *memory_grown(scheduler *s, void *array, int64_t *room, int64_t count, size_t element);
/* See that arena_take cannot fail. */
bool arena_grow(scheduler *s);
static inline bool arena_reserve(scheduler *s) { return s->free != NO_SLOT || arena_grow(s); }

static inline struct ticket *arena_ticket(const scheduler *s, uint32_t slot) {
    return &s->segments[slot / SEGMENT][slot % SEGMENT];
}

/* A slot, whose record the caller writes. */
static inline uint32_t arena_take(scheduler *s) {
    bool again = s->free != NO_SLOT;
    uint32_t slot = again ? s->free : s->used++;
    if (again) s->free = arena_ticket(s, slot)->next;
    s->count++;
    return slot;
}

static inline void arena_give(scheduler *s, uint32_t slot) {
    struct ticket *ticket = arena_ticket(s, slot);
    ticket->live = false;
    ticket->next = s->free;
    s->free = slot;
    s->count--;
}

static inline int64_t key_of(const scheduler *s, uint32_t slot) {
    return slot == NO_SLOT ? NEWCOMER : arena_ticket(s, slot)->key;
}

/* index.c: the ticket of a key */

/* See that index_insert cannot fail. */
bool index_grow(scheduler *s);
static inline bool index_reserve(scheduler *s) { return s->count < s->index_room || index_grow(s); }
/* Where the chain of this key begins. The index is not empty. */
static inline uint32_t *index_home(const scheduler *s, int64_t key) {
    uint64_t low = (uint64_t)key, high = low >> s->index_round;
    return &s->index[(low + (high * UINT64_C(0x9e3779b97f4a7c15) >> 32)) & s->index_mask];
}

static inline void index_insert(scheduler *s, uint32_t slot) {
    struct ticket *ticket = arena_ticket(s, slot);
    uint32_t *home = index_home(s, ticket->key);
    __builtin_prefetch(home + CACHE_LINE / sizeof *home); /* where keys that count up will soon have theirs */
    ticket->next = *home;
    *home = slot;
}

void index_erase(scheduler *s, uint32_t slot);
/* The slot of the ticket with this key, or NO_SLOT. */
uint32_t index_find(const scheduler *s, int64_t key);

/* queue.c: the sorted tickets of one queue */

/* See that queue_insert cannot fail: it may need a chunk, and a span more in the directory. */
bool queue_grow(scheduler *s, uint32_t queue);
static inline bool queue_reserve(scheduler *s, uint32_t queue) {
    return (s->pool && s->queues[queue].last < s->queues[queue].room) || queue_grow(s, queue);
}
/* Put a ticket where its v, order and key say, or take it out; line and timers follow. */
void queue_insert(scheduler *s, uint32_t queue, uint32_t slot);
void queue_erase(scheduler *s, uint32_t queue, uint32_t slot);
/* Where a ticket of this queue stands. */
struct spot queue_locate(const scheduler *s, uint32_t queue, uint32_t slot);
/* The head of the queue, written into its line. */
void queue_show(scheduler *s, uint32_t queue);
/* The first spot whose entry has a larger v; {last, any} if there is none. */
struct spot queue_beyond(const struct queue *q, int64_t v);

/* alerts.c: the timers */

/* An entry with this v has joined, in this span; it is still to be told of levels `told` .. 1. */
void alerts_opened(scheduler *s, uint32_t queue, int told, uint32_t span, int64_t v);
/* An entry with this v is not to be told of levels `from` .. `to` - 1 any more. */
void alerts_closed(scheduler *s, uint32_t queue, int from, int to, int64_t v);
/* Both timers of the queue, anew. */
void alerts_refresh(scheduler *s, uint32_t queue);

/* ratio.c: the lags */

static inline int64_t lag_of(const struct lags *lags, uint32_t group) {
    int64_t lag = lags->start[group] - lags->passed;
    return lag > 0 ? lag : 0;
}

/* A ticket of a queue with this line is called: its group, if it has one, is set back. */
void lag_set_back(struct lags *lags, const struct line *line);
static inline void lag_charge(struct lags *lags, const struct line *line) {
    if (line->group) lag_set_back(lags, line);
}

/* pick.c: who competes, and with what */

/* One level in a rank. Scores stay within 2^54, so a better level always wins. */
#define LEVEL_STEP (INT64_C(1) << 56)
/* Ranks of guarded tickets, and only they, begin here. */
#define GUARDED (INT64_C(1) << 62)

/* By this candidates are compared, the largest first: level and score in one number, or the guard. */
int64_t pick_rank(const struct front *front, const struct lane *lane, int64_t wait);
/* The score of a candidate, its lane's bonus included. */
int64_t pick_score(const struct front *front, const struct lane *lane, int64_t wait);
/* Whether head `a` goes before head `b` of equal rank. */
bool pick_stands_first(const scheduler *s, const struct front *front, uint32_t a, uint32_t b);
/* The lane whose head is called, or NULL. */
const struct lane *pick_first(const scheduler *s, const struct front *front, const struct profile *profile,
                              int64_t now);
/* The same with the runner-up, as a choice. Whether there is anybody. */
bool pick_choice(const scheduler *s, const struct profile *profile, int64_t now, sched_choice *choice);
/* The same while so many counters are idle: only lanes whose reserve is smaller show their queue. */
bool pick_choice_of_idle(const scheduler *s, const struct profile *profile, int64_t now, int64_t idle,
                         sched_choice *choice);

/* forward.c */

/* How many a profile would call before this slot, or before a newcomer in `queue` if slot is NO_SLOT, by
 * calling in thought. NO_MEMORY. */
int64_t forward_ahead(const scheduler *s, int64_t profile, uint32_t slot, int64_t queue, int64_t now);

#endif
