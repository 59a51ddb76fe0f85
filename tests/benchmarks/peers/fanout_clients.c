/* Many WebSocket clients in one small process: they open, subscribe, read, and say what came when.
 *
 *     fanout_clients PORT CLIENTS STALLED REQUEST SAY
 *
 * REQUEST is a file with the handshake's bytes, SAY a file with the bytes to send after it (a masked frame, or
 * nothing). The last STALLED clients read nothing after their first message. Pings are answered.
 *
 * Prints `ready`; then for each line `SECONDS` on stdin reads for so long and prints one line of JSON:
 * frames and marks of the clients that read, and the marks' latencies. A mark is `T:` and 16 hexadecimal digits,
 * the nanoseconds of CLOCK_MONOTONIC at which it was published.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <fcntl.h>

enum { SAMPLES = 8000000 };

struct client {
    int fd, stalled;
    size_t held, room;
    unsigned char *buffer;
};

static uint32_t *latencies; /* in microseconds */
static size_t marks, kept;
static uint64_t frames, bytes;
static int counting;

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static char *file(const char *path, size_t *size)
{
    FILE *f = fopen(path, "rb");
    char *data = malloc(1 << 16);
    if (f == NULL || data == NULL)
        die(path);
    *size = fread(data, 1, 1 << 16, f);
    fclose(f);
    return data;
}

static void write_all(int fd, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t n = write(fd, data, size);
        if (n < 0)
            die("write");
        data += n;
        size -= (size_t)n;
    }
}

static void look_at(const unsigned char *payload, size_t size, uint64_t now)
{
    const unsigned char *at = payload, *end = payload + size;
    while ((at = memmem(at, (size_t)(end - at), "T:", 2)) != NULL) {
        at += 2;
        if (end - at < 16)
            return;
        uint64_t then = 0;
        int digits = 0;
        for (; digits < 16; digits++) {
            int c = at[digits], value = c <= '9' ? c - '0' : c - 'a' + 10;
            if (value < 0 || value > 15)
                break;
            then = then << 4 | (unsigned)value;
        }
        if (digits < 16)
            continue;
        marks++;
        if (kept < SAMPLES)
            latencies[kept++] = (uint32_t)((now - then) / 1000);
    }
}

/* Takes whole frames off the buffer; returns 0 when the peer closed. */
static int take_frames(struct client *c, uint64_t now)
{
    size_t at = 0;
    int open = 1;
    for (;;) {
        size_t left = c->held - at, head = 2, size;
        unsigned char *p = c->buffer + at;
        if (left < 2)
            break;
        size = p[1] & 127;
        if (size == 126) {
            head = 4;
            if (left < 4)
                break;
            size = (size_t)p[2] << 8 | p[3];
        } else if (size == 127) {
            head = 10;
            if (left < 10)
                break;
            size = 0;
            for (int i = 2; i < 10; i++)
                size = size << 8 | p[i];
        }
        if (left < head + size)
            break;
        if ((p[0] & 15) == 9) {
            unsigned char pong[6 + 125] = {0x8a, (unsigned char)(0x80 | size), 0, 0, 0, 0};
            memcpy(pong + 6, p + head, size);
            (void)!write(c->fd, pong, 6 + size);
        } else if ((p[0] & 15) == 8) {
            open = 0;
        } else if (counting) {
            frames++;
            look_at(p + head, size, now);
        }
        at += head + size;
    }
    memmove(c->buffer, c->buffer + at, c->held - at);
    c->held -= at;
    return open;
}

