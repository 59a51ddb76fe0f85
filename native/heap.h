/* heap.h: a heap of moments, the earliest on top: who is free next, whose patience ends next. */
#ifndef SOMC_HEAP_H
#define SOMC_HEAP_H

#include <stdbool.h>
#include <stdint.h>

#define NO_INSTANT INT64_MAX

/* Something that happens at an instant; of equals the smaller order first. */
struct moment {
    int64_t at, order, slot; /* of a counter: order is its number */
};

struct heap {
    struct moment *moments;
    int64_t count, room;
};

static inline bool earlier(const struct moment *a, const struct moment *b) {
    return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static inline void heap_sink(struct heap *heap, int64_t at) {
    struct moment moving = heap->moments[at];
    for (int64_t child; (child = 2 * at + 1) < heap->count; at = child) {
        if (child + 1 < heap->count && earlier(&heap->moments[child + 1], &heap->moments[child])) child++;
        if (!earlier(&heap->moments[child], &moving)) break;
        heap->moments[at] = heap->moments[child];
    }
    heap->moments[at] = moving;
}

/* The heap has room. */
static inline void heap_add(struct heap *heap, struct moment moment) {
    int64_t at = heap->count++;
    for (; at && earlier(&moment, &heap->moments[(at - 1) / 2]); at = (at - 1) / 2)
        heap->moments[at] = heap->moments[(at - 1) / 2];
    heap->moments[at] = moment;
}

static inline void heap_drop(struct heap *heap) {
    heap->moments[0] = heap->moments[--heap->count];
    if (heap->count) heap_sink(heap, 0);
}

/* The first moment gives way to another. */
static inline void heap_replace(struct heap *heap, struct moment moment) {
    heap->moments[0] = moment;
    heap_sink(heap, 0);
}

static inline int64_t heap_at(const struct heap *heap) {
    return heap->count ? heap->moments[0].at : NO_INSTANT;
}

#endif
