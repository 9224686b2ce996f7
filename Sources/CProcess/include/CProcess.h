#ifndef CPROCESS_H
#define CPROCESS_H

#include <sys/resource.h>
#include <sys/types.h>

/* What starting a program takes that posix_spawn has not: limits, no network, and an end with whoever started it. */

struct cprocess_limit {
    int resource;
    rlim_t value;
};

struct cprocess_order {
    /* The program, as an absolute path, and its arguments; NULL behind the last. */
    char *const *arguments;
    /* They become its descriptors 0, 1, 2, …; it inherits no others. At most 16. */
    const int *descriptors;
    int descriptor_count;
    const struct cprocess_limit *limits;
    int limit_count;
    /* Whether it shall reach no network, as far as the machine allows that. */
    int leaves_network;
};

/* Starts a program without an environment, in a process group of its own. It is killed when the calling thread ends,
   however that comes. Returns its process id, or -1 with errno. `network_error` is 0 if it reaches no network, else why
   it does; ENOTSUP where that was not asked for. */
pid_t cprocess_start(const struct cprocess_order *order, int *network_error);

/* A pipe whose ends no other program inherits. Returns 0, or -1 with errno. */
int cprocess_pipe(int ends[2]);

/* Has this process give memory of 256 KiB and more back to the system as soon as it is free. By itself malloc keeps what
   has been freed once, up to 32 MiB in each of its arenas: blocks of images, in every thread that has released one. */
void cprocess_return_blocks(void);

#endif