static int read_some(struct client *c)
{
    if (c->room - c->held < 65536) {
        c->room = 2 * c->room + 65536;
        c->buffer = realloc(c->buffer, c->room);
        if (c->buffer == NULL)
            die("realloc");
    }
    ssize_t n = read(c->fd, c->buffer + c->held, 65536);
    if (n < 0)
        return errno == EAGAIN;
    if (n == 0)
        return 0;
    if (counting)
        bytes += (uint64_t)n;
    c->held += (size_t)n;
    int open = take_frames(c, now_ns());
    if (c->held == 0 && c->room > 65536) { /* a client's own memory is not what is measured, but may not run out */
        c->room = 0;
        free(c->buffer);
        c->buffer = NULL;
    }
    return open;
}

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    if (argc != 6) {
        fprintf(stderr, "fanout_clients PORT CLIENTS STALLED REQUEST SAY\n");
        return 2;
    }
    int port = atoi(argv[1]), count = atoi(argv[2]), stalled = atoi(argv[3]), lost = 0;
    size_t request_size, say_size;
    char *request = file(argv[4], &request_size), *say = file(argv[5], &say_size);
    struct client *clients = calloc((size_t)count, sizeof *clients);
    int poll = epoll_create1(0);
    latencies = malloc(SAMPLES * sizeof *latencies);
    if (clients == NULL || latencies == NULL || poll < 0)
        die("start");
    for (int i = 0; i < count; i++) {
        struct client *c = &clients[i];
        struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        c->fd = socket(AF_INET, SOCK_STREAM, 0);
        c->stalled = i >= count - stalled;
        if (c->stalled) {
            int small = 4096;
            setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
        }
        if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&to, sizeof to) < 0)
            die("connect");
        int one = 1;
        setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        write_all(c->fd, request, request_size);
        char head[4096];
        size_t got = 0;
        while (got < 4 || memcmp(head + got - 4, "\r\n\r\n", 4) != 0) { /* byte by byte: what follows is frames */
            if (got == sizeof head || read(c->fd, head + got, 1) != 1)
                die("handshake");
            got++;
        }
        if (memcmp(head, "HTTP/1.1 101", 12) != 0) {
            fprintf(stderr, "%.*s", (int)got, head);
            return 1;
        }
        if (say_size > 0)
            write_all(c->fd, say, say_size);
        fcntl(c->fd, F_SETFL, O_NONBLOCK);
        struct epoll_event want = {.events = EPOLLIN, .data.ptr = c};
        if (!c->stalled && epoll_ctl(poll, EPOLL_CTL_ADD, c->fd, &want) < 0)
            die("epoll_ctl");
    }
    struct epoll_event stdin_ready = {.events = EPOLLIN, .data.ptr = NULL};
    epoll_ctl(poll, EPOLL_CTL_ADD, 0, &stdin_ready);
    printf("ready\n");
    fflush(stdout);
    uint64_t until = 0;
    for (;;) {
        struct epoll_event events[256];
        int n = epoll_wait(poll, events, 256, 20);
        for (int i = 0; i < n; i++) {
            struct client *c = events[i].data.ptr;
            if (c == NULL) {
                char line[64];
                if (fgets(line, sizeof line, stdin) == NULL)
                    return 0;
                marks = kept = 0;
                frames = bytes = 0;
                counting = 1;
                until = now_ns() + (uint64_t)(atof(line) * 1e9);
            } else if (!read_some(c)) {
                epoll_ctl(poll, EPOLL_CTL_DEL, c->fd, NULL);
                close(c->fd);
                lost++;
            }
        }
        if (counting && now_ns() >= until) {
            counting = 0;
            qsort(latencies, kept, sizeof *latencies, compare);
            printf("{\"frames\": %llu, \"marks\": %zu, \"bytes\": %llu, \"lost\": %d, \"p50_us\": %u, \"p99_us\": %u,"
                   " \"p999_us\": %u, \"max_us\": %u}\n",
                   (unsigned long long)frames, marks, (unsigned long long)bytes, lost,
                   kept ? latencies[kept / 2] : 0, kept ? latencies[kept * 99 / 100] : 0,
                   kept ? latencies[kept * 999 / 1000] : 0, kept ? latencies[kept - 1] : 0);
            fflush(stdout);
        }
    }
}
