/*
 * The server's side of a connection, driven through real sockets: what it holds in memory for
 * clients that don't read, that it makes room by closing idle ones, and that a pipeline is answered
 * in order. (What it says over the wire otherwise is tests/e2e's.)
 */
#include "proxy/client.h"

#include "tap.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <unistd.h>

#define REQUEST "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

static struct loop loop;
static struct log quiet = {.fd = 2, .level = LOG_ERROR};
static char answer[LIMIT_RESPONSE_BODY];
static size_t answer_size;
static size_t memory;
static unsigned handled;

static void on_request(struct client_port *port, struct client *c)
{
    char number[32];
    struct client_response r = {.status = 200, .head_length = -1};

    (void)port;
    snprintf(number, sizeof number, "Number: %u\r\n", handled++);
    r.fields = slice_of(number);
    r.body = slice_make(answer, answer_size);
    client_respond(c, &r);
}

static void start(struct client_port *port, size_t max_clients)
{
    struct err err = {0};

    memset(port, 0, sizeof *port);
    memory = 0;
    handled = 0;
    loop_init(&loop);
    port->loop = &loop;
    port->log = &quiet;
    port->max_clients = max_clients;
    port->memory = &memory;
    port->on_request = on_request;
    if (!client_port_bind(port, -1, "127.0.0.1", 0, &err) || !client_port_open(port, &err)) {
        printf("Bail out! %s\n", err.text);
        exit(1);
    }
}

static void stop(struct client_port *port)
{
    client_port_stop(port);
    loop_turn(&loop, 0, NULL);
    loop_fini(&loop);
}

/* From 127.0.0.host. */
static int open_from(const struct client_port *port, uint32_t host)
{
    const char *colon = strrchr(port->listen.address, ':');
    struct sockaddr_in sa = {.sin_family = AF_INET};
    struct sockaddr_in own = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    int small = 4096;

    sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    own.sin_addr.s_addr = htonl(INADDR_LOOPBACK + host - 1);
    sa.sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &small, sizeof small);
    if (fd < 0 || bind(fd, (struct sockaddr *)&own, sizeof own) < 0 ||
        connect(fd, (struct sockaddr *)&sa, sizeof sa) < 0) {
        printf("Bail out! connect: %s\n", strerror(errno));
        exit(1);
    }
    return fd;
}

static int open_client(const struct client_port *port)
{
    return open_from(port, 1);
}

static void turns(int n)
{
    while (n-- > 0)
        loop_turn(&loop, 1, NULL);
}

static void say(int fd, const char *text)
{
    if (write(fd, text, strlen(text)) < 0)
        printf("# write: %s\n", strerror(errno));
    turns(4);
}

/* Reads until the server has nothing more to say; the text is cut to size. */
static void hear(int fd, char *text, size_t size)
{
    size_t n = 0;

    for (int quiet_turns = 0; quiet_turns < 3;) {
        char drop[65536];
        ssize_t r = recv(fd, drop, sizeof drop, MSG_DONTWAIT);

        if (r == 0)
            break;
        if (r < 0) {
            quiet_turns++;
            turns(2);
            continue;
        }
        quiet_turns = 0;
        for (ssize_t i = 0; i < r && n + 1 < size; i++)
            text[n++] = drop[i];
        turns(1);
    }
    text[n] = '\0';
}

/* Whether a client that asks on it is served. */
static bool is_served(int fd)
{
    char text[512];

    say(fd, REQUEST);
    hear(fd, text, sizeof text);
    return strncmp(text, "HTTP/1.1 200 ", 13) == 0;
}

/* Whether the connection was closed at the other end; what was said on it is dropped. */
static bool is_closed(int fd)
{
    char drop[512];
    ssize_t n;

    turns(2);
    do
        n = recv(fd, drop, sizeof drop, MSG_DONTWAIT);
    while (n > 0);
    return n == 0 || errno == ECONNRESET;
}

