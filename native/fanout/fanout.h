/* The same bytes to many sockets: what is left of a live feed's message once it is encoded and framed.
 *
 * Knows sockets by their numbers and nothing else. The caller sees to it that every number is an open,
 * non-blocking socket of its own: a number outlives its socket, and the next connection may get it.
 */
#ifndef SOMC_FANOUT_H
#define SOMC_FANOUT_H

#include <stddef.h>

/* Tries once, without waiting, to send `data` of `size` bytes on each of the `count` sockets `fds`, in order.
 *
 * Returns how many did not take all of it. Of the k-th of these `places[k]` is its index in `fds` and
 * `taken[k]` the bytes that it took: 0 when its buffer is full, -errno when the connection is broken.
 * `places` and `taken` have room for `count`. Allocates nothing, raises no SIGPIPE.
 */
int fan_send(const int *fds, int count, const char *data, size_t size, int *places, long *taken);

#endif
