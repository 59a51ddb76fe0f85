/* The send loop of the live feed. One system call a socket is its whole cost.
 *
 * io_uring in batches of 1,024 was measured and gains nothing: the kernel's TCP path is what is left.
 */
#define _POSIX_C_SOURCE 200809L

#include "fanout.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/types.h>

#ifndef MSG_NOSIGNAL /* not every POSIX system has it; Python ignores SIGPIPE anyway */
#define MSG_NOSIGNAL 0
#endif

int fan_send(const int *fds, int count, const char *data, size_t size, int *places, long *taken)
{
    int failed = 0;
    for (int at = 0; at < count; at++) {
        ssize_t sent;
        do
            sent = send(fds[at], data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
        while (sent < 0 && errno == EINTR);
        if (sent >= 0 && (size_t)sent == size)
            continue;
        places[failed] = at;
        if (sent >= 0)
            taken[failed] = (long)sent;
        else
            taken[failed] = errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -errno;
        failed++;
    }
    return failed;
}
