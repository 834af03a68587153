/*
 * usage: swap-server VERSION [PORT | PATH]...
 * Answers each HTTP request with its path and VERSION, one connection at a time. Takes the listeners in
 * LISTEN_FDS when LISTEN_PID is its own; else binds for itself. SIGTERM: answers what it has accepted, accepts no more, ends with 0.
 * With RUDE in its environment it does what .NET may when it closes a listener: SO_LINGER of 0, and shutdown(2).
 * A PORT given as rPORT sets SO_REUSEPORT; one given as 6PORT is for IPv6 alone; uPORT receives datagrams.
 * HEAP: megabytes that it takes and writes to before it serves. GATES: a directory in which the one who tests makes files:
 *   wait-VERSION   it does not begin to serve while this is there
 *   hold-VERSION   it does not end on SIGTERM while this is there
 *   grow-VERSION   it takes memory without end
 * There it makes one itself, which stays:
 *   up-VERSION     it heeds SIGTERM; what comes before is lost, as it is PID 1 of its namespace
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static volatile sig_atomic_t stopping;
static void stop(int signal) { (void)signal; stopping = 1; }

static int fail(const char *what) { perror(what); exit(1); }

static int listen_at(const char *where)
{
    int one = 1, fd;
    if (*where == '/') {
        struct sockaddr_un name = { .sun_family = AF_UNIX };
        strncpy(name.sun_path, where, sizeof name.sun_path - 1);
        unlink(where);
        if ((fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) < 0 || bind(fd, (void *)&name, sizeof name) < 0) fail(where);
    } else if (*where == '6') {
        struct sockaddr_in6 name = { .sin6_family = AF_INET6, .sin6_addr = in6addr_any, .sin6_port = htons(atoi(where + 1)) };
        if ((fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0)) < 0) fail("socket");
        setsockopt(fd, IPPROTO_IPV6, 26 /* IPV6_V6ONLY */, &one, sizeof one);
        if (bind(fd, (void *)&name, sizeof name) < 0) fail(where);
    } else {
        int kind = *where == 'u' ? SOCK_DGRAM : SOCK_STREAM, port = atoi(where + (*where == 'r' || *where == 'u'));
        struct sockaddr_in name = { .sin_family = AF_INET, .sin_port = htons(port) };
        if ((fd = socket(AF_INET, kind | SOCK_CLOEXEC, 0)) < 0) fail("socket");
        if (*where == 'r') setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
        else setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
        if (bind(fd, (void *)&name, sizeof name) < 0) fail(where);
        if (kind == SOCK_DGRAM) return fd;
    }
    if (listen(fd, 1024) < 0) fail("listen");
    return fd;
}

static void answer(int client, const char *version)
{
    char request[2048], body[2100], path[2000] = "?";
    size_t filled = 0;
    ssize_t count;
    while (filled < sizeof request - 1 && (count = read(client, request + filled, sizeof request - 1 - filled)) > 0) {
        request[filled += count] = 0;
        if (strstr(request, "\r\n\r\n")) break;
    }
    if (filled > 0 && sscanf(request, "GET %1999s", path) == 1) {
        int length = snprintf(body, sizeof body, "%s %s\n", path, version);
        dprintf(client, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", length, body);
    }
    close(client);
}

static void take(size_t megabytes)
{
    size_t size = megabytes << 20;
    char *memory = malloc(size);
    if (!memory) fail("malloc");
    memset(memory, 1, size);
    __asm__ volatile ("" : : "r"(memory) : "memory"); /* or the compiler takes both away */
}

static const char *gate(const char *what, const char *version)
{
    static char path[512];
    const char *gates = getenv("GATES");
    if (!gates) return NULL;
    snprintf(path, sizeof path, "%s/%s-%s", gates, what, version);
    return path;
}

static int is_there(const char *what, const char *version)
{
    const char *path = gate(what, version);
    return path && access(path, F_OK) == 0;
}

static void say_up(const char *version)
{
    const char *path = gate("up", version);
    int fd;
    if (!path) return;
    if ((fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644)) < 0) fail(path);
    close(fd);
}

static void grow_if_asked(const char *version)
{
    while (is_there("grow", version)) take(2);
}

int main(int argc, char **argv)
{
    struct pollfd listeners[64];
    int count = 0, i;
    const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS"), *names = getenv("LISTEN_FDNAMES");
    struct sigaction action = { .sa_handler = stop, .sa_flags = SA_RESTART }; /* poll returns all the same */
    setvbuf(stdout, NULL, _IOLBF, 0);
    sigaction(SIGTERM, &action, NULL);
    say_up(argv[1]);
    signal(SIGPIPE, SIG_IGN);
    if (getenv("HEAP")) take(atoi(getenv("HEAP")));
    while (!stopping && is_there("wait", argv[1])) {
        grow_if_asked(argv[1]);
        usleep(10000);
    }
    if (pid && fds && atoi(pid) == getpid()) {
        for (i = 0; i < atoi(fds); i++) listeners[count++] = (struct pollfd) { .fd = 3 + i, .events = POLLIN };
        printf("%s inherits %d: %s\n", argv[1], count, names ? names : "");
    } else {
        for (i = 2; i < argc; i++) listeners[count++] = (struct pollfd) { .fd = listen_at(argv[i]), .events = POLLIN };
        printf("%s binds %d\n", argv[1], count);
    }
    for (i = 0; i < count; i++) {
        int type, accepts;
        socklen_t size = sizeof type;
        getsockopt(listeners[i].fd, SOL_SOCKET, SO_TYPE, &type, &size);
        accepts = type == SOCK_STREAM;
        fcntl(listeners[i].fd, F_SETFL, O_NONBLOCK); /* shared with the other generation, which means the same */
        if (!accepts) listeners[i].events = 0;
    }
    while (!stopping) {
        if (poll(listeners, count, 100) < 0 && errno != EINTR) fail("poll");
        grow_if_asked(argv[1]);
        for (i = 0; i < count && !stopping; i++) {
            int client;
            /* Another generation may have been first. */
            if (listeners[i].revents & POLLIN && (client = accept4(listeners[i].fd, NULL, NULL, SOCK_CLOEXEC)) >= 0) answer(client, argv[1]);
        }
    }
    for (i = 0; i < count && getenv("RUDE"); i++) {
        struct linger none = { 1, 0 };
        setsockopt(listeners[i].fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
        shutdown(listeners[i].fd, SHUT_RDWR);
    }
    while (is_there("hold", argv[1])) {
        grow_if_asked(argv[1]);
        usleep(10000);
    }
    printf("%s ends\n", argv[1]);
    return 0;
}
