// A program in a shim's place that fails where BROKEN says. Its other halves are the real shim's, at REAL.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv) {
    int validates = argc > 1 && strcmp(argv[1], "validate") == 0;
    if (strcmp(BROKEN, "crash") == 0) abort();
    if (strcmp(BROKEN, "hang") == 0) for (;;) pause();
    if (strcmp(BROKEN, "silent") == 0) return 0;
    if (validates) {
        execv(REAL, argv);
        return 3;
    }
    if (strcmp(BROKEN, "gives-back") == 0 && argc == 5) {
        char *back[] = {argv[0], "serve", "returned", argv[3], argv[4], "the test has no room", NULL};
        char *none[] = {NULL};
        syscall(SYS_execveat, atoi(argv[4]), "", back, none, AT_EMPTY_PATH);
    }
    abort();
}
