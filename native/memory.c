/* memory.c: allocation, growing arrays, and the arena of tickets.
 *
 * What must stay true: every allocation passes through memory_scratch or memory_zeroed, so that a test can make
 * each one fail; and an array grows by a copy, so that a failure leaves the old one as it was. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

#ifdef SCHED_TEST_ALLOCATION
void *sched_test_allocation(size_t bytes); /* the test's own, which may say no */
static void *zeroed(size_t bytes) {
    void *memory = sched_test_allocation(bytes);
    return memory ? memset(memory, 0, bytes) : NULL;
}
#else
static void *sched_test_allocation(size_t bytes) { return aligned_alloc(CACHE_LINE, bytes); }
static void *zeroed(size_t bytes) { return calloc(1, bytes); }
#endif

static size_t rounded(size_t bytes) {
    size_t lines = (bytes + CACHE_LINE - 1) / CACHE_LINE;
    return (lines ? lines : 1) * CACHE_LINE;
}

void *memory_scratch(size_t bytes) { return sched_test_allocation(rounded(bytes)); }

void *memory_zeroed(size_t bytes) { return zeroed(rounded(bytes)); }

void memory_scratch_free(void *memory) { free(memory); }

void *memory_get(scheduler *s, size_t bytes) {
    void *memory = memory_scratch(bytes);
    if (memory) s->bytes += (int64_t)rounded(bytes);
    return memory;
}

void memory_free(scheduler *s, void *memory, size_t bytes) {
    if (!memory) return;
    s->bytes -= (int64_t)rounded(bytes);
    free(memory);
}

void *memory_grown(scheduler *s, void *array, int64_t *room, int64_t count, size_t element) {
    if (count < *room) return array;
    int64_t more = *room ? 2 * *room : 8;
    void *grown = memory_get(s, (size_t)more * element);
    if (!grown) return NULL;
    if (count) memcpy(grown, array, (size_t)count * element);
    memory_free(s, array, (size_t)*room * element);
    *room = more;
    return grown;
}

bool arena_grow(scheduler *s) {
    if (s->used < s->segment_count * SEGMENT) return true;
    if (s->used >= NO_SLOT - SEGMENT) return false;
    void *segments = memory_grown(s, s->segments, &s->segment_room, s->segment_count, sizeof *s->segments);
    if (!segments) return false;
    s->segments = segments;
    struct ticket *segment = memory_get(s, SEGMENT * sizeof *segment);
    if (!segment) return false;
    s->segments[s->segment_count++] = segment;
    return true;
}
