/* Plain streams: what was drained is asked again once its owner has waited. */
#include "net/stream.h"

#include "tap.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

int main(void)
{
    struct err err = {0};
    struct stream *s;
    char data[4];
    int ends[2];
    size_t n;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) < 0)
        return 1;
    s = stream_plain_take(ends[0], &err);
    (void)!write(ends[1], "abcdef", 6);
    ok(stream_read(s, data, 4, &n, &err) == IO_OK && n == 4 && !memcmp(data, "abcd", 4),
       "reads what fits");
    ok(stream_read(s, data, 4, &n, &err) == IO_OK && n == 2, "and the rest, without waiting");
    (void)!write(ends[1], "gh", 2);
    ok(stream_read(s, data, 4, &n, &err) == IO_AGAIN && n == 0,
       "a short reading was all there was");
    (void)stream_want(s, false, true);
    ok(stream_read(s, data, 4, &n, &err) == IO_AGAIN, "who waits to write has not waited for that");
    is_int(stream_want(s, true, false), POLLIN, "who would read waits");
    ok(stream_read(s, data, 4, &n, &err) == IO_OK && n == 2, "and may then ask again");
    (void)stream_want(s, true, false);
    ok(stream_read(s, data, 4, &n, &err) == IO_AGAIN, "in vain");
    close(ends[1]);
    ok(stream_read(s, data, 4, &n, &err) == IO_AGAIN, "which is remembered, too");
    (void)stream_want(s, true, false);
    ok(stream_read(s, data, 4, &n, &err) == IO_EOF && stream_read(s, data, 4, &n, &err) == IO_EOF,
       "the end is told as often as it is asked for");
    stream_free(s);
    return done_testing();
}
