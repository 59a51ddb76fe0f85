/* An invented vendor's library for a strip display, as such libraries are: blocking, one handle a port,
 * integers for errors, no callback. Every function returns 0 or more when it is done, below 0 when not:
 * -1 cannot open, -2 no answer within a second, -3 the port is gone, -4 wrong argument. */

int led_open(const char *port);                                     /* the handle */
int led_ping(int handle);                                           /* how often the display was switched on */
int led_show(int handle, const char *gb18030, int blink);
int led_close(int handle);
