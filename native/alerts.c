/* alerts.c: which tickets' alerts have come.
 *
 * Within a queue an alert's moment is v plus a constant, so moments rise from head to tail: the first entry
 * with an open bit carries the queue's timer, and a search stops at the first entry whose moment is still to
 * come. What has been told is a bit of the entry and a byte of the ticket, so that it survives whatever
 * happens to place and terms. Over the queues stands a tree of minima, so that the next moment is one number. */
#include "internal.h"

const int64_t *sched_next_moment(const scheduler *s) { return &s->next_moment; }

int64_t sched_next_due(const scheduler *s) { return s->next_moment; }

/* Carries the queue's earlier moment up the tree, as far as it changes something. */
static void carry(scheduler *s, uint32_t queue) {
    const struct queue *q = &s->queues[queue];
    int64_t node = s->queue_room + queue;
    s->timers[node] = q->moments[0] < q->moments[1] ? q->moments[0] : q->moments[1];
    for (; node > 1; node /= 2) {
        int64_t one = s->timers[node], other = s->timers[node ^ 1], earlier = one < other ? one : other;
        if (s->timers[node / 2] == earlier) return;
        s->timers[node / 2] = earlier;
    }
    s->next_moment = s->timers[1];
}

/* The timer of one level that has one: the first open entry from the mark on. */
static inline void advance(struct queue *q, int level) {
    uint32_t mark = q->marks[level];
    while (mark < q->last && !q->spans[mark].chunk->open[level]) mark++;
    q->marks[level] = mark;
    q->moments[level] = NO_MOMENT;
    if (mark == q->last) return;
    const struct chunk *chunk = q->spans[mark].chunk;
    q->moments[level] = chunk->v[__builtin_ctzll(chunk->open[level])] + q->alert_waits[level];
}

/* What alerts_opened and alerts_closed do for one level: whether its moment changed. */
static inline bool opened(struct queue *q, int level, uint32_t span, int64_t v) {
    if (q->marks[level] > span) q->marks[level] = span;
    if (v + q->alert_waits[level] >= q->moments[level] || q->alert_waits[level] >= NEVER) return false;
    q->moments[level] = v + q->alert_waits[level];
    return true;
}

static inline bool closed(struct queue *q, int level, int64_t v) {
    if (v + q->alert_waits[level] != q->moments[level]) return false; /* NO_MOMENT is no sum of the two */
    advance(q, level);
    return true;
}

void alerts_opened(scheduler *s, uint32_t queue, int told, uint32_t span, int64_t v) {
    struct queue *q = &s->queues[queue];
    bool sooner = told < 1 && opened(q, 0, span, v);
    if (told < 2) sooner |= opened(q, 1, span, v);
    if (sooner) carry(s, queue);
}

void alerts_closed(scheduler *s, uint32_t queue, int from, int to, int64_t v) {
    struct queue *q = &s->queues[queue];
    bool later = from < 1 && to > 0 && closed(q, 0, v);
    if (from < 2 && to > 1) later |= closed(q, 1, v);
    if (later) carry(s, queue);
}

void alerts_refresh(scheduler *s, uint32_t queue) {
    struct queue *q = &s->queues[queue];
    for (int level = 0; level < 2; level++) {
        if (q->alert_waits[level] < NEVER)
            advance(q, level);
        else
            q->moments[level] = NO_MOMENT; /* the mark stays behind, which is allowed */
    }
    carry(s, queue);
}

/* The `limit` first alerts found so far: a heap with the last of them on top. */
struct found {
    sched_alert *heap;
    int64_t count, limit;
};

static bool later(const sched_alert *a, const sched_alert *b) {
    return a->moment != b->moment ? a->moment > b->moment : a->key > b->key;
}

static void sink(sched_alert *heap, int64_t count) {
    sched_alert moving = heap[0];
    int64_t at = 0;
    for (int64_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && later(&heap[child + 1], &heap[child])) child++;
        if (!later(&heap[child], &moving)) break;
        heap[at] = heap[child];
    }
    heap[at] = moving;
}

static void add(struct found *found, sched_alert alert) {
    if (found->count == found->limit) {
        if (later(&alert, &found->heap[0])) return;
        found->heap[0] = alert;
        sink(found->heap, found->count);
        return;
    }
    int64_t at = found->count++;
    for (; at && later(&alert, &found->heap[(at - 1) / 2]); at = (at - 1) / 2)
        found->heap[at] = found->heap[(at - 1) / 2];
    found->heap[at] = alert;
}

/* The alerts of one queue and level (0: warning, 1: breach). */
static void search(const scheduler *s, const struct queue *q, int level, int64_t now, struct found *found) {
    int64_t target = q->alert_waits[1];
    if (q->moments[level] > now) return;
    for (uint32_t i = q->marks[level]; i < q->last; i++) {
        const struct chunk *chunk = q->spans[i].chunk;
        for (uint64_t open = chunk->open[level]; open; open &= open - 1) {
            int at = __builtin_ctzll(open);
            int64_t v = chunk->v[at], moment = v + q->alert_waits[level];
            if (moment > now) return;
            if (found->count == found->limit && moment > found->heap[0].moment) return;
            if (level == 0 && target < NEVER && v + target <= now) continue; /* only its breach is due */
            add(found, (sched_alert){moment, key_of(s, chunk->slot[at]), level + 1});
        }
    }
}

int64_t sched_due(const scheduler *s, int64_t now, int64_t limit, sched_alert *out) {
    if (!instant_ok(now)) return SCHED_BAD_NUMBER;
    if (limit <= 0) return 0;
    struct found found = {out, 0, limit};
    for (int64_t i = 0; i < s->queue_count; i++)
        for (int level = 0; level < 2; level++) search(s, &s->queues[i], level, now, &found);
    for (int64_t count = found.count; count > 1;) { /* sort the heap */
        sched_alert last = out[0];
        out[0] = out[--count];
        sink(out, count);
        out[count] = last;
    }
    return found.count;
}

int64_t sched_alerted(scheduler *s, int64_t key, int64_t level) {
    uint32_t slot = index_find(s, key);
    if (slot == NO_SLOT) return SCHED_NO_TICKET;
    if (level != SCHED_WARNING && level != SCHED_BREACH) return SCHED_BAD_NUMBER;
    struct ticket *ticket = arena_ticket(s, slot);
    struct spot spot = queue_locate(s, ticket->queue, slot);
    struct chunk *chunk = s->queues[ticket->queue].spans[spot.span].chunk;
    int before = ticket->told;
    for (; ticket->told < level; ticket->told++) chunk->open[ticket->told] &= ~(UINT64_C(1) << spot.at);
    alerts_closed(s, ticket->queue, before, ticket->told, ticket->v);
    return 0;
}
