/* The library of led_sdk.h: one line of text a command, one line back.
 *
 *   S<flag><text>\n  show, flag 0 or 1     -> K<starts>\n
 *   P\n              are you there         -> K<starts>\n
 *
 * What must stay true: no call lasts longer than a second, and each is whole: what came in between two calls
 * is thrown away before the next command. */

#define _GNU_SOURCE
#include "led_sdk.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

enum { CANNOT_OPEN = -1, NO_ANSWER = -2, GONE = -3, WRONG = -4, ANSWER_MS = 1000, LONGEST = 512 };

int led_open(const char *port)
{
    if (port == NULL)
        return WRONG;
    int handle = open(port, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (handle < 0)
        return CANNOT_OPEN;
    struct termios line;
    if (tcgetattr(handle, &line) == 0) {
        cfmakeraw(&line);
        tcsetattr(handle, TCSANOW, &line);
    }
    return handle;
}

/* Write the command, read lines until one is an answer. */
static int asked(int handle, const char *command, size_t length)
{
    tcflush(handle, TCIFLUSH);
    while (length > 0) {
        ssize_t written = write(handle, command, length);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return GONE;
        command += written;
        length -= (size_t)written;
    }
    char answer[32];
    size_t have = 0;
    for (;;) {
        struct pollfd waiting = {.fd = handle, .events = POLLIN};
        int ready = poll(&waiting, 1, ANSWER_MS);
        if (ready == 0)
            return NO_ANSWER;
        char byte;
        if (ready < 0 || read(handle, &byte, 1) != 1)
            return GONE;
        if (byte != '\n') {
            if (have < sizeof answer - 1)
                answer[have++] = byte;
            continue;
        }
        answer[have] = '\0';
        char *last = memrchr(answer, 'K', have); /* noise may stand before it */
        if (last != NULL && last[1] >= '0' && last[1] <= '9') {
            char *end;
            long starts = strtol(last + 1, &end, 10);
            if (*end == '\0' && starts < 1000000)
                return (int)starts;
        }
        have = 0; /* noise: the answer may still come */
    }
}

int led_ping(int handle)
{
    return asked(handle, "P\n", 2);
}

int led_show(int handle, const char *gb18030, int blink)
{
    char command[LONGEST];
    if (gb18030 == NULL || strchr(gb18030, '\n') != NULL)
        return WRONG;
    int length = snprintf(command, sizeof command, "S%c%s\n", blink ? '1' : '0', gb18030);
    if (length < 0 || length >= (int)sizeof command)
        return WRONG;
    return asked(handle, command, (size_t)length);
}

int led_close(int handle)
{
    return close(handle) == 0 ? 0 : GONE;
}
