/* A machine that is full: no process can be started while the file $STANDIN_FORK is there. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

pid_t fork(void) {
    static pid_t (*real)(void);
    const char *full = getenv("STANDIN_FORK");
    if (full && access(full, F_OK) == 0) {
        errno = EAGAIN;
        return -1;
    }
    if (!real) real = (pid_t(*)(void))dlsym(RTLD_NEXT, "fork");
    return real();
}
