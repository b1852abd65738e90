/* A slow disk: what goes to a file's place, or waits for the disk, takes up to $STANDIN_DISK milliseconds. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

static void wait_for_the_disk(void) {
    static unsigned int seed;
    const char *longest = getenv("STANDIN_DISK");
    if (!longest) return;
    if (!seed) seed = (unsigned int)getpid();
    long nanoseconds = (long)(rand_r(&seed) % 1000) * atol(longest) * 1000;
    struct timespec pause = {nanoseconds / 1000000000, nanoseconds % 1000000000};
    nanosleep(&pause, NULL);
}

#define SLOW(result, name, arguments, passed)                             \
    result name arguments {                                               \
        static result(*real) arguments;                                   \
        if (!real) real = (result(*) arguments)dlsym(RTLD_NEXT, #name);   \
        wait_for_the_disk();                                              \
        return real passed;                                               \
    }

SLOW(int, fsync, (int file), (file))
SLOW(int, fdatasync, (int file), (file))
SLOW(ssize_t, pwrite, (int file, const void *data, size_t size, off_t at), (file, data, size, at))
SLOW(ssize_t, pwrite64, (int file, const void *data, size_t size, off64_t at), (file, data, size, at))
SLOW(int, rename, (const char *from, const char *to), (from, to))
