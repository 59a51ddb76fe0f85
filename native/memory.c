/* memory.c: allocation, growing arrays, and the arena of tickets.
 *
 * What must stay true: every allocation passes through memory_scratch or memory_zeroed, so that a test can make
 * each one fail; and an array grows by a copy, so that a failure leaves the old one as it was. */
#ifdef __linux__
#define _DEFAULT_SOURCE /* for madvise */
#include <sys/mman.h>
#endif

#include "internal.h"

#include <stdlib.h>
#include <string.h>

/* At a million tickets every look at one would first miss the table of pages. So what is that large asks for
 * pages of this size, and tickets and chunks lie together in slabs of it. */
#define LARGE_PAGE ((size_t)2 << 20)
#define SMALLEST_SLAB ((size_t)12 << 10) /* a segment and three chunks */

static size_t unit_of(size_t bytes) { return bytes < LARGE_PAGE ? CACHE_LINE : LARGE_PAGE; }

static size_t rounded(size_t bytes) {
    size_t unit = unit_of(bytes), units = (bytes + unit - 1) / unit;
    return (units ? units : 1) * unit;
}

#ifdef SCHED_TEST_ALLOCATION
void *sched_test_allocation(size_t bytes); /* the test's own, which may say no */
static void *zeroed(size_t bytes) {
    void *memory = sched_test_allocation(bytes);
    return memory ? memset(memory, 0, bytes) : NULL;
}
#else
static void *sched_test_allocation(size_t bytes) {
    void *memory = aligned_alloc(unit_of(bytes), bytes);
#ifdef MADV_HUGEPAGE
    if (memory && bytes >= LARGE_PAGE) madvise(memory, bytes, MADV_HUGEPAGE); /* a wish: refused, nothing is lost */
#endif
    return memory;
}
static void *zeroed(size_t bytes) { return calloc(1, bytes); }
#endif

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

/* How large the next slab is: small beside what is held already, so that little lies unused. */
static size_t slab_size(const scheduler *s) {
    size_t held = (size_t)s->bytes, size = held / 32;
    if (held >= 8 * LARGE_PAGE) return LARGE_PAGE;
    return size < SMALLEST_SLAB ? SMALLEST_SLAB : rounded(size);
}

void *memory_carve(scheduler *s, size_t bytes) {
    if (s->slab_left < bytes) {
        size_t size = slab_size(s);
        struct slab *slab = memory_get(s, size);
        if (!slab) return NULL;
        *slab = (struct slab){s->slabs, size};
        s->slabs = slab;
        s->slab_left = size - sizeof *slab;
    }
    void *memory = (char *)s->slabs + s->slabs->size - s->slab_left;
    s->slab_left -= bytes;
    return memory;
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
    struct ticket *segment = memory_carve(s, SEGMENT * sizeof *segment);
    if (!segment) return false;
    s->segments[s->segment_count++] = segment;
    return true;
}
