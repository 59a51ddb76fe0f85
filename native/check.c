/* check.c: sched_check: the invariants of internal.h, looked at one by one. Only tests call it. */
#include "internal.h"

#define EXPECT(condition)               \
    do {                                \
        if (!(condition)) return __LINE__; \
    } while (0)

static bool in_order(const struct ticket *a, const struct ticket *b) {
    if (a->v != b->v) return a->v < b->v;
    if (a->order != b->order) return a->order < b->order;
    return a->key < b->key;
}

/* The entries of one queue, their bits, and the first untold ones. */
static int64_t check_queue(const scheduler *s, uint32_t number) {
    const struct queue *q = &s->queues[number];
    const struct ticket *before = NULL, *untold[2] = {NULL, NULL};
    int64_t count = 0;
    EXPECT(q->first <= q->last && q->last <= q->room);
    for (uint32_t i = q->first; i < q->last; i++) {
        const struct span *span = &q->spans[i];
        const struct chunk *chunk = span->chunk;
        uint64_t used[2] = {0, 0};
        EXPECT(span->count > 0 && span->begin + span->count <= CHUNK);
        EXPECT(span->first_v == chunk->v[span->begin]);
        for (uint32_t at = span->begin; at < span->begin + span->count; at++, count++) {
            EXPECT(chunk->slot[at] < s->used);
            const struct ticket *ticket = arena_ticket(s, chunk->slot[at]);
            EXPECT(ticket->live && ticket->queue == number);
            EXPECT(ticket->v == chunk->v[at] && ticket->order == chunk->order[at]);
            EXPECT(!before || in_order(before, ticket));
            before = ticket;
            for (int level = 0; level < 2; level++) {
                if (ticket->told > level) continue;
                used[level] |= UINT64_C(1) << at;
                if (!untold[level]) {
                    untold[level] = ticket;
                    EXPECT(q->marks[level] <= i);
                }
            }
        }
        EXPECT(chunk->open[0] == used[0] && chunk->open[1] == used[1]);
    }
    EXPECT(count == q->count);
    for (int level = 0; level < 2; level++) {
        bool timed = untold[level] && q->alert_waits[level] < NEVER;
        EXPECT(q->marks[level] >= q->first && q->marks[level] <= q->last);
        EXPECT(q->moments[level] == (timed ? untold[level]->v + q->alert_waits[level] : NO_MOMENT));
    }
    EXPECT(s->timers[s->queue_room + number] ==
           (q->moments[0] < q->moments[1] ? q->moments[0] : q->moments[1]));
    if (!count) {
        EXPECT(s->front.lines[number].head_v == EMPTY_V && s->front.heads[number] == NO_SLOT);
    } else {
        const struct span *span = &q->spans[q->first];
        EXPECT(s->front.heads[number] == span->chunk->slot[span->begin]);
        EXPECT(s->front.lines[number].head_v == span->first_v);
    }
    return 0;
}

/* Every live ticket is found by its key, and the index holds nothing else. */
static int64_t check_index(const scheduler *s) {
    int64_t linked = 0, homes = s->index ? (int64_t)s->index_mask + 1 : 0;
    EXPECT(s->count <= s->index_room && s->index_room * 4 == homes);
    for (int64_t home = 0; home < homes; home++)
        for (uint32_t slot = s->index[home]; slot != NO_SLOT; slot = arena_ticket(s, slot)->next)
            EXPECT(slot < s->used && linked++ < s->count);
    EXPECT(linked == s->count);
    for (uint32_t slot = 0; slot < s->used; slot++) {
        const struct ticket *ticket = arena_ticket(s, slot);
        if (!ticket->live) continue;
        EXPECT(index_find(s, ticket->key) == slot);
        EXPECT(!ticket->marked);
    }
    return 0;
}

int64_t sched_check(const scheduler *s) {
    int64_t count = 0, live = 0, free_slots = 0;
    for (int64_t i = 0; i < s->queue_count; i++) {
        int64_t line = check_queue(s, (uint32_t)i);
        if (line) return line;
        count += s->queues[i].count;
    }
    EXPECT(count == s->count);
    int64_t line = check_index(s);
    if (line) return line;
    EXPECT(s->next_moment == (s->queue_count ? s->timers[1] : NO_MOMENT));
    for (int64_t node = 1; node < s->queue_room; node++) {
        int64_t one = s->timers[2 * node], other = s->timers[2 * node + 1];
        EXPECT(s->timers[node] == (one < other ? one : other));
    }
    EXPECT(s->used <= s->segment_count * SEGMENT);
    for (uint32_t slot = 0; slot < s->used; slot++) live += arena_ticket(s, slot)->live;
    EXPECT(live == s->count);
    for (uint32_t slot = s->free; slot != NO_SLOT; slot = arena_ticket(s, slot)->next, free_slots++)
        EXPECT(slot < s->used && !arena_ticket(s, slot)->live && free_slots < s->used);
    EXPECT(free_slots == s->used - s->count);
    return 0;
}
