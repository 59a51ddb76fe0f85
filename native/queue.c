/* queue.c: the tickets of one queue, sorted by (v, order, key) in chunks of 63.
 *
 * Why chunks: a hall pushes at the end and calls from the front, but cancels, transfers and appointments
 * touch the middle. A chunk bounds what a change in the middle moves (at most 1280 bytes), and its size of
 * 63 lets one 64-bit word say of every entry whether an alert is still to be told.
 *
 * An insertion
 * 1. finds the last span whose first entry is not beyond the new one (the first span, if there is none);
 * 2. finds the position within its chunk;
 * 3. if the chunk is full: at the very end of the queue it starts a new chunk, so that tickets arriving in
 *    order fill chunks to the brim; anywhere else it moves the upper half into a new chunk;
 * 4. moves the entries behind the position by one to the right; if the chunk has no room there, all its entries
 *    first move to its front, so that the next ones find room.
 * An erasure closes the gap; an emptied chunk leaves the directory, and two neighbours that together would
 * half fill a chunk become one. Each step keeps the watermarks at or before the first untold entry, and both
 * end by bringing the queue's line and timers up to date. Most tickets join at the end and leave from the
 * front: these two need no search. */
#include "internal.h"

#include <string.h>

static const uint32_t MERGED = CHUNK / 2;
static const uint32_t AHEAD = 16; /* so many slots are a cache line */

static uint64_t below(uint32_t position) { return (UINT64_C(1) << position) - 1; }

/* Where entry `at` of a chunk stands: -1 before the ticket, 1 behind it, 0 if it is the ticket. */
static int compare(const scheduler *s, const struct chunk *chunk, uint32_t at, const struct ticket *ticket) {
    if (chunk->v[at] != ticket->v) return chunk->v[at] < ticket->v ? -1 : 1;
    if (chunk->order[at] != ticket->order) return chunk->order[at] < ticket->order ? -1 : 1;
    int64_t key = arena_ticket(s, chunk->slot[at])->key;
    return key < ticket->key ? -1 : key > ticket->key;
}

/* Asks for all that a search and a change within the span will touch, so that they need not wait for one line of memory
 * after the other. */
static void fetch(const struct span *span) {
    const struct chunk *chunk = span->chunk;
    for (uint32_t at = span->begin, end = at + span->count; at < end; at += CACHE_LINE / sizeof *chunk->v) {
        __builtin_prefetch(&chunk->v[at]);
        __builtin_prefetch(&chunk->order[at]);
        __builtin_prefetch(&chunk->slot[at]);
    }
}

/* Steps 1 and 2: where the ticket stands, or would be put. The queue has a span. */
static struct spot search(const scheduler *s, const struct queue *q, const struct ticket *ticket) {
    uint32_t low = q->first, high = q->last - 1;
    while (low < high) { /* the last span whose first entry is not beyond the ticket lies in low .. high */
        uint32_t middle = low + (high - low + 1) / 2;
        const struct span *span = &q->spans[middle];
        bool beyond = span->first_v != ticket->v ? span->first_v > ticket->v
                                                 : compare(s, span->chunk, span->begin, ticket) > 0;
        if (beyond)
            high = middle - 1;
        else
            low = middle;
    }
    const struct span *span = &q->spans[low];
    uint32_t from = span->begin, to = span->begin + span->count;
    fetch(span);
    while (from < to) { /* the first entry that does not stand before the ticket */
        uint32_t middle = (from + to) / 2;
        if (compare(s, span->chunk, middle, ticket) < 0)
            from = middle + 1;
        else
            to = middle;
    }
    return (struct spot){low, from};
}

struct spot queue_locate(const scheduler *s, uint32_t queue, uint32_t slot) {
    return search(s, &s->queues[queue], arena_ticket(s, slot));
}

bool queue_grow(scheduler *s, uint32_t queue) {
    struct queue *q = &s->queues[queue];
    if (!s->pool) {
        struct chunk *chunk = memory_carve(s, sizeof *chunk);
        if (!chunk) return false;
        chunk->next = NULL;
        s->pool = chunk;
    }
    if (q->last < q->room) return true;
    if (q->first > q->room / 2) { /* the front half of the directory has been called away: reuse it */
        memmove(q->spans, q->spans + q->first, (q->last - q->first) * sizeof *q->spans);
        q->marks[0] -= q->first;
        q->marks[1] -= q->first;
        q->last -= q->first;
        q->first = 0;
        return true;
    }
    int64_t room = q->room;
    void *spans = memory_grown(s, q->spans, &room, q->last, sizeof *q->spans);
    if (!spans) return false;
    q->spans = spans;
    q->room = (uint32_t)room;
    return true;
}