/* Clients that ask for large answers and read none. */
static void test_slow_readers(void)
{
    enum { CLIENTS = 90 };
    struct client_port port;
    int fds[CLIENTS], late, small = 16384;
    char text[512];

    start(&port, 1000);
    answer_size = sizeof answer;
    /* Connections take it over: else the kernel would hold whole answers. */
    setsockopt(port.listen.io.fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    for (int i = 0; i < CLIENTS; i++) {
        fds[i] = open_client(&port);
        say(fds[i], REQUEST);
    }
    ok(memory <= LIMIT_BODY_MEMORY + sizeof answer + 65536,
       "answers that nobody reads take %zu bytes, no more than the bound", memory);
    ok(handled >= 32 && handled < CLIENTS, "%u of %d requests were handled before it", handled,
       CLIENTS);
    late = open_client(&port);
    say(late, REQUEST);
    hear(late, text, sizeof text);
    ok(strncmp(text, "HTTP/1.1 503 ", 13) == 0, "who comes then is told to try again");
    close(late);
    late = open_from(&port, 2);
    ok(is_served(late), "unless he comes from another host: room is left for those");
    close(late);
    for (int i = 0; i < CLIENTS; i++)
        close(fds[i]);
    turns(20);
    is_int(memory, 0, "their memory comes back when they go");
    late = open_client(&port);
    say(late, REQUEST);
    hear(late, text, sizeof text);
    ok(strncmp(text, "HTTP/1.1 200 ", 13) == 0, "and the next one is served");
    close(late);
    stop(&port);
}

static void test_room(void)
{
    enum { MOST = 5 };
    struct client_port port;
    int fds[MOST + 3];
    char text[512];

    start(&port, MOST);
    answer_size = 2;
    for (int i = 0; i < MOST + 3; i++) {
        fds[i] = open_client(&port);
        say(fds[i], REQUEST);
        hear(fds[i], text, sizeof text);
        if (strncmp(text, "HTTP/1.1 200 ", 13) != 0)
            ok(false, "client %d is served", i);
    }
    ok(port.count <= MOST, "%zu connections, no more than the bound", port.count);
    ok(port.counts.refused >= 3, "idle ones were closed for those who came");
    is_int(recv(fds[0], text, sizeof text, MSG_DONTWAIT), 0, "the longest idle first");
    say(fds[MOST + 2], REQUEST);
    hear(fds[MOST + 2], text, sizeof text);
    ok(strncmp(text, "HTTP/1.1 200 ", 13) == 0, "the last one is still there");
    for (int i = 0; i < MOST + 3; i++)
        close(fds[i]);
    stop(&port);
}

/* One host has all the places, with connections on which it says `text`, and others come. */
static void test_hosts(const char *title, const char *text, bool slow)
{
    enum { MOST = 20, OTHERS = 5 };
    struct client_port port;
    int fds[MOST], others[OTHERS], late, lost = 0, served = 0;

    start(&port, MOST);
    answer_size = 2;
    others[0] = open_from(&port, 2);
    ok(is_served(others[0]), "%s: a client has asked before", title);
    for (int i = 0; i < MOST; i++) {
        fds[i] = open_from(&port, 1);
        say(fds[i], text);
    }
    for (int i = 1; i < OTHERS; i++) {
        others[i] = open_from(&port, 2);
        for (int64_t until = loop.now_ms + 4 * LIMIT_SLOW_MS; slow && i == 1 && loop.now_ms < until;
             turns(1))
            if (port.counts.accepted >= MOST + 2)
                break;
    }
    for (int i = 0; i < OTHERS; i++)
        served += is_served(others[i]);
    is_int(served, OTHERS, title);
    for (int i = 0; i < MOST; i++)
        lost += is_closed(fds[i]);
    ok(lost >= OTHERS && lost < MOST, "%s: %d connections had to go for it", title, lost);
    ok(is_closed(fds[0]), "%s: the oldest first", title);
    late = open_from(&port, 1);
    ok(slow || is_served(late), "%s: who comes from there is served as well", title);
    close(late);
    for (int i = 0; i < MOST; i++)
        close(fds[i]);
    for (int i = 0; i < OTHERS; i++)
        close(others[i]);
    stop(&port);
}

static void test_most_of_host(void)
{
    struct client_port port;
    int a, b, c, d;

    start(&port, 10);
    answer_size = 2;
    port.max_of_host = 2;
    a = open_client(&port);
    b = open_client(&port);
    ok(is_served(a) && is_served(b), "two clients of one host");
    c = open_client(&port);
    ok(is_served(c), "a third, where two are the most, is served");
    ok(is_closed(a) && !is_closed(b), "the one that rested for longest is gone");
    say(b, "GET / HT");
    say(c, "GET / HT");
    d = open_client(&port);
    ok(is_closed(d) && !is_closed(b) && !is_closed(c), "while both are asking, no more comes in");
    say(b, "TP/1.1\r\nHost: a\r\n\r\n");
    is_int(port.counts.requests, 4, "and what they ask is heard");
    close(a);
    close(d);
    d = open_from(&port, 2);
    ok(is_served(d), "another host's is");
    close(b);
    close(c);
    close(d);
    is_int(port.counts.refused, 2, "both are counted");
    stop(&port);
}

static void test_pipeline(void)
{
    enum { DEEP = 300 };
    static char requests[DEEP * sizeof REQUEST], text[1 << 17];
    struct client_port port;
    const char *at = text;
    bool in_order = true;
    int fd;

    start(&port, 10);
    answer_size = 2;
    for (int i = 0; i < DEEP; i++)
        memcpy(requests + (size_t)i * (sizeof REQUEST - 1), REQUEST, sizeof REQUEST);
    fd = open_client(&port);
    say(fd, requests);
    hear(fd, text, sizeof text);
    for (int i = 0; i < DEEP && in_order; i++) {
        char number[32];

        snprintf(number, sizeof number, "Number: %d\r\n", i);
        at = strstr(at, number);
        in_order = at != NULL;
    }
    ok(in_order, "%d pipelined requests are answered in order", DEEP);
    close(fd);
    stop(&port);
}

int main(void)
{
    memset(answer, 'x', sizeof answer);
    test_slow_readers();
    test_room();
    test_hosts("silent", "", false);
    test_hosts("idle", REQUEST, false);
    test_hosts("slow heads", "GET / HTTP/1.1\r\n", true);
    test_most_of_host();
    test_pipeline();
    return done_testing();
}
