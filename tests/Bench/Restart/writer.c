/* usage: writer PORT FILE
 * A program of one process that writes numbered lines in bursts and answers HTTP, so that a hundred of them are no load of their own. Its end, by
 * SIGTERM, comes between two lines; FILE gets the number of lines then. */
#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { burst = 20, bursts_per_second = 10, patience_microseconds = 500000 };
static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nup\n";
static volatile sig_atomic_t stopped;

static void stop(int signal) { (void)signal; stopped = 1; }

static void fail(const char *what) { perror(what); exit(1); }

static long long now_milliseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static int serve_on(int port)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_ANY) };
    int one = 1, server = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(server, (struct sockaddr *)&address, sizeof address) < 0 || listen(server, 512) < 0) fail("listen");
    return server;
}

/* A request comes whole right after its connection, or not at all. */
static void answer_one(int server)
{
    struct timeval patience = { .tv_usec = patience_microseconds };
    char request[4096];
    int client = accept(server, 0, 0);
    if (client < 0) return;
    setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (read(client, request, sizeof request) > 0 && write(client, answer, sizeof answer - 1) < 0) perror("answer");
    shutdown(client, SHUT_WR);
    close(client);
}

static void write_line(long long number)
{
    char line[32];
    int length = snprintf(line, sizeof line, "%lld\n", number);
    if (write(1, line, length) != length) fail("write"); /* shorter than PIPE_BUF: whole or not at all, pipe(7) */
}

int main(int argc, char **argv)
{
    if (argc != 3) return 2;
    struct sigaction on_term = { .sa_handler = stop, .sa_flags = SA_RESTART };
    sigaction(SIGTERM, &on_term, 0);
    signal(SIGPIPE, SIG_IGN);
    struct pollfd server = { .fd = serve_on(atoi(argv[1])), .events = POLLIN };
    long long lines = 0, next = now_milliseconds();
    while (!stopped) {
        long long left = next - now_milliseconds();
        if (left <= 0) {
            for (int i = 0; i < burst && !stopped; i++) write_line(lines++);
            next += 1000 / bursts_per_second;
        } else if (poll(&server, 1, (int)left) > 0) {
            answer_one(server.fd);
        }
    }
    FILE *count = fopen(argv[2], "w");
    if (!count || fprintf(count, "%lld\n", lines) < 0 || fclose(count)) fail(argv[2]);
    return 0;
}