/* A new, empty span before span `index`. */
static struct span *open_span(scheduler *s, struct queue *q, uint32_t index) {
    memmove(q->spans + index + 1, q->spans + index, (q->last - index) * sizeof *q->spans);
    q->last++;
    struct chunk *chunk = s->pool;
    s->pool = chunk->next;
    chunk->open[0] = chunk->open[1] = 0;
    q->spans[index] = (struct span){0, chunk, 0, 0};
    return &q->spans[index];
}

static void close_span(scheduler *s, struct queue *q, uint32_t index) {
    struct chunk *chunk = q->spans[index].chunk;
    chunk->next = s->pool;
    s->pool = chunk;
    if (index == q->first) {
        q->first++;
        for (int level = 0; level < 2; level++)
            if (q->marks[level] < q->first) q->marks[level] = q->first;
    } else {
        memmove(q->spans + index, q->spans + index + 1, (q->last - index - 1) * sizeof *q->spans);
        q->last--;
        for (int level = 0; level < 2; level++)
            if (q->marks[level] > index) q->marks[level]--;
    }
    if (q->first == q->last) q->first = q->last = q->marks[0] = q->marks[1] = 0;
}

/* Moves entries from .. to - 1 of a chunk so that they begin at `target`, their bits with them. */
static void shift(struct chunk *chunk, uint32_t from, uint32_t to, uint32_t target) {
    uint32_t count = to - from;
    if (!count) return;
    memmove(chunk->v + target, chunk->v + from, count * sizeof *chunk->v);
    memmove(chunk->order + target, chunk->order + from, count * sizeof *chunk->order);
    memmove(chunk->slot + target, chunk->slot + from, count * sizeof *chunk->slot);
    for (int level = 0; level < 2; level++) {
        uint64_t moved = chunk->open[level] >> from & below(count);
        chunk->open[level] &= ~(below(count) << from);
        chunk->open[level] |= moved << target;
    }
}

/* Copies all entries of `source` behind those of `into`, whose chunk has room for them. */
static void append(struct span *into, const struct span *source, uint32_t from, uint32_t count) {
    struct chunk *to = into->chunk;
    const struct chunk *chunk = source->chunk;
    uint32_t end = into->begin + into->count;
    memcpy(to->v + end, chunk->v + from, count * sizeof *to->v);
    memcpy(to->order + end, chunk->order + from, count * sizeof *to->order);
    memcpy(to->slot + end, chunk->slot + from, count * sizeof *to->slot);
    for (int level = 0; level < 2; level++)
        to->open[level] |= (chunk->open[level] >> from & below(count)) << end;
    into->count += count;
    into->first_v = to->v[into->begin];
}

/* Step 3: the spot, after room for one more has been made in its chunk. */
static struct spot make_room(scheduler *s, struct queue *q, struct spot spot) {
    struct span *span = &q->spans[spot.span];
    if (span->count < CHUNK) return spot;
    struct span *next = open_span(s, q, spot.span + 1);
    span = next - 1;
    if (spot.at == CHUNK && spot.span + 2 == q->last) return (struct spot){spot.span + 1, 0};
    uint32_t kept = CHUNK / 2;
    append(next, span, kept, CHUNK - kept);
    span->count = kept;
    span->chunk->open[0] &= below(kept);
    span->chunk->open[1] &= below(kept);
    return spot.at <= kept ? spot : (struct spot){spot.span + 1, spot.at - kept};
}

void queue_show(scheduler *s, uint32_t queue) {
    const struct queue *q = &s->queues[queue];
    if (q->first == q->last) {
        s->front.lines[queue].head_v = EMPTY_V;
        s->front.heads[queue] = NO_SLOT;
        return;
    }
    const struct span *span = &q->spans[q->first];
    const uint32_t *slots = span->chunk->slot + span->begin;
    s->front.lines[queue].head_v = span->first_v;
    s->front.heads[queue] = slots[0];
    __builtin_prefetch(index_home(s, arena_ticket(s, slots[0])->key)); /* the next call takes it out */
    if (span->count == 1) return;
    __builtin_prefetch(arena_ticket(s, slots[1])); /* its key is asked for then */
    if (span->count <= AHEAD) return;              /* and later these */
    __builtin_prefetch(&span->chunk->v[span->begin + AHEAD]);
    __builtin_prefetch(&span->chunk->slot[span->begin + AHEAD]);
}

