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
    if (!count) {
        EXPECT(s->lines[number].head_v == EMPTY_V && s->heads[number] == NO_SLOT);
    } else {
        const struct span *span = &q->spans[q->first];
        EXPECT(s->heads[number] == span->chunk->slot[span->begin]);
        EXPECT(s->lines[number].head_v == span->first_v);
        EXPECT(s->lines[number].head_order == span->chunk->order[span->begin]);
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
    EXPECT(s->used <= s->segment_count * SEGMENT);
    for (uint32_t slot = 0; slot < s->used; slot++) live += arena_ticket(s, slot)->live;
    EXPECT(live == s->count);
    for (uint32_t slot = s->free; slot != NO_SLOT; slot = arena_ticket(s, slot)->queue, free_slots++)
        EXPECT(slot < s->used && !arena_ticket(s, slot)->live && free_slots < s->used);
    EXPECT(free_slots == s->used - s->count);
    return 0;
}
