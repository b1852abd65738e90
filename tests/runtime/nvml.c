/* A stand-in for NVIDIA's libnvidia-ml.so.1. What it tells stands in the file $STANDIN_NVML, which every call
 * reads anew: the status of nvmlInit, then one line for each GPU, "STATUS TOTAL_MB FREE_MB PID,PID,...", where
 * STATUS is what calls about that GPU return (0 is success), and MB or PIDs of "?" are not supported. PIDs may be
 * followed by "!N", where N is what has to be done for its recovery; without it, that is not supported. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SUCCESS, NOT_SUPPORTED = 3, INSUFFICIENT_SIZE = 7 };
typedef struct { int status, count; char total[16], free[16], pids[64]; } gpu;
typedef struct { unsigned long long total, free, used; } memory;
typedef struct { unsigned field, scope; long long time, latency; int type, status; union { unsigned number; double other; } value; } field;
typedef struct { unsigned pid; unsigned long long used; unsigned instance, compute_instance; } process;

static int status, count;
static gpu gpus[16];

static void look(void) {
    FILE *file = fopen(getenv("STANDIN_NVML"), "r");
    status = 999, count = 0;
    if (!file) return;
    if (fscanf(file, "%d", &status) == 1)
        for (gpu *g = gpus; count < 16 && fscanf(file, "%d %15s %15s %63s", &g->status, g->total, g->free, g->pids) == 4; g++)
            count++;
    fclose(file);
}

/* A handle is the index plus one, so that it is never null. */
static gpu *at(void *handle) { look(); return &gpus[(long)handle - 1]; }

int nvmlInitWithFlags(unsigned flags) { look(); return status; }
int nvmlShutdown(void) { return SUCCESS; }
int nvmlDeviceGetCount_v2(unsigned *n) { look(); *n = count; return SUCCESS; }

int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **handle) {
    look();
    *handle = (void *)(long)(index + 1);
    return (int)index < count ? gpus[index].status : 2;
}

int nvmlDeviceGetName(void *handle, char *name, unsigned size) {
    snprintf(name, size, "Stand-in %ld", (long)handle - 1);
    return at(handle)->status;
}

int nvmlDeviceGetUUID(void *handle, char *uuid, unsigned size) {
    snprintf(uuid, size, "GPU-%08lx-0000", 0xabcd0000 + (long)handle - 1);
    return at(handle)->status;
}

int nvmlDeviceGetMemoryInfo(void *handle, memory *m) {
    gpu *g = at(handle);
    if (g->status) return g->status;
    if (*g->total == '?') return NOT_SUPPORTED;
    m->total = atoll(g->total) << 20, m->free = atoll(g->free) << 20, m->used = m->total - m->free;
    return SUCCESS;
}

int nvmlDeviceGetComputeRunningProcesses_v3(void *handle, unsigned *n, process *found) {
    gpu *g = at(handle);
    unsigned room = *n;
    if (g->status) return g->status;
    if (*g->pids == '?') return NOT_SUPPORTED;
    *n = 0;
    g->pids[strcspn(g->pids, "!")] = 0;
    for (char *word = strtok(g->pids, ",-"); word; word = strtok(NULL, ",-"), ++*n)
        if (found && *n < room) found[*n] = (process){.pid = atoi(word)};
    return *n > room ? INSUFFICIENT_SIZE : SUCCESS;
}

int nvmlDeviceGetFieldValues(void *handle, int n, field *fields) {
    gpu *g = at(handle);
    char *action = strchr(g->pids, '!');
    if (g->status) return g->status;
    for (; n--; fields++) {
        fields->status = action && fields->field == 230 ? SUCCESS : NOT_SUPPORTED;
        if (action) fields->value.number = atoi(action + 1);
    }
    return SUCCESS;
}

const char *nvmlErrorString(int code) { return code == 15 ? "GPU is lost" : code == 9 ? "Driver Not Loaded" : "Unknown Error"; }