/* Where a new ticket is put: behind the last one, or by a search. */
static struct spot place_for(const scheduler *s, const struct queue *q, const struct ticket *ticket) {
    const struct span *span = &q->spans[q->last - 1];
    uint32_t end = span->begin + span->count;
    if (span->chunk->v[end - 1] < ticket->v || compare(s, span->chunk, end - 1, ticket) < 0)
        return (struct spot){q->last - 1, end};
    return search(s, q, ticket);
}

void queue_insert(scheduler *s, uint32_t queue, uint32_t slot) {
    struct queue *q = &s->queues[queue];
    const struct ticket *ticket = arena_ticket(s, slot);
    struct spot spot = {0, 0};
    if (q->first == q->last)
        open_span(s, q, spot.span = q->first);
    else
        spot = make_room(s, q, place_for(s, q, ticket));
    struct span *span = &q->spans[spot.span];
    struct chunk *chunk = span->chunk;
    uint32_t end = span->begin + span->count, at = spot.at;
    if (end == CHUNK) {
        shift(chunk, span->begin, end, 0);
        at -= span->begin;
        end -= span->begin;
        span->begin = 0;
    }
    if (at < end) shift(chunk, at, end, at + 1);
    chunk->v[at] = ticket->v;
    chunk->order[at] = ticket->order;
    chunk->slot[at] = slot;
    span->count++;
    span->first_v = chunk->v[span->begin];
    q->count++;
    if (spot.span == q->first && at == span->begin) queue_show(s, queue);
    for (int level = ticket->told; level < 2; level++) chunk->open[level] |= UINT64_C(1) << at;
    alerts_opened(s, queue, ticket->told, spot.span, ticket->v);
}

/* Takes the right one of two neighbouring spans into the left one, if that leaves it at most half full. */
static void merge(scheduler *s, struct queue *q, uint32_t left) {
    if (left < q->first || left + 1 >= q->last) return;
    struct span *into = &q->spans[left], *source = into + 1;
    if (into->count + source->count > MERGED) return;
    shift(into->chunk, into->begin, into->begin + into->count, 0);
    into->begin = 0;
    append(into, source, source->begin, source->count);
    for (int level = 0; level < 2; level++)
        if (q->marks[level] == left + 1) q->marks[level] = left;
    close_span(s, q, left + 1);
}

/* Takes out the entry: closes the gap, then the chunk if it is empty, or merges it with a neighbour. */
static void take_out(scheduler *s, struct queue *q, struct spot spot) {
    struct span *span = &q->spans[spot.span];
    struct chunk *chunk = span->chunk;
    chunk->open[0] &= ~(UINT64_C(1) << spot.at);
    chunk->open[1] &= ~(UINT64_C(1) << spot.at);
    if (spot.at == span->begin)
        span->begin++;
    else
        shift(chunk, spot.at + 1, span->begin + span->count, spot.at);
    span->count--;
    q->count--;
    if (!span->count) {
        close_span(s, q, spot.span);
        return;
    }
    span->first_v = chunk->v[span->begin];
    if (span->count > MERGED || q->last - q->first == 1) return;
    merge(s, q, spot.span);
    if (spot.span) merge(s, q, spot.span - 1);
}

void queue_erase(scheduler *s, uint32_t queue, uint32_t slot) {
    struct queue *q = &s->queues[queue];
    const struct ticket *ticket = arena_ticket(s, slot);
    bool head = s->front.heads[queue] == slot;
    take_out(s, q, head ? (struct spot){q->first, q->spans[q->first].begin} : search(s, q, ticket));
    if (head) queue_show(s, queue);
    alerts_closed(s, queue, ticket->told, 2, ticket->v);
}

struct spot queue_beyond(const struct queue *q, int64_t v) {
    uint32_t low = q->first, high = q->last; /* the spans whose first entry is not beyond */
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (q->spans[middle].first_v <= v)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == q->first) return (struct spot){low, low < q->last ? q->spans[low].begin : 0};
    const struct span *span = &q->spans[low - 1];
    uint32_t from = span->begin, to = span->begin + span->count, end = to;
    while (from < to) {
        uint32_t middle = (from + to) / 2;
        if (span->chunk->v[middle] <= v)
            from = middle + 1;
        else
            to = middle;
    }
    if (from < end) return (struct spot){low - 1, from};
    return (struct spot){low, low < q->last ? q->spans[low].begin : 0};
}
